//! Metric filters, and whether log groups exist.

use std::collections::BTreeMap;

use aws::{code, explain};
use aws_sdk_cloudwatchlogs::types::{MetricFilter, MetricTransformation};

use super::Cloud;
use crate::plan::LiveFilter;
use crate::set::{Filter, NAMESPACE};

/// What each matching line adds.
const ONE: &str = "1";

impl Cloud {
    /// The filters of a group whose names begin like this; none where there is no such group.
    pub(crate) async fn filters(
        &self,
        group: &str,
        prefix: &str,
    ) -> anyhow::Result<Option<BTreeMap<(String, String), LiveFilter>>> {
        let mut pages = self
            .logs
            .describe_metric_filters()
            .log_group_name(group)
            .filter_name_prefix(prefix)
            .into_paginator()
            .send();
        let mut filters = BTreeMap::new();
        while let Some(page) = pages.next().await {
            match page {
                Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(None),
                Err(error) => {
                    return Err(explain(
                        &format!("list the metric filters of {group}"),
                        error,
                    ));
                }
                Ok(page) => {
                    for filter in page.metric_filters() {
                        let name = filter.filter_name().unwrap_or_default().to_owned();
                        filters.insert((group.to_owned(), name), live(filter));
                    }
                }
            }
        }
        Ok(Some(filters))
    }

    pub(crate) async fn put_filter(&self, filter: &Filter) -> anyhow::Result<()> {
        let what = format!(
            "write the metric filter {} of {}",
            filter.name, filter.group
        );
        let transformation = MetricTransformation::builder()
            .metric_name(&filter.name)
            .metric_namespace(NAMESPACE)
            .metric_value(ONE)
            .build()?;
        self.logs
            .put_metric_filter()
            .log_group_name(&filter.group)
            .filter_name(&filter.name)
            .filter_pattern(&filter.pattern)
            .metric_transformations(transformation)
            .send()
            .await
            .map_err(|error| explain(&what, error))?;
        Ok(())
    }

    pub(crate) async fn delete_filter(&self, group: &str, name: &str) -> anyhow::Result<()> {
        self.logs
            .delete_metric_filter()
            .log_group_name(group)
            .filter_name(name)
            .send()
            .await
            .map_err(|error| {
                explain(
                    &format!("delete the metric filter {name} of {group}"),
                    error,
                )
            })?;
        Ok(())
    }
}

fn live(filter: &MetricFilter) -> LiveFilter {
    let name = filter.filter_name().unwrap_or_default();
    let counts = match filter.metric_transformations() {
        [one] => {
            one.metric_name() == name
                && one.metric_namespace() == NAMESPACE
                && one.metric_value() == ONE
                && one.default_value().is_none()
        }
        _ => false,
    };
    LiveFilter {
        pattern: filter.filter_pattern().unwrap_or_default().to_owned(),
        counts,
    }
}
