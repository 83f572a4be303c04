//! The patch itself.

use std::collections::{BTreeMap, BTreeSet};

use contract::exit;
use serde_json::{Map, Value, json};
use toolkit::Fault;

use super::lists::List;
use super::{Changes, Edit, Patched, changed, image, soundness};
use crate::canonical::ADDED;

type Members = Map<String, Value>;

/// The image of an added container until it has one.
pub(super) const PLACEHOLDER: &str = "PLACEHOLDER";

impl Changes {
    /// Patches `live`, a task definition as DescribeTaskDefinition gives it in JSON. `live_tags` are the
    /// keys and values of its tags; they go on to the new one, but for those that only AWS may set.
    ///
    /// # Errors
    ///
    /// One usage error with every problem: containers that are not there, and what ECS would refuse.
    pub fn apply(&self, live: &Value, live_tags: &[(String, String)]) -> Result<Patched, Fault> {
        let mut members = live.as_object().cloned().unwrap_or_default();
        let Some(Value::Array(containers)) = members.remove("containerDefinitions") else {
            return Err(Fault::new(
                exit::FAILED,
                "the live task definition has no containerDefinitions",
            ));
        };
        for name in ADDED {
            members.remove(name);
        }
        let mut before = members.clone();
        before.insert("containerDefinitions".to_owned(), containers.clone().into());
        let mut patch = Patch {
            changes: self,
            containers,
            notes: self.notes.clone(),
            problems: Vec::new(),
        };
        patch.add_and_remove();
        patch.name_strangers();
        patch.containers();
        let Patch {
            containers,
            notes,
            mut problems,
            ..
        } = patch;
        members.insert("containerDefinitions".to_owned(), containers.into());
        for (member, value) in &self.members {
            members.insert((*member).to_owned(), value.clone());
        }
        problems.extend(soundness::problems(&members));
        if !problems.is_empty() {
            return Err(Fault::usage(problems.join("; ")));
        }
        let changed = changed::between(&before.into(), &members.clone().into());
        let tags: Vec<Value> = live_tags
            .iter()
            .filter(|(key, _)| !key.starts_with("aws:"))
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        if !tags.is_empty() {
            members.insert("tags".to_owned(), tags.into());
        }
        Ok(Patched {
            definition: Value::Object(members),
            changed,
            notes,
        })
    }
}

struct Patch<'a> {
    changes: &'a Changes,
    containers: Vec<Value>,
    notes: Vec<String>,
    problems: Vec<String>,
}

