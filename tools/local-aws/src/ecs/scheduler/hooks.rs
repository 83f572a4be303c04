//! Pause hooks: a deployment waits at a stage until somebody says how it goes on, or the time is over.

use serde::{Deserialize, Serialize};

/// What is done at a hook's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HookAction {
    Continue,
    Rollback,
}

impl HookAction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Rollback => "ROLLBACK",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Continue, Self::Rollback]
            .into_iter()
            .find(|action| action.as_str() == name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HookStatus {
    AwaitingAction,
    Succeeded,
    Failed,
    TimedOut,
}

impl HookStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingAction => "AWAITING_ACTION",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
        }
    }
}

/// One pause of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HookRun {
    /// `ecs-pause-…`.
    pub(crate) id: String,
    /// The stop of the course at which it pauses.
    pub(crate) stop: usize,
    pub(crate) status: HookStatus,
    pub(crate) expires_ms: i64,
    pub(crate) on_timeout: HookAction,
}

impl HookRun {
    /// Takes notice of the time. True if this ended it.
    pub(crate) fn expire(&mut self, now_ms: i64) -> bool {
        let is_due = self.status == HookStatus::AwaitingAction && now_ms >= self.expires_ms;
        if is_due {
            self.status = HookStatus::TimedOut;
        }
        is_due
    }

    pub(crate) fn settle(&mut self, action: HookAction) {
        self.status = match action {
            HookAction::Continue => HookStatus::Succeeded,
            HookAction::Rollback => HookStatus::Failed,
        };
    }
}

/// What the hooks of a stop say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    Waiting,
    /// Somebody asked for it.
    Rollback,
    /// Nobody asked for anything in time.
    TimedOut,
}

/// One hook that rolls back is enough, whatever the others wait for (AWS documentation, pause hooks).
pub(crate) fn gate(runs: &[HookRun], stop: usize) -> Gate {
    let here = || runs.iter().filter(move |run| run.stop == stop);
    if here().any(|run| run.status == HookStatus::Failed) {
        Gate::Rollback
    } else if here()
        .any(|run| run.status == HookStatus::TimedOut && run.on_timeout == HookAction::Rollback)
    {
        Gate::TimedOut
    } else if here().any(|run| run.status == HookStatus::AwaitingAction) {
        Gate::Waiting
    } else {
        Gate::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stop: usize, status: HookStatus, on_timeout: HookAction) -> HookRun {
        HookRun {
            id: String::new(),
            stop,
            status,
            expires_ms: 1000,
            on_timeout,
        }
    }

    #[test]
    fn one_hook_that_rolls_back_is_enough() {
        use HookAction::{Continue, Rollback};
        use HookStatus::{AwaitingAction, Failed, Succeeded, TimedOut};
        let cases = [
            (vec![], Gate::Open),
            (vec![run(1, AwaitingAction, Rollback)], Gate::Waiting),
            (vec![run(0, AwaitingAction, Rollback)], Gate::Open),
            (
                vec![
                    run(1, Succeeded, Rollback),
                    run(1, AwaitingAction, Rollback),
                ],
                Gate::Waiting,
            ),
            (
                vec![run(1, Succeeded, Rollback), run(1, TimedOut, Continue)],
                Gate::Open,
            ),
            (
                vec![run(1, AwaitingAction, Rollback), run(1, Failed, Rollback)],
                Gate::Rollback,
            ),
            (
                vec![run(1, AwaitingAction, Rollback), run(1, TimedOut, Rollback)],
                Gate::TimedOut,
            ),
        ];
        for (runs, expected) in cases {
            assert_eq!(gate(&runs, 1), expected, "{runs:?}");
        }
    }

    #[test]
    fn expires_once_and_only_while_it_waits() {
        let mut waiting = run(0, HookStatus::AwaitingAction, HookAction::Rollback);
        assert!(!waiting.expire(999));
        assert!(waiting.expire(1000));
        assert!(!waiting.expire(1001));
        assert_eq!(waiting.status, HookStatus::TimedOut);
        let mut settled = run(0, HookStatus::AwaitingAction, HookAction::Rollback);
        settled.settle(HookAction::Continue);
        assert!(!settled.expire(1000));
        assert_eq!(settled.status, HookStatus::Succeeded);
    }
}
