//! Every problem of a release before it begins: looked for all at once, and without changing anything.
//!
//! Judgements are functions of what was seen; `gather` sees. What may not be looked at is unknown, which
//! neither ends the other checks nor counts against the release.

mod capacity;
mod cluster;
mod definition;
mod fargate;
mod found;
mod gather;
mod images;
mod intent;
mod network;
mod policy;
mod quotas;
mod reference;
mod report;
mod roles;
mod rollout;
mod secrets;
mod shape;
mod targets;
mod watch;

use std::path::Path;

use aws::SdkConfig;
use aws_smithy_types::retry::RetryConfig;
use contract::exit;
use toolkit::Console;
use toolkit::file::Secrecy;
use toolkit::output;

use crate::create;
use crate::service::Balanced;
use crate::source::Source;
use crate::status::Form;
use found::Found;
use gather::{Basis, Facts};
use intent::Intent;
use report::{Check, Outcome, Report};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Verify {
    pub(crate) service: String,
    pub(crate) task_definition: Source,
    pub(crate) flags: Flags,
    pub(crate) form: Form,
}

/// What the command line says of the service; the rest is as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    pub(crate) desired: Option<i32>,
    pub(crate) minimum_percent: Option<i32>,
    pub(crate) maximum_percent: Option<i32>,
    pub(crate) launch: Option<create::Launch>,
    pub(crate) balanced: Option<Balanced>,
    /// Seconds.
    pub(crate) grace: Option<i32>,
    pub(crate) subnets: Vec<String>,
    pub(crate) security_groups: Vec<String>,
    pub(crate) alarms: Vec<String>,
}

/// Looks at everything, writes the report and gives the exit code.
pub(crate) async fn run(
    console: &Console,
    config: &SdkConfig,
    cluster: &str,
    verify: &Verify,
    output: Option<&Path>,
) -> anyhow::Result<u8> {
    let config = patient_enough(config.clone());
    let basis = gather::basis(&config, cluster, verify).await;
    let intent = Intent::of(&verify.flags, basis.service.known());
    let definition = match &basis.definition {
        Ok(found) => found.known(),
        Err(_) => None,
    };
    let facts = gather::facts(&config, cluster, &intent, definition).await;
    let is_blind = is_blind(&basis, &facts);
    let name = if let Some(definition) = definition {
        definition.name.clone()
    } else if let Source::File(path) = &verify.task_definition {
        path.display().to_string()
    } else if let Source::Registered(reference) = &verify.task_definition {
        reference.clone()
    } else {
        String::new()
    };
    let checks = judge(cluster, &verify.service, &name, &basis, &intent, &facts);
    let report = Report::new(cluster, &verify.service, &name, checks);
    match verify.form {
        Form::Json => output::document(&report, output, Secrecy::Public)?,
        Form::Text => output::artifact(report::text(&report).as_bytes(), output, Secrecy::Public)?,
    }
    if is_blind {
        let reason = report
            .checks
            .iter()
            .find(|check| check.outcome == Outcome::Unknown);
        let reason = reason.map_or("", |check| check.message.as_str());
        console.error(&format!("nothing could be looked at: {reason}"));
        return Ok(exit::FAILED);
    }
    if report.problems > 0 {
        console.error(&report.summary());
    } else {
        console.success(&report.summary());
    }
    Ok(report.exit_code())
}

/// A check that gets no answer is unknown after seconds, not after a minute.
fn patient_enough(config: SdkConfig) -> SdkConfig {
    config
        .into_builder()
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .build()
}

/// Whether no question was answered at all.
fn is_blind(basis: &Basis, facts: &Facts) -> bool {
    // A file is there without anybody's answer; a registered definition is not.
    let has_registered = matches!(&basis.definition, Ok(found)
        if !found.is_hidden() && found.known().is_none_or(|it| it.bytes == 0));
    basis.cluster.is_hidden()
        && basis.service.is_hidden()
        && !has_registered
        && facts.images.iter().all(|image| image.found.is_hidden())
        && facts.groups.iter().all(Found::is_hidden)
        && facts.roles.iter().all(|role| role.policy.is_hidden())
        && facts.secrets.iter().all(|secret| secret.found.is_hidden())
        && facts.logs.iter().all(|(_, found)| found.is_hidden())
        && facts.alarms.iter().all(|(_, found)| found.is_hidden())
}

fn judge(
    cluster: &str,
    service: &str,
    name: &str,
    basis: &Basis,
    intent: &Intent,
    facts: &Facts,
) -> Vec<Check> {
    let definition = match &basis.definition {
        Ok(found) => found.known(),
        Err(_) => None,
    };
    let mut checks = cluster::cluster(cluster, &basis.cluster, intent);
    checks.extend(cluster::service(service, &basis.service, intent));
    checks.extend(capacity::capacity(
        cluster,
        &facts.instances,
        intent,
        definition,
    ));
    checks.extend(shape::definition(name, &basis.definition, intent));
    checks.extend(rollout::percentages(service, intent));
    checks.extend(quotas::quotas(service, intent, definition));
    for (balanced, found) in intent.balanced.iter().zip(&facts.groups) {
        checks.extend(targets::target(balanced, found, intent, definition));
    }
    checks.extend(
        facts
            .alarms
            .iter()
            .map(|(name, state)| watch::alarm(name, state)),
    );
    let Some(definition) = definition else {
        return checks;
    };
    if intent.launch.is_fargate() || definition.requires.iter().any(|it| it == "FARGATE") {
        checks.extend(fargate::fargate(definition));
    }
    checks.extend(roles::roles(&facts.roles, definition, intent));
    for used in &facts.images {
        checks.extend(images::image(used, &definition.platform));
    }
    checks.extend(facts.secrets.iter().map(secrets::secret));
    for (place, found) in &facts.logs {
        checks.extend(watch::log(place, found, intent));
    }
    let vpcs: Vec<_> = facts
        .groups
        .iter()
        .filter_map(|group| group.known()?.vpc.clone())
        .collect();
    let (subnets, groups) = (&facts.subnets, &facts.security_groups);
    checks.extend(network::network(
        service, intent, definition, subnets, groups, &vpcs,
    ));
    checks
}
