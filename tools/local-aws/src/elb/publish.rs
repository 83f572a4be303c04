//! From the tables to the proxy: which targets a group has, which routes a listener has, what runs for a target.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use super::Elb;
use super::attributes::{Settings, deregistration_delay, prefers_least_outstanding};
use super::health::Health;
use super::model::{Action, Listener, TargetState};
use super::proxy::{self, Backend, Front, Group, Reaction, Routes, Weighted};
use super::routing::Table;
use super::tables::{Member, Tables, Work};

impl Elb {
    /// Brings the proxy to the state of the tables. Called with the tables locked, after each change of them.
    pub(super) fn publish(&self, tables: &mut Tables) {
        let known = &tables.target_groups;
        tables.groups.retain(|arn, _| known.contains_key(arn));
        let known = &tables.load_balancers;
        tables.counters.retain(|arn, _| known.contains_key(arn));
        let arns: Vec<String> = tables.target_groups.keys().cloned().collect();
        for arn in &arns {
            tables.groups.entry(arn.clone()).or_default();
            // Before a target is retired, so that no request finds a group empty that is not.
            publish_targets(tables, arn);
        }
        for arn in &arns {
            self.set_to_work(tables, arn);
        }
        let known = &tables.listeners;
        tables.fronts.retain(|arn, _| known.contains_key(arn));
        let listeners: Vec<String> = tables.listeners.keys().cloned().collect();
        for arn in &listeners {
            let Some(routes) = routes(tables, arn) else {
                continue;
            };
            if let Some(Ok(front)) = tables.fronts.get(arn) {
                front.set_routes(routes);
            }
        }
    }

    /// Starts, changes or stops what runs for each target of a group.
    fn set_to_work(&self, tables: &mut Tables, arn: &str) {
        let used = tables.is_used(arn);
        let Some(runtime) = self.runtime.get() else {
            return;
        };
        let delay = tables
            .target_groups
            .get(arn)
            .map(deregistration_delay)
            .unwrap_or_default();
        for (target, member) in tables.members.get_mut(arn).into_iter().flatten() {
            let this = self.this.clone();
            let (arn, target) = (arn.to_owned(), target.clone());
            let id = member.registration.id.clone();
            match (&member.work, member.registration.draining_since_ms) {
                (Work::Draining(_), Some(_)) => {}
                (_, Some(since)) => {
                    member.backend.retire();
                    let backend = Arc::clone(&member.backend);
                    let wait = self.drain_wait(since, delay);
                    let task = runtime.spawn(async move {
                        drain(&backend, wait).await;
                        if let Some(elb) = this.upgrade() {
                            elb.finish_draining(&arn, &target, &id);
                        }
                    });
                    member.work = Work::Draining(task.abort_handle());
                }
                (Work::None, None) if used => {
                    let task = runtime.spawn(super::targets::watch(this, arn, target, id));
                    member.work = Work::Probing(task.abort_handle());
                }
                (Work::Probing(_), None) if !used => {
                    // What the probes said is old by the time that the group takes traffic again.
                    member.work = Work::None;
                    member.registration.health = Health::default();
                    self.save(&member.registration);
                }
                _ => {}
            }
        }
    }

    /// What is left of the delay here, and of AWS's own, for a target that was deregistered at `since_ms`.
    fn drain_wait(&self, since_ms: i64, delay: Duration) -> DrainWait {
        let gone =
            Duration::from_millis(u64::try_from(self.clock.now_ms() - since_ms).unwrap_or(0));
        DrainWait {
            least: self.clock.wait(delay).saturating_sub(gone),
            most: delay.saturating_sub(gone),
        }
    }

    /// Binds a listener's port, or says why that cannot be. Called with the tables locked.
    pub(super) fn open_front(&self, tables: &Tables, listener: &Listener) -> Result<Front, String> {
        let runtime = self
            .runtime
            .get()
            .ok_or_else(|| "the load balancer is not started".to_owned())?;
        let socket = proxy::bind(listener.port, listener.bound_port).map_err(|error| {
            format!(
                "127.0.0.1:{} cannot be bound: {error}; stop the program that uses the port, or give the listener another one",
                listener.port
            )
        })?;
        let _context = runtime.enter();
        let routes =
            routes_of(tables, listener).ok_or_else(|| "its load balancer is gone".to_owned())?;
        Front::open(socket, routes).map_err(|error| error.to_string())
    }
}

struct DrainWait {
    least: Duration,
    most: Duration,
}

/// Waits until the delay is over here and nothing is in flight; when AWS's own delay is over, ends what is.
async fn drain(backend: &Backend, wait: DrainWait) {
    let least = tokio::time::sleep(wait.least);
    let both = async {
        least.await;
        backend.drained().await;
    };
    if tokio::time::timeout(wait.most, both).await.is_err() {
        backend.cut();
    }
}

/// Gives a group its eligible targets: the healthy ones, or, if there are none, all that are not draining.
pub(super) fn publish_targets(tables: &Tables, arn: &str) {
    let (Some(description), Some(group)) = (tables.target_groups.get(arn), tables.groups.get(arn))
    else {
        return;
    };
    let staying = || {
        tables
            .members
            .get(arn)
            .into_iter()
            .flat_map(|members| members.values())
            .filter(|member| !member.is_draining())
    };
    let is_healthy = |member: &&Member| member.registration.health.state() == TargetState::Healthy;
    let backend = |member: &Member| Arc::clone(&member.backend);
    let mut targets: Vec<_> = staying().filter(is_healthy).map(backend).collect();
    if targets.is_empty() {
        targets = staying().map(backend).collect();
    }
    group.set_targets(targets, prefers_least_outstanding(description));
}

fn routes(tables: &mut Tables, listener: &str) -> Option<Arc<Routes>> {
    let listener = tables.listeners.get(listener)?;
    let balancer = listener.load_balancer_arn.clone();
    tables.counters.entry(balancer).or_default();
    routes_of(tables, listener)
}

fn routes_of(tables: &Tables, listener: &Listener) -> Option<Arc<Routes>> {
    let balancer = tables.load_balancers.get(&listener.load_balancer_arn)?;
    let rules = tables.rules_of(&listener.arn);
    let rules = rules
        .iter()
        .map(|rule| (rule.conditions.as_slice(), reaction(tables, &rule.action)));
    Some(Arc::new(Routes {
        table: Table::new(rules, reaction(tables, &listener.action)),
        settings: Settings::of(balancer),
        counters: tables
            .counters
            .get(&balancer.arn)
            .cloned()
            .unwrap_or_default(),
    }))
}

fn reaction(tables: &Tables, action: &Action) -> Reaction {
    match action {
        Action::Forward(groups) => Reaction::Forward(Weighted::new(
            groups
                .iter()
                .map(|group| {
                    let live: Option<&Arc<Group>> = tables.groups.get(&group.arn);
                    (group.weight, live.cloned().unwrap_or_default())
                })
                .collect(),
        )),
        Action::FixedResponse {
            status,
            content_type,
            body,
        } => Reaction::Fixed {
            status: StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            content_type: content_type
                .as_ref()
                .and_then(|kind| HeaderValue::try_from(format!("{kind}; charset=utf-8")).ok()),
            body: Bytes::copy_from_slice(body.as_bytes()),
        },
        Action::Redirect(redirect) => Reaction::Redirect(redirect.clone()),
    }
}
