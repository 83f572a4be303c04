//! The record of calls: how often each operation was asked for, and how often the answer was an error.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::cloud::Service;

/// The longest name of an operation in AWS's models has 64 letters; what is no name is counted under this one.
const LONGEST_NAME: usize = 100;
const NO_NAME: &str = "(malformed)";

/// How often one operation was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    count: u64,
    errors: u64,
}

/// All calls since the server began, or since they were forgotten.
#[derive(Debug, Default)]
pub(super) struct Calls {
    counts: Mutex<BTreeMap<(&'static str, String), Count>>,
}

impl Calls {
    /// One more call; `is_error` if it did not end in the operation's output, or in no answer at all.
    pub(super) fn record(&self, service: Service, operation: &str, is_error: bool) {
        let is_name = operation.len() <= LONGEST_NAME
            && operation.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let name = if is_name { operation } else { NO_NAME };
        let mut counts = self.counts();
        let count = counts.entry((service.name(), name.to_owned())).or_default();
        count.count += 1;
        count.errors += u64::from(is_error);
    }

    /// Begins anew.
    pub(super) fn forget(&self) {
        self.counts().clear();
    }

    /// By service and operation, in the order of their names.
    pub(super) fn document(&self) -> Value {
        let counts = self.counts();
        let total: u64 = counts.values().map(|count| count.count).sum();
        let calls: Vec<Value> = counts
            .iter()
            .map(|((service, operation), count)| {
                json!({
                    "service": service, "operation": operation, "count": count.count, "errors": count.errors
                })
            })
            .collect();
        json!({ "kind": "local-aws-calls", "schema": 1, "calls": calls, "total": total })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<(&'static str, String), Count>> {
        // A count is whole at any moment.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_operation() {
        let calls = Calls::default();
        calls.record(Service::Ecs, "ListTasks", false);
        calls.record(Service::Ecs, "ListTasks", true);
        calls.record(Service::Ecr, "ListImages", false);
        calls.record(Service::Ecs, "List\nTasks", true);
        assert_eq!(
            calls.document(),
            json!({
                "kind": "local-aws-calls", "schema": 1, "total": 4, "calls": [
                    { "service": "ecr", "operation": "ListImages", "count": 1, "errors": 0 },
                    { "service": "ecs", "operation": "(malformed)", "count": 1, "errors": 1 },
                    { "service": "ecs", "operation": "ListTasks", "count": 2, "errors": 1 },
                ]
            })
        );
        calls.forget();
        assert_eq!(calls.document()["total"], 0);
    }
}
