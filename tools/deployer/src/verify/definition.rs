//! A task definition as the checks see it, whether it is a file or registered.

use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::types::{
    ContainerDefinition, CpuArchitecture, NetworkMode, OsFamily, RuntimePlatform, TaskDefinition,
    TaskDefinitionStatus, Volume,
};

/// How tasks get to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// An interface of their own.
    Awsvpc,
    /// A bridge on the instance: ports are mapped.
    Bridge,
    /// The instance's own interface.
    Host,
    /// Not at all.
    Cut,
}

/// Operating system and architecture, in the words of image manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Platform {
    pub(super) os: String,
    pub(super) architecture: String,
}

/// What tasks are made from.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    /// `family:revision`, or the family of what is not registered.
    pub(super) name: String,
    pub(super) family: String,
    /// False after DeregisterTaskDefinition.
    pub(super) is_active: bool,
    pub(super) mode: Mode,
    /// `EC2`, `FARGATE`, …; empty means any.
    pub(super) requires: Vec<String>,
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) task_role: Option<String>,
    pub(super) execution_role: Option<String>,
    pub(super) platform: Platform,
    pub(super) containers: Vec<ContainerDefinition>,
    pub(super) volumes: Vec<Volume>,
    pub(super) ephemeral_gib: Option<i32>,
    /// As JSON; 0 for a registered one, which ECS has measured already.
    pub(super) bytes: usize,
}

