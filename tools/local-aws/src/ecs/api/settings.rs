//! The settings of a service, as CreateService and UpdateService give them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ecs::Ecs;
use crate::ecs::model::{DefinitionStatus, ServiceBalancer, ServiceSettings};
use crate::ecs::world::World;
use crate::protocol::{AwsError, Input};

/// Members that are kept and given back, and change nothing here.
const KEPT: [&str; 6] = [
    "platformVersion",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
    "placementStrategy",
    "placementConstraints",
];

/// Settings of a new service.
pub(super) fn fresh() -> ServiceSettings {
    ServiceSettings {
        task_definition: String::new(),
        launch_type: "EC2".to_owned(),
        load_balancers: Vec::new(),
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        breaker: false,
        breaker_rollback: false,
        alarms: Value::Null,
        grace_seconds: 0,
        network: Value::Null,
        others: BTreeMap::new(),
    }
}

/// Lays what a request says over the settings.
pub(super) fn apply(
    ecs: &Ecs,
    world: &World,
    input: &Input<'_>,
    settings: &mut ServiceSettings,
) -> Result<(), AwsError> {
    if let Some(reference) = input.text("taskDefinition")? {
        let definition = world
            .find_definition(reference)
            .ok_or_else(|| AwsError::new("ClientException", "TaskDefinition not found."))?;
        if definition.status != DefinitionStatus::Active {
            return Err(AwsError::new(
                "ClientException",
                "TaskDefinition is inactive",
            ));
        }
        settings.task_definition = ecs.arns.definition(&definition.family, definition.revision);
    }
    if let Some(launch_type) = input.text("launchType")? {
        if !["EC2", "FARGATE"].contains(&launch_type) {
            return Err(input.refuse(format!(
                "local-aws does not run tasks of the launch type {launch_type}"
            )));
        }
        launch_type.clone_into(&mut settings.launch_type);
    }
    if let Some(strategy) = input.text("schedulingStrategy")?
        && strategy != "REPLICA"
    {
        return Err(input.refuse("local-aws has no DAEMON services: it is one container instance; use REPLICA with a desired count of 1"));
    }
    if let Some(controller) = input.structure("deploymentController")?
        && controller.text("type")?.is_some_and(|kind| kind != "ECS")
    {
        return Err(input.refuse("local-aws has only the deployment controller ECS"));
    }
    if input.get("loadBalancers").is_some() {
        settings.load_balancers = balancers(ecs, world, input, &settings.task_definition)?;
    }
    if let Some(configuration) = input.structure("deploymentConfiguration")? {
        configure(&configuration, settings)?;
    }
    if let Some(seconds) = input.integer("healthCheckGracePeriodSeconds")? {
        settings.grace_seconds = seconds.max(0);
    }
    if let Some(network) = input.get("networkConfiguration") {
        settings.network = network.clone();
    }
    for name in KEPT {
        if let Some(value) = input.get(name) {
            settings.others.insert(name.to_owned(), value.clone());
        }
    }
    Ok(())
}

fn configure(configuration: &Input<'_>, settings: &mut ServiceSettings) -> Result<(), AwsError> {
    if let Some(strategy) = configuration.text("strategy")?
        && strategy != "ROLLING"
    {
        return Err(configuration.refuse(format!(
            "local-aws does not deploy by {strategy} yet; it has ROLLING"
        )));
    }
    let percent = |name: &str| -> Result<Option<u32>, AwsError> {
        let value = configuration.integer(name)?;
        value
            .map(|value| {
                u32::try_from(value).map_err(|_negative| {
                    configuration.refuse(format!("{name} must not be negative"))
                })
            })
            .transpose()
    };
    if let Some(minimum) = percent("minimumHealthyPercent")? {
        settings.minimum_healthy_percent = minimum;
    }
    if let Some(maximum) = percent("maximumPercent")? {
        settings.maximum_percent = maximum;
    }
    if settings.maximum_percent < settings.minimum_healthy_percent
        || settings.maximum_percent < 100 && settings.minimum_healthy_percent >= 100
    {
        return Err(configuration.refuse("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."));
    }
    if settings.maximum_percent == 100 && settings.minimum_healthy_percent == 100 {
        return Err(configuration.refuse("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."));
    }
    if let Some(breaker) = configuration.structure("deploymentCircuitBreaker")? {
        settings.breaker = breaker.flag("enable")?.unwrap_or(false);
        settings.breaker_rollback = breaker.flag("rollback")?.unwrap_or(false);
    }
    if let Some(alarms) = configuration.structure("alarms")? {
        if alarms.flag("enable")?.unwrap_or(false) {
            return Err(configuration.refuse("local-aws does not watch alarms during a deployment yet: leave deploymentConfiguration.alarms out"));
        }
        settings.alarms = Value::Object(alarms.members());
    }
    Ok(())
}

fn balancers(
    ecs: &Ecs,
    world: &World,
    input: &Input<'_>,
    definition: &str,
) -> Result<Vec<ServiceBalancer>, AwsError> {
    let definition = world
        .find_definition(definition)
        .map(|definition| &definition.body);
    let has_port = |container: &str, port: i64| {
        let containers = definition
            .and_then(|body| body["containerDefinitions"].as_array())
            .into_iter()
            .flatten();
        let mut named = containers
            .filter(|candidate| candidate["name"] == container)
            .peekable();
        if named.peek().is_none() {
            return Err(format!(
                "The container {container} does not exist in the task definition."
            ));
        }
        let mut ports = named
            .flat_map(|container| container["portMappings"].as_array())
            .flatten();
        if ports.any(|mapping| mapping["containerPort"] == port) {
            Ok(())
        } else {
            Err(format!(
                "The container {container} did not have a container port {port} defined."
            ))
        }
    };
    let mut balancers = Vec::new();
    for balancer in input.structures("loadBalancers")? {
        let arn = balancer.required_text("targetGroupArn")?;
        let container = balancer.required_text("containerName")?;
        let port = balancer.integer("containerPort")?.unwrap_or_default();
        if ecs.parts.elb.target_group(arn).is_none() {
            return Err(input.refuse(format!(
                "Unable to assume role or the target group {arn} does not exist."
            )));
        }
        if !ecs.parts.elb.is_used(arn) {
            return Err(input.refuse(format!("The target group with targetGroupArn {arn} does not have an associated load balancer.")));
        }
        has_port(container, port).map_err(|message| input.refuse(message))?;
        balancers.push(ServiceBalancer {
            target_group_arn: arn.to_owned(),
            container: container.to_owned(),
            port: u16::try_from(port)
                .map_err(|_range| input.refuse(format!("containerPort cannot be {port}")))?,
        });
    }
    Ok(balancers)
}
