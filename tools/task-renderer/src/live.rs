//! Definitions that ECS has: a revision of a family, or the one that a service runs.

use anyhow::{Context as _, anyhow};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Tag, TaskDefinition, TaskDefinitionField};
use aws_smithy_json::codec::{JsonCodec, JsonCodecSettings};
use aws_smithy_schema::codec::Codec as _;
use aws_smithy_schema::serde::ShapeSerializer as _;
use serde_json::{Value, json};
use toolkit::Fault;

/// What ECS says of a revision beside what it was given.
const ADDED: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "registeredAt",
    "deregisteredAt",
    "registeredBy",
    "compatibilities",
    "requiresAttributes",
    "deleteRequestedAt",
];

/// Where a definition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// `FAMILY`, `FAMILY:REVISION` or an ARN.
    Definition(String),
    /// What a service runs.
    Service {
        /// Name or ARN.
        cluster: String,
        /// Name or ARN.
        service: String,
    },
}

/// A definition and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// `FAMILY:REVISION`.
    pub(crate) name: String,
    /// What RegisterTaskDefinition would take.
    pub(crate) definition: Value,
}

/// Asks for some definitions, side by side; the region is that of the process unless it is given.
pub(crate) fn fetch(revisions: &[&Revision], region: Option<&str>) -> anyhow::Result<Vec<Found>> {
    aws::block_on(async {
        let config = match region {
            Some(region) => aws::config_in(region).await,
            None => aws::config().await?,
        };
        let client = Client::new(&config);
        let mut found = Vec::new();
        for revision in revisions {
            found.push(one(&client, revision).await?);
        }
        Ok(found)
    })
}

async fn one(client: &Client, revision: &Revision) -> anyhow::Result<Found> {
    let name = match revision {
        Revision::Definition(name) => name.clone(),
        Revision::Service { cluster, service } => of_service(client, cluster, service).await?,
    };
    let answer = client
        .describe_task_definition()
        .task_definition(&name)
        .include(TaskDefinitionField::Tags)
        .send()
        .await
        .map_err(|error| aws::explain(&format!("describe the task definition {name}"), error))?;
    let definition = answer
        .task_definition()
        .ok_or_else(|| anyhow!("ECS described no task definition {name}"))?;
    Ok(Found {
        name: format!(
            "{}:{}",
            definition.family().unwrap_or_default(),
            definition.revision()
        ),
        definition: given(definition, answer.tags())?,
    })
}

async fn of_service(client: &Client, cluster: &str, service: &str) -> anyhow::Result<String> {
    let answer = client
        .describe_services()
        .cluster(cluster)
        .services(service)
        .send()
        .await
        .map_err(|error| {
            aws::explain(&format!("describe the service {cluster}/{service}"), error)
        })?;
    let found = answer.services().first().and_then(|service| {
        let definition = service.task_definition()?;
        (service.status() != Some("INACTIVE")).then(|| definition.to_owned())
    });
    found.ok_or_else(|| {
        Fault::usage(format!("the cluster {cluster} has no service {service}"))
            .with_hint("`aws ecs list-services --cluster CLUSTER` says what it has")
            .into()
    })
}

/// The definition as it was given: by the SDK's own schema, so that no member is lost on the way.
fn given(definition: &TaskDefinition, tags: &[Tag]) -> anyhow::Result<Value> {
    let codec = JsonCodec::new(JsonCodecSettings::builder().use_json_name(false).build());
    let mut serializer = codec.create_serializer();
    serializer
        .write_struct(TaskDefinition::SCHEMA, definition)
        .map_err(|error| anyhow!("cannot write a task definition as JSON: {error}"))?;
    let mut value: Value = serde_json::from_slice(&serializer.finish())
        .context("the SDK wrote a task definition badly")?;
    let tags: Vec<Value> = tags
        .iter()
        .map(|tag| json!({ "key": tag.key(), "value": tag.value() }))
        .collect();
    value["tags"] = json!(tags);
    Ok(without_added(value))
}

/// Without what ECS adds, and without the tags that only AWS may set. The answer of
/// DescribeTaskDefinition as a whole will do as well.
pub(crate) fn without_added(value: Value) -> Value {
    let mut value = match value {
        Value::Object(mut answer) if answer.contains_key("taskDefinition") => {
            let tags = answer.remove("tags");
            let mut definition = answer.remove("taskDefinition").unwrap_or_default();
            if let (Some(members), Some(tags)) = (definition.as_object_mut(), tags) {
                members.insert("tags".to_owned(), tags);
            }
            definition
        }
        other => other,
    };
    if let Some(members) = value.as_object_mut() {
        for name in ADDED {
            members.remove(name);
        }
        if let Some(Value::Array(tags)) = members.get_mut("tags") {
            tags.retain(|tag| {
                !tag["key"]
                    .as_str()
                    .is_some_and(|key| key.starts_with("aws:"))
            });
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinitionStatus};

    use super::*;

    #[test]
    fn gives_back_what_was_registered() {
        let definition = TaskDefinition::builder()
            .family("web")
            .revision(7)
            .status(TaskDefinitionStatus::Active)
            .task_definition_arn("arn:aws:ecs:us-east-1:123456789012:task-definition/web:7")
            .container_definitions(
                ContainerDefinition::builder()
                    .name("api")
                    .image("i")
                    .build(),
            )
            .build();
        let tags = [("commit", "1"), ("aws:cloudformation:stack-name", "x")]
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let value = crate::canonical::canonical(given(&definition, &tags).unwrap());
        assert_eq!(
            value,
            json!({
                "containerDefinitions": [{"cpu": 0, "image": "i", "name": "api"}],
                "family": "web",
                "tags": [{"key": "commit", "value": "1"}],
            })
        );
        assert_eq!(
            without_added(json!({"taskDefinition": {"family": "f", "revision": 1}, "tags": []})),
            json!({"family": "f", "tags": []})
        );
    }
}
