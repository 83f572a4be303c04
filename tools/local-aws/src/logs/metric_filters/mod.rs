//! Metric filters: what is counted of the events that come in.
//!
//! A metric's time is that of the event's arrival, which is the event's own for everything that runs here.

mod transformation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::transformation::{Transformation, dimensions, transformation, value};
use super::pattern::Pattern;
use super::{INVALID, LogEvent, Logs, nothing};
use crate::protocol::{Answer, AwsError, Input};
use crate::state::{Document, Store};

/// AWS's limits.
const MOST_NAME: usize = 512;
const MOST_PATTERN: usize = 1024;
const MOST_FILTERS: usize = 100;
const PAGE: usize = 50;
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

#[cfg(test)]
mod tests;
