//! One target as the proxy sees it: its address, its requests in flight, its connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use super::pool::Pool;

/// A target of the proxy.
pub(in crate::elb) struct Backend {
    address: SocketAddr,
    in_flight: AtomicUsize,
    retired: AtomicBool,
    idle: Notify,
    ended: watch::Sender<bool>,
    pub(super) pool: Pool,
}

impl Backend {
    pub(in crate::elb) fn new(address: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            address,
            in_flight: AtomicUsize::new(0),
            retired: AtomicBool::new(false),
            idle: Notify::new(),
            ended: watch::Sender::new(false),
            pool: Pool::default(),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// A place for one more request; none if the target takes no new ones.
    pub(super) fn lease(self: &Arc<Self>) -> Option<Lease> {
        // Counted first and asked second, while `retire` tells first and counts second: in one order of
        // both, either this request sees that the target is retired or `drained` sees this request.
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let lease = Lease {
            backend: Arc::clone(self),
        };
        (!self.retired.load(Ordering::SeqCst)).then_some(lease)
    }

    /// From now on it takes no new requests, and its idle connections are closed.
    pub(in crate::elb) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        self.pool.close();
    }

    /// Waits until a retired target has no request in flight.
    pub(in crate::elb) async fn drained(&self) {
        loop {
            let changed = self.idle.notified();
            if self.in_flight.load(Ordering::SeqCst) == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Ends what is still in flight.
    pub(in crate::elb) fn cut(&self) {
        self.retire();
        self.pool.cut();
        self.ended.send_replace(true);
    }

    /// Waits until the target is cut.
    pub(super) async fn ended(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(self.ended.subscribe().wait_for(|ended| *ended).await);
    }
}

/// One request in flight, from the choice of the target to the last byte of the answer.
pub(super) struct Lease {
    backend: Arc<Backend>,
}

impl Lease {
    pub(super) fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let before = self.backend.in_flight.fetch_sub(1, Ordering::SeqCst);
        if before == 1 && self.backend.retired.load(Ordering::SeqCst) {
            // Kept for a waiter that is not waiting yet.
            self.backend.idle.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_retired_target_takes_nothing_and_waits_for_what_it_has() {
        let backend = Backend::new(([127, 0, 0, 1], 1).into());
        let first = backend.lease().unwrap();
        let second = backend.lease().unwrap();
        backend.retire();
        assert!(backend.lease().is_none());
        drop(first);
        let waiting = tokio::spawn({
            let backend = Arc::clone(&backend);
            async move { backend.drained().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(second);
        waiting.await.unwrap();
        assert_eq!(backend.in_flight(), 0);
    }
}
