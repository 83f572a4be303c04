//! Metric filters: what is counted of the events that come in.
//!
//! A metric's time is that of the event's arrival, which is the event's own for everything that runs here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pattern::Pattern;
use super::{INVALID, LogEvent, Logs, nothing};
use crate::protocol::{Answer, AwsError, Input};
use crate::state::{Document, Store};

/// AWS's limits.
const MOST_NAME: usize = 512;
const MOST_PATTERN: usize = 1024;
const MOST_FILTERS: usize = 100;
const PAGE: usize = 50;
const MOST_DIMENSIONS: usize = 3;
/// AWS takes no more samples for TestMetricFilter.
const MOST_SAMPLES: usize = 50;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Filter {
    group: String,
    name: String,
    pattern: String,
    created_ms: i64,
    transformation: Transformation,
}

/// What a matching event adds to which metric.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transformation {
    metric: String,
    namespace: String,
    /// A number, or a selector such as `$.ms`.
    value: String,
    /// What an event that does not match adds; nothing if absent.
    default: Option<f64>,
    unit: Option<String>,
    /// Selectors by name of the dimension.
    dimensions: BTreeMap<String, String>,
}

impl Document for Filter {
    const KIND: &'static str = "log-metric-filter";
    fn key(&self) -> String {
        key(&self.group, &self.name)
    }
}

/// A group's name has no colon, so the key is unambiguous.
fn key(group: &str, name: &str) -> String {
    format!("{group}:{name}")
}

/// All filters by key, each with its pattern as it was read.
pub(super) struct Filters(BTreeMap<String, (Filter, Pattern)>);

impl Filters {
    pub(super) fn load(store: &Store) -> anyhow::Result<Self> {
        let mut filters = BTreeMap::new();
        for filter in store.all::<Filter>()? {
            let pattern = Pattern::parse(&filter.pattern)?;
            filters.insert(filter.key(), (filter, pattern));
        }
        Ok(Self(filters))
    }

    fn of<'f>(&'f self, group: &'f str) -> impl Iterator<Item = &'f (Filter, Pattern)> {
        self.0
            .values()
            .filter(move |(filter, _)| filter.group == group)
    }
}

impl Logs {
    /// Whether there is a group of this name.
    pub fn has_group(&self, name: &str) -> bool {
        self.catalogue().contains(name)
    }

    /// Has metric filters count. The first call counts.
    pub fn count_in(&self, metrics: std::sync::Arc<crate::cloudwatch::CloudWatch>) {
        self.metrics.get_or_init(|| metrics);
    }

    /// Counts the events that have come into a group.
    pub(super) fn count(&self, group: &str, events: &[LogEvent]) {
        let Some(metrics) = self.metrics.get() else {
            return;
        };
        let filters = self.filters();
        for (filter, pattern) in filters.of(group) {
            let change = &filter.transformation;
            for event in events {
                let found = if pattern.matches(&event.message) {
                    value(&change.value, &event.message)
                } else {
                    change.default
                };
                let Some(value) = found else { continue };
                let dimensions = dimensions(change, &event.message);
                let dimensions: Vec<(&str, &str)> = dimensions
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                metrics.record(&change.namespace, &change.metric, &dimensions, value);
            }
        }
    }

    pub(super) fn put_metric_filter(&self, input: Input<'_>) -> Answer {
        let group = input.required_text("logGroupName")?;
        let name = input.required_text("filterName")?;
        if name.len() > MOST_NAME || name.contains([':', '*']) {
            return Err(input.refuse(format!("'{name}' is no name of a filter")));
        }
        let text = input
            .text("filterPattern")?
            .ok_or_else(|| AwsError::invalid_member(INVALID, "filterPattern", "given"))?;
        let pattern = pattern(input, text)?;
        let filter = Filter {
            group: group.to_owned(),
            name: name.to_owned(),
            pattern: text.to_owned(),
            created_ms: self.clock.now_ms(),
            transformation: transformation(input)?,
        };
        let catalogue = self.catalogue();
        catalogue.entry(group)?;
        let mut filters = self.filters();
        let is_new = !filters.0.contains_key(&filter.key());
        if is_new && filters.of(group).count() >= MOST_FILTERS {
            return Err(AwsError::new(
                "LimitExceededException",
                "Resource limit exceeded.",
            ));
        }
        self.store.put(&filter)?;
        filters.0.insert(filter.key(), (filter, pattern));
        Ok(nothing())
    }

