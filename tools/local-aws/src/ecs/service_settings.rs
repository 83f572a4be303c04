//! What CreateService and UpdateService set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::scheduler::breaker::Threshold;
use super::scheduler::hooks::HookAction;
use super::scheduler::stages::{ALL, Outline, Stage, Strategy, linear_steps};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceSettings {
    pub(crate) task_definition: String,
    pub(crate) launch_type: String,
    /// One task on each container instance; this machine is the only one.
    #[serde(default)]
    pub(crate) daemon: bool,
    pub(crate) load_balancers: Vec<ServiceBalancer>,
    pub(crate) minimum_healthy_percent: u32,
    pub(crate) maximum_percent: u32,
    pub(crate) breaker: bool,
    pub(crate) breaker_rollback: bool,
    #[serde(default)]
    pub(crate) breaker_threshold: Threshold,
    /// Whether a healthy task zeroes the count of failed ones.
    #[serde(default = "yes")]
    pub(crate) breaker_reset: bool,
    /// `alarmNames`, `enable`, `rollback`, as they were set.
    pub(crate) alarms: Value,
    #[serde(default)]
    pub(crate) strategy: Strategy,
    /// None if it was never set.
    #[serde(default)]
    pub(crate) bake_minutes: Option<u32>,
    #[serde(default)]
    pub(crate) linear: Steps,
    #[serde(default)]
    pub(crate) canary: Steps,
    #[serde(default)]
    pub(crate) hooks: Vec<Hook>,
    pub(crate) grace_seconds: i64,
    pub(crate) network: Value,
    /// Members that are kept and given back as they were set.
    pub(crate) others: BTreeMap<String, Value>,
}

/// A container port behind a target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceBalancer {
    pub(crate) target_group_arn: String,
    pub(crate) container: String,
    pub(crate) port: u16,
    #[serde(default)]
    pub(crate) advanced: Option<Advanced>,
}

/// What a deployment needs that shifts traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Advanced {
    pub(crate) alternate: String,
    pub(crate) production_rule: String,
    pub(crate) test_rule: Option<String>,
    pub(crate) role: String,
}

/// The share of traffic that one step shifts, in tenths of a percent, and how long it is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Steps {
    pub(crate) share: Option<u16>,
    pub(crate) bake_minutes: Option<u32>,
}

/// A pause at lifecycle stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hook {
    pub(crate) stages: Vec<Stage>,
    pub(crate) timeout_minutes: u32,
    pub(crate) on_timeout: HookAction,
}

fn yes() -> bool {
    true
}

/// ECS's defaults (botocore's model): 10 % each 6 minutes, and 5 % for 10 minutes.
const LINEAR: (u16, u32) = (100, 6);
const CANARY: (u16, u32) = (50, 10);

impl ServiceSettings {
    /// Settings of a new service.
    pub(crate) fn fresh() -> Self {
        Self {
            task_definition: String::new(),
            launch_type: "EC2".to_owned(),
            daemon: false,
            load_balancers: Vec::new(),
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            breaker: false,
            breaker_rollback: false,
            breaker_threshold: Threshold::default(),
            breaker_reset: true,
            alarms: Value::Null,
            strategy: Strategy::Rolling,
            bake_minutes: None,
            linear: Steps::default(),
            canary: Steps::default(),
            hooks: Vec::new(),
            grace_seconds: 0,
            network: Value::Null,
            others: BTreeMap::new(),
        }
    }

    /// Share in tenths of a percent and minutes of one step, with ECS's defaults.
    pub(crate) fn linear(&self) -> (u16, u32) {
        self.linear.or(LINEAR)
    }

    /// The same of the canary.
    pub(crate) fn canary(&self) -> (u16, u32) {
        self.canary.or(CANARY)
    }

    /// The alarms that a deployment watches; none if they are not enabled.
    pub(crate) fn watched_alarms(&self) -> Vec<&str> {
        if self.alarms["enable"] != true {
            return Vec::new();
        }
        self.alarm_names()
    }

