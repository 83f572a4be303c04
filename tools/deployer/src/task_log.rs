//! Where the containers of a task write their lines.

use std::collections::BTreeMap;

use contract::deployment::LogPlace;
use serde_json::Value;

/// The log streams of a task definition's containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Streams {
    /// Log group and stream prefix, by container.
    places: BTreeMap<String, (String, String)>,
    /// Containers whose end ends the task, in their order.
    essential: Vec<String>,
}

impl Streams {
    /// Of a task definition as JSON. A container without stream prefix has a stream that nobody can name.
    pub(crate) fn of(definition: &Value) -> Self {
        let mut streams = Self::default();
        let containers = definition["containerDefinitions"].as_array();
        for container in containers.into_iter().flatten() {
            let Some(name) = container["name"].as_str() else {
                continue;
            };
            if container["essential"].as_bool().unwrap_or(true) {
                streams.essential.push(name.to_owned());
            }
            let log = &container["logConfiguration"];
            let options = &log["options"];
            if let (Some("awslogs"), Some(group), Some(prefix)) = (
                log["logDriver"].as_str(),
                options["awslogs-group"].as_str(),
                options["awslogs-stream-prefix"].as_str(),
            ) {
                let place = (group.to_owned(), prefix.to_owned());
                streams.places.insert(name.to_owned(), place);
            }
        }
        streams
    }

    /// Containers whose end ends the task.
    pub(crate) fn essential(&self) -> &[String] {
        &self.essential
    }

    /// The stream of a container of a task, of the first essential one if none is named.
    pub(crate) fn place(&self, container: Option<&str>, task_id: &str) -> Option<LogPlace> {
        let container = container.or_else(|| self.essential.first().map(String::as_str))?;
        let (group, prefix) = self.places.get(container)?;
        Some(LogPlace {
            group: group.clone(),
            stream: format!("{prefix}/{container}/{task_id}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_streams_that_can_be_named() {
        let awslogs = |options: Value| json!({"logDriver": "awslogs", "options": options});
        let streams = Streams::of(&json!({"containerDefinitions": [
            {"name": "helper", "essential": false,
             "logConfiguration": awslogs(json!({"awslogs-group": "/g", "awslogs-stream-prefix": "p"}))},
            {"name": "api",
             "logConfiguration": awslogs(json!({"awslogs-group": "/g", "awslogs-stream-prefix": "q"}))},
            {"name": "bare", "logConfiguration": awslogs(json!({"awslogs-group": "/g"}))},
        ]}));
        assert_eq!(streams.essential(), ["api", "bare"]);
        let stream = |container| streams.place(container, "7").map(|place| place.stream);
        assert_eq!(stream(Some("helper")).as_deref(), Some("p/helper/7"));
        assert_eq!(stream(None).as_deref(), Some("q/api/7"));
        assert_eq!(stream(Some("bare")), None);
    }
}
