//! What the next deployment does about alarms: which it watches, and what ECS will therefore not do. Pure.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{DeploymentAlarms, DeploymentConfiguration};
use contract::alarms::Protection;

/// The service, as far as alarms matter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deployments {
    pub(crate) configuration: Option<DeploymentConfiguration>,
    /// Whether one is under way.
    pub(crate) is_deploying: bool,
    /// Whether ECS itself deploys, or somebody else.
    pub(crate) by_ecs: bool,
}

/// The alarms that a service's deployments are to watch, where that is another list than today's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wiring {
    pub(crate) names: Vec<String>,
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
}

impl Deployments {
    fn alarms(&self) -> Option<&DeploymentAlarms> {
        self.configuration.as_ref()?.alarms()
    }

    /// Names of the alarms that are configured, whether or not they are watched.
    pub(crate) fn names(&self) -> &[String] {
        self.alarms()
            .map(DeploymentAlarms::alarm_names)
            .unwrap_or_default()
    }

    fn is_enabled(&self) -> bool {
        self.alarms().is_some_and(DeploymentAlarms::enable)
    }

    /// How the list changes so that of the service's own alarms (those that begin with `prefix`) exactly `wanted` are
    /// watched. What others have put there stays. None if nothing is to be done.
    pub(crate) fn wiring(
        &self,
        wanted: &[String],
        is_own: impl Fn(&str) -> bool,
    ) -> Option<Wiring> {
        let live = self.names();
        let mut names: Vec<String> = live
            .iter()
            .filter(|name| !is_own(name) || wanted.contains(name))
            .cloned()
            .collect();
        let added: Vec<String> = wanted
            .iter()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect();
        names.extend(added.iter().cloned());
        let removed: Vec<String> = live
            .iter()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect();
        let is_on = self.is_enabled() && self.alarms().is_some_and(DeploymentAlarms::rollback);
        // A list that others keep off is left off, unless some of ours are to be watched.
        let is_right = added.is_empty() && removed.is_empty() && (wanted.is_empty() || is_on);
        (!is_right).then_some(Wiring {
            names,
            added,
            removed,
        })
    }

    /// The whole deployment configuration with other alarms: UpdateService takes it as one, and of `alarms` it wants
    /// every member, also to be told that there are none.
    pub(crate) fn configuration_with(
        &self,
        names: &[String],
    ) -> anyhow::Result<DeploymentConfiguration> {
        let alarms = DeploymentAlarms::builder()
            .set_alarm_names(Some(names.to_vec()))
            .enable(!names.is_empty())
            .rollback(!names.is_empty())
            .build()?;
        let mut configuration = self
            .configuration
            .clone()
            .unwrap_or_else(|| DeploymentConfiguration::builder().build());
        configuration.alarms = Some(alarms);
        Ok(configuration)
    }

    /// What a deployment that started now would have of its alarms. `states` has those that exist.
    pub(crate) fn protection(&self, states: &BTreeMap<String, String>) -> Protection {
        let watched = self.names().to_vec();
        let rollback = self.alarms().is_some_and(DeploymentAlarms::rollback);
        if watched.is_empty() || !self.is_enabled() {
            return Protection {
                watched,
                on: false,
                rollback: false,
                problems: Vec::new(),
            };
        }
        let found = Found::of(&watched, states);
        let is_on =
            found.ringing.is_empty() && found.absent.len() + found.unknown.len() < watched.len();
        let mut problems = found.problems(watched.len());
        if !rollback {
            problems.push(
                "alarms stop a deployment and do not roll it back: the service stays between two versions".to_owned(),
            );
        }
        Protection {
            watched,
            on: is_on,
            rollback: is_on && rollback,
            problems,
        }
    }
}

/// The watched alarms that protect nothing.
struct Found<'w> {
    ringing: Vec<&'w str>,
    unknown: Vec<&'w str>,
    absent: Vec<&'w str>,
}

