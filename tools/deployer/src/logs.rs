//! The last lines of a task.

use aws_sdk_ecs::types::{LogDriver, TaskDefinition};
use contract::deployment::LogPlace;

use crate::cloud::Cloud;

/// As many lines as say why a task failed, more often than not.
const LINES: i32 = 10;

/// Where a container of a task writes; none unless its driver is awslogs with a prefix.
pub(crate) fn place(definition: &TaskDefinition, container: &str, task: &str) -> Option<LogPlace> {
    let container = definition
        .container_definitions()
        .iter()
        .find(|candidate| candidate.name() == Some(container))?;
    let configuration = container.log_configuration()?;
    if configuration.log_driver() != &LogDriver::Awslogs {
        return None;
    }
    let option = |name: &str| {
        configuration
            .options()
            .and_then(|options| options.get(name))
    };
    let (group, prefix) = (option("awslogs-group")?, option("awslogs-stream-prefix")?);
    let id = task.rsplit('/').next().unwrap_or(task);
    Some(LogPlace {
        group: group.clone(),
        stream: format!("{prefix}/{}/{id}", container.name().unwrap_or_default()),
    })
}

/// The last lines, oldest first; none if they cannot be read, since they only explain.
pub(crate) async fn last_lines(cloud: &Cloud, place: &LogPlace) -> Vec<String> {
    let call = cloud
        .logs
        .get_log_events()
        .log_group_name(&place.group)
        .log_stream_name(&place.stream)
        .limit(LINES);
    match call.start_from_head(false).send().await {
        Ok(answer) => answer
            .events()
            .iter()
            .filter_map(|event| event.message().map(|message| message.trim_end().to_owned()))
            .collect(),
        Err(_unreadable) => Vec::new(),
    }
}
