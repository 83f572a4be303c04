//! Targets: registering, probing, draining.

use std::sync::Weak;
use std::time::{Duration, Instant};

use super::health::{Matcher, Outcome, Probe};
use super::model::{Registration, Target, TargetGroup, TargetHealth, TargetType};
use super::publish::publish_targets;
use super::routing::Block;
use super::tables::{Member, Tables};
use super::{Elb, INVALID};
use crate::account::hex_id;
use crate::protocol::AwsError;

/// The shortest pause between two probes of a target, however fast the clock runs.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// Where a target may be: AWS takes private addresses only; this machine takes the place of its instances.
const REACHABLE: [&str; 5] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
];

impl Elb {
    /// Registers a target; one that is registered already stays as it is, one that is draining begins anew.
    pub fn register(&self, target_group_arn: &str, target: &Target) -> Result<(), AwsError> {
        self.register_all(target_group_arn, std::slice::from_ref(target))
    }

    /// Deregisters a target: it gets no new requests from now on, and finishes those it has. One that is not
    /// registered is no error.
    pub fn deregister(&self, target_group_arn: &str, target: &Target) -> Result<(), AwsError> {
        self.deregister_all(target_group_arn, std::slice::from_ref(target))
    }

    /// A target's health; none if it is not registered (any more).
    #[must_use]
    pub fn target_health(&self, target_group_arn: &str, target: &Target) -> Option<TargetHealth> {
        let tables = self.tables();
        let member = tables.member(target_group_arn, target)?;
        Some(member.describe(tables.is_used(target_group_arn)))
    }

    pub(super) fn register_all(&self, arn: &str, targets: &[Target]) -> Result<(), AwsError> {
        let mut tables = self.tables();
        let group = group(&tables, arn)?;
        for target in targets {
            check(group, target)?;
        }
        let fresh: Vec<Registration> = targets
            .iter()
            .filter(|target| tables.member(arn, target).is_none_or(Member::is_draining))
            .map(|target| Registration {
                target_group_arn: arn.to_owned(),
                target: target.clone(),
                id: hex_id(16),
                health: super::health::Health::default(),
                draining_since_ms: None,
            })
            .collect();
        self.store.put_all(&fresh)?;
        let members = tables.members.entry(arn.to_owned()).or_default();
        for registration in fresh {
            members.insert(registration.target.clone(), Member::new(registration));
        }
        self.publish(&mut tables);
        self.note_change();
        Ok(())
    }

    pub(super) fn deregister_all(&self, arn: &str, targets: &[Target]) -> Result<(), AwsError> {
        let mut tables = self.tables();
        group(&tables, arn)?;
        let used = tables.is_used(arn);
        let leaving: Vec<Registration> = targets
            .iter()
            .filter_map(|target| tables.member(arn, target))
            .filter(|member| !member.is_draining())
            .map(|member| Registration {
                draining_since_ms: Some(self.clock.now_ms()),
                ..member.registration.clone()
            })
            .collect();
        if used {
            self.store.put_all(&leaving)?;
        }
        for registration in leaving {
            if !used {
                // No request can be on its way to it.
                self.forget(&mut tables, arn, &registration.target)?;
            } else if let Some(member) =
                tables.member_mut(arn, &registration.target, &registration.id)
            {
                member.registration = registration;
            }
        }
        self.publish(&mut tables);
        self.note_change();
        Ok(())
    }

    /// Removes a target from the store and from the tables.
    pub(super) fn forget(
        &self,
        tables: &mut Tables,
        arn: &str,
        target: &Target,
    ) -> Result<(), AwsError> {
        self.store
            .delete::<Registration>(&Registration::key_of(arn, target))?;
        if let Some(members) = tables.members.get_mut(arn) {
            members.remove(target);
        }
        Ok(())
    }

