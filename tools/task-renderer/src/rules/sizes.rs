//! How much CPU and memory a task and its containers ask for.

use std::collections::BTreeMap;

use super::view::Task;
use crate::Problem;

/// Page about the sizes that Fargate sells.
const FARGATE: &str = "fargate-tasks-services";
const CONTAINER: &str = "API_ContainerDefinition";

/// CPU units; least and most MiB; step in MiB. Measured against RegisterTaskDefinition in August 2026: 74
/// pairs. The smallest size is the odd one, it begins with half a step.
const SIZES: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2_048, 1_024),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// MiB that Docker gives a container at least.
const LEAST_MEMORY: i64 = 6;
/// CPU units of a task on instances.
const UNITS: std::ops::RangeInclusive<u32> = 128..=196_608;

pub(super) fn problems(task: &Task<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let sizes = BTreeMap::from(["cpu", "memory"].map(|member| (member, amount(task, member))));
    for (member, size) in &sizes {
        if let Err(problem) = size {
            problems.push(problem.clone());
        }
        if task.is_for_fargate() && matches!(size, Ok(None)) {
            problems.push(
                Problem::new(
                    *member,
                    format!("Fargate requires that '{member}' be defined at the task level"),
                    "add it",
                )
                .by(FARGATE),
            );
        }
    }
    let known = |member: &str| sizes[member].as_ref().ok().copied().flatten();
    if task.is_for_fargate() {
        if let (Some(cpu), Some(memory)) = (known("cpu"), known("memory")) {
            problems.extend(size(cpu, memory));
        }
    } else if let Some(cpu) = known("cpu").filter(|cpu| !UNITS.contains(cpu)) {
        problems.push(
            Problem::new(
                "cpu",
                format!("ECS takes no task with {cpu} CPU units"),
                format!("write {} to {}", UNITS.start(), UNITS.end()),
            )
            .by("task_definition_parameters_ec2"),
        );
    }
    problems.extend(of_containers(task, known("memory").is_some()));
    for member in ["cpu", "memory"] {
        problems.extend(known(member).and_then(|size| sum(task, member, size)));
    }
    problems
}

/// CPU units or MiB of the task: `256`, `.25 vCPU`, `512`, `0.5 GB`.
fn amount(task: &Task<'_>, member: &str) -> Result<Option<u32>, Problem> {
    let Some(text) = task.root[member].as_str() else {
        return Ok(None);
    };
    units(text).map(Some).ok_or_else(|| {
        let example = if member == "cpu" {
            "\"256\" or \".25 vCPU\""
        } else {
            "\"512\" or \"0.5 GB\""
        };
        Problem::new(
            member,
            format!("\"{}\" is no amount", text.escape_debug()),
            format!("write {example}"),
        )
        .by("task_definition_parameters_ec2")
    })
}

/// The number that ECS keeps for an amount.
pub(crate) fn units(text: &str) -> Option<u32> {
    let lower = text.trim().to_ascii_lowercase();
    let whole = ["vcpu", "gb"]
        .iter()
        .find_map(|unit| lower.strip_suffix(unit));
    let Some(number) = whole else {
        return lower.parse().ok();
    };
    let number = number.trim();
    let (cores, parts) = number.split_once('.').unwrap_or((number, ""));
    if parts.len() > 6 || (cores.is_empty() && parts.is_empty()) {
        return None;
    }
    let digits = |text: &str| -> Option<u64> {
        if text.is_empty() {
            return Some(0);
        }
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())?
    };
    let scale = 10_u64.pow(u32::try_from(parts.len()).ok()?);
    let scaled = digits(cores)?
        .checked_mul(scale)?
        .checked_add(digits(parts)?)?;
    u32::try_from(scaled.checked_mul(1_024)? / scale).ok()
}

