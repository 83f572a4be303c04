//! A target group as the proxy sees it: the targets that take requests, and whose turn it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::backend::{Backend, Lease};
use crate::elb::metrics::TargetCounters;

/// The eligible targets of a group at one moment.
#[derive(Default)]
struct Snapshot {
    targets: Vec<Arc<Backend>>,
    least_outstanding: bool,
}

/// A target group of the proxy.
#[derive(Default)]
pub(in crate::elb) struct Group {
    snapshot: RwLock<Arc<Snapshot>>,
    turn: AtomicUsize,
    pub(in crate::elb) counters: TargetCounters,
}

impl Group {
    /// From now on requests go to `targets`.
    pub(in crate::elb) fn set_targets(&self, targets: Vec<Arc<Backend>>, least_outstanding: bool) {
        let snapshot = Arc::new(Snapshot {
            targets,
            least_outstanding,
        });
        *self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// The target whose turn it is, with one more request in flight; none if the group has no target.
    pub(super) fn choose(&self) -> Option<Lease> {
        loop {
            let snapshot = self.snapshot();
            let found = snapshot.choose(&self.turn);
            // A target is taken out of the list before it is retired: whoever finds only retired ones holds an old list.
            if found.is_some() || Arc::ptr_eq(&snapshot, &self.snapshot()) {
                return found;
            }
        }
    }

    /// Closes connections that were idle for as long as `idle`.
    pub(in crate::elb) fn reap(&self, idle: Duration) {
        for target in &self.snapshot().targets {
            target.pool.reap(idle);
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Snapshot {
    fn choose(&self, turn: &AtomicUsize) -> Option<Lease> {
        let count = self.targets.len();
        let first = turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..count).map(|step| &self.targets[first.wrapping_add(step) % count]);
        if self.least_outstanding {
            let mut by_load: Vec<_> = in_turn.collect();
            by_load.sort_by_key(|target| target.in_flight());
            by_load.into_iter().find_map(Backend::lease)
        } else {
            in_turn.into_iter().find_map(Backend::lease)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backends<const N: usize>() -> [Arc<Backend>; N] {
        std::array::from_fn(|n| {
            Backend::new(([127, 0, 0, 1], u16::try_from(n).unwrap() + 1).into())
        })
    }

    fn port(lease: Option<Lease>) -> Option<u16> {
        lease.map(|lease| lease.backend().address().port())
    }

    #[test]
    fn takes_targets_in_turn_and_passes_over_retired_ones() {
        let [a, b, c] = backends();
        let group = Group::default();
        assert_eq!(port(group.choose()), None);
        group.set_targets(vec![a, Arc::clone(&b), c], false);
        let ports: Vec<_> = (0..4).map(|_| port(group.choose()).unwrap()).collect();
        assert_eq!(ports, [2, 3, 1, 2]);
        b.retire();
        let ports: Vec<_> = (0..4).map(|_| port(group.choose()).unwrap()).collect();
        assert_eq!(ports, [3, 1, 3, 3]);
    }

    #[test]
    fn prefers_the_target_with_the_fewest_requests() {
        let [a, b] = backends();
        let group = Group::default();
        let busy = [a.lease(), a.lease(), b.lease()];
        group.set_targets(vec![a, b], true);
        let one = group.choose();
        assert_eq!(one.as_ref().unwrap().backend().address().port(), 2);
        drop(busy);
        assert_eq!(port(group.choose()), Some(1));
    }
}