impl Platform {
    fn of(wanted: Option<&RuntimePlatform>) -> Self {
        let architecture = match wanted.and_then(|platform| platform.cpu_architecture()) {
            Some(CpuArchitecture::Arm64) => "arm64",
            _ => "amd64",
        };
        let is_windows = wanted
            .and_then(|platform| platform.operating_system_family())
            .map(OsFamily::as_str)
            .is_some_and(|family| family.starts_with("WINDOWS"));
        Self {
            os: if is_windows { "windows" } else { "linux" }.to_owned(),
            architecture: architecture.to_owned(),
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

impl Mode {
    /// Without a mode a task is on the bridge.
    fn of(mode: Option<&NetworkMode>) -> Self {
        match mode {
            Some(NetworkMode::Awsvpc) => Self::Awsvpc,
            Some(NetworkMode::Host) => Self::Host,
            Some(NetworkMode::None) => Self::Cut,
            _ => Self::Bridge,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Awsvpc => "awsvpc",
            Self::Bridge => "bridge",
            Self::Host => "host",
            Self::Cut => "none",
        }
    }
}

impl Definition {
    pub(super) fn of_file(input: &RegisterTaskDefinitionInput, bytes: usize) -> Self {
        let family = input.family().unwrap_or_default();
        Self {
            name: family.to_owned(),
            family: family.to_owned(),
            is_active: true,
            mode: Mode::of(input.network_mode()),
            requires: input
                .requires_compatibilities()
                .iter()
                .map(|one| one.as_str().to_owned())
                .collect(),
            cpu: input.cpu().map(str::to_owned),
            memory: input.memory().map(str::to_owned),
            task_role: given(input.task_role_arn()),
            execution_role: given(input.execution_role_arn()),
            platform: Platform::of(input.runtime_platform()),
            containers: input.container_definitions().to_vec(),
            volumes: input.volumes().to_vec(),
            ephemeral_gib: input
                .ephemeral_storage()
                .map(|storage| storage.size_in_gib()),
            bytes,
        }
    }

    pub(super) fn of_live(live: &TaskDefinition) -> Self {
        let family = live.family().unwrap_or_default();
        Self {
            name: format!("{family}:{}", live.revision()),
            family: family.to_owned(),
            is_active: live.status() == Some(&TaskDefinitionStatus::Active),
            mode: Mode::of(live.network_mode()),
            requires: live
                .requires_compatibilities()
                .iter()
                .map(|one| one.as_str().to_owned())
                .collect(),
            cpu: live.cpu().map(str::to_owned),
            memory: live.memory().map(str::to_owned),
            task_role: given(live.task_role_arn()),
            execution_role: given(live.execution_role_arn()),
            platform: Platform::of(live.runtime_platform()),
            containers: live.container_definitions().to_vec(),
            volumes: live.volumes().to_vec(),
            ephemeral_gib: live
                .ephemeral_storage()
                .map(|storage| storage.size_in_gib()),
            bytes: 0,
        }
    }

    pub(super) fn container(&self, name: &str) -> Option<&ContainerDefinition> {
        self.containers
            .iter()
            .find(|container| container.name() == Some(name))
    }

    /// CPU units that a task takes on its instance.
    pub(super) fn reserved_cpu(&self) -> i64 {
        self.cpu.as_deref().and_then(cpu_units).unwrap_or_else(|| {
            self.containers
                .iter()
                .map(|container| i64::from(container.cpu()))
                .sum()
        })
    }

    /// MiB that a task takes on its instance: for a container its reservation, where it has one.
    pub(super) fn reserved_memory(&self) -> i64 {
        self.memory
            .as_deref()
            .and_then(mebibytes)
            .unwrap_or_else(|| {
                self.containers
                    .iter()
                    .filter_map(|container| container.memory_reservation().or(container.memory()))
                    .map(i64::from)
                    .sum()
            })
    }

    /// Ports of the instance that a task takes for itself: no two tasks with one of them fit on an instance.
    pub(super) fn host_ports(&self) -> Vec<i32> {
        if matches!(self.mode, Mode::Awsvpc | Mode::Cut) {
            return Vec::new();
        }
        self.containers
            .iter()
            .flat_map(ContainerDefinition::port_mappings)
            .filter_map(|mapping| match (self.mode, mapping.host_port()) {
                (_, Some(port)) if port != 0 => Some(port),
                (Mode::Host, _) => mapping.container_port(),
                _ => None,
            })
            .collect()
    }

    #[cfg(test)]
    pub(super) fn parse(json: &serde_json::Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("task.json");
        std::fs::write(&file, json.to_string()).unwrap();
        Self::of_file(
            &crate::definition::read(&file).unwrap().input,
            json.to_string().len(),
        )
    }
}

fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// `256`, `.25 vCPU` as CPU units; none for anything else.
pub(super) fn cpu_units(text: &str) -> Option<i64> {
    quantity(text, "vcpu")
}

/// `512`, `0.5 GB` as MiB; none for anything else.
pub(super) fn mebibytes(text: &str) -> Option<i64> {
    quantity(text, "gb")
}

/// A whole number, or a number of `unit`s, each of which is 1024 of them.
fn quantity(text: &str, unit: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let Some(number) = text.strip_suffix(unit) else {
        return text.parse().ok();
    };
    let whole = number.trim().parse::<f64>().ok()? * 1024.0;
    // A cast of a float stays within the type; what is negative or no number is refused before.
    (whole.is_finite() && whole >= 0.0).then_some(whole.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_quantities() {
        let table = [
            ("256", Some(256)),
            ("1 vCPU", Some(1024)),
            (".5vcpu", Some(512)),
            ("1 GB", None),
            ("-1 vcpu", None),
            ("much", None),
        ];
        for (text, expected) in table {
            assert_eq!(cpu_units(text), expected, "{text}");
        }
        assert_eq!(mebibytes("2 GB"), Some(2048));
    }

    #[test]
    fn knows_what_a_task_takes() {
        let bridge = Definition::parse(&json!({
            "family": "web",
            "containerDefinitions": [
                {"name": "a", "image": "i", "cpu": 10, "memory": 100, "memoryReservation": 50,
                 "portMappings": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}]},
                {"name": "b", "image": "i", "cpu": 20, "memory": 30},
            ],
        }));
        let taken = (
            bridge.reserved_cpu(),
            bridge.reserved_memory(),
            bridge.host_ports(),
        );
        assert_eq!(taken, (30, 80, vec![8080]));
        let host = Definition::parse(&json!({
            "family": "web", "networkMode": "host", "cpu": "256", "memory": "1 GB",
            "containerDefinitions": [
                {"name": "a", "image": "i", "portMappings": [{"containerPort": 80}]},
            ],
        }));
        let taken = (
            host.reserved_cpu(),
            host.reserved_memory(),
            host.host_ports(),
        );
        assert_eq!(taken, (256, 1024, vec![80]));
        assert_eq!(host.platform.to_string(), "linux/amd64");
    }
}