    pub(super) fn describe_metric_filters(&self, input: Input<'_>) -> Answer {
        let group = input.text("logGroupName")?;
        let prefix = input.text("filterNamePrefix")?.unwrap_or_default();
        let metric = input.text("metricName")?;
        let namespace = input.text("metricNamespace")?;
        if metric.is_some() != namespace.is_some() {
            return Err(input.refuse("metricName and metricNamespace must be given together"));
        }
        let catalogue = self.catalogue();
        if let Some(group) = group {
            catalogue.entry(group)?;
        }
        let limit = input.integer("limit")?.unwrap_or(PAGE as i64);
        let limit = usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=PAGE).contains(limit))
            .ok_or_else(|| input.refuse("limit must be between 1 and 50"))?;
        let filters = self.filters();
        let wanted = filters
            .0
            .values()
            .map(|(filter, _)| filter)
            .filter(|filter| {
                let change = &filter.transformation;
                group.is_none_or(|group| filter.group == group)
                    && filter.name.starts_with(prefix)
                    && metric.is_none_or(|metric| change.metric == metric)
                    && namespace.is_none_or(|namespace| change.namespace == namespace)
            });
        let (page, next) = crate::page::page(wanted, limit, input.text("nextToken")?, |filter| {
            filter.key()
        })
        .map_err(|crate::page::BadToken| input.refuse("The specified nextToken is invalid."))?;
        let views: Vec<Value> = page.into_iter().map(Filter::view).collect();
        let mut answer = json!({ "metricFilters": views });
        if let Some(next) = next {
            answer["nextToken"] = next.into();
        }
        Ok(answer)
    }

    pub(super) fn delete_metric_filter(&self, input: Input<'_>) -> Answer {
        let group = input.required_text("logGroupName")?;
        let name = input.required_text("filterName")?;
        let catalogue = self.catalogue();
        catalogue.entry(group)?;
        let mut filters = self.filters();
        let key = key(group, name);
        if !filters.0.contains_key(&key) {
            return Err(AwsError::new(
                "ResourceNotFoundException",
                "The specified metric filter does not exist.",
            ));
        }
        self.store.delete::<Filter>(&key)?;
        filters.0.remove(&key);
        Ok(nothing())
    }

    pub(super) fn test_metric_filter(&self, input: Input<'_>) -> Answer {
        let pattern = pattern(input, input.text("filterPattern")?.unwrap_or_default())?;
        let messages = input.texts("logEventMessages")?;
        if messages.is_empty() || messages.len() > MOST_SAMPLES {
            return Err(input.refuse("logEventMessages must have between 1 and 50 members"));
        }
        let matches: Vec<Value> = (1..)
            .zip(&messages)
            .filter(|(_, message)| pattern.matches(message))
            .map(|(number, message): (u32, _)| {
                json!({ "eventNumber": number, "eventMessage": message, "extractedValues": {} })
            })
            .collect();
        Ok(json!({ "matches": matches }))
    }

    /// Forgets the filters of a group that is gone.
    pub(super) fn forget_filters(&self, group: &str) -> Result<(), AwsError> {
        let mut filters = self.filters();
        let gone: Vec<String> = filters.of(group).map(|(filter, _)| filter.key()).collect();
        for key in gone {
            self.store.delete::<Filter>(&key)?;
            filters.0.remove(&key);
        }
        Ok(())
    }

    fn filters(&self) -> std::sync::MutexGuard<'_, Filters> {
        // Memory changes only after the store has taken the change, so it is whole even after a panic.
        self.filters
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Filter {
    fn view(&self) -> Value {
        let change = &self.transformation;
        let mut view = json!({
            "metricName": change.metric,
            "metricNamespace": change.namespace,
            "metricValue": change.value,
        });
        if let Some(default) = change.default {
            view["defaultValue"] = json!(default);
        }
        if let Some(unit) = &change.unit {
            view["unit"] = json!(unit);
        }
        if !change.dimensions.is_empty() {
            view["dimensions"] = json!(change.dimensions);
        }
        json!({
            "filterName": self.name,
            "filterPattern": self.pattern,
            "logGroupName": self.group,
            "creationTime": self.created_ms,
            "metricTransformations": [view],
        })
    }
}

fn pattern(input: Input<'_>, text: &str) -> Result<Pattern, AwsError> {
    if text.chars().count() > MOST_PATTERN {
        return Err(input.refuse("filterPattern must have at most 1024 characters"));
    }
    Pattern::parse(text).map_err(|error| input.refuse(error.to_string()))
}

