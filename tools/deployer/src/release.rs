//! What a release is asked to be.

use std::path::PathBuf;
use std::time::Duration;

use crate::create::Settings;
use crate::one_off::OneOff;
use crate::smoke::Smoke;
use crate::source::Source;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Release {
    /// Service name.
    pub service: String,
    /// What it shall run.
    pub task_definition: Source,
    /// Whether a missing service is created.
    pub create: bool,
    /// What the service shall be like; what is left open stays as it is.
    pub settings: Settings,
    /// One-off tasks that go first, in this order; one that fails ends the release.
    pub first: Vec<OneOff>,
    /// How long there is for a verdict.
    pub timeout: Duration,
    /// How long the way back may take.
    pub return_timeout: Duration,
    /// This many tasks that fail of the same are enough to give up.
    pub failures: u32,
    /// So long without room for a task is enough to give up.
    pub placement: Duration,
    /// The longest pause between two looks; none for one that fits what happens.
    pub pace: Option<Duration>,
    /// Whether a failed release is undone.
    pub rolls_back: bool,
    /// Whether tasks are replaced although nothing has changed.
    pub force: bool,
    /// Whether to change nothing.
    pub dry_run: bool,
    /// Whether to end as soon as the deployment has begun.
    pub no_wait: bool,
    /// What an interruption does.
    pub on_interrupt: Otherwise,
    /// What the end of the time does.
    pub on_timeout: Otherwise,
    /// Whether to take the place of a deployment that is in progress.
    pub supersede: bool,
    /// The lock.
    pub lock: LockWish,
    /// Whether autoscaling is held up meanwhile.
    pub suspend_scaling: bool,
    /// What is asked of the service afterwards.
    pub smoke: Smoke,
    /// Whether the service's address is looked up.
    pub with_url: bool,
    /// Document of an earlier release, the last resort for where to go back to.
    pub earlier: Option<PathBuf>,
}

impl Release {
    /// A release of what is known to have worked: whatever is in progress makes way, and there is no way back
    /// from it that is known to be better.
    pub(crate) fn back(service: &str, task_definition: Source) -> Self {
        Self {
            service: service.to_owned(),
            task_definition,
            create: false,
            settings: Settings::default(),
            first: Vec::new(),
            timeout: Duration::ZERO,
            return_timeout: Duration::ZERO,
            failures: u32::MAX,
            placement: Duration::MAX,
            pace: None,
            rolls_back: false,
            force: false,
            dry_run: false,
            no_wait: false,
            on_interrupt: Otherwise::Detach,
            on_timeout: Otherwise::Detach,
            supersede: true,
            lock: LockWish::default(),
            suspend_scaling: false,
            smoke: Smoke::default(),
            with_url: false,
            earlier: None,
        }
    }
}

/// What becomes of a deployment that is in progress when its observer has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It goes on.
    Detach,
    /// It is undone.
    RollBack,
}

/// How the deploy lock is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockWish {
    /// Whether to do without it.
    pub none: bool,
    /// How long to wait for it, and for another's deployment; none to refuse at once.
    pub patience: Option<Duration>,
    /// Who is said to hold it; none for what CI or the machine says.
    pub owner: Option<String>,
    /// What for.
    pub message: String,
}
