//! The arguments of commands that look at a service and what belongs to it.

use std::path::{Path, PathBuf};

use clap::Args as Group;

use super::{FormatArg, Place, form};
use crate::Command;
use crate::diff::Diff;
use crate::forecast::gather::Outlook;
use crate::history::History;
use crate::init::Init;
use crate::prune::Prune;
use crate::source::Source;
use crate::tasks::Tasks;
use crate::unlock::Unlock;

#[derive(Debug, Group)]
pub(super) struct DiffArgs {
    #[command(flatten)]
    place: Place,
    /// A file as RegisterTaskDefinition takes it, or a registered one: ARN, FAMILY:REVISION or FAMILY
    #[arg(long, value_name = "FILE|REF")]
    task_definition: String,
    /// How it is written [default: text on a terminal, json elsewhere]
    #[arg(long)]
    format: Option<FormatArg>,
}

impl DiffArgs {
    pub(super) fn into_diff(self, output: Option<&Path>) -> (String, Command) {
        let diff = Diff {
            service: self.place.service,
            task_definition: Source::of(&self.task_definition),
        };
        let form = form(self.format, output);
        (self.place.cluster, Command::Diff(diff, form))
    }

    pub(super) fn into_plan(self, output: Option<&Path>) -> (String, Command) {
        let outlook = Outlook {
            service: self.place.service,
            task_definition: Source::of(&self.task_definition),
        };
        let form = form(self.format, output);
        (self.place.cluster, Command::Plan(outlook, form))
    }
}

#[derive(Debug, Group)]
pub(super) struct TasksArgs {
    #[command(flatten)]
    place: Place,
    /// Those too that have stopped within about an hour
    #[arg(long)]
    stopped: bool,
    /// How it is written [default: text on a terminal, json elsewhere]
    #[arg(long)]
    format: Option<FormatArg>,
}

impl TasksArgs {
    pub(super) fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let tasks = Tasks {
            service: self.place.service,
            stopped: self.stopped,
        };
        let form = form(self.format, output);
        (self.place.cluster, Command::Tasks(tasks, form))
    }
}

#[derive(Debug, Group)]
pub(super) struct HistoryArgs {
    #[command(flatten)]
    place: Place,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// How it is written [default: text on a terminal, json elsewhere]
    #[arg(long)]
    format: Option<FormatArg>,
}

impl HistoryArgs {
    pub(super) fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let history = History {
            service: self.place.service,
            limit: self.limit.max(1),
        };
        let form = form(self.format, output);
        (self.place.cluster, Command::History(history, form))
    }
}

#[derive(Debug, Group)]
pub(super) struct PruneArgs {
    #[command(flatten)]
    place: Place,
    /// Keep so many successful releases, beside all that is in use
    #[arg(long, value_name = "K", default_value_t = 10)]
    keep: usize,
    /// Delete them too, so that not even their text is left
    #[arg(long)]
    delete: bool,
    /// Do it
    #[arg(long)]
    apply: bool,
    /// How it is written [default: text on a terminal, json elsewhere]
    #[arg(long)]
    format: Option<FormatArg>,
}

impl PruneArgs {
    pub(super) fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let prune = Prune {
            service: self.place.service,
            keep: self.keep,
            delete: self.delete,
            apply: self.apply,
        };
        let form = form(self.format, output);
        (self.place.cluster, Command::Prune(prune, form))
    }
}

#[derive(Debug, Group)]
pub(super) struct InitArgs {
    #[command(flatten)]
    place: Place,
    /// Where the task definition goes
    #[arg(long, value_name = "FILE", default_value = "task-definition.json")]
    file: PathBuf,
}

impl InitArgs {
    pub(super) fn into_command(self) -> (String, Command) {
        let init = Init {
            service: self.place.service,
            file: self.file,
        };
        (self.place.cluster, Command::Init(init))
    }
}

#[derive(Debug, Group)]
pub(super) struct LockArgs {
    #[command(flatten)]
    place: Place,
    /// Remove it, whoever holds it
    #[arg(long)]
    remove: bool,
}

impl LockArgs {
    pub(super) fn into_command(self) -> (String, Command) {
        let lock = Unlock {
            service: self.place.service,
            remove: self.remove,
        };
        (self.place.cluster, Command::Unlock(lock))
    }
}