fn transformation(input: Input<'_>) -> Result<Transformation, AwsError> {
    let given = input.structures("metricTransformations")?;
    let [given] = given.as_slice() else {
        return Err(input.refuse("metricTransformations must have exactly one member"));
    };
    let value = given.required_text("metricValue")?;
    if value.parse::<f64>().is_err() && selector(value).is_none() {
        return Err(input.refuse(format!(
            "metricValue '{value}' is neither a number nor a selector such as $.ms; local-aws has no others"
        )));
    }
    let default = given.number("defaultValue")?;
    let mut dimensions = BTreeMap::new();
    if let Some(named) = given.structure("dimensions")? {
        for (name, value) in named.members() {
            let value = value.as_str().filter(|value| selector(value).is_some());
            let value = value.ok_or_else(|| {
                input.refuse(format!(
                    "the dimension {name} needs a selector such as $.level"
                ))
            })?;
            dimensions.insert(name, value.to_owned());
        }
    }
    if dimensions.len() > MOST_DIMENSIONS || (default.is_some() && !dimensions.is_empty()) {
        return Err(input.refuse(
            "a metric filter has at most three dimensions, and none beside a default value",
        ));
    }
    Ok(Transformation {
        metric: given.required_text("metricName")?.to_owned(),
        namespace: given.required_text("metricNamespace")?.to_owned(),
        value: value.to_owned(),
        default,
        unit: given.text("unit")?.map(str::to_owned),
        dimensions,
    })
}

/// The path of `$.a.b`.
fn selector(text: &str) -> Option<Vec<&str>> {
    let path: Vec<&str> = text.strip_prefix("$.")?.split('.').collect();
    let is_name = |name: &&str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-@".contains(&byte))
    };
    path.iter().all(is_name).then_some(path)
}

fn selected(text: &str, message: &str) -> Option<Value> {
    let document: Value = serde_json::from_str(message).ok()?;
    selector(text)?
        .into_iter()
        .try_fold(&document, |value, name| value.get(name))
        .cloned()
}

/// What an event adds; nothing where its selector finds no number.
fn value(text: &str, message: &str) -> Option<f64> {
    text.parse()
        .ok()
        .or_else(|| match selected(text, message)? {
            Value::String(digits) => digits.parse().ok(),
            other => other.as_f64(),
        })
}

