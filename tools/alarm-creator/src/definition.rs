//! An alarm as it is wanted, and as CloudWatch has it, in one form so that both can be compared.

use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat, Statistic,
};

/// Everything about an alarm that this tool decides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    /// Why it exists, for whoever is woken by it.
    pub(crate) description: String,
    pub(crate) measure: Measure,
    pub(crate) comparison: ComparisonOperator,
    pub(crate) threshold: f64,
    /// How many of the last `periods` must breach.
    pub(crate) datapoints: i32,
    pub(crate) periods: i32,
    pub(crate) missing: Missing,
    /// ARNs of SNS topics, told when it starts and when it ends.
    pub(crate) actions: Vec<String>,
}

/// What an alarm looks at, a minute at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Measure {
    /// A statistic of one metric.
    Metric { series: Series, statistic: String },
    /// An expression over sums of metrics, each under an id.
    Expression {
        expression: String,
        sums: Vec<(String, Series)>,
    },
    /// Something that this tool never makes.
    Foreign,
}

/// One metric of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Sorted by name.
    pub(crate) dimensions: Vec<(String, String)>,
}

/// What a minute without data means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// All is well: the metric is only reported when something happens.
    NotBreaching,
    /// Something is wrong: the metric should always be there.
    Breaching,
}

/// Every alarm looks at minutes, the finest that these metrics have.
pub(crate) const PERIOD: i32 = 60;
/// The id of an expression's result.
const RESULT: &str = "result";

impl Missing {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotBreaching => "notBreaching",
            Self::Breaching => "breaching",
        }
    }
}

impl Series {
    pub(crate) fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let mut dimensions: Vec<(String, String)> = dimensions
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        dimensions.sort();
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions,
        }
    }

    pub(crate) fn to_dimensions(&self) -> Vec<Dimension> {
        self.dimensions
            .iter()
            .map(|(name, value)| Dimension::builder().name(name).value(value).build())
            .collect()
    }

    fn from_parts(namespace: Option<&str>, name: Option<&str>, dimensions: &[Dimension]) -> Self {
        let pairs: Vec<(&str, &str)> = dimensions
            .iter()
            .map(|dimension| {
                (
                    dimension.name().unwrap_or_default(),
                    dimension.value().unwrap_or_default(),
                )
            })
            .collect();
        Self::new(
            namespace.unwrap_or_default(),
            name.unwrap_or_default(),
            &pairs,
        )
    }
}

impl Definition {
    /// The queries of an expression, as PutMetricAlarm takes them; none for a single metric.
    pub(crate) fn queries(&self) -> Vec<MetricDataQuery> {
        let Measure::Expression { expression, sums } = &self.measure else {
            return Vec::new();
        };
        let result = MetricDataQuery::builder()
            .id(RESULT)
            .expression(expression)
            .label(&self.name)
            .return_data(true);
        let sums = sums.iter().map(|(id, series)| {
            let metric = Metric::builder()
                .namespace(&series.namespace)
                .metric_name(&series.name)
                .set_dimensions(Some(series.to_dimensions()))
                .build();
            let sum = MetricStat::builder()
                .metric(metric)
                .period(PERIOD)
                .stat(Statistic::Sum.as_str())
                .build();
            MetricDataQuery::builder()
                .id(id)
                .metric_stat(sum)
                .return_data(false)
                .build()
        });
        std::iter::once(result.build()).chain(sums).collect()
    }

    /// What CloudWatch has, in this form. Two definitions are equal only if nothing needs to be changed.
    pub(crate) fn of_live(alarm: &MetricAlarm) -> Self {
        let periods = alarm.evaluation_periods().unwrap_or_default();
        let is_told_of_the_end = alarm.ok_actions() == alarm.alarm_actions();
        let actions = if is_told_of_the_end {
            alarm.alarm_actions().to_vec()
        } else {
            vec![String::new()]
        };
        Self {
            name: alarm.alarm_name().unwrap_or_default().to_owned(),
            description: alarm.alarm_description().unwrap_or_default().to_owned(),
            measure: measure(alarm),
            comparison: alarm
                .comparison_operator()
                .cloned()
                .unwrap_or_else(|| ComparisonOperator::from("none")),
            threshold: alarm.threshold().unwrap_or(f64::NAN),
            datapoints: alarm.datapoints_to_alarm().unwrap_or(periods),
            periods,
            missing: match alarm.treat_missing_data() {
                Some("breaching") => Missing::Breaching,
                Some("notBreaching") => Missing::NotBreaching,
                // Never what is wanted here, so neither may stand for it.
                _ => return Self::foreign(alarm),
            },
            actions,
        }
    }

    fn foreign(alarm: &MetricAlarm) -> Self {
        Self {
            name: alarm.alarm_name().unwrap_or_default().to_owned(),
            description: String::new(),
            measure: Measure::Foreign,
            comparison: ComparisonOperator::from("none"),
            threshold: f64::NAN,
            datapoints: 0,
            periods: 0,
            missing: Missing::Breaching,
            actions: Vec::new(),
        }
    }
}

fn measure(alarm: &MetricAlarm) -> Measure {
    if alarm.metrics().is_empty() {
        let statistic = alarm
            .statistic()
            .map(Statistic::as_str)
            .or(alarm.extended_statistic());
        return match statistic {
            Some(statistic) if alarm.period() == Some(PERIOD) => Measure::Metric {
                series: Series::from_parts(
                    alarm.namespace(),
                    alarm.metric_name(),
                    alarm.dimensions(),
                ),
                statistic: statistic.to_owned(),
            },
            _ => Measure::Foreign,
        };
    }
    let mut result = None;
    let mut sums = Vec::new();
    for query in alarm.metrics() {
        let id = query.id().unwrap_or_default();
        match (query.expression(), query.metric_stat()) {
            (Some(expression), None) if id == RESULT => result = Some(expression.to_owned()),
            (None, Some(stat))
                if stat.stat() == Some(Statistic::Sum.as_str())
                    && stat.period() == Some(PERIOD) =>
            {
                let Some(metric) = stat.metric() else {
                    return Measure::Foreign;
                };
                sums.push((
                    id.to_owned(),
                    Series::from_parts(
                        metric.namespace(),
                        metric.metric_name(),
                        metric.dimensions(),
                    ),
                ));
            }
            _ => return Measure::Foreign,
        }
    }
    match result {
        Some(expression) => Measure::Expression { expression, sums },
        None => Measure::Foreign,
    }
}
