//! The sizes that Fargate sells, and its other limits.

use crate::{Problem, Workload};

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

/// Seconds; the service's own range (RegisterTaskDefinition, `stopTimeout`).
const STOP_TIMEOUTS: std::ops::RangeInclusive<u32> = 2..=120;

/// What Fargate would refuse of a workload.
pub(crate) fn problems(workload: &Workload) -> Vec<Problem> {
    let section = &workload.section;
    let mut problems = Vec::new();
    problems.extend(size(section, workload.cpu, workload.memory));
    if let Some(timeout) = workload
        .stop_timeout
        .filter(|timeout| !STOP_TIMEOUTS.contains(timeout))
    {
        problems.push(Problem::new(
            format!("{section}.stop-timeout"),
            format!("Fargate does not wait {timeout} s for a container to stop"),
            format!("write {} to {}", STOP_TIMEOUTS.start(), STOP_TIMEOUTS.end()),
        ));
    }
    problems
}

fn size(section: &str, cpu: u32, memory: u32) -> Option<Problem> {
    let Some(&(_, least, most, step)) = SIZES.iter().find(|(units, ..)| *units == cpu) else {
        let known: Vec<String> = SIZES.iter().map(|(units, ..)| units.to_string()).collect();
        return Some(Problem::new(
            format!("{section}.cpu"),
            format!("Fargate has no size of {cpu} CPU units"),
            format!("write one of {}", known.join(", ")),
        ));
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
    Some(Problem::new(
        format!("{section}.memory"),
        format!("Fargate has no size of {cpu} CPU units with {memory} MiB"),
        choice,
    ))
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
                .filter(|memory| size("services.api", cpu, *memory).is_none())
                .count();
        }
        // 3 + 4 + 7 + 13 + 23 + 12 + 12
        assert_eq!(pairs, 74);
    }

    #[test]
    fn says_what_to_write_instead() {
        let said = |cpu, memory| {
            let problem = size("services.api", cpu, memory).unwrap();
            format!("{}: {}; {}", problem.place, problem.message, problem.remedy)
        };
        assert_eq!(
            said(300, 512),
            "services.api.cpu: Fargate has no size of 300 CPU units; write one of 256, 512, 1024, 2048, 4096, 8192, 16384"
        );
        assert_eq!(
            said(256, 1_536),
            "services.api.memory: Fargate has no size of 256 CPU units with 1536 MiB; write 512, 1024 or 2048"
        );
        assert_eq!(
            said(8_192, 17_408),
            "services.api.memory: Fargate has no size of 8192 CPU units with 17408 MiB; write 16384 to 61440 in steps of 4096"
        );
    }
}
