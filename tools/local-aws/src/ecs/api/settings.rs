//! The settings of a service, as CreateService and UpdateService give them.

use std::collections::BTreeSet;

use super::configure;
use crate::ecs::Ecs;
use crate::ecs::model::{Advanced, DefinitionStatus, ServiceBalancer, ServiceSettings};
use crate::ecs::scheduler::stages::Strategy;
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
    match input.text("schedulingStrategy")? {
        None | Some("REPLICA") => {}
        Some("DAEMON") => {
            settings.daemon = true;
            (settings.minimum_healthy_percent, settings.maximum_percent) = (0, 100);
        }
        Some(other) => {
            return Err(input.refuse(format!(
                "Invalid schedulingStrategy {other}. Valid values are: REPLICA, DAEMON"
            )));
        }
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
        configure::apply(&configuration, settings)?;
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
    check(ecs, input, settings)
}

/// Refuses what cannot be together (AWS documentation, troubleshooting blue/green).
fn check(ecs: &Ecs, input: &Input<'_>, settings: &ServiceSettings) -> Result<(), AwsError> {
    if settings.daemon {
        check_daemon(input, settings)?;
    }
    let balancers = &settings.load_balancers;
    let has_advanced = |balancer: &ServiceBalancer| balancer.advanced.is_some();
    let (any, all) = (
        balancers.iter().any(has_advanced),
        balancers.iter().all(has_advanced),
    );
    if settings.strategy != Strategy::Rolling && !all {
        return Err(input.refuse("advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"));
    }
    if any && !all {
        return Err(input.refuse("Either all or none of the provided loadBalancers must have advancedConfiguration defined"));
    }
    if matches!(settings.strategy, Strategy::Linear | Strategy::Canary) && balancers.is_empty() {
        return Err(input.refuse(format!(
            "The deployment strategy {} needs a load balancer whose traffic it can shift",
            settings.strategy.as_str()
        )));
    }
    if settings.strategy == Strategy::BlueGreen && settings.bake_minutes.is_none() {
        return Err(input.refuse(
            "bakeTimeInMinutes is required when using the BLUE_GREEN deployment strategy",
        ));
    }
    let mut seen = BTreeSet::new();
    for balancer in balancers {
        let advanced = balancer.advanced.as_ref();
        let arns = [
            Some(&balancer.target_group_arn),
            advanced.map(|advanced| &advanced.alternate),
        ];
        for arn in arns.into_iter().flatten() {
            if !seen.insert(arn) {
                return Err(input.refuse(format!("Duplicate targetGroupArn found: {arn}")));
            }
        }
        if let Some(advanced) = advanced {
            check_rules(ecs, balancer, advanced).map_err(|message| input.refuse(message))?;
        }
    }
    Ok(())
}

/// What a service of one task on each container instance cannot have (botocore's model).
fn check_daemon(input: &Input<'_>, settings: &ServiceSettings) -> Result<(), AwsError> {
    if settings.launch_type == "FARGATE" {
        return Err(input.refuse(
            "The DAEMON scheduling strategy is not supported with the FARGATE launch type",
        ));
    }
    if settings.strategy != Strategy::Rolling {
        return Err(input.refuse(
            "The DAEMON scheduling strategy supports only the deployment strategy ROLLING",
        ));
    }
    if settings.maximum_percent != 100 {
        return Err(input.refuse(
            "The maximumPercent of a service with the DAEMON scheduling strategy must be 100",
        ));
    }
    Ok(())
}

fn check_rules(ecs: &Ecs, balancer: &ServiceBalancer, advanced: &Advanced) -> Result<(), String> {
    let weights = |rule: &str| {
        let weights = ecs.parts.elb.forward_weights(rule);
        let weights = weights.map_err(|error| format!("{}: {rule}", error.message))?;
        if weights.is_empty() {
            return Err(format!(
                "The listener rule {rule} has no forward action, so that no traffic can be shifted"
            ));
        }
        Ok(weights)
    };
    let production = weights(&advanced.production_rule)?;
    let has_both = [&balancer.target_group_arn, &advanced.alternate]
        .iter()
        .all(|arn| production.iter().any(|(group, _)| group == *arn));
    match &advanced.test_rule {
        Some(rule) if *rule == advanced.production_rule => Err(format!(
            "The following rules cannot be used as both production and test listener rules: {rule}"
        )),
        Some(rule) => weights(rule).map(|_| ()),
        None if has_both => Ok(()),
        None => Err("For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated with both targetGroup and alternateTargetGroup".to_owned()),
    }
}

/// What a load balancer's `advancedConfiguration` says.
fn advanced(ecs: &Ecs, input: &Input<'_>) -> Result<Advanced, AwsError> {
    let rule = |name: &str| -> Result<Option<String>, AwsError> {
        let Some(arn) = input.text(name)? else {
            return Ok(None);
        };
        if arn.contains(":listener-rule/app/") {
            return Ok(Some(arn.to_owned()));
        }
        Err(input.refuse(format!(
            "{name} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {arn}"
        )))
    };
    let alternate = input.required_text("alternateTargetGroupArn")?;
    check_group(ecs, input, alternate)?;
    let production_rule = rule("productionListenerRule")?;
    Ok(Advanced {
        alternate: alternate.to_owned(),
        production_rule: production_rule
            .ok_or_else(|| input.refuse("productionListenerRule is required"))?,
        test_rule: rule("testListenerRule")?,
        role: input.required_text("roleArn")?.to_owned(),
    })
}

fn check_group(ecs: &Ecs, input: &Input<'_>, arn: &str) -> Result<(), AwsError> {
    if ecs.parts.elb.target_group(arn).is_none() {
        return Err(input.refuse(format!(
            "Unable to assume role or the target group {arn} does not exist."
        )));
    }
    if !ecs.parts.elb.is_used(arn) {
        return Err(input.refuse(format!(
            "The target group with targetGroupArn {arn} does not have an associated load balancer."
        )));
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
        check_group(ecs, input, arn)?;
        has_port(container, port).map_err(|message| input.refuse(message))?;
        balancers.push(ServiceBalancer {
            target_group_arn: arn.to_owned(),
            container: container.to_owned(),
            port: u16::try_from(port)
                .map_err(|_range| input.refuse(format!("containerPort cannot be {port}")))?,
            advanced: match balancer.structure("advancedConfiguration")? {
                Some(advanced) => Some(self::advanced(ecs, &advanced)?),
                None => None,
            },
        });
    }
    Ok(balancers)
}