    pub(crate) fn alarm_names(&self) -> Vec<&str> {
        let names = self.alarms["alarmNames"].as_array();
        names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    pub(crate) fn alarms_roll_back(&self) -> bool {
        self.alarms["rollback"] == true
    }

    /// The stages of a deployment. `alarm_bake_s` is how long alarms need to notice a fault, in seconds of AWS's;
    /// it is the bake time of a rolling update. Without a revision to replace, there is nothing to shift in steps.
    pub(crate) fn outline(
        &self,
        has_blue: bool,
        must_reconcile: bool,
        alarm_bake_s: i64,
    ) -> Outline {
        let (steps, step_minutes) = match self.strategy {
            Strategy::Linear => {
                let (share, minutes) = self.linear();
                (linear_steps(share), minutes)
            }
            Strategy::Canary => {
                let (share, minutes) = self.canary();
                (Vec::from_iter((share < ALL).then_some(share)), minutes)
            }
            Strategy::Rolling | Strategy::BlueGreen => (Vec::new(), 0),
        };
        Outline {
            strategy: self.strategy,
            steps: if has_blue { steps } else { Vec::new() },
            step_wait_s: 60 * i64::from(step_minutes),
            bake_s: if self.strategy == Strategy::Rolling {
                alarm_bake_s
            } else {
                60 * i64::from(self.bake_minutes.unwrap_or(0))
            },
            must_reconcile,
        }
    }

    /// Takes over what a revision is made of. How deployments go is the service's own, and stays.
    pub(crate) fn take_workload(&mut self, of: &Self) {
        self.task_definition.clone_from(&of.task_definition);
        self.launch_type.clone_from(&of.launch_type);
        self.load_balancers.clone_from(&of.load_balancers);
        self.network = of.network.clone();
    }

    /// Whether tasks of these settings differ from those of the others.
    pub(crate) fn is_other_workload(&self, than: &Self) -> bool {
        self.task_definition != than.task_definition
            || self.load_balancers != than.load_balancers
            || self.network != than.network
            || self.launch_type != than.launch_type
    }
}

impl Steps {
    fn or(self, default: (u16, u32)) -> (u16, u32) {
        (
            self.share.unwrap_or(default.0),
            self.bake_minutes.unwrap_or(default.1),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_the_settings_of_an_older_state() {
        let old = json!({
            "task_definition": "api:1", "launch_type": "EC2",
            "load_balancers": [{ "target_group_arn": "a", "container": "c", "port": 80 }],
            "minimum_healthy_percent": 100, "maximum_percent": 200, "breaker": true, "breaker_rollback": true,
            "alarms": null, "grace_seconds": 0, "network": null, "others": {},
        });
        let settings: ServiceSettings = serde_json::from_value(old).unwrap();
        let expected = ServiceSettings {
            task_definition: "api:1".to_owned(),
            load_balancers: vec![ServiceBalancer {
                target_group_arn: "a".to_owned(),
                container: "c".to_owned(),
                port: 80,
                advanced: None,
            }],
            breaker: true,
            breaker_rollback: true,
            ..ServiceSettings::fresh()
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn lays_out_what_was_set() {
        let mut settings = ServiceSettings {
            strategy: Strategy::Canary,
            bake_minutes: Some(3),
            ..ServiceSettings::fresh()
        };
        let outline = settings.outline(true, false, 120);
        assert_eq!(
            (outline.steps, outline.step_wait_s, outline.bake_s),
            (vec![50], 600, 180)
        );
        assert_eq!(settings.outline(false, false, 120).steps, [0_u16; 0]);
        settings.strategy = Strategy::Rolling;
        assert_eq!(settings.outline(true, false, 120).bake_s, 120);
    }

    #[test]
    fn watches_alarms_only_if_they_are_enabled() {
        let mut settings = ServiceSettings::fresh();
        settings.alarms = json!({ "alarmNames": ["a", "b"], "enable": false, "rollback": true });
        assert_eq!(settings.watched_alarms(), [""; 0]);
        settings.alarms["enable"] = json!(true);
        assert_eq!(settings.watched_alarms(), ["a", "b"]);
    }
}
