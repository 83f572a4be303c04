//! An alarm as it is wanted, and as CloudWatch has it, in one form so that both can be compared.

use aws_sdk_cloudwatch::types::{
    ComparisonOperator, CompositeAlarm, Dimension, Metric, MetricAlarm, MetricDataQuery,
    MetricStat, Statistic,
};

/// Everything about a metric alarm that this tool decides.
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
    /// Seconds.
    pub(crate) period: i32,
    pub(crate) missing: Missing,
    pub(crate) actions: Actions,
}

/// An alarm on other alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Composite {
    pub(crate) name: String,
    pub(crate) description: String,
    /// `ALARM("…") OR ALARM("…")`.
    pub(crate) rule: String,
    pub(crate) actions: Actions,
}

/// ARNs of SNS topics, by the state whose arrival they are told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Actions {
    pub(crate) alarm: Vec<String>,
    pub(crate) ok: Vec<String>,
    pub(crate) insufficient: Vec<String>,
}

/// What an alarm looks at, a period at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Measure {
    /// A statistic of one metric.
    Metric(Input),
    /// An expression over several.
    Expression {
        expression: String,
        inputs: Vec<(String, Input)>,
    },
    /// Something that this tool never makes.
    Foreign,
}

/// A statistic of one metric of one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Input {
    pub(crate) namespace: String,
    pub(crate) metric: String,
    /// Sorted by name.
    pub(crate) dimensions: Vec<(String, String)>,
    /// `Sum`, `Maximum`, `p99`.
    pub(crate) statistic: String,
}

/// What a period without data means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// All is well: the metric is only reported when something happens.
    NotBreaching,
    /// Something is wrong: the metric should always be there.
    Breaching,
    /// Nothing is known; the alarm says so.
    Unknown,
    /// The state stays. Never wanted here, but others' alarms may have it.
    Ignore,
}

/// Most alarms look at minutes, the finest that these metrics have.
pub(crate) const MINUTE: i32 = 60;
/// The id of an expression's result.
const RESULT: &str = "result";

impl Missing {
    const ALL: [Self; 4] = [
        Self::NotBreaching,
        Self::Breaching,
        Self::Unknown,
        Self::Ignore,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotBreaching => "notBreaching",
            Self::Breaching => "breaching",
            Self::Unknown => "missing",
            Self::Ignore => "ignore",
        }
    }

    /// CloudWatch's default is `missing`.
    fn of_live(text: Option<&str>) -> Self {
        Self::ALL
            .into_iter()
            .find(|missing| Some(missing.as_str()) == text)
            .unwrap_or(Self::Unknown)
    }
}

impl Input {
    pub(crate) fn new(
        namespace: &str,
        metric: &str,
        dimensions: &[(&str, &str)],
        statistic: &str,
    ) -> Self {
        let mut dimensions: Vec<(String, String)> = dimensions
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        dimensions.sort();
        Self {
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions,
            statistic: statistic.to_owned(),
        }
    }

    pub(crate) fn to_dimensions(&self) -> Vec<Dimension> {
        self.dimensions
            .iter()
            .map(|(name, value)| Dimension::builder().name(name).value(value).build())
            .collect()
    }

    /// A query for its datapoints.
    pub(crate) fn query(&self, id: &str, period: i32, returns: bool) -> MetricDataQuery {
        let metric = Metric::builder()
            .namespace(&self.namespace)
            .metric_name(&self.metric)
            .set_dimensions(Some(self.to_dimensions()))
            .build();
        let stat = MetricStat::builder()
            .metric(metric)
            .period(period)
            .stat(&self.statistic)
            .build();
        MetricDataQuery::builder()
            .id(id)
            .metric_stat(stat)
            .return_data(returns)
            .build()
    }

    fn of_parts(
        namespace: Option<&str>,
        metric: Option<&str>,
        dimensions: &[Dimension],
        statistic: &str,
    ) -> Self {
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
            metric.unwrap_or_default(),
            &pairs,
            statistic,
        )
    }
}

impl Measure {
    /// What it reads, each with its id; a single metric has none.
    pub(crate) fn inputs(&self) -> Vec<(&str, &Input)> {
        match self {
            Self::Metric(input) => vec![("", input)],
            Self::Expression { inputs, .. } => inputs
                .iter()
                .map(|(id, input)| (id.as_str(), input))
                .collect(),
            Self::Foreign => Vec::new(),
        }
    }
}

impl Definition {
    /// The queries of an expression, as PutMetricAlarm takes them; none for a single metric.
    pub(crate) fn queries(&self) -> Vec<MetricDataQuery> {
        let Measure::Expression { expression, inputs } = &self.measure else {
            return Vec::new();
        };
        let result = MetricDataQuery::builder()
            .id(RESULT)
            .expression(expression)
            .label(&self.name)
            .return_data(true);
        let inputs = inputs
            .iter()
            .map(|(id, input)| input.query(id, self.period, false));
        std::iter::once(result.build()).chain(inputs).collect()
    }