fn dimensions(change: &Transformation, message: &str) -> Vec<(String, String)> {
    change
        .dimensions
        .iter()
        .filter_map(|(name, path)| {
            let value = match selected(path, message)? {
                Value::String(text) => text,
                Value::Null => return None,
                other => other.to_string(),
            };
            Some((name.clone(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::account::Account;
    use crate::clock::Clock;
    use crate::cloudwatch::CloudWatch;

    fn logs() -> (Arc<Logs>, Arc<CloudWatch>, Arc<Store>) {
        let store = Arc::new(Store::in_memory().unwrap());
        let (logs, metrics) = open(&store);
        logs.call("CreateLogGroup", &json!({ "logGroupName": "g" }))
            .unwrap();
        (logs, metrics, store)
    }

    fn open(store: &Arc<Store>) -> (Arc<Logs>, Arc<CloudWatch>) {
        let account = Account {
            id: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let clock = Clock::new(20.0);
        let metrics = CloudWatch::open(Arc::clone(store), account.clone(), clock).unwrap();
        let logs = Logs::open(Arc::clone(store), account, clock).unwrap();
        logs.count_in(Arc::clone(&metrics));
        (logs, metrics)
    }

    fn filter(name: &str, pattern: &str, more: &Value) -> Value {
        let mut change = json!({ "metricName": name, "metricNamespace": "N", "metricValue": "1" });
        change
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({
            "logGroupName": "g", "filterName": name, "filterPattern": pattern,
            "metricTransformations": [change],
        })
    }

    fn write(logs: &Logs, lines: &[&str]) {
        let events: Vec<LogEvent> = lines
            .iter()
            .map(|line| LogEvent {
                timestamp_ms: logs.clock.now_ms(),
                message: (*line).to_owned(),
            })
            .collect();
        logs.append("g", "s", &events).unwrap();
    }

    /// Sum and number of samples.
    fn counted(metrics: &CloudWatch, name: &str, dimensions: &Value) -> (f64, f64) {
        let now = Clock::new(1.0).now_ms() / 1000;
        let input = json!({
            "Namespace": "N", "MetricName": name, "Dimensions": dimensions,
            "StartTime": now - 3600, "EndTime": now + 3600, "Period": 86_400,
            "Statistics": ["Sum", "SampleCount"],
        });
        let answer = metrics.call("GetMetricStatistics", &input).unwrap();
        let sum = |member: &str| {
            answer["Datapoints"]
                .as_array()
                .unwrap()
                .iter()
                .map(|point| point[member].as_f64().unwrap())
                .sum()
        };
        (sum("Sum"), sum("SampleCount"))
    }

    #[test]
    fn counts_what_comes_in_after_a_restart_too() {
        let (logs, metrics, store) = logs();
        logs.call("PutMetricFilter", &filter("panics", "panicked", &json!({})))
            .unwrap();
        write(&logs, &["it panicked", "fine", "panicked again"]);
        assert_eq!(counted(&metrics, "panics", &json!([])), (2.0, 2.0));
        let (logs, metrics) = open(&store);
        write(&logs, &["panicked"]);
        assert_eq!(counted(&metrics, "panics", &json!([])).0, 1.0);
    }

    #[test]
    fn takes_values_and_dimensions_from_the_event() {
        let (logs, metrics, _store) = logs();
        let more = json!({ "metricValue": "$.ms", "dimensions": { "Level": "$.level" } });
        logs.call("PutMetricFilter", &filter("ms", "{ $.ms > 5 }", &more))
            .unwrap();
        let more = json!({ "defaultValue": 0.0 });
        logs.call("PutMetricFilter", &filter("errors", "ERROR", &more))
            .unwrap();
        write(
            &logs,
            &[
                r#"{"level":"info","ms":7.5}"#,
                r#"{"level":"info","ms":1}"#,
                "ERROR",
            ],
        );
        let level = json!([{ "Name": "Level", "Value": "info" }]);
        assert_eq!(counted(&metrics, "ms", &level), (7.5, 1.0));
        assert_eq!(counted(&metrics, "errors", &json!([])), (1.0, 3.0));
    }

    #[test]
    fn lists_changes_and_forgets() {
        let (logs, _, _store) = logs();
        for (name, pattern) in [("b", "x"), ("a", "y"), ("a", "z")] {
            logs.call("PutMetricFilter", &filter(name, pattern, &json!({})))
                .unwrap();
        }
        let list = |input: Value| {
            let answer = logs.call("DescribeMetricFilters", &input).unwrap();
            answer["metricFilters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|filter| {
                    format!(
                        "{} {}",
                        filter["filterName"].as_str().unwrap(),
                        filter["filterPattern"].as_str().unwrap()
                    )
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(list(json!({ "logGroupName": "g" })), ["a z", "b x"]);
        assert_eq!(list(json!({ "filterNamePrefix": "b" })), ["b x"]);
        let one = json!({ "logGroupName": "g", "filterName": "a" });
        logs.call("DeleteMetricFilter", &one).unwrap();
        let error = logs.call("DeleteMetricFilter", &one).unwrap_err();
        assert_eq!(error.code, "ResourceNotFoundException");
        logs.call("DeleteLogGroup", &json!({ "logGroupName": "g" }))
            .unwrap();
        assert_eq!(list(json!({})), [""; 0]);
    }

    #[test]
    fn refuses_what_it_cannot_count() {
        let (logs, _, _store) = logs();
        for (input, code) in [
            (filter("a", "{ broken", &json!({})), INVALID),
            (
                filter("a", "x", &json!({ "metricValue": "$size" })),
                INVALID,
            ),
            (filter("a:b", "x", &json!({})), INVALID),
        ] {
            let error = logs.call("PutMetricFilter", &input).unwrap_err();
            assert_eq!(error.code, code, "{input}");
        }
        let mut elsewhere = filter("a", "x", &json!({}));
        elsewhere["logGroupName"] = json!("other");
        let error = logs.call("PutMetricFilter", &elsewhere).unwrap_err();
        assert_eq!(error.code, "ResourceNotFoundException");
    }

    #[test]
    fn tries_a_pattern_on_samples() {
        let (logs, _, _store) = logs();
        let input = json!({ "filterPattern": "b", "logEventMessages": ["a", "a b"] });
        let answer = logs.call("TestMetricFilter", &input).unwrap();
        assert_eq!(
            answer["matches"],
            json!([{ "eventNumber": 2, "eventMessage": "a b", "extractedValues": {} }])
        );
    }
}
