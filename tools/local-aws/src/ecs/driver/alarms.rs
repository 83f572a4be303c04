//! The alarms that a deployment watches.

use crate::cloudwatch::AlarmState;
use crate::ecs::Ecs;
use crate::ecs::model::{RolloutStatus, Service, ServiceSettings};

/// How a new deployment watches its alarms.
pub(crate) struct Watch {
    /// One is in ALARM already: none of them could tell whether the deployment did it.
    pub(crate) is_ignored: bool,
    /// Seconds of AWS's until the slowest of them has noticed a fault; 0 if none is watched.
    pub(crate) bake_s: i64,
}

pub(crate) fn watch(ecs: &Ecs, settings: &ServiceSettings) -> Watch {
    let names = settings.watched_alarms();
    let outlooks = || {
        names
            .iter()
            .filter_map(|name| ecs.parts.cloudwatch.outlook(name))
    };
    let is_ignored = outlooks().any(|outlook| outlook.state == AlarmState::Alarm);
    let slowest = outlooks().map(|outlook| outlook.window_s).max();
    Watch {
        is_ignored,
        bake_s: slowest.filter(|_| !is_ignored).unwrap_or(0),
    }
}

/// Those that are in ALARM and say something about the running deployment.
pub(crate) fn triggered(ecs: &Ecs, service: &Service) -> Vec<String> {
    let is_watched = service.running().is_some_and(|rollout| {
        rollout.status == RolloutStatus::InProgress && !rollout.alarms_ignored
    });
    if !is_watched {
        return Vec::new();
    }
    let names = service.settings.watched_alarms().into_iter();
    names
        .filter(|name| {
            let outlook = ecs.parts.cloudwatch.outlook(name);
            outlook.is_some_and(|outlook| outlook.state == AlarmState::Alarm)
        })
        .map(str::to_owned)
        .collect()
}
