//! `update CLUSTER SERVICE`: the live task definition, patched. A drop-in for `ecs deploy` (ecs-deploy 1.17.0).
//!
//! [`args::UpdateArgs`] is the command line, [`Update`] what it asks for, and [`Changes::apply`] the patch:
//! it reads one document and gives another, and all problems are reported at once. It must not know AWS,
//! nor how a task definition is registered or a release followed.
//!
//! | flag of `ecs deploy` | here |
//! |---|---|
//! | `-t/--tag` | works; keeps a registry's port, drops a digest, refuses what is no tag |
//! | `-i/--image`, `-c/--command`, `-h/--health-check`, `--cpu`, `--memory`, `--memoryreservation`, `--privileged`, `--essential` | work (so help is `--help` only) |
//! | `--task-cpu`, `--task-memory`, `-r/--role`, `-x/--execution-role`, `--runtime-platform`, `--task` | work |
//! | `-e/--env`, `--env-file`, `-s/--secret`, `--secrets-env-file`, `-d/--docker-label`, `-u/--ulimit`, `--system-control`, `-m/--mount` | work |
//! | `-p/--port` | works; a mapping of the same port by udp stays |
//! | `--s3-env-file` | works; every file counts, in the order given |
//! | `-l/--log` | works: replaces the log configuration |
//! | `--volume` | works: replaces all volumes |
//! | `--add-container`, `--remove-container` | work; an added one needs `-i` |
//! | `--exclusive-env`, `-secrets`, `-docker-labels`, `-s3-env-file`, `-ulimits`, `-system-controls`, `-ports`, `-mounts` | work |
//! | `--region`, `--profile`, `--force-new-deployment`, `--ignore-warnings`, `--sleep-time`, `--diff/--no-diff`, `--comment`, `--user` | work |
//! | `--timeout` | works, `-1` too; also `15m`, which is the default instead of 300 seconds |
//! | `--rollback/--no-rollback` | works; the default is to roll back |
//! | `--no-deregister` | is always so |
//! | `--deregister` | refused: `deployer prune` removes old revisions |
//! | `--access-key-id`, `--secret-access-key` | refused: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `--profile` |
//! | `--account`, `--assume-role` | refused: a profile with `role_arn` and `source_profile` |
//! | `--newrelic-*`, `--slack-*` | refused: the next step of the pipeline reads `--output deployment.json` |
//!
//! With no change asked for, `ecs deploy` registers a copy and so replaces all tasks. Here
//! [`Changes::is_empty`] says so, and the same revision is deployed anew.

pub(crate) mod args;
mod changed;
mod image;
mod lists;
mod patch;
mod private;
mod read;
mod refused;
mod soundness;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

pub use changed::Change;
#[cfg(test)]
pub(crate) use changed::between;
use lists::List;
use private::Private;

/// What `update` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Cluster name or ARN.
    pub cluster: String,
    /// Service name.
    pub service: String,
    /// What becomes of the task definition.
    pub patch: Patch,
    /// How it is released.
    pub options: Options,
}

/// From which task definition to which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The task definition to start from, if it is not the service's own: ARN, `family:revision` or family.
    pub task: Option<String>,
    /// What changes.
    pub changes: Changes,
    /// Who releases, for the tags of the new revision.
    pub user: Option<String>,
    /// Whether the changes are shown.
    pub shows_changes: bool,
}

/// How the patched definition is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The service's number of tasks, if it changes.
    pub desired_count: Option<i32>,
    /// Whether a verdict is waited for.
    pub waits: bool,
    /// How long, if so.
    pub timeout: Duration,
    /// The longest pause between two looks at the service, if the pace is not adaptive.
    pub pace: Option<Duration>,
    /// Whether the service goes back when the release fails.
    pub rolls_back: bool,
    /// Whether tasks that find no place are no reason to give up.
    pub ignores_warnings: bool,
    /// Whether new tasks start although nothing changes.
    pub forces_new_deployment: bool,
    /// What the record says about this release.
    pub comment: Option<String>,
    /// Who releases.
    pub user: Option<String>,
    /// Whether only the plan is wanted.
    pub dry_run: bool,
}

/// A patch of a task definition. Its Debug form shows no environment value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    added: Vec<String>,
    removed: Vec<String>,
    tag: Option<String>,
    /// Container and edit, in the command line's order for each flag.
    edits: Vec<(String, Edit)>,
    exclusive: BTreeSet<List>,
    /// Members of the definition itself.
    members: Vec<(&'static str, Value)>,
    notes: Vec<String>,
}

/// What changes in one container.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Edit {
    /// This member has this value.
    Set(&'static str, Value),
    /// This list has this item.
    Item(List, Value),
    Variable {
        name: String,
        value: Private,
    },
    Label {
        name: String,
        value: String,
    },
    LogOption {
        driver: String,
        name: String,
        value: Private,
    },
}

/// A patched task definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched {
    /// What RegisterTaskDefinition takes.
    pub definition: Value,
    /// Where it differs from the live one; empty if it asks for the same.
    pub changed: Vec<Change>,
    /// What the user should know, a sentence each.
    pub notes: Vec<String>,
}

impl Changes {
    /// Whether nothing is asked for: then all tasks are to be replaced by ones of the same definition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.tag.is_none()
            && self.edits.is_empty()
            && self.exclusive.is_empty()
            && self.members.is_empty()
    }
}
