//! Whether the cluster's instances have room for the peak of a release.

use super::definition::Definition;
use super::found::Found;
use super::intent::{Intent, Launch};
use super::report::Check;

const ID: &str = "capacity";

/// A container instance with what is left on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) id: String,
    /// `ACTIVE`, `DRAINING`, …
    pub(super) status: String,
    pub(super) is_connected: bool,
    /// CPU units.
    pub(super) cpu: i64,
    /// MiB.
    pub(super) memory: i64,
    /// TCP ports that are taken.
    pub(super) ports: Vec<i32>,
}

pub(super) fn capacity(
    cluster: &str,
    found: &Found<Vec<Instance>>,
    intent: &Intent,
    definition: Option<&Definition>,
) -> Vec<Check> {
    if !intent.launch.needs_instances() {
        let message = "no instance of the cluster is needed";
        return vec![Check::ok(ID, cluster, message)];
    }
    let instances = match found {
        Found::Hidden(hidden) => return vec![Check::unknown(ID, cluster, hidden)],
        Found::Missing => &Vec::new(),
        Found::Known(instances) => instances,
    };
    let mut checks: Vec<_> = instances
        .iter()
        .filter(|instance| instance.status == "ACTIVE" && !instance.is_connected)
        .map(|instance| {
            Check::warning(
                ID,
                &instance.id,
                "its agent is not connected: no task starts there",
            )
            .hint("restart the ECS agent or replace the instance")
        })
        .collect();
    let usable: Vec<_> = instances
        .iter()
        .filter(|instance| instance.status == "ACTIVE" && instance.is_connected)
        .collect();
    let grows = matches!(intent.launch, Launch::Providers(_));
    if usable.is_empty() {
        let message = "no container instance is registered, ACTIVE and connected";
        checks.push(short(cluster, message.to_owned(), grows));
    } else if let Some(definition) = definition
        && !intent.is_daemon
    {
        checks.push(room(cluster, &usable, intent, definition, grows));
    }
    checks
}

/// A capacity provider may bring instances, so that what is short now is no problem there.
fn short(cluster: &str, message: String, grows: bool) -> Check {
    if grows {
        Check::warning(ID, cluster, message).hint("the capacity provider must bring instances")
    } else {
        Check::problem(ID, cluster, message).hint("add instances, or make the task smaller")
    }
}

fn room(
    cluster: &str,
    usable: &[&Instance],
    intent: &Intent,
    definition: &Definition,
    grows: bool,
) -> Check {
    let (cpu, memory) = (definition.reserved_cpu(), definition.reserved_memory());
    let ports = definition.host_ports();
    let room: i64 = usable.iter().map(|it| fits(it, cpu, memory, &ports)).sum();
    let more = (intent.peak() - intent.running).max(0);
    let described = format!("{cpu} CPU units and {memory} MiB each");
    if room >= more {
        return Check::ok(
            ID,
            cluster,
            format!("room for {room} tasks more, and the peak needs {more} ({described})"),
        );
    }
    let stops_first = intent.running > intent.floor();
    if intent.running + room < intent.desired || (room == 0 && !stops_first) {
        let message = format!(
            "room for {room} tasks more, but {} run of {} desired and {} must stay healthy ({described}{})",
            intent.running,
            intent.desired,
            intent.floor(),
            scarce(usable, cpu, memory, &ports)
        );
        return short(cluster, message, grows);
    }
    let message = format!(
        "room for {room} tasks more of the {more} that the peak needs ({described}): the release takes more rounds"
    );
    Check::warning(ID, cluster, message)
}

/// How many tasks fit on an instance.
fn fits(instance: &Instance, cpu: i64, memory: i64, ports: &[i32]) -> i64 {
    let by = |left: i64, each: i64| {
        if each > 0 {
            left.max(0) / each
        } else {
            i64::MAX
        }
    };
    let by_ports = match ports {
        [] => 1_000,
        ports if ports.iter().any(|port| instance.ports.contains(port)) => 0,
        _ => 1,
    };
    by(instance.cpu, cpu)
        .min(by(instance.memory, memory))
        .min(by_ports)
}

/// What there is too little of on every instance.
fn scarce(usable: &[&Instance], cpu: i64, memory: i64, ports: &[i32]) -> String {
    let most = |of: fn(&Instance) -> i64| usable.iter().map(|it| of(it)).max().unwrap_or(0);
    let mut text = String::new();
    let (left_cpu, left_memory) = (most(|it| it.cpu), most(|it| it.memory));
    if left_cpu < cpu {
        text.push_str(&format!(
            "; at most {left_cpu} CPU units are left on an instance"
        ));
    }
    if left_memory < memory {
        text.push_str(&format!(
            "; at most {left_memory} MiB are left on an instance"
        ));
    }
    for port in ports {
        if usable.iter().all(|instance| instance.ports.contains(port)) {
            text.push_str(&format!(
                "; the host port {port} is taken on every instance"
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Outcome;
    use serde_json::json;

    fn instance(cpu: i64, ports: &[i32]) -> Instance {
        Instance {
            id: "i".to_owned(),
            status: "ACTIVE".to_owned(),
            is_connected: true,
            cpu,
            memory: 1_000,
            ports: ports.to_vec(),
        }
    }

    #[test]
    fn judges_the_room_for_a_release() {
        let definition = |port: i32| {
            Definition::parse(
                &json!({"family": "web", "cpu": "100", "memory": "100", "containerDefinitions":
                [{"name": "a", "image": "i", "portMappings": [{"containerPort": 80, "hostPort": port}]}]}),
            )
        };
        let one = Intent::sample(1);
        let new = Intent {
            running: 0,
            ..Intent::sample(3)
        };
        let stopping = Intent {
            minimum_percent: 50,
            ..Intent::sample(2)
        };
        let gone = Instance {
            is_connected: false,
            ..instance(500, &[])
        };
        let table = [
            (vec![instance(100, &[])], &one, 0, vec![Outcome::Ok]),
            (vec![instance(99, &[])], &one, 0, vec![Outcome::Problem]),
            (vec![instance(500, &[80])], &one, 80, vec![Outcome::Problem]),
            (vec![instance(200, &[])], &new, 0, vec![Outcome::Problem]),
            (vec![instance(300, &[])], &new, 0, vec![Outcome::Warning]),
            (vec![instance(0, &[])], &stopping, 0, vec![Outcome::Warning]),
            (
                vec![gone],
                &one,
                0,
                vec![Outcome::Warning, Outcome::Problem],
            ),
            (vec![], &one, 0, vec![Outcome::Problem]),
        ];
        for (instances, intent, port, expected) in table {
            let checks = capacity(
                "c",
                &Found::Known(instances),
                intent,
                Some(&definition(port)),
            );
            let seen: Vec<_> = checks.iter().map(|check| check.outcome).collect();
            assert_eq!(seen, expected, "{checks:?}");
        }
    }
}
