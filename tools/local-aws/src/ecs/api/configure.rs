//! `deploymentConfiguration`: how the deployments of a service go.

use serde_json::Value;

use crate::ecs::model::{Hook, ServiceSettings};
use crate::ecs::scheduler::breaker::Threshold;
use crate::ecs::scheduler::hooks::HookAction;
use crate::ecs::scheduler::stages::{Stage, Strategy};
use crate::ecs::service_settings::Steps;
use crate::protocol::{AwsError, Input};

/// Minutes of a bake time, at most: a day (botocore's model).
const LONGEST_BAKE: i64 = 1440;
/// Minutes that a hook may wait at most, and does if nothing is said (AWS documentation, pause hooks).
const LONGEST_PAUSE: i64 = 20_160;
const USUAL_PAUSE: u32 = 1440;
const MOST_HOOKS: usize = 10;

/// Lays what a request says over the settings.
pub(super) fn apply(
    configuration: &Input<'_>,
    settings: &mut ServiceSettings,
) -> Result<(), AwsError> {
    if configuration.get("earlySuccessCriteria").is_some() {
        return Err(configuration.refuse("local-aws has no earlySuccessCriteria: leave it out"));
    }
    if let Some(strategy) = configuration.text("strategy")? {
        settings.strategy = Strategy::parse(strategy).ok_or_else(|| {
            configuration.refuse(format!(
                "Invalid strategy {strategy}. Valid values are: ROLLING, BLUE_GREEN, LINEAR, CANARY"
            ))
        })?;
    }
    percents(configuration, settings)?;
    if let Some(breaker) = configuration.structure("deploymentCircuitBreaker")? {
        self::breaker(&breaker, settings)?;
    }
    if let Some(alarms) = configuration.structure("alarms")? {
        let is_enabled = alarms.flag("enable")?.unwrap_or(false);
        alarms.flag("rollback")?;
        if is_enabled && alarms.texts("alarmNames")?.is_empty() {
            return Err(configuration.refuse("alarmNames cannot be empty when alarms are enabled"));
        }
        settings.alarms = Value::Object(alarms.members());
    }
    if let Some(minutes) = minutes(configuration, "bakeTimeInMinutes", LONGEST_BAKE)? {
        settings.bake_minutes = Some(minutes);
    }
    steps(configuration, settings)?;
    if configuration.get("lifecycleHooks").is_some() {
        settings.hooks = hooks(configuration)?;
    }
    let stray = settings
        .hooks
        .iter()
        .flat_map(|hook| &hook.stages)
        .find(|stage| settings.strategy == Strategy::Rolling && !stage.is_of_rolling());
    match stray {
        Some(stage) => Err(configuration.refuse(format!(
            "A ROLLING deployment does not come by {}; it can pause at PRE_SCALE_UP and POST_SCALE_UP",
            stage.as_str()
        ))),
        None => Ok(()),
    }
}

fn percents(configuration: &Input<'_>, settings: &mut ServiceSettings) -> Result<(), AwsError> {
    if let Some(minimum) = count(configuration, "minimumHealthyPercent")? {
        settings.minimum_healthy_percent = minimum;
    }
    if let Some(maximum) = count(configuration, "maximumPercent")? {
        settings.maximum_percent = maximum;
    }
    let (minimum, maximum) = (settings.minimum_healthy_percent, settings.maximum_percent);
    if maximum < minimum || maximum <= 100 && minimum >= 100 {
        return Err(configuration.refuse("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."));
    }
    Ok(())
}

fn breaker(breaker: &Input<'_>, settings: &mut ServiceSettings) -> Result<(), AwsError> {
    settings.breaker = breaker.flag("enable")?.unwrap_or(false);
    settings.breaker_rollback = breaker.flag("rollback")?.unwrap_or(false);
    settings.breaker_reset = breaker.flag("resetOnHealthyTask")?.unwrap_or(true);
    settings.breaker_threshold = match breaker.structure("thresholdConfiguration")? {
        None => Threshold::default(),
        Some(configuration) => {
            let value = count(&configuration, "value")?.filter(|value| *value > 0);
            let value = value.ok_or_else(|| {
                breaker.refuse("thresholdConfiguration.value must be a positive number")
            })?;
            let kind = configuration.required_text("type")?;
            Threshold::of(kind, value).ok_or_else(|| {
                breaker.refuse(format!(
                    "Invalid thresholdConfiguration.type {kind}. Valid values are: BOUNDED_PERCENT, UNBOUNDED_PERCENT, COUNT"
                ))
            })?
        }
    };
    Ok(())
}