fn of_containers(task: &Task<'_>, task_has_memory: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for container in &task.containers {
        let of = |member: &str| {
            container.value[member]
                .as_i64()
                .filter(|amount| *amount != 0)
        };
        let (memory, reserved) = (of("memory"), of("memoryReservation"));
        if memory.is_none() && reserved.is_none() && !task_has_memory && !task.is_for_fargate() {
            problems.push(
                Problem::new(
                    container.at("memory"),
                    "neither the container nor the task says how much memory it needs",
                    "add memory or memoryReservation, in MiB",
                )
                .by(CONTAINER),
            );
        }
        if let (Some(memory), Some(reserved)) = (memory, reserved)
            && reserved > memory
        {
            problems.push(
                Problem::new(
                    container.at("memoryReservation"),
                    format!("{reserved} MiB are reserved of {memory}"),
                    "reserve less than memory",
                )
                .by(CONTAINER),
            );
        }
        for (member, amount) in [("memory", memory), ("memoryReservation", reserved)] {
            if let Some(amount) = amount.filter(|amount| *amount < LEAST_MEMORY) {
                problems.push(
                    Problem::new(
                        container.at(member),
                        format!("Docker starts no container with {amount} MiB"),
                        format!("write {LEAST_MEMORY} or more"),
                    )
                    .by(CONTAINER),
                );
            }
        }
        if let Some(cpu) = of("cpu").filter(|cpu| *cpu < 0) {
            problems.push(
                Problem::new(
                    container.at("cpu"),
                    format!("{cpu} is no number of CPU units"),
                    "write 0 or more",
                )
                .by(CONTAINER),
            );
        }
    }
    problems
}

/// The containers together must not ask for more than the task has.
fn sum(task: &Task<'_>, member: &str, size: u32) -> Option<Problem> {
    let asked: i64 = task
        .containers
        .iter()
        .map(|container| {
            let own = container.value[member].as_i64();
            // What is reserved counts; a hard limit counts where nothing is reserved.
            let reserved = (member == "memory")
                .then(|| container.value["memoryReservation"].as_i64())
                .flatten();
            reserved.or(own).unwrap_or(0)
        })
        .fold(0, i64::saturating_add);
    if asked <= i64::from(size) {
        return None;
    }
    let unit = if member == "cpu" { "CPU units" } else { "MiB" };
    Some(
        Problem::new(
            member,
            format!("the containers ask for {asked} {unit}, and the task has {size}"),
            "raise the task's or lower theirs",
        )
        .by(CONTAINER),
    )
}

fn size(cpu: u32, memory: u32) -> Option<Problem> {
    let Some(&(_, least, most, step)) = SIZES.iter().find(|(units, ..)| *units == cpu) else {
        let known: Vec<String> = SIZES.iter().map(|(units, ..)| units.to_string()).collect();
        return Some(
            Problem::new(
                "cpu",
                format!("Fargate has no size of {cpu} CPU units"),
                format!("write one of {}", known.join(", ")),
            )
            .by(FARGATE),
        );
    };
    let is_sold =
        (least..=most).contains(&memory) && (memory.is_multiple_of(step) || memory == least);
    if is_sold {
        return None;
    }
    let choice = if cpu == 256 {
        "write 512, 1024 or 2048".to_owned()
    } else {
        format!("write {least} to {most} in steps of {step}")
    };
    Some(
        Problem::new(
            "memory",
            format!("Fargate has no size of {cpu} CPU units with {memory} MiB"),
            choice,
        )
        .by(FARGATE),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_sizes_that_fargate_sells() {
        let mut pairs = 0;
        for (cpu, ..) in SIZES {
            pairs += (0..=131_072)
                .step_by(256)
                .filter(|memory| size(cpu, *memory).is_none())
                .count();
        }
        // 3 + 4 + 7 + 13 + 23 + 12 + 12
        assert_eq!(pairs, 74);
    }

    #[test]
    fn says_what_to_write_instead() {
        let said = |cpu, memory| {
            let problem = size(cpu, memory).unwrap();
            format!("{}: {}; {}", problem.place, problem.message, problem.remedy)
        };
        assert_eq!(
            said(300, 512),
            "cpu: Fargate has no size of 300 CPU units; write one of 256, 512, 1024, 2048, 4096, 8192, 16384"
        );
        assert_eq!(
            said(256, 1_536),
            "memory: Fargate has no size of 256 CPU units with 1536 MiB; write 512, 1024 or 2048"
        );
        assert_eq!(
            said(8_192, 17_408),
            "memory: Fargate has no size of 8192 CPU units with 17408 MiB; write 16384 to 61440 in steps of 4096"
        );
    }

    #[test]
    fn reads_amounts_as_ecs_does() {
        let table = [
            ("256", Some(256)),
            ("1 vCPU", Some(1_024)),
            (".25 vcpu", Some(256)),
            ("0.5GB", Some(512)),
            ("30 GB", Some(30_720)),
            ("", None),
            ("vCPU", None),
            ("-1", None),
            ("1.x GB", None),
            ("99999999999999999999 GB", None),
            ("0.00000000000000000001 GB", None),
        ];
        for (text, expected) in table {
            assert_eq!(units(text), expected, "{text}");
        }
    }
}
