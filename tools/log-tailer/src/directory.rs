//! Whose line it is: the services and tasks that are followed, the lanes that their logs are read by, and the labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use toolkit::Console;
use toolkit::console::printable;

use crate::Streams;
use crate::ecs::Subject;
use crate::ecs::is_task_id;
use crate::ecs::places::ContainerLog;
use crate::ecs::watch::{LookError, Watch};
use crate::event::Event;
use crate::lane::Place;
use crate::pace::Pace;

/// Labels in memory; beyond, they are made anew.
const MOST_LABELS: usize = 4_096;

/// Where a line comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Label {
    /// Short, for people: `api/01234567:12`.
    pub(crate) text: String,
    pub(crate) group: String,
    pub(crate) service: Option<String>,
    pub(crate) container: Option<String>,
    /// Id of the task.
    pub(crate) task: Option<String>,
    /// Of the task definition.
    pub(crate) revision: Option<String>,
}

/// What a lane is read for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// It was named on the command line.
    Named,
    /// Containers of a service or a task, whose streams begin with the prefix.
    Prefixed {
        watch: usize,
        prefix: String,
        containers: BTreeSet<String>,
    },
    /// A container of a service or a task, whose streams are called by its id.
    Bare { watch: usize },
}

/// What is shown of the services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Only these containers; none is all.
    pub(crate) containers: Vec<String>,
    /// Only tasks whose ids begin so; none is all.
    pub(crate) tasks: Vec<String>,
}

/// All that is known of where lines come from.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) watches: Vec<Watch>,
    choice: Choice,
    /// By lane.
    origins: Vec<(Origin, Place)>,
    labels: HashMap<(usize, Arc<str>), Option<Rc<Label>>>,
    /// Whether the group is part of the label's text.
    has_several: bool,
}

impl Directory {
    /// The lanes of the places that were named come first.
    pub(crate) fn new(watches: Vec<Watch>, named: &[Place], choice: Choice) -> Self {
        Self {
            has_several: watches.len() + named.len() > 1,
            watches,
            choice,
            origins: named
                .iter()
                .map(|place| (Origin::Named, place.clone()))
                .collect(),
            labels: HashMap::new(),
        }
    }

    /// Places of the services that have no lane yet; those of the lanes that read other streams now, by lane.
    pub(crate) fn changes(&mut self) -> (Vec<Place>, Vec<(usize, Streams)>) {
        let mut added = Vec::new();
        let mut changed = Vec::new();
        for (origin, place) in self.wanted() {
            let known = self.origins.iter().position(|(known, at)| {
                at.group == place.group && at.region == place.region && is_same(known, &origin)
            });
            match known {
                None => {
                    added.push(place.clone());
                    self.origins.push((origin, place));
                }
                Some(lane) if self.origins[lane] != (origin.clone(), place.clone()) => {
                    if self.origins[lane].1.streams != place.streams {
                        changed.push((lane, place.streams.clone()));
                    }
                    self.origins[lane] = (origin, place);
                    self.labels.clear();
                }
                Some(_) => {}
            }
        }
        (added, changed)
    }

    fn wanted(&self) -> Vec<(Origin, Place)> {
        let mut wanted = Vec::new();
        for (index, watch) in self.watches.iter().enumerate() {
            let mut prefixed: BTreeMap<(Option<String>, String, String), BTreeSet<String>> =
                BTreeMap::new();
            let mut bare: BTreeMap<(Option<String>, String), BTreeSet<String>> = BTreeMap::new();
            for log in watch.logs() {
                if !self.wants_container(&log.container) {
                    continue;
                }
                let ContainerLog {
                    container,
                    region,
                    group,
                    prefix,
                } = log.clone();
                match prefix {
                    Some(prefix) => {
                        prefixed
                            .entry((region, group, prefix))
                            .or_default()
                            .insert(container);
                    }
                    None => bare
                        .entry((region, group))
                        .or_default()
                        .extend(watch.runtime_ids(&container)),
                }
            }
            for ((region, group, prefix), containers) in prefixed {
                let streams = streams(&watch.target.subject, &prefix, &containers);
                wanted.push((
                    Origin::Prefixed {
                        watch: index,
                        prefix,
                        containers,
                    },
                    place(region, group, streams),
                ));
            }
            for ((region, group), ids) in bare {
                if !ids.is_empty() {
                    let streams = Streams::Named(ids.into_iter().collect());
                    wanted.push((Origin::Bare { watch: index }, place(region, group, streams)));
                }
            }
        }
        wanted
    }

