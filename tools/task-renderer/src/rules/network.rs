//! Ports, and what the network mode makes of them.

use serde_json::Value;

use super::view::{Container, Task, text, twice};
use crate::Problem;

const PORT: &str = "API_PortMapping";
/// Ranges of a container.
const MOST_RANGES: usize = 100;

/// A mapping and where it stands.
struct Mapping<'d> {
    place: String,
    value: &'d Value,
}

impl Mapping<'_> {
    fn port(&self, member: &str) -> Option<i64> {
        self.value[member].as_i64()
    }

    fn protocol(&self) -> &str {
        self.value["protocol"].as_str().unwrap_or("tcp")
    }
}

pub(super) fn problems(task: &Task<'_>) -> Vec<Problem> {
    let mode = task.network_mode();
    let mut problems = Vec::new();
    let mut all = Vec::new();
    for container in &task.containers {
        let mappings = mappings(container);
        if mode == "none" && !mappings.is_empty() {
            problems.push(
                Problem::new(
                    container.at("portMappings"),
                    "the network mode none has no ports",
                    "leave the ports out, or choose another network mode",
                )
                .by(PORT),
            );
        }
        let ranges = mappings
            .iter()
            .filter(|mapping| !mapping.value["containerPortRange"].is_null());
        if ranges.count() > MOST_RANGES {
            problems.push(
                Problem::new(
                    container.at("portMappings"),
                    "there are more than 100 ranges of ports",
                    "join some",
                )
                .by(PORT),
            );
        }
        for mapping in &mappings {
            problems.extend(one(mapping, mode));
            problems.extend(name(mapping));
        }
        problems.extend(mode_of(container, mode));
        all.extend(mappings);
    }
    problems.extend(shared(&all, mode));
    problems
}

fn mappings<'d>(container: &Container<'d>) -> Vec<Mapping<'d>> {
    let mappings = container.list("portMappings").iter().enumerate();
    mappings
        .map(|(index, value)| Mapping {
            place: container.at(&format!("portMappings[{index}]")),
            value,
        })
        .collect()
}

fn one(mapping: &Mapping<'_>, mode: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut push = |member: &str, message: String, remedy: &str| {
        let place = format!("{}.{member}", mapping.place);
        problems.push(Problem::new(place, message, remedy).by(PORT));
    };
    for (member, low) in [("containerPort", 1), ("hostPort", 0)] {
        if let Some(port) = mapping
            .port(member)
            .filter(|port| !(low..=65_535).contains(port))
        {
            push(
                member,
                format!("{port} is no port"),
                "write a number up to 65535",
            );
        }
    }
    let range = &mapping.value["containerPortRange"];
    match (mapping.port("containerPort"), range.as_str()) {
        (None, None) if mapping.value["containerPort"].is_null() && range.is_null() => push(
            "containerPort",
            "the mapping names no port".to_owned(),
            "add containerPort",
        ),
        (Some(_), Some(_)) => push(
            "containerPortRange",
            "the mapping names a port and a range".to_owned(),
            "leave one of them",
        ),
        (None, Some(range)) if !is_range(range) => push(
            "containerPortRange",
            format!("\"{}\" is no range of ports", range.escape_debug()),
            "write FIRST-LAST, the first being the lower",
        ),
        (None, Some(_)) if mode == "host" => push(
            "containerPortRange",
            "ranges need the network mode bridge or awsvpc".to_owned(),
            "name each port",
        ),
        _ => {}
    }
    if let (Some(port), Some(host)) = (mapping.port("containerPort"), mapping.port("hostPort"))
        && ["awsvpc", "host"].contains(&mode)
        && host != port
        && !(host == 0 && mode == "host")
    {
        push(
            "hostPort",
            format!(
                "in the network mode {mode} the host's port is the container's, {port}, not {host}"
            ),
            "leave hostPort out",
        );
    }
    problems
}

/// The name by which Service Connect finds a port.
fn name(mapping: &Mapping<'_>) -> Option<Problem> {
    let name = text(&mapping.value["name"]);
    let (message, remedy) = if name.chars().count() > 64 {
        ("the name has more than 64 characters", "shorten it")
    } else if !mapping.value["appProtocol"].is_null() && name.is_empty() {
        (
            "appProtocol is for Service Connect, which finds ports by name",
            "add a name",
        )
    } else {
        return None;
    };
    Some(Problem::new(format!("{}.name", mapping.place), message, remedy).by(PORT))
}

fn is_range(range: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    range
        .split_once('-')
        .and_then(|(first, last)| Some(port(first)? < port(last)?))
        .unwrap_or(false)
}

/// Members that a network mode has no use for, which ECS refuses.
fn mode_of(container: &Container<'_>, mode: &str) -> Vec<Problem> {
    let refused: &[&str] = match mode {
        "awsvpc" => &["hostname", "extraHosts", "links"],
        "host" => &["links"],
        _ => &[],
    };
    refused
        .iter()
        .filter(|member| container.has(member))
        .map(|member| {
            Problem::new(
                container.at(member),
                format!("the network mode {mode} does not allow {member}"),
                "leave it out",
            )
            .by("API_ContainerDefinition")
        })
        .collect()
}

/// Ports and names that two mappings of the task cannot both have.
fn shared(all: &[Mapping<'_>], mode: &str) -> Vec<Problem> {
    let named = all
        .iter()
        .map(|mapping| (mapping.place.clone(), text(&mapping.value["name"])))
        .filter(|(_, name)| !name.is_empty());
    let mut problems = twice(
        named.map(|(place, name)| (format!("{place}.name"), name)),
        "the name of a port",
        PORT,
    );
    // In a network of its own, and on the host's, the containers share one set of ports.
    let is_one_network = ["awsvpc", "host"].contains(&mode);
    let taken = all.iter().filter_map(|mapping| {
        let (member, port) = if is_one_network {
            ("containerPort", mapping.port("containerPort")?)
        } else {
            (
                "hostPort",
                mapping.port("hostPort").filter(|port| *port != 0)?,
            )
        };
        Some((
            format!("{}.{member}", mapping.place),
            format!("{port}/{}", mapping.protocol()),
        ))
    });
    problems.extend(twice(taken, "the port", PORT));
    if !is_one_network {
        let own = all.iter().filter_map(|mapping| {
            // Two dynamic host ports for one port of a container lead to one listener.
            let container = mapping.place.split('.').next()?;
            let port = mapping.port("containerPort")?;
            (mapping.port("hostPort").unwrap_or(0) == 0).then(|| {
                (
                    format!("{}.containerPort", mapping.place),
                    format!("{port}/{} of {container}", mapping.protocol()),
                )
            })
        });
        problems.extend(twice(own, "the port", PORT));
    }
    problems
}
