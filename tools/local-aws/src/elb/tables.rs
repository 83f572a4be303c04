//! All that Elastic Load Balancing holds in memory: the documents of the store, and what runs for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::metrics::BalancerCounters;
use super::model::{
    Action, Listener, LoadBalancer, Registration, Rule, Target, TargetGroup, TargetHealth,
    TargetState,
};
use super::proxy::{Backend, Front, Group};
use crate::state::Store;

/// By ARN, each kind.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) load_balancers: BTreeMap<String, LoadBalancer>,
    pub(super) target_groups: BTreeMap<String, TargetGroup>,
    pub(super) listeners: BTreeMap<String, Listener>,
    pub(super) rules: BTreeMap<String, Rule>,
    /// By target group.
    pub(super) members: BTreeMap<String, BTreeMap<Target, Member>>,
    /// The proxy's side of target groups, load balancers and listeners.
    pub(super) groups: HashMap<String, Arc<Group>>,
    pub(super) counters: HashMap<String, Arc<BalancerCounters>>,
    pub(super) fronts: HashMap<String, Result<Front, String>>,
}

/// A target in a target group.
pub(super) struct Member {
    pub(super) registration: Registration,
    pub(super) backend: Arc<Backend>,
    pub(super) work: Work,
}

/// What runs for a target, until this is dropped.
pub(super) enum Work {
    None,
    Probing(AbortHandle),
    Draining(AbortHandle),
}

impl Drop for Work {
    fn drop(&mut self) {
        match self {
            Self::None => {}
            Self::Probing(task) | Self::Draining(task) => task.abort(),
        }
    }
}

impl Member {
    pub(super) fn new(registration: Registration) -> Self {
        Self {
            backend: Backend::new(registration.target.address()),
            registration,
            work: Work::None,
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.registration.draining_since_ms.is_some()
    }

    /// Its health as a client sees it; `used` tells whether its group takes traffic.
    pub(super) fn describe(&self, used: bool) -> TargetHealth {
        if self.is_draining() {
            return TargetHealth {
                state: TargetState::Draining,
                reason: Some("Target.DeregistrationInProgress"),
                description: Some("Target deregistration is in progress".to_owned()),
            };
        }
        if !used {
            return TargetHealth {
                state: TargetState::Unused,
                reason: Some("Target.NotInUse"),
                description: Some(
                    "Target group is not configured to receive traffic from the load balancer"
                        .to_owned(),
                ),
            };
        }
        self.registration.health.describe()
    }
}

impl Tables {
    pub(super) fn load(store: &Store) -> rusqlite::Result<Self> {
        fn by_arn<T>(documents: Vec<T>, arn: impl Fn(&T) -> &String) -> BTreeMap<String, T> {
            documents
                .into_iter()
                .map(|document| (arn(&document).clone(), document))
                .collect()
        }
        let mut members: BTreeMap<String, BTreeMap<Target, Member>> = BTreeMap::new();
        for registration in store.all::<Registration>()? {
            members
                .entry(registration.target_group_arn.clone())
                .or_default()
                .insert(registration.target.clone(), Member::new(registration));
        }
        Ok(Self {
            load_balancers: by_arn(store.all()?, |document: &LoadBalancer| &document.arn),
            target_groups: by_arn(store.all()?, |document: &TargetGroup| &document.arn),
            listeners: by_arn(store.all()?, |document: &Listener| &document.arn),
            rules: by_arn(store.all()?, |document: &Rule| &document.arn),
            members,
            ..Self::default()
        })
    }

    pub(super) fn member(&self, group: &str, target: &Target) -> Option<&Member> {
        self.members.get(group)?.get(target)
    }

    /// The member, if it is still the same registration.
    pub(super) fn member_mut(
        &mut self,
        group: &str,
        target: &Target,
        id: &str,
    ) -> Option<&mut Member> {
        self.members
            .get_mut(group)?
            .get_mut(target)
            .filter(|member| member.registration.id == id)
    }

    /// A listener's rules, in the order in which they are tried.
    pub(super) fn rules_of(&self, listener: &str) -> Vec<&Rule> {
        let mut rules: Vec<_> = self
            .rules
            .values()
            .filter(|rule| rule.listener_arn == listener)
            .collect();
        rules.sort_by_key(|rule| rule.priority);
        rules
    }

    /// The load balancers that send a target group traffic: one at most, unless it is about to be refused.
    pub(super) fn balancers_of(&self, group: &str) -> BTreeSet<&str> {
        let listeners = self
            .listeners
            .values()
            .map(|listener| (&listener.action, &listener.arn));
        let rules = self
            .rules
            .values()
            .map(|rule| (&rule.action, &rule.listener_arn));
        listeners
            .chain(rules)
            .filter(|(action, _)| action.target_groups().any(|arn| arn == group))
            .filter_map(|(_, listener)| self.listeners.get(listener))
            .map(|listener| listener.load_balancer_arn.as_str())
            .collect()
    }

    pub(super) fn is_used(&self, group: &str) -> bool {
        !self.balancers_of(group).is_empty()
    }
}

impl Action {
    /// The target groups to which it may forward.
    pub(super) fn target_groups(&self) -> impl Iterator<Item = &str> {
        let groups = match self {
            Self::Forward(groups) => groups.as_slice(),
            _ => &[],
        };
        groups.iter().map(|group| group.arn.as_str())
    }
}