    fn wants_container(&self, name: &str) -> bool {
        self.choice.containers.is_empty()
            || self.choice.containers.iter().any(|wanted| wanted == name)
    }

    pub(crate) fn wants_task(&self, id: &str) -> bool {
        self.choice.tasks.is_empty()
            || self
                .choice
                .tasks
                .iter()
                .any(|wanted| id.starts_with(wanted.as_str()))
    }

    /// Asks ECS about tasks that events come from and that are not known.
    pub(crate) async fn resolve<'e>(
        &mut self,
        events: impl Iterator<Item = &'e (usize, Event)>,
        pace: &mut Pace,
        console: &Console,
    ) -> anyhow::Result<()> {
        if self.watches.is_empty() {
            return Ok(());
        }
        let mut unknown: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (lane, event) in events {
            let Origin::Prefixed { watch, prefix, .. } = &self.origins[*lane].0 else {
                continue;
            };
            if let Some((_, task)) = parts(&event.stream, prefix)
                && self.watches[*watch].task(task).is_none()
            {
                unknown.entry(*watch).or_default().insert(task.to_owned());
            }
        }
        for (watch, ids) in unknown {
            let ids: Vec<String> = ids.into_iter().collect();
            match self.watches[watch].resolve(&ids, pace).await {
                Ok(()) => {}
                // Their lines are shown without revision; they are asked for again when more of them come.
                Err(LookError::Absent(error) | LookError::Passing(error)) => {
                    console.detail(&format!("{error:#}"));
                }
                Err(LookError::Final(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The label of a line; none if it is not to be shown.
    pub(crate) fn label(&mut self, lane: usize, stream: &Arc<str>) -> Option<Rc<Label>> {
        if let Some(known) = self.labels.get(&(lane, Arc::clone(stream))) {
            return known.clone();
        }
        let label = self.describe(lane, stream).map(Rc::new);
        if self.labels.len() >= MOST_LABELS {
            self.labels.clear();
        }
        // The revision of a task that ECS did not answer for is still to come.
        let is_settled = label.as_ref().is_none_or(|label| {
            label.task.as_deref().is_none_or(|task| {
                !matches!(&self.origins[lane].0, Origin::Prefixed { watch, .. }
                    if self.watches[*watch].task(task).is_none())
            })
        });
        if is_settled {
            self.labels
                .insert((lane, Arc::clone(stream)), label.clone());
        }
        label
    }

    fn describe(&self, lane: usize, stream: &str) -> Option<Label> {
        let (origin, place) = &self.origins[lane];
        let mut label = Label {
            group: place.group.clone(),
            ..Label::default()
        };
        match origin {
            Origin::Named => {
                label.text = short(stream);
                if self.has_several {
                    label.text = format!("{} {}", place.group, label.text);
                }
                if let Some((rest, task)) = stream.rsplit_once('/')
                    && is_task_id(task)
                {
                    label.task = Some(task.to_owned());
                    label.container = rest.rsplit_once('/').map(|(_, name)| name.to_owned());
                }
                let is_wanted = label
                    .task
                    .as_deref()
                    .map_or(self.choice.tasks.is_empty(), |task| self.wants_task(task))
                    && label
                        .container
                        .as_deref()
                        .map_or(self.choice.containers.is_empty(), |name| {
                            self.wants_container(name)
                        });
                return is_wanted.then_some(label);
            }
            Origin::Prefixed {
                watch,
                prefix,
                containers,
            } => {
                let (container, task) = parts(stream, prefix)?;
                if !containers.contains(container) {
                    return None;
                }
                self.fill(&mut label, *watch, container, task)?;
            }
            Origin::Bare { watch } => {
                let (task, container) = self.watches[*watch].container(stream)?;
                self.fill(&mut label, *watch, container, task)?;
            }
        }
        Some(label)
    }

    fn fill(&self, label: &mut Label, watch: usize, container: &str, task: &str) -> Option<()> {
        let watch = &self.watches[watch];
        let known = watch.task(task);
        if known.is_some_and(|known| !known.is_ours) || !self.wants_task(task) {
            return None;
        }
        label.revision = known.and_then(|known| known.revision.clone());
        let short = task.get(..8).unwrap_or(task);
        label.text = match &label.revision {
            Some(revision) => format!("{container}/{short}:{revision}"),
            None => format!("{container}/{short}"),
        };
        if let Subject::Service(name) = &watch.target.subject {
            label.service = Some(name.clone());
            if self.has_several {
                label.text = format!("{name} {}", label.text);
            }
        }
        label.container = Some(container.to_owned());
        label.task = Some(task.to_owned());
        Some(())
    }
}

fn is_same(one: &Origin, other: &Origin) -> bool {
    match (one, other) {
        (
            Origin::Prefixed { watch, prefix, .. },
            Origin::Prefixed {
                watch: w,
                prefix: p,
                ..
            },
        ) => watch == w && prefix == p,
        (Origin::Bare { watch }, Origin::Bare { watch: w }) => watch == w,
        _ => false,
    }
}

fn place(region: Option<String>, group: String, streams: Streams) -> Place {
    Place {
        region,
        group,
        streams,
        may_be_absent: true,
    }
}

fn streams(subject: &Subject, prefix: &str, containers: &BTreeSet<String>) -> Streams {
    match (subject, containers.first()) {
        (Subject::Task(id), _) => Streams::Named(
            containers
                .iter()
                .map(|container| format!("{prefix}/{container}/{id}"))
                .collect(),
        ),
        (Subject::Service(_), Some(only)) if containers.len() == 1 => {
            Streams::Prefix(format!("{prefix}/{only}/"))
        }
        (Subject::Service(_), _) => Streams::Prefix(format!("{prefix}/")),
    }
}

/// Container and task of `PREFIX/CONTAINER/TASK`.
fn parts<'s>(stream: &'s str, prefix: &str) -> Option<(&'s str, &'s str)> {
    stream
        .strip_prefix(prefix)?
        .strip_prefix('/')?
        .split_once('/')
        .filter(|(container, task)| !container.is_empty() && !task.is_empty())
}

/// The stream's name with a task id cut to 8 digits, which tells tasks apart well enough.
fn short(stream: &str) -> String {
    match stream.rsplit_once('/') {
        Some((rest, task)) if is_task_id(task) => {
            // awslogs names a stream prefix/container/task; the prefix repeats the container more often than not.
            let rest = match rest.split_once('/') {
                Some((prefix, container)) if prefix == container => prefix,
                _ => rest,
            };
            format!("{}/{}", printable(rest), &task[..8])
        }
        _ => printable(stream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(groups: &[&str], choice: Choice) -> Directory {
        let places: Vec<Place> = groups
            .iter()
            .map(|group| Place {
                region: None,
                group: (*group).to_owned(),
                streams: Streams::All,
                may_be_absent: false,
            })
            .collect();
        Directory::new(Vec::new(), &places, choice)
    }

    const STREAM: &str = "api/api/0123456789abcdef0123456789abcdef";

    #[test]
    fn shortens_the_names_of_streams() {
        let mut directory = named(&["/g"], Choice::default());
        let label = directory.label(0, &STREAM.into()).unwrap();
        assert_eq!(label.text, "api/01234567");
        assert_eq!(label.container.as_deref(), Some("api"));
        let label = directory.label(0, &"session/7".into()).unwrap();
        assert_eq!((label.text.as_str(), &label.task), ("session/7", &None));
    }

    #[test]
    fn names_the_group_where_there_are_several() {
        let mut directory = named(&["/g", "/h"], Choice::default());
        let label = directory.label(1, &STREAM.into()).unwrap();
        assert_eq!(label.text, "/h api/01234567");
    }

    #[test]
    fn shows_only_the_tasks_that_were_asked_for() {
        let choice = Choice {
            containers: Vec::new(),
            tasks: vec!["01234".to_owned()],
        };
        let mut directory = named(&["/g"], choice);
        assert!(directory.label(0, &STREAM.into()).is_some());
        let other = "api/api/1123456789abcdef0123456789abcdef";
        assert_eq!(directory.label(0, &other.into()), None);
    }

    #[test]
    fn takes_the_name_of_a_stream_apart() {
        assert_eq!(parts("a/b/api/7", "a/b"), Some(("api", "7")));
        assert_eq!(parts("a/bc/api/7", "a/b"), None);
        assert_eq!(parts("a/b/api", "a/b"), None);
    }
}
