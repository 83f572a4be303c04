//! The life of tasks as EventBridge tells it.
//!
//! There is no EventBridge here. What the rule that CloudWatch's console makes for Container Insights has written to a
//! log group is written there directly, if the group exists: then a metric filter can count what happens to tasks.

use serde_json::json;

use crate::ecs::Ecs;
use crate::ecs::world::World;
use crate::logs::LogEvent;
use crate::protocol::with_epoch_seconds;

/// The stream; on AWS there are many, with random names.
const STREAM: &str = "task-state-changes";

/// Writes the state that a task has come to.
pub(crate) fn tell(ecs: &Ecs, world: &World, id: &str) {
    let Some(task) = world.tasks.get(id) else {
        return;
    };
    let group = format!(
        "/aws/events/ecs/containerinsights/{}/performance",
        task.cluster
    );
    if !ecs.parts.logs.has_group(&group) {
        return;
    }
    let now = ecs.now();
    let event = json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": ecs.parts.account.id,
        "time": jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_string(),
        "region": ecs.parts.account.region,
        "detail": with_epoch_seconds(ecs.task_view(task)),
    });
    let event = LogEvent {
        timestamp_ms: now,
        message: event.to_string(),
    };
    if let Err(error) = ecs.parts.logs.append(&group, STREAM, &[event]) {
        ecs.parts
            .console
            .warning(&format!("cannot write to {group}: {error}"));
    }
}
