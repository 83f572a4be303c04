//! What Fargate asks of a task definition.

use super::definition::{Definition, Mode, cpu_units, mebibytes};
use super::report::Check;

const ID: &str = "fargate";
const GIB: i64 = 1024;
/// Seconds after which Fargate kills at the latest.
const LONGEST_STOP: i32 = 120;

pub(super) fn fargate(definition: &Definition) -> Vec<Check> {
    let name = &definition.name;
    let mut checks = Vec::new();
    if definition.mode != Mode::Awsvpc {
        let message = format!(
            "Fargate needs the network mode awsvpc, not {}",
            definition.mode.word()
        );
        checks.push(Check::problem(ID, name, message).hint("set \"networkMode\": \"awsvpc\""));
    }
    checks.push(size(definition));
    if let Some(gib) = definition.ephemeral_gib
        && !(21..=200).contains(&gib)
    {
        let message = format!(
            "{gib} GiB of ephemeral storage; Fargate has 21 to 200, and 20 without the setting"
        );
        checks.push(Check::problem(ID, name, message));
    }
    for container in &definition.containers {
        let container_name = container.name().unwrap_or_default();
        if container.privileged() == Some(true) {
            checks.push(Check::problem(
                ID,
                container_name,
                "Fargate runs no privileged container",
            ));
        }
        if let Some(seconds) = container.stop_timeout().filter(|it| *it > LONGEST_STOP) {
            let message =
                format!("a stopTimeout of {seconds} s; Fargate has at most {LONGEST_STOP}");
            checks.push(Check::problem(ID, container_name, message));
        }
    }
    for volume in &definition.volumes {
        let is_of_host = volume
            .host()
            .is_some_and(|host| host.source_path().is_some());
        if is_of_host || volume.docker_volume_configuration().is_some() {
            let message = "Fargate has neither directories of the host nor Docker volumes";
            checks.push(
                Check::problem(ID, volume.name().unwrap_or_default(), message)
                    .hint("use an EFS volume, or one without a source"),
            );
        }
    }
    checks
}

fn size(definition: &Definition) -> Check {
    let name = &definition.name;
    let (Some(cpu), Some(memory)) = (&definition.cpu, &definition.memory) else {
        let missing = if definition.cpu.is_none() {
            "cpu"
        } else {
            "memory"
        };
        let message = format!("Fargate requires that '{missing}' be defined at the task level");
        return Check::problem(ID, name, message);
    };
    let (Some(units), Some(mib)) = (cpu_units(cpu), mebibytes(memory)) else {
        let message = format!("cpu {cpu:?} and memory {memory:?} are not both quantities");
        return Check::problem(ID, name, message)
            .hint("write \"256\" and \"512\", or \"1 vCPU\" and \"2 GB\"");
    };
    let Some((sizes, described)) = sizes(units) else {
        let message = format!("Fargate has no size of {units} CPU units");
        return Check::problem(ID, name, message)
            .hint("256, 512, 1024, 2048, 4096, 8192 and 16384 are the sizes");
    };
    if sizes.contains(&mib) {
        Check::ok(
            ID,
            name,
            format!("{units} CPU units and {mib} MiB are one of Fargate's sizes"),
        )
    } else {
        let message = format!("Fargate has no size of {units} CPU units and {mib} MiB");
        Check::problem(ID, name, message).hint(format!("{units} CPU units go with {described}"))
    }
}

/// The MiB that go with so many CPU units, and how one says it.
fn sizes(units: i64) -> Option<(Vec<i64>, &'static str)> {
    let steps = |from: i64, to: i64, step: i64| {
        (from..=to)
            .step_by(usize::try_from(step).unwrap_or(1))
            .map(|gib| gib * GIB)
            .collect()
    };
    Some(match units {
        256 => (vec![512, GIB, 2 * GIB], "512, 1024 or 2048 MiB"),
        512 => (steps(1, 4, 1), "1 to 4 GiB"),
        1_024 => (steps(2, 8, 1), "2 to 8 GiB"),
        2_048 => (steps(4, 16, 1), "4 to 16 GiB"),
        4_096 => (steps(8, 30, 1), "8 to 30 GiB"),
        8_192 => (steps(16, 60, 4), "16 to 60 GiB in steps of 4"),
        16_384 => (steps(32, 120, 8), "32 to 120 GiB in steps of 8"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Outcome;
    use serde_json::json;

    #[test]
    fn has_seventy_four_sizes() {
        let count: usize = [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384]
            .into_iter()
            .filter_map(sizes)
            .map(|(sizes, _)| sizes.len())
            .sum();
        // As many as were measured.
        assert_eq!(count, 74);
    }

    #[test]
    fn judges_sizes() {
        let table = [
            (Some("256"), Some("512"), Outcome::Ok),
            (Some("1 vCPU"), Some("2 GB"), Outcome::Ok),
            (Some("256"), Some("4096"), Outcome::Problem),
            (Some("8192"), Some("17408"), Outcome::Problem),
            (Some("300"), Some("512"), Outcome::Problem),
            (Some("much"), Some("512"), Outcome::Problem),
            (None, Some("512"), Outcome::Problem),
        ];
        for (cpu, memory, expected) in table {
            let mut json =
                json!({"family": "web", "containerDefinitions": [{"name": "a", "image": "i"}]});
            if let Some(cpu) = cpu {
                json["cpu"] = json!(cpu);
            }
            json["memory"] = json!(memory);
            assert_eq!(
                size(&Definition::parse(&json)).outcome,
                expected,
                "{cpu:?} {memory:?}"
            );
        }
    }

    #[test]
    fn finds_what_fargate_does_not_have() {
        let definition = Definition::parse(&json!({
            "family": "web", "cpu": "256", "memory": "512", "networkMode": "bridge",
            "ephemeralStorage": {"sizeInGiB": 20},
            "volumes": [{"name": "v", "host": {"sourcePath": "/data"}}, {"name": "w"}],
            "containerDefinitions": [{"name": "a", "image": "i", "privileged": true, "stopTimeout": 121}],
        }));
        let problems: Vec<_> = fargate(&definition)
            .into_iter()
            .filter(|check| check.outcome == Outcome::Problem)
            .map(|check| check.message)
            .collect();
        assert_eq!(
            problems,
            [
                "Fargate needs the network mode awsvpc, not bridge",
                "20 GiB of ephemeral storage; Fargate has 21 to 200, and 20 without the setting",
                "Fargate runs no privileged container",
                "a stopTimeout of 121 s; Fargate has at most 120",
                "Fargate has neither directories of the host nor Docker volumes",
            ]
        );
    }
}