fn steps(configuration: &Input<'_>, settings: &mut ServiceSettings) -> Result<(), AwsError> {
    let kinds = [
        (
            "linearConfiguration",
            Strategy::Linear,
            "stepPercent",
            3.0,
            "stepBakeTimeInMinutes",
        ),
        (
            "canaryConfiguration",
            Strategy::Canary,
            "canaryPercent",
            0.1,
            "canaryBakeTimeInMinutes",
        ),
    ];
    for (member, strategy, percent, least, bake) in kinds {
        let Some(input) = configuration.structure(member)? else {
            continue;
        };
        if settings.strategy != strategy {
            return Err(configuration.refuse(format!(
                "{member} is only valid when the deployment strategy is {}",
                strategy.as_str()
            )));
        }
        let steps = Steps {
            share: share(&input, percent, least)?,
            bake_minutes: minutes(&input, bake, LONGEST_BAKE)?,
        };
        if strategy == Strategy::Linear {
            settings.linear = steps;
        } else {
            settings.canary = steps;
        }
    }
    Ok(())
}

/// A percentage in steps of 0.1, as tenths.
fn share(input: &Input<'_>, name: &str, least: f64) -> Result<Option<u16>, AwsError> {
    let Some(percent) = input.number(name)? else {
        return Ok(None);
    };
    let tenths = (percent * 10.0).round();
    let is_valid = (least..=100.0).contains(&percent) && (percent * 10.0 - tenths).abs() < 1e-6;
    if !is_valid {
        return Err(input.refuse(format!(
            "{name} must be a multiple of 0.1 between {least:.1} and 100.0"
        )));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 1000"
    )]
    let tenths = tenths as u16;
    Ok(Some(tenths))
}

fn hooks(configuration: &Input<'_>) -> Result<Vec<Hook>, AwsError> {
    let hooks = configuration.structures("lifecycleHooks")?;
    if hooks.len() > MOST_HOOKS {
        return Err(configuration.refuse("A service can have at most 10 pause hooks"));
    }
    hooks.iter().map(hook).collect()
}

fn hook(input: &Input<'_>) -> Result<Hook, AwsError> {
    match input.text("targetType")?.unwrap_or("AWS_LAMBDA") {
        "PAUSE" => {}
        "AWS_LAMBDA" => {
            return Err(input.refuse("local-aws has no Lambda functions to run as lifecycle hooks: use hooks of the targetType PAUSE"));
        }
        _ => {
            return Err(input.refuse("Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE"));
        }
    }
    let names = input.texts("lifecycleStages")?;
    if names.is_empty() {
        return Err(input.refuse("lifecycleStages cannot be empty"));
    }
    let stages = names.into_iter().map(|name| {
        Stage::parse(name)
            .filter(|stage| stage.can_pause())
            .ok_or_else(|| input.refuse("Invalid lifecycle stage provided for Pause Hook"))
    });
    let stages = stages.collect::<Result<Vec<_>, _>>()?;
    let timeout = input.structure("timeoutConfiguration")?;
    let (timeout_minutes, action) = match &timeout {
        Some(timeout) => (
            minutes(timeout, "timeoutInMinutes", LONGEST_PAUSE)?,
            timeout.text("action")?,
        ),
        None => (None, None),
    };
    if timeout_minutes == Some(0) {
        return Err(input.refuse("timeoutInMinutes must be between 1 and 20160"));
    }
    let action = action.unwrap_or("ROLLBACK");
    Ok(Hook {
        stages,
        timeout_minutes: timeout_minutes.unwrap_or(USUAL_PAUSE),
        on_timeout: HookAction::parse(action).ok_or_else(|| {
            input.refuse(format!(
                "Invalid action {action}. Valid values are: CONTINUE, ROLLBACK"
            ))
        })?,
    })
}

fn minutes(input: &Input<'_>, name: &str, most: i64) -> Result<Option<u32>, AwsError> {
    let minutes = count(input, name)?;
    match minutes {
        Some(minutes) if i64::from(minutes) > most => {
            Err(input.refuse(format!("{name} must be between 0 and {most}")))
        }
        minutes => Ok(minutes),
    }
}

fn count(input: &Input<'_>, name: &str) -> Result<Option<u32>, AwsError> {
    let count = input.integer(name)?;
    count
        .map(|count| {
            u32::try_from(count)
                .map_err(|_range| input.refuse(format!("{name} must not be negative")))
        })
        .transpose()
}
