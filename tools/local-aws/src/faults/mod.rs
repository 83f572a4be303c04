//! Faults on request: what a rehearsal or a test has the server do wrong. There are none by default, and none
//! outlives the server.
//!
//! [`rules`] decides, [`errors`] knows how each service says it, the HTTP front does it.

mod command;
pub(crate) mod errors;
pub(crate) mod rules;

pub(crate) use command::run;
pub use command::{Change, Request};
pub use rules::{Kind, Rule};

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::Service;
use rules::{Rules, Verdict};

/// The faults of one server.
pub(crate) struct Faults {
    begun: Instant,
    rules: Mutex<Rules>,
}

/// The body of `POST /_local/faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    rules: Vec<Rule>,
}

impl Faults {
    /// None.
    pub(crate) fn none() -> Self {
        Self {
            begun: Instant::now(),
            rules: Mutex::default(),
        }
    }

    /// What happens to the next request of this operation; it counts as having come.
    pub(crate) fn decide(&self, service: Service, operation: &str) -> Verdict {
        let now_ms = self.now_ms();
        self.rules().decide(service.name(), operation, now_ms)
    }

    /// Adds rules: all of them, or none and the reason.
    pub(crate) fn add(&self, body: &[u8]) -> Result<Value, String> {
        let wish: Wish = serde_json::from_slice(body)
            .map_err(|error| format!("the body is not {{\"rules\": [...]}}: {error}"))?;
        for (position, rule) in wish.rules.iter().enumerate() {
            rule.check()
                .and_then(|()| known_service(&rule.service))
                .map_err(|reason| format!("rule {}: {reason}", position + 1))?;
        }
        let now_ms = self.now_ms();
        self.rules().add(wish.rules, now_ms);
        Ok(self.document())
    }

    /// Forgets all rules.
    pub(crate) fn clear(&self) -> Value {
        *self.rules() = Rules::default();
        self.document()
    }

    /// The rules, and how often each was applied.
    pub(crate) fn document(&self) -> Value {
        let now_ms = self.now_ms();
        json!({ "kind": "local-aws-faults", "schema": 1, "rules": self.rules().describe(now_ms) })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        // Rules are numbers that are changed one by one; a panic leaves none half-written.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn known_service(name: &str) -> Result<(), String> {
    if name == rules::ANY || Service::by_signing_name(name).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = Service::signing_names().collect();
    Err(format!(
        "there is no service '{name}'; there are {} and {}",
        names.join(", "),
        rules::ANY
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(body: &str) -> String {
        Faults::none().add(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn refuses_all_rules_for_one_that_is_wrong() {
        let faults = Faults::none();
        let wish = br#"{"rules": [
            {"service": "ecs", "operation": "*", "fault": "throttle"},
            {"service": "ecs", "operation": "*", "fault": "delay"}
        ]}"#;
        assert_eq!(
            faults.add(wish),
            Err("rule 2: the fault delay needs delayMs, from 1 to 600000".to_owned())
        );
        assert_eq!(faults.document()["rules"], json!([]));
    }

    #[test]
    fn names_what_it_does_not_know() {
        assert_eq!(
            add(r#"{"rules": [{"service": "sqs", "operation": "*", "fault": "cut"}]}"#)
                .split(';')
                .next(),
            Some("rule 1: there is no service 'sqs'")
        );
        assert_eq!(
            add(r#"{"rules": [{"service": "ecs", "operation": "*", "fault": "fire"}]}"#)
                .split(", expected")
                .next(),
            Some("the body is not {\"rules\": [...]}: unknown variant `fire`")
        );
        assert_eq!(
            add(r#"{"rules": [{"service": "ecs", "operation": "*", "fault": "cut", "times": 1}]}"#)
                .split(", expected")
                .next(),
            Some("the body is not {\"rules\": [...]}: unknown field `times`")
        );
    }
}