    /// The end of draining: the target is `unused`.
    pub(super) fn finish_draining(&self, arn: &str, target: &Target, id: &str) {
        let mut tables = self.tables();
        if tables.member_mut(arn, target, id).is_none() {
            return;
        }
        if let Err(error) = self.forget(&mut tables, arn, target) {
            // It drains once more after a restart, and nothing worse.
            self.console.warning(&format!(
                "{target} was drained, but stays on record: {error}"
            ));
            if let Some(members) = tables.members.get_mut(arn) {
                members.remove(target);
            }
        }
        self.note_change();
    }

    /// Takes in a probe's outcome.
    fn observe(&self, arn: &str, target: &Target, id: &str, outcome: Outcome) {
        let mut tables = self.tables();
        let Some(check) = tables
            .target_groups
            .get(arn)
            .map(|group| group.health_check.clone())
        else {
            return;
        };
        let Some(member) = tables
            .member_mut(arn, target, id)
            .filter(|member| !member.is_draining())
        else {
            return;
        };
        let before = member.registration.health.describe();
        member.registration.health.observe(outcome, &check);
        if member.registration.health.describe() == before {
            return;
        }
        let registration = member.registration.clone();
        self.save(&registration);
        publish_targets(&tables, arn);
        self.note_change();
    }

    /// What to ask a target next, and how long a round of asking and waiting lasts; none if it need not be asked any more.
    fn next_probe(&self, arn: &str, target: &Target, id: &str) -> Option<(Probe, Duration)> {
        let mut tables = self.tables();
        let check = tables.target_groups.get(arn)?.health_check.clone();
        tables.member_mut(arn, target, id)?;
        let mut address = target.address();
        address.set_port(check.port.unwrap_or(target.port));
        let probe = Probe {
            address,
            path: check.path,
            // The time that the application takes is its own, at whatever speed the clock runs.
            timeout: Duration::from_secs(check.timeout_seconds.into()),
            matcher: Matcher::parse(&check.matcher)?,
        };
        let interval = Duration::from_secs(check.interval_seconds.into());
        Some((probe, self.clock.wait(interval)))
    }
}

/// Probes a target for as long as it is registered: at once, then once each interval.
pub(super) async fn watch(elb: Weak<Elb>, arn: String, target: Target, id: String) {
    loop {
        let next = elb
            .upgrade()
            .and_then(|elb| elb.next_probe(&arn, &target, &id));
        let Some((probe, interval)) = next else {
            return;
        };
        let started = Instant::now();
        let outcome = probe.run().await;
        if let Some(elb) = elb.upgrade() {
            elb.observe(&arn, &target, &id, outcome);
        }
        let rest = interval.saturating_sub(started.elapsed());
        tokio::time::sleep(rest.max(SHORTEST_PAUSE)).await;
    }
}

fn group<'a>(tables: &'a Tables, arn: &str) -> Result<&'a TargetGroup, AwsError> {
    tables.target_groups.get(arn).ok_or_else(|| {
        AwsError::new(
            "TargetGroupNotFound",
            format!("Target groups '{arn}' not found"),
        )
    })
}

/// Refuses what cannot be a target of this group.
fn check(group: &TargetGroup, target: &Target) -> Result<(), AwsError> {
    let refuse = |code: &str, message: String| Err(AwsError::new(code, message));
    if target.port == 0 {
        return refuse(
            INVALID,
            format!("Port '0' of target '{}' is not valid", target.id),
        );
    }
    match group.target_type {
        TargetType::Instance if target.id.starts_with("i-") => Ok(()),
        TargetType::Instance => refuse(
            "InvalidTarget",
            format!(
                "The following targets are not valid instances: '{}'",
                target.id
            ),
        ),
        TargetType::Ip => {
            let Ok(address) = target.id.parse() else {
                return refuse(
                    INVALID,
                    format!("The IP address '{}' is not a valid IPv4 address", target.id),
                );
            };
            let reachable = REACHABLE
                .iter()
                .filter_map(|block| Block::parse(block))
                .any(|block| block.contains(address));
            if reachable {
                Ok(())
            } else {
                refuse(
                    INVALID,
                    format!(
                        "The IP address '{}' is not within a range that is valid for VPC targets",
                        target.id
                    ),
                )
            }
        }
    }
}