impl Patch<'_> {
    fn add_and_remove(&mut self) {
        for name in &self.changes.added {
            if self.containers.iter().any(|other| has_name(other, name)) {
                self.notes
                    .push(format!("the container {name} is there already"));
                continue;
            }
            self.containers.push(json!({
                "name": name,
                "image": PLACEHOLDER,
                "cpu": 0,
                "memoryReservation": 128,
                "essential": true,
            }));
        }
        for name in &self.changes.removed {
            let before = self.containers.len();
            self.containers.retain(|other| !has_name(other, name));
            if self.containers.len() == before {
                self.notes
                    .push(format!("there is no container {name} to remove"));
            }
        }
        if self.containers.is_empty() {
            self.problems
                .push("--remove-container: no container is left".to_owned());
        }
    }

    /// A problem for each container that is named and not there.
    fn name_strangers(&mut self) {
        let mut strangers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, edit) in &self.changes.edits {
            if !self.containers.iter().any(|other| has_name(other, name)) {
                strangers.entry(name).or_default().insert(edit.flag());
            }
        }
        let known: Vec<&str> = self
            .containers
            .iter()
            .filter_map(|container| container["name"].as_str())
            .collect();
        for (name, flags) in strangers {
            let flags: Vec<String> = flags.iter().map(|flag| format!("--{flag}")).collect();
            self.problems.push(format!(
                "{}: there is no container {name:?}; the task definition has {}",
                flags.join(", "),
                known.join(", ")
            ));
        }
    }

    fn containers(&mut self) {
        let mut containers = std::mem::take(&mut self.containers);
        for container in containers.iter_mut().filter_map(Value::as_object_mut) {
            let name = container
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            self.tag(container);
            self.members(&name, container);
            self.lists(&name, container);
        }
        self.containers = containers;
    }

    fn tag(&self, container: &mut Members) {
        if let Some(tag) = &self.changes.tag
            && let Some(Value::String(image)) = container.get_mut("image")
            && image != PLACEHOLDER
        {
            *image = image::with_tag(image, tag);
        }
    }

    fn members(&self, name: &str, container: &mut Members) {
        let mut log: Option<(&str, Members)> = None;
        for edit in self.edits(name) {
            match edit {
                Edit::Set(member, value) => {
                    container.insert((*member).to_owned(), value.clone());
                }
                Edit::LogOption {
                    driver,
                    name,
                    value,
                } => {
                    let (chosen, options) = log.get_or_insert_default();
                    *chosen = driver;
                    options.insert(name.clone(), value.reveal().into());
                }
                Edit::Item(..) | Edit::Variable { .. } | Edit::Label { .. } => {}
            }
        }
        if let Some((driver, options)) = log {
            let configuration = json!({"logDriver": driver, "options": options});
            container.insert("logConfiguration".to_owned(), configuration);
        }
    }

    fn lists(&mut self, name: &str, container: &mut Members) {
        for list in List::ALL {
            let given = self.given(name, list);
            let is_exclusive = self.changes.exclusive.contains(&list);
            if given.is_empty() && !is_exclusive {
                continue;
            }
            let old = if is_exclusive {
                Vec::new()
            } else {
                items(container, list)
            };
            match list.merged(&old, &given) {
                Ok(merged) => put(container, list, merged),
                Err(problem) => self
                    .problems
                    .push(format!("the container {name}: {problem}")),
            }
        }
        self.give_way(name, container);
    }

    /// A name is a variable or a secret, not both: ECS refuses that. What is given takes the other's place.
    fn give_way(&mut self, name: &str, container: &mut Members) {
        let variables = names(&self.given(name, List::Environment));
        let secrets = names(&self.given(name, List::Secrets));
        for both in variables.intersection(&secrets) {
            self.problems.push(format!(
                "the container {name}: {both} is given as a variable and as a secret"
            ));
        }
        for (list, given, was, becomes) in [
            (List::Environment, &secrets, "variable", "secret"),
            (List::Secrets, &variables, "secret", "variable"),
        ] {
            let mut kept = items(container, list);
            let taken: Vec<Value> = kept
                .extract_if(.., |item| {
                    item["name"]
                        .as_str()
                        .is_some_and(|name| given.contains(name))
                })
                .collect();
            if taken.is_empty() || !variables.is_disjoint(&secrets) {
                continue;
            }
            put(container, list, kept);
            for item in names(&taken) {
                self.notes.push(format!(
                    "the container {name}: {item} was a {was} and becomes a {becomes}"
                ));
            }
        }
    }

    fn edits(&self, name: &str) -> impl Iterator<Item = &Edit> {
        let edits = self.changes.edits.iter();
        edits.filter_map(move |(container, edit)| (container == name).then_some(edit))
    }

    /// What is given for this list of this container.
    fn given(&self, name: &str, list: List) -> Vec<Value> {
        self.edits(name)
            .filter(|edit| edit.list() == Some(list))
            .filter_map(Edit::item)
            .collect()
    }
}

impl Edit {
    fn list(&self) -> Option<List> {
        match self {
            Self::Set(..) | Self::LogOption { .. } => None,
            Self::Item(list, _) => Some(*list),
            Self::Variable { .. } => Some(List::Environment),
            Self::Label { .. } => Some(List::DockerLabels),
        }
    }

    fn item(&self) -> Option<Value> {
        match self {
            Self::Set(..) | Self::LogOption { .. } => None,
            Self::Item(_, item) => Some(item.clone()),
            Self::Variable { name, value } => Some(json!({"name": name, "value": value.reveal()})),
            Self::Label { name, value } => Some(json!({"name": name, "value": value})),
        }
    }

    /// The flag it comes from.
    fn flag(&self) -> &'static str {
        match self {
            Self::Set("healthCheck", _) => "health-check",
            Self::Set("memoryReservation", _) => "memoryreservation",
            Self::Set(member, _) => member,
            Self::LogOption { .. } => "log",
            Self::Variable { .. } => "env",
            Self::Label { .. } => "docker-label",
            Self::Item(list, _) => match list {
                List::Environment => "env",
                List::EnvironmentFiles => "s3-env-file",
                List::Secrets => "secret",
                List::DockerLabels => "docker-label",
                List::Ulimits => "ulimit",
                List::SystemControls => "system-control",
                List::PortMappings => "port",
                List::MountPoints => "mount",
            },
        }
    }
}

fn has_name(container: &Value, name: &str) -> bool {
    container["name"] == name
}

fn names(items: &[Value]) -> BTreeSet<String> {
    let names = items.iter().filter_map(|item| item["name"].as_str());
    names.map(str::to_owned).collect()
}

fn items(container: &Members, list: List) -> Vec<Value> {
    match container.get(list.member()) {
        Some(Value::Array(items)) => items.clone(),
        Some(Value::Object(labels)) => labels
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect(),
        _ => Vec::new(),
    }
}

fn put(container: &mut Members, list: List, items: Vec<Value>) {
    let member = list.member();
    if items.is_empty() {
        container.remove(member);
    } else if list == List::DockerLabels {
        let labels: Members = items
            .iter()
            .filter_map(|item| Some((item["name"].as_str()?.to_owned(), item["value"].clone())))
            .collect();
        container.insert(member.to_owned(), labels.into());
    } else {
        container.insert(member.to_owned(), items.into());
    }
}
