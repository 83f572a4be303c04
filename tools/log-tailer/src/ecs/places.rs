//! Where the containers of a task definition write their lines.

use aws_sdk_ecs::types::{LogDriver, TaskDefinition};

/// The log of one container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ContainerLog {
    pub(crate) container: String,
    pub(crate) region: Option<String>,
    pub(crate) group: String,
    /// Streams are `PREFIX/CONTAINER/TASK`; without a prefix, the container's id.
    pub(crate) prefix: Option<String>,
}

/// The logs of the containers that write to CloudWatch, and the names of those that do not.
pub(crate) fn of(definition: &TaskDefinition) -> (Vec<ContainerLog>, Vec<String>) {
    let mut logs = Vec::new();
    let mut elsewhere = Vec::new();
    for container in definition.container_definitions() {
        let name = container.name().unwrap_or_default();
        let configuration = container
            .log_configuration()
            .filter(|configuration| *configuration.log_driver() == LogDriver::Awslogs);
        let option = |key: &str| configuration?.options()?.get(key).cloned();
        match option("awslogs-group") {
            Some(group) => logs.push(ContainerLog {
                container: name.to_owned(),
                region: option("awslogs-region"),
                group,
                prefix: option("awslogs-stream-prefix").filter(|prefix| !prefix.is_empty()),
            }),
            None => elsewhere.push(name.to_owned()),
        }
    }
    (logs, elsewhere)
}

/// `12` of `arn:…:task-definition/api:12`.
pub(crate) fn revision(arn: &str) -> Option<&str> {
    arn.rsplit_once(':').map(|(_, revision)| revision)
}

/// The last part of an ARN: `api:12`, or the id of a task.
pub(crate) fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{ContainerDefinition, LogConfiguration};

    use super::*;

    fn container(name: &str, driver: LogDriver, options: &[(&str, &str)]) -> ContainerDefinition {
        let mut log = LogConfiguration::builder().log_driver(driver);
        for (key, value) in options {
            log = log.options(*key, *value);
        }
        ContainerDefinition::builder()
            .name(name)
            .log_configuration(log.build().unwrap())
            .build()
    }

    #[test]
    fn finds_groups_prefixes_and_regions() {
        let definition = TaskDefinition::builder()
            .container_definitions(container(
                "api",
                LogDriver::Awslogs,
                &[
                    ("awslogs-group", "/g"),
                    ("awslogs-region", "eu-west-1"),
                    ("awslogs-stream-prefix", "p"),
                ],
            ))
            .container_definitions(container(
                "bare",
                LogDriver::Awslogs,
                &[("awslogs-group", "/g")],
            ))
            .container_definitions(container("other", LogDriver::Splunk, &[]))
            .container_definitions(ContainerDefinition::builder().name("none").build())
            .build();
        let (logs, elsewhere) = of(&definition);
        assert_eq!(
            logs,
            [
                ContainerLog {
                    container: "api".to_owned(),
                    region: Some("eu-west-1".to_owned()),
                    group: "/g".to_owned(),
                    prefix: Some("p".to_owned()),
                },
                ContainerLog {
                    container: "bare".to_owned(),
                    region: None,
                    group: "/g".to_owned(),
                    prefix: None,
                },
            ]
        );
        assert_eq!(elsewhere, ["other", "none"]);
    }

    #[test]
    fn takes_arns_apart() {
        let arn = "arn:aws:ecs:us-east-1:1:task-definition/api:12";
        assert_eq!((last(arn), revision(arn)), ("api:12", Some("12")));
    }
}
