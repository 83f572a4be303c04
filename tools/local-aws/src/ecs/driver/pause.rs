//! Pauses of a deployment at lifecycle hooks.

use crate::account::hex_id;
use crate::ecs::Ecs;
use crate::ecs::cause::Cause;
use crate::ecs::model::{Hook, Rollout};
use crate::ecs::scheduler::hooks::{Gate, HookRun, HookStatus, gate};

/// The deployment has come to a stop of its course: every hook of that stage begins to wait.
pub(crate) fn arrive(ecs: &Ecs, hooks: &[Hook], rollout: &mut Rollout) {
    let Some(stop) = rollout.current_stop() else {
        return;
    };
    let hooks = hooks
        .iter()
        .filter(|hook| hook.stages.contains(&stop.stage));
    for hook in hooks {
        let timeout_ms = ecs
            .parts
            .clock
            .wait_ms(60 * i64::from(hook.timeout_minutes));
        rollout.hooks.push(HookRun {
            id: format!("ecs-pause-{}", hex_id(43)),
            stop: rollout.stop,
            status: HookStatus::AwaitingAction,
            expires_ms: ecs.now().saturating_add(timeout_ms),
            on_timeout: hook.on_timeout,
        });
    }
}

/// Takes notice of the time. True if a hook's time is over.
pub(crate) fn expire(rollout: &mut Rollout, now: i64) -> bool {
    let expired = rollout.hooks.iter_mut().map(|hook| hook.expire(now));
    expired.fold(false, |any, is_over| any | is_over)
}

/// Why the hooks of the current stop end the deployment, if they do.
pub(crate) fn refusal(rollout: &Rollout) -> Option<Cause> {
    let stage = rollout.current_stop()?.stage;
    match gate(&rollout.hooks, rollout.stop) {
        Gate::Open | Gate::Waiting => None,
        Gate::Rollback => Some(Cause::Hook(stage)),
        Gate::TimedOut => Some(Cause::HookTimedOut(stage)),
    }
}