impl<'w> Found<'w> {
    fn of(watched: &'w [String], states: &BTreeMap<String, String>) -> Self {
        let in_state = |state: Option<&str>| -> Vec<&'w str> {
            watched
                .iter()
                .filter(|name| states.get(*name).map(String::as_str) == state)
                .map(String::as_str)
                .collect()
        };
        Self {
            ringing: in_state(Some("ALARM")),
            unknown: in_state(Some("INSUFFICIENT_DATA")),
            absent: in_state(None),
        }
    }

    fn problems(&self, watched: usize) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.ringing.is_empty() {
            let also = match watched - self.ringing.len() {
                0 => String::new(),
                1 => ", nor the other one".to_owned(),
                others => format!(", nor the other {others}"),
            };
            problems.push(format!(
                "{} in ALARM already: ECS will not watch {} for the whole of the next deployment{also}. \
                 No alarm will stop it, and none will roll it back",
                are(&self.ringing),
                if self.ringing.len() == 1 { "it" } else { "them" },
            ));
        }
        if !self.unknown.is_empty() {
            problems.push(format!(
                "{} without data (INSUFFICIENT_DATA): ECS acts on ALARM only, so it will not stop a deployment as long as that lasts",
                are(&self.unknown)
            ));
        }
        if !self.absent.is_empty() {
            problems.push(format!(
                "{} not there: ECS will not be stopped by what does not exist",
                are(&self.absent)
            ));
        }
        problems
    }
}

/// `a is`, `a and b are`, `a, b and c are`.
fn are(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{one} is"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployments(names: &[&str], enable: bool, rollback: bool) -> Deployments {
        let alarms = DeploymentAlarms::builder()
            .set_alarm_names(Some(names.iter().map(|name| (*name).to_owned()).collect()))
            .enable(enable)
            .rollback(rollback)
            .build()
            .unwrap();
        Deployments {
            configuration: Some(
                DeploymentConfiguration::builder()
                    .minimum_healthy_percent(50)
                    .alarms(alarms)
                    .build(),
            ),
            is_deploying: false,
            by_ecs: true,
        }
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn changes_its_own_alarms_and_leaves_those_of_others() {
        let is_own = |name: &str| name.starts_with("own-");
        let wiring = |live: &Deployments, wanted: &[&str]| {
            live.wiring(&owned(wanted), is_own)
                .map(|wiring| (wiring.names, wiring.added, wiring.removed))
        };
        let live = deployments(&["theirs", "own-a", "own-b"], true, true);
        assert_eq!(wiring(&live, &["own-a", "own-b"]), None);
        assert_eq!(
            wiring(&live, &["own-b", "own-c"]),
            Some((
                owned(&["theirs", "own-b", "own-c"]),
                owned(&["own-c"]),
                owned(&["own-a"])
            ))
        );
        assert_eq!(
            wiring(&live, &[]),
            Some((owned(&["theirs"]), vec![], owned(&["own-a", "own-b"])))
        );
        // Named but switched off.
        let off = deployments(&["own-a"], false, false);
        assert_eq!(
            wiring(&off, &["own-a"]),
            Some((owned(&["own-a"]), vec![], vec![]))
        );
        assert_eq!(wiring(&Deployments::default(), &[]), None);
    }

    #[test]
    fn says_every_member_to_detach_and_keeps_the_rest() {
        let live = deployments(&["own-a"], true, true);
        let configuration = live.configuration_with(&[]).unwrap();
        assert_eq!(configuration.minimum_healthy_percent(), Some(50));
        let alarms = configuration.alarms().unwrap();
        assert_eq!(
            (
                alarms.alarm_names().len(),
                alarms.enable(),
                alarms.rollback()
            ),
            (0, false, false)
        );
    }

    #[test]
    fn says_what_ecs_will_not_do() {
        let states = |list: &[(&str, &str)]| {
            list.iter()
                .map(|(name, state)| ((*name).to_owned(), (*state).to_owned()))
                .collect()
        };
        let live = deployments(&["a", "b", "c"], true, true);
        let good = live.protection(&states(&[("a", "OK"), ("b", "OK"), ("c", "OK")]));
        assert_eq!(
            (good.on, good.rollback, good.problems),
            (true, true, vec![])
        );
        let bad = live.protection(&states(&[("a", "ALARM"), ("b", "INSUFFICIENT_DATA")]));
        assert_eq!(
            (bad.on, bad.rollback, bad.problems),
            (
                false,
                false,
                owned(&[
                    "a is in ALARM already: ECS will not watch it for the whole of the next deployment, nor the other 2. \
                     No alarm will stop it, and none will roll it back",
                    "b is without data (INSUFFICIENT_DATA): ECS acts on ALARM only, so it will not stop a deployment as long as that lasts",
                    "c is not there: ECS will not be stopped by what does not exist",
                ])
            )
        );
        let stuck = deployments(&["a"], true, false).protection(&states(&[("a", "OK")]));
        assert_eq!(
            (stuck.on, stuck.rollback, stuck.problems.len()),
            (true, false, 1)
        );
        let off = deployments(&["a"], false, true).protection(&states(&[("a", "ALARM")]));
        assert_eq!((off.on, off.problems), (false, vec![]));
    }
}
