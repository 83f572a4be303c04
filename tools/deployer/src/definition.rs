//! Task definitions as JSON, read and written by the SDK's own schemas, so that no member is lost on the way.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionInputBuilder;
use aws_sdk_ecs::types::TaskDefinition;
use aws_smithy_json::codec::{JsonCodec, JsonCodecSettings};
use aws_smithy_schema::codec::Codec as _;
use aws_smithy_schema::serde::{SerializableStruct, ShapeSerializer as _};
use serde_json::Value;
use toolkit::Fault;

/// A task definition that can be registered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition {
    /// What RegisterTaskDefinition takes.
    pub(crate) input: RegisterTaskDefinitionInput,
    /// The same as JSON.
    pub(crate) json: Value,
}

/// Reads the file that RegisterTaskDefinition takes as it is.
pub(crate) fn read(path: &Path) -> anyhow::Result<Definition> {
    let file = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Fault::usage(format!("cannot read the task definition {file}: {error}"))
    })?;
    parse(&text).map_err(|error| Fault::usage(format!("{file}: {error:#}")).into())
}

/// A task definition as RegisterTaskDefinition takes it.
pub(crate) fn of_json(definition: &Value) -> anyhow::Result<Definition> {
    parse(&definition.to_string())
}

fn parse(text: &str) -> anyhow::Result<Definition> {
    let given: Value = serde_json::from_str(text).context("not valid JSON")?;
    if !given.is_object() {
        return Err(anyhow!("a task definition is a JSON object"));
    }
    // Depth and syntax are known to be good here, so an error of the codec is one of a member's type.
    let input =
        RegisterTaskDefinitionInput::deserialize(&mut codec().create_deserializer(text.as_bytes()))
            .map_err(|error| anyhow!("not a task definition: {error}"))?;
    let json = to_json(RegisterTaskDefinitionInput::SCHEMA, &input)?;
    let mut strange = Vec::new();
    compare(&given, &json, "", &mut strange);
    if !strange.is_empty() {
        return Err(anyhow!("{}", strange.join("; ")));
    }
    for (member, is_missing) in [
        ("family", input.family().is_none_or(str::is_empty)),
        (
            "containerDefinitions",
            input.container_definitions().is_empty(),
        ),
    ] {
        if is_missing {
            return Err(anyhow!("{member} is missing"));
        }
    }
    Ok(Definition { input, json })
}

/// A registered task definition as JSON.
pub(crate) fn of_live(definition: &TaskDefinition) -> anyhow::Result<Value> {
    to_json(TaskDefinition::SCHEMA, definition)
}

/// The request for `input`. The SDK's input has no way back to its builder but member by member; the one
/// member that AWS has withdrawn, inferenceAccelerators, is refused.
pub(crate) fn request(
    input: &RegisterTaskDefinitionInput,
) -> anyhow::Result<RegisterTaskDefinitionInputBuilder> {
    let from = input.clone();
    let builder = RegisterTaskDefinitionInput::builder()
        .set_family(from.family)
        .set_task_role_arn(from.task_role_arn)
        .set_execution_role_arn(from.execution_role_arn)
        .set_network_mode(from.network_mode)
        .set_container_definitions(from.container_definitions)
        .set_volumes(from.volumes)
        .set_placement_constraints(from.placement_constraints)
        .set_requires_compatibilities(from.requires_compatibilities)
        .set_cpu(from.cpu)
        .set_memory(from.memory)
        .set_tags(from.tags)
        .set_pid_mode(from.pid_mode)
        .set_ipc_mode(from.ipc_mode)
        .set_proxy_configuration(from.proxy_configuration)
        .set_ephemeral_storage(from.ephemeral_storage)
        .set_runtime_platform(from.runtime_platform)
        .set_enable_fault_injection(from.enable_fault_injection);
    let built = builder.clone().build().context("incomplete request")?;
    anyhow::ensure!(
        built == *input,
        "the task definition has a member that this version cannot register"
    );
    Ok(builder)
}

fn codec() -> JsonCodec {
    JsonCodec::new(JsonCodecSettings::builder().use_json_name(false).build())
}

fn to_json(
    schema: &aws_smithy_schema::Schema<'_>,
    value: &dyn SerializableStruct,
) -> anyhow::Result<Value> {
    let mut serializer = codec().create_serializer();
    serializer
        .write_struct(schema, value)
        .map_err(|error| anyhow!("cannot write a task definition as JSON: {error}"))?;
    serde_json::from_slice(&serializer.finish()).context("the SDK wrote a task definition badly")
}

/// Collects what `read` does not have of `given`: members that ECS does not know, values of another type.
fn compare(given: &Value, read: &Value, path: &str, strange: &mut Vec<String>) {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match read.get(name) {
                    Some(read) => compare(value, read, &path, strange),
                    None => strange.push(format!("{path} is not a member that ECS knows")),
                }
            }
        }
        (Value::Array(given), Value::Array(read)) if given.len() == read.len() => {
            for (index, (given, read)) in given.iter().zip(read).enumerate() {
                compare(given, read, &format!("{path}[{index}]"), strange);
            }
        }
        _ if given == read => {}
        _ => strange.push(format!("{path} is not what ECS takes there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{
        "family": "web", "networkMode": "bridge", "requiresCompatibilities": ["EC2"],
        "cpu": "256", "memory": "512", "executionRoleArn": "arn:aws:iam::1:role/x",
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        "containerDefinitions": [{
            "name": "api", "image": "r/web@sha256:aa", "essential": true,
            "portMappings": [{"containerPort": 8080, "hostPort": 0, "protocol": "tcp"}],
            "environment": [{"name": "A", "value": "ü\n"}],
            "secrets": [{"name": "S", "valueFrom": "arn:x"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/g"}},
            "healthCheck": {"command": ["CMD", "x"], "interval": 5},
            "stopTimeout": 30
        }],
        "volumes": [{"name": "v", "host": {"sourcePath": "/x"}}],
        "tags": [{"key": "commit", "value": "abc"}]
    }"#;

    #[test]
    fn reads_and_asks_for_what_it_was_given() {
        let definition = parse(GOOD).unwrap();
        let request = request(&definition.input).unwrap();
        assert_eq!(request.build().unwrap(), definition.input);
        let mut strange = Vec::new();
        compare(
            &serde_json::from_str(GOOD).unwrap(),
            &definition.json,
            "",
            &mut strange,
        );
        assert_eq!(strange, [""; 0]);
        let container = &definition.input.container_definitions()[0];
        assert_eq!(container.environment()[0].value(), Some("ü\n"));
        assert_eq!(container.health_check().unwrap().interval(), Some(5));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let table = [
            ("[]", "a task definition is a JSON object"),
            (r#"{"family":"web"}"#, "containerDefinitions is missing"),
            (
                r#"{"containerDefinitions":[{"name":"a","image":"b"}]}"#,
                "family is missing",
            ),
            (
                r#"{"family":"web","containerDefinitions":[{"name":"a","imgae":"b"}],"famly":"x"}"#,
                "containerDefinitions[0].imgae is not a member that ECS knows; famly is not a member that ECS knows",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(
                format!("{:#}", parse(text).unwrap_err()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_a_value_of_another_type() {
        for text in [
            r#"{"family":3,"containerDefinitions":[{"name":"a"}]}"#,
            r#"{"family":"f","containerDefinitions":[{"name":"a","cpu":"12"}]}"#,
            r#"{"family":"f","containerDefinitions":{"name":"a"}}"#,
        ] {
            parse(text).unwrap_err();
        }
    }
}
