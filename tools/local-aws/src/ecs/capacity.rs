//! The one container instance of every cluster: this machine.

use serde::{Deserialize, Serialize};

use crate::account::hex_id;
use crate::state::{Document, Store};

/// What this machine offers to tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// CPU units; 1024 are one core.
    pub(crate) cpu: u32,
    /// MiB.
    pub(crate) memory: u32,
    /// `i-` and 17 hexadecimal digits.
    pub(crate) instance_id: String,
    /// 32 hexadecimal digits.
    pub(crate) container_instance: String,
}

#[derive(Serialize, Deserialize)]
struct Instance {
    instance_id: String,
    container_instance: String,
}

impl Document for Instance {
    const KIND: &'static str = "ecs-instance";
    fn key(&self) -> String {
        String::new()
    }
}

impl Capacity {
    /// Cores and memory of this machine; its ids stay the same as long as the store lives.
    pub(crate) fn of_this_machine(store: &Store) -> anyhow::Result<Self> {
        let instance = match store.get::<Instance>("")? {
            Some(instance) => instance,
            None => {
                let instance = Instance {
                    instance_id: format!("i-{}", hex_id(17)),
                    container_instance: hex_id(32),
                };
                store.put(&instance)?;
                instance
            }
        };
        let cores = std::thread::available_parallelism()?.get();
        Ok(Self {
            cpu: u32::try_from(cores)?.saturating_mul(1024),
            memory: memory(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default()),
            instance_id: instance.instance_id,
            container_instance: instance.container_instance,
        })
    }
}

/// MiB of memory, from the text of /proc/meminfo; where there is none, as much as a small instance has.
fn memory(meminfo: &str) -> u32 {
    let kib = meminfo.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?
            .trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<u64>()
            .ok()
    });
    u32::try_from(kib.unwrap_or(2 * 1024 * 1024) / 1024).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_memory_of_the_machine() {
        assert_eq!(
            memory("MemTotal:       24689228 kB\nMemFree: 1 kB\n"),
            24_110
        );
        assert_eq!(memory(""), 2_048);
    }
}
