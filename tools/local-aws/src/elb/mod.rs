//! Elastic Load Balancing v2: load balancers, listeners, rules, target groups, with a real proxy and real health checks.
//!
//! The control plane (`api`, over documents in the store) and the data plane (`proxy`, which knows neither)
//! meet in `publish`: each change of the tables is handed over as a snapshot, so that requests never wait for it.

mod api;
mod arn;
mod attributes;
mod forward;
mod health;
mod metrics;
mod model;
mod pattern;
mod proxy;
mod publish;
mod routing;
mod tables;
mod targets;
mod ticks;

pub use model::{
    HealthCheck, ListenerAddress, Target, TargetGroup, TargetHealth, TargetState, TargetType,
};

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;
use toolkit::Console;

use crate::account::Account;
use crate::clock::Clock;
use crate::cloudwatch::CloudWatch;
use crate::protocol::{Answer, Input};
use crate::state::{Document, Store};
use tables::Tables;

/// The namespace of the query dialect's answers.
pub const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// The code of this service for a bad parameter.
const INVALID: &str = "ValidationError";

/// Elastic Load Balancing of one local AWS.
pub struct Elb {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    metrics: Arc<CloudWatch>,
    console: Console,
    tables: Mutex<Tables>,
    changes: watch::Sender<u64>,
    runtime: OnceLock<Handle>,
    /// For the tasks that it starts, which must not keep it alive.
    this: Weak<Self>,
}

impl Elb {
    /// Loads what the store has. Nothing listens or probes before [`Elb::start`].
    pub fn open(
        store: Arc<Store>,
        account: Account,
        clock: Clock,
        metrics: Arc<CloudWatch>,
    ) -> anyhow::Result<Arc<Self>> {
        let tables = Tables::load(&store)?;
        Ok(Arc::new_cyclic(|this| Self {
            store,
            account,
            clock,
            metrics,
            console: Console::from_environment(),
            tables: Mutex::new(tables),
            changes: watch::Sender::new(0),
            runtime: OnceLock::new(),
            this: Weak::clone(this),
        }))
    }

    /// Starts listeners, health checks and metrics on the current tokio runtime. A second call does nothing.
    ///
    /// A listener whose port is taken does not keep the others from starting: it is tried again every
    /// second, and [`Elb::listener_addresses`] tells why it is not there.
    pub fn start(self: &Arc<Self>) {
        if self.runtime.set(Handle::current()).is_err() {
            return;
        }
        let mut tables = self.tables();
        self.publish(&mut tables);
        self.open_missing_fronts(&mut tables);
        self.publish(&mut tables);
        drop(tables);
        tokio::spawn(ticks::run(Weak::clone(&self.this)));
    }

    /// Runs one API operation over its members.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        api::call(self, operation, Input::new(input, INVALID))
    }

    /// A number that changes whenever the health of a target does.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The target group of this ARN.
    #[must_use]
    pub fn target_group(&self, arn: &str) -> Option<TargetGroup> {
        self.tables().target_groups.get(arn).cloned()
    }

    /// Whether a load balancer sends this target group traffic.
    #[must_use]
    pub fn is_used(&self, target_group_arn: &str) -> bool {
        self.tables().is_used(target_group_arn)
    }

    /// Where each listener really listens, or why it does not.
    #[must_use]
    pub fn listener_addresses(&self) -> Vec<ListenerAddress> {
        let tables = self.tables();
        tables
            .listeners
            .values()
            .map(|listener| {
                let front = tables.fronts.get(&listener.arn);
                let address: Option<SocketAddr> = front
                    .and_then(|front| front.as_ref().ok())
                    .map(proxy::Front::address);
                ListenerAddress {
                    listener_arn: listener.arn.clone(),
                    load_balancer_name: tables
                        .load_balancers
                        .get(&listener.load_balancer_arn)
                        .map(|balancer| balancer.name.clone())
                        .unwrap_or_default(),
                    port: listener.port,
                    address,
                    problem: front.and_then(|front| front.as_ref().err()).cloned(),
                }
            })
            .collect()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Each operation writes the store first and then the tables, so a panic between leaves them behind, not wrong.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_change(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Writes what no client waits for; it is tried again with the next change.
    fn save<D: Document>(&self, document: &D) {
        if let Err(error) = self.store.put(document) {
            self.console.warning(&format!(
                "the load balancer's {} was not saved: {error}",
                document.key()
            ));
        }
    }
}
