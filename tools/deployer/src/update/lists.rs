//! The lists of a container that flags add to: which items are the same, and what a list becomes.

use serde_json::Value;

/// A list of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Environment,
    EnvironmentFiles,
    Secrets,
    /// An object in the definition; here a list of `{name, value}`.
    DockerLabels,
    Ulimits,
    SystemControls,
    PortMappings,
    MountPoints,
}

impl List {
    pub(super) const ALL: [Self; 8] = [
        Self::Environment,
        Self::EnvironmentFiles,
        Self::Secrets,
        Self::DockerLabels,
        Self::Ulimits,
        Self::SystemControls,
        Self::PortMappings,
        Self::MountPoints,
    ];

    /// The container's member.
    pub(super) fn member(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::EnvironmentFiles => "environmentFiles",
            Self::Secrets => "secrets",
            Self::DockerLabels => "dockerLabels",
            Self::Ulimits => "ulimits",
            Self::SystemControls => "systemControls",
            Self::PortMappings => "portMappings",
            Self::MountPoints => "mountPoints",
        }
    }

    /// The item's member that says which item it is.
    fn key(self) -> &'static str {
        match self {
            Self::Environment | Self::Secrets | Self::DockerLabels | Self::Ulimits => "name",
            Self::EnvironmentFiles => "value",
            Self::SystemControls => "namespace",
            Self::PortMappings => "containerPort",
            Self::MountPoints => "sourceVolume",
        }
    }

    /// Whether the second of two items of one name can only be meant to replace the first. A port may have
    /// two host ports, and a volume two paths.
    fn is_unique(self) -> bool {
        !matches!(self, Self::PortMappings | Self::MountPoints)
    }

    fn is_same(self, one: &Value, other: &Value) -> bool {
        let protocol = |item: &Value| item["protocol"].as_str().unwrap_or("tcp").to_owned();
        one[self.key()] == other[self.key()]
            && (self != Self::PortMappings || protocol(one) == protocol(other))
    }

    /// The list with `given` put in: an item that is there already is changed, members that are not given stay.
    ///
    /// The error names an item that stands for more than one.
    pub(super) fn merged(self, old: &[Value], given: &[Value]) -> Result<Vec<Value>, String> {
        let mut merged = old.to_vec();
        for item in given {
            let places = self.places(old, item)?;
            for place in &places {
                update(&mut merged[*place], item);
            }
            if !places.is_empty() {
                continue;
            }
            let twin = merged[old.len()..]
                .iter_mut()
                .find(|other| *other == item || self.is_unique() && self.is_same(other, item));
            match twin {
                Some(twin) => *twin = item.clone(),
                None => merged.push(item.clone()),
            }
        }
        Ok(merged)
    }

    /// Where `item` is in `old`.
    fn places(self, old: &[Value], item: &Value) -> Result<Vec<usize>, String> {
        let find = |is_it: &dyn Fn(&Value) -> bool| -> Vec<usize> {
            let found = old.iter().enumerate().filter(|(_, other)| is_it(other));
            found.map(|(place, _)| place).collect()
        };
        let places = find(&|other| self.is_same(other, item));
        if self != Self::MountPoints || places.len() < 2 {
            return Ok(places);
        }
        let exact = find(&|other| {
            self.is_same(other, item) && other["containerPath"] == item["containerPath"]
        });
        if exact.is_empty() {
            return Err(format!(
                "the volume {} is mounted {} times, and --mount cannot say which of them goes to {}; --exclusive-mounts with all mounts can",
                text(&item["sourceVolume"]),
                places.len(),
                text(&item["containerPath"]),
            ));
        }
        Ok(exact)
    }
}

fn update(old: &mut Value, item: &Value) {
    if let (Value::Object(old), Value::Object(item)) = (old, item) {
        old.extend(item.clone());
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
