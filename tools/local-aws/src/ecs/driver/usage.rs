//! What tasks use of their reservation, as the metrics of `AWS/ECS` say it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::ecs::Ecs;
use crate::ecs::model::TaskState;

/// Clock ticks of /proc a second; the kernel's USER_HZ is 100 on every architecture that it runs tasks on here.
const TICKS: f64 = 100.0;
const NAMESPACE: &str = "AWS/ECS";

/// When usage was last looked at, and the CPU ticks of each task at that time.
#[derive(Default)]
pub(crate) struct Meter {
    last: Mutex<Reading>,
}

#[derive(Default)]
struct Reading {
    at_ms: i64,
    ticks: BTreeMap<String, u64>,
}

/// Records CPU and memory of every service once a minute of AWS's.
pub(crate) fn record(ecs: &Ecs) {
    let now = ecs.now();
    let mut last = ecs
        .meter
        .last
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let elapsed_ms = now - last.at_ms;
    if elapsed_ms < ecs.parts.clock.wait_ms(60) {
        return;
    }
    let mut ticks = BTreeMap::new();
    for task in running(ecs) {
        let usage = usage(&task.pids);
        #[expect(
            clippy::cast_precision_loss,
            reason = "ticks and bytes of this machine fit 53 bits"
        )]
        if let (Some(before), Some(service)) = (last.ticks.get(&task.id), &task.service) {
            let seconds = elapsed_ms as f64 / 1000.0;
            let cores = usage.ticks.saturating_sub(*before) as f64 / TICKS / seconds;
            let cpu = 100.0 * cores * 1024.0 / f64::from(task.cpu.max(1));
            let memory =
                100.0 * usage.bytes as f64 / (f64::from(task.memory.max(1)) * 1024.0 * 1024.0);
            let dimensions = [
                ("ClusterName", task.cluster.as_str()),
                ("ServiceName", service.as_str()),
            ];
            ecs.parts
                .cloudwatch
                .record(NAMESPACE, "CPUUtilization", &dimensions, cpu);
            ecs.parts
                .cloudwatch
                .record(NAMESPACE, "MemoryUtilization", &dimensions, memory);
        }
        ticks.insert(task.id, usage.ticks);
    }
    *last = Reading { at_ms: now, ticks };
    super::insights::record(ecs);
}

struct Metered {
    id: String,
    cluster: String,
    service: Option<String>,
    cpu: u32,
    memory: u32,
    pids: Vec<i32>,
}

fn running(ecs: &Ecs) -> Vec<Metered> {
    let world = ecs.world();
    let running = world
        .tasks
        .values()
        .filter(|task| task.state == TaskState::Running);
    running
        .map(|task| Metered {
            id: task.id.clone(),
            cluster: task.cluster.clone(),
            service: task.service().map(str::to_owned),
            cpu: task.cpu,
            memory: task.memory,
            pids: task
                .containers
                .iter()
                .filter_map(|container| container.pid)
                .collect(),
        })
        .collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Usage {
    ticks: u64,
    bytes: u64,
}

/// Of the processes and of everything that they have started.
fn usage(pids: &[i32]) -> Usage {
    let mut sum = Usage::default();
    let mut left = pids.to_vec();
    while let Some(pid) = left.pop() {
        // A process that has just ended uses nothing.
        let read =
            |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        sum.ticks += ticks(&read("stat")).unwrap_or(0);
        sum.bytes += resident(&read("status")).unwrap_or(0);
        let children = read(&format!("task/{pid}/children"));
        left.extend(
            children
                .split_whitespace()
                .filter_map(|child| child.parse::<i32>().ok()),
        );
    }
    sum
}

/// User and system time, the 14th and 15th field; the name before them may contain anything, blanks too.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11);
    Some(times.next()?.parse::<u64>().ok()? + times.next()?.parse::<u64>().ok()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(
        line.trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<u64>()
            .ok()?
            * 1024,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_time_and_memory_of_a_process() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(
            resident("Name:\ta\nVmRSS:\t    1844 kB\n"),
            Some(1844 * 1024)
        );
    }

    #[test]
    fn counts_this_very_process() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(usage(&[pid]).bytes > 0);
    }
}
