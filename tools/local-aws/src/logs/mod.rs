//! CloudWatch Logs: groups, streams, events.
//!
//! Times are real: neither retention nor event times are scaled by the clock's speed.

mod catalogue;
mod filter;
mod get;
mod groups;
mod journal;
mod metric_filters;
mod page;
pub mod pattern;
mod put;
mod streams;
mod tags;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;

use crate::account::Account;
use crate::clock::Clock;
use crate::cloudwatch::CloudWatch;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;
use catalogue::Catalogue;
use metric_filters::Filters;

/// The code that this service uses for every unacceptable parameter.
const INVALID: &str = "InvalidParameterException";

/// All log groups of the account.
pub struct Logs {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    // Taken before the store's connection, never after it.
    catalogue: Mutex<Catalogue>,
    // Taken after the catalogue, never before it.
    filters: Mutex<Filters>,
    /// Where metric filters count; none in tests of logs alone.
    metrics: OnceLock<Arc<CloudWatch>>,
}

/// One line that a container or a client wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The text, without a line end.
    pub message: String,
}

impl Logs {
    /// Loads what the store holds, and removes the events of groups whose deletion was interrupted.
    pub fn open(store: Arc<Store>, account: Account, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let catalogue = Catalogue::load(&store)?;
        let filters = Filters::load(&store)?;
        Ok(Arc::new(Self {
            store,
            account,
            clock,
            catalogue: Mutex::new(catalogue),
            filters: Mutex::new(filters),
            metrics: OnceLock::new(),
        }))
    }

    /// Runs one API operation.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        let input = Input::new(input, INVALID);
        match operation {
            "CreateLogGroup" => self.create_log_group(input),
            "DeleteLogGroup" => self.delete_log_group(input),
            "DescribeLogGroups" => self.describe_log_groups(input),
            "ListLogGroups" => self.list_log_groups(input),
            "PutRetentionPolicy" => self.put_retention_policy(input),
            "DeleteRetentionPolicy" => self.delete_retention_policy(input),
            "CreateLogStream" => self.create_log_stream(input),
            "DeleteLogStream" => self.delete_log_stream(input),
            "DescribeLogStreams" => self.describe_log_streams(input),
            "PutLogEvents" => self.put_log_events(input),
            "GetLogEvents" => self.get_log_events(input),
            "FilterLogEvents" => self.filter_log_events(input),
            "PutMetricFilter" => self.put_metric_filter(input),
            "DescribeMetricFilters" => self.describe_metric_filters(input),
            "DeleteMetricFilter" => self.delete_metric_filter(input),
            "TestMetricFilter" => self.test_metric_filter(input),
            "TagResource" => self.tag_resource(input),
            "UntagResource" => self.untag_resource(input),
            "ListTagsForResource" => self.list_tags_for_resource(input),
            "TagLogGroup" => self.tag_log_group(input),
            "UntagLogGroup" => self.untag_log_group(input),
            "ListTagsLogGroup" => self.list_tags_log_group(input),
            other => Err(AwsError::unsupported("logs", other)),
        }
    }

    fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        // Memory changes only after the store has taken the change, so it is whole even after a panic.
        self.catalogue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The group that `logGroupName` or `logGroupIdentifier` (name or ARN) names.
    fn group_name<'a>(&self, input: Input<'a>) -> Result<&'a str, AwsError> {
        match (
            input.text("logGroupName")?,
            input.text("logGroupIdentifier")?,
        ) {
            (Some(_), Some(_)) => Err(input.refuse(
                "LogGroup name and LogGroup identifier are mutually exclusive parameters.",
            )),
            (Some(name), None) => Ok(name),
            (None, Some(identifier)) => self.group_of_identifier(input, identifier),
            (None, None) => {
                Err(input.refuse("Either LogGroup name or LogGroup identifier must be specified."))
            }
        }
    }

    fn group_of_identifier<'a>(
        &self,
        input: Input<'_>,
        identifier: &'a str,
    ) -> Result<&'a str, AwsError> {
        if !identifier.starts_with("arn:") {
            return Ok(identifier);
        }
        let prefix = self.account.arn("logs", "log-group:");
        identifier
            .strip_prefix(&prefix)
            .map(|name| name.strip_suffix(":*").unwrap_or(name))
            .ok_or_else(|| {
                input.refuse(format!(
                    "'{identifier}' is no log group of this account ({prefix}NAME)"
                ))
            })
    }

    fn group_arn(&self, name: &str) -> String {
        self.account.arn("logs", &format!("log-group:{name}"))
    }
}

/// The answer of an operation that has no output.
fn nothing() -> Value {
    Value::Null
}

/// AWS's sentence for a member that breaks its model.
fn constraint(member: &str, value: &str, broken: &str) -> AwsError {
    AwsError::new(
        INVALID,
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {broken}"
        ),
    )
}

/// `limit`, between 1 and `highest`; the highest where it is absent.
fn limit(input: Input<'_>, highest: usize) -> Result<usize, AwsError> {
    limit_or(input, highest, highest)
}

/// `limit`, between 1 and `highest`; `otherwise` where it is absent.
fn limit_or(input: Input<'_>, otherwise: usize, highest: usize) -> Result<usize, AwsError> {
    let Some(limit) = input.integer("limit")? else {
        return Ok(otherwise);
    };
    match usize::try_from(limit) {
        Ok(limit) if (1..=highest).contains(&limit) => Ok(limit),
        _ if limit < 1 => Err(constraint(
            "limit",
            &limit.to_string(),
            "Member must have value greater than or equal to 1",
        )),
        _ => Err(constraint(
            "limit",
            &limit.to_string(),
            &format!("Member must have value less than or equal to {highest}"),
        )),
    }
}

fn invalid_token() -> AwsError {
    AwsError::new(INVALID, "The specified nextToken is invalid.")
}

#[cfg(test)]
mod tests;
