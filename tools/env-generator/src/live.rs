//! What the container of a live service has in its environment.

use anyhow::Context as _;
use aws::explain;
use aws_sdk_ecs::types::ContainerDefinition;
use toolkit::Fault;

use crate::diff::{Fact, Facts};
use crate::secret_text::SecretText;

/// Variables and references of the service's current task definition.
pub(crate) async fn facts(
    region: &str,
    cluster: &str,
    service: &str,
    container: Option<&str>,
) -> anyhow::Result<Facts> {
    let client = aws_sdk_ecs::Client::new(&aws::config_in(region).await);
    let answer = client
        .describe_services()
        .cluster(cluster)
        .services(service)
        .send()
        .await
        .map_err(|error| explain(&format!("describe the service {cluster}/{service}"), error))?;
    let revision = answer
        .services()
        .first()
        .and_then(|service| service.task_definition())
        .ok_or_else(|| {
            Fault::usage(format!(
                "the cluster {cluster} has no service {service} in {region}"
            ))
        })?;
    let definition = client
        .describe_task_definition()
        .task_definition(revision)
        .send()
        .await
        .map_err(|error| explain(&format!("describe the task definition {revision}"), error))?
        .task_definition
        .with_context(|| format!("the answer holds no task definition {revision}"))?;
    Ok(of_container(chosen(
        definition.container_definitions(),
        container,
        revision,
    )?))
}

fn chosen<'c>(
    containers: &'c [ContainerDefinition],
    name: Option<&str>,
    revision: &str,
) -> anyhow::Result<&'c ContainerDefinition> {
    let names: Vec<&str> = containers
        .iter()
        .filter_map(ContainerDefinition::name)
        .collect();
    let found = match (name, containers) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(name), all) => all.iter().find(|container| container.name() == Some(name)),
    };
    found.ok_or_else(|| {
        Fault::usage(format!(
            "{revision} has the containers {}",
            names.join(", ")
        ))
        .with_hint("name one of them with --container")
        .into()
    })
}

fn of_container(container: &ContainerDefinition) -> Facts {
    let variables = container.environment().iter().filter_map(|variable| {
        let value = SecretText::new(variable.value()?.to_owned());
        Some((variable.name()?.to_owned(), Fact::Unknown(value)))
    });
    let secrets = container.secrets().iter().map(|secret| {
        (
            secret.name().to_owned(),
            Fact::Reference(secret.value_from().to_owned()),
        )
    });
    variables.chain(secrets).collect()
}