    /// What CloudWatch has, in this form. Two definitions are equal only if nothing needs to be changed.
    pub(crate) fn of_live(alarm: &MetricAlarm) -> Self {
        let periods = alarm.evaluation_periods().unwrap_or_default();
        let (measure, period) = measure(alarm);
        Self {
            name: alarm.alarm_name().unwrap_or_default().to_owned(),
            description: alarm.alarm_description().unwrap_or_default().to_owned(),
            measure,
            comparison: alarm
                .comparison_operator()
                .cloned()
                .unwrap_or_else(|| ComparisonOperator::from("none")),
            threshold: alarm.threshold().unwrap_or(f64::NAN),
            datapoints: alarm.datapoints_to_alarm().unwrap_or(periods),
            periods,
            period,
            missing: Missing::of_live(alarm.treat_missing_data()),
            actions: Actions {
                alarm: alarm.alarm_actions().to_vec(),
                ok: alarm.ok_actions().to_vec(),
                insufficient: alarm.insufficient_data_actions().to_vec(),
            },
        }
    }

    /// What a change from `before` would change, in words.
    pub(crate) fn differences(&self, before: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut told = |what: &str, before: String, after: String| {
            if before != after {
                differences.push(format!("{what} {before} → {after}"));
            }
        };
        told(
            "threshold",
            before.threshold.to_string(),
            self.threshold.to_string(),
        );
        told(
            "comparison",
            before.comparison.to_string(),
            self.comparison.to_string(),
        );
        told("datapoints", before.span(), self.span());
        told(
            "missing data",
            before.missing.as_str().to_owned(),
            self.missing.as_str().to_owned(),
        );
        told("measure", before.measured(), self.measured());
        told("actions", before.actions.shown(), self.actions.shown());
        if before.description != self.description {
            differences.push("description".to_owned());
        }
        differences
    }

    /// `5 of 5 × 60 s`.
    pub(crate) fn span(&self) -> String {
        format!(
            "{} of {} × {} s",
            self.datapoints, self.periods, self.period
        )
    }

    /// What it looks at, for people.
    pub(crate) fn measured(&self) -> String {
        let shown = |input: &Input| {
            let dimensions: Vec<String> = input
                .dimensions
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!(
                "{} of {} {} {{{}}}",
                input.statistic,
                input.namespace,
                input.metric,
                dimensions.join(", ")
            )
        };
        match &self.measure {
            Measure::Metric(input) => shown(input),
            Measure::Expression { expression, inputs } => {
                let inputs: Vec<String> = inputs
                    .iter()
                    .map(|(id, input)| format!("{id}: {}", shown(input)))
                    .collect();
                format!("{expression} with {}", inputs.join(", "))
            }
            Measure::Foreign => "something else".to_owned(),
        }
    }
}

impl Composite {
    pub(crate) fn of_live(alarm: &CompositeAlarm) -> Self {
        Self {
            name: alarm.alarm_name().unwrap_or_default().to_owned(),
            description: alarm.alarm_description().unwrap_or_default().to_owned(),
            rule: alarm.alarm_rule().unwrap_or_default().to_owned(),
            actions: Actions {
                alarm: alarm.alarm_actions().to_vec(),
                ok: alarm.ok_actions().to_vec(),
                insufficient: alarm.insufficient_data_actions().to_vec(),
            },
        }
    }

    pub(crate) fn differences(&self, before: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if before.rule != self.rule {
            differences.push(format!("rule {} → {}", before.rule, self.rule));
        }
        if before.actions != self.actions {
            differences.push(format!(
                "actions {} → {}",
                before.actions.shown(),
                self.actions.shown()
            ));
        }
        if before.description != self.description {
            differences.push("description".to_owned());
        }
        differences
    }
}

impl Actions {
    pub(crate) fn is_empty(&self) -> bool {
        self.alarm.is_empty() && self.ok.is_empty() && self.insufficient.is_empty()
    }

    fn shown(&self) -> String {
        let list = |name: &str, arns: &[String]| {
            let names: Vec<&str> = arns
                .iter()
                .map(|arn| arn.rsplit(':').next().unwrap_or(arn))
                .collect();
            format!("{name} [{}]", names.join(", "))
        };
        format!(
            "{} {} {}",
            list("alarm", &self.alarm),
            list("ok", &self.ok),
            list("insufficient data", &self.insufficient)
        )
    }
}

/// What a live alarm looks at, and the period in seconds.
fn measure(alarm: &MetricAlarm) -> (Measure, i32) {
    if alarm.metrics().is_empty() {
        let statistic = alarm
            .statistic()
            .map(Statistic::as_str)
            .or(alarm.extended_statistic());
        let measure = match statistic {
            Some(statistic) => Measure::Metric(Input::of_parts(
                alarm.namespace(),
                alarm.metric_name(),
                alarm.dimensions(),
                statistic,
            )),
            None => Measure::Foreign,
        };
        return (measure, alarm.period().unwrap_or_default());
    }
    let mut result = None;
    let mut inputs = Vec::new();
    let mut period = 0;
    for query in alarm.metrics() {
        let id = query.id().unwrap_or_default();
        match (query.expression(), query.metric_stat()) {
            (Some(expression), None) if id == RESULT => result = Some(expression.to_owned()),
            (None, Some(stat)) => {
                let (Some(metric), Some(statistic)) = (stat.metric(), stat.stat()) else {
                    return (Measure::Foreign, 0);
                };
                period = stat.period().unwrap_or_default();
                let input = Input::of_parts(
                    metric.namespace(),
                    metric.metric_name(),
                    metric.dimensions(),
                    statistic,
                );
                inputs.push((id.to_owned(), input));
            }
            _ => return (Measure::Foreign, 0),
        }
    }
    match result {
        Some(expression) => (Measure::Expression { expression, inputs }, period),
        None => (Measure::Foreign, 0),
    }
}
