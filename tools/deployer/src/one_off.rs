//! Running a task once, such as a migration before a release.

use std::time::Duration;

use anyhow::Context as _;
use aws::{Pace, explain, poll};
use aws_sdk_ecs::types::{LaunchType, Task, TaskDefinition};
use contract::exit;
use serde_json::json;
use tokio::time::Instant;
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

use crate::cloud::Cloud;
use crate::deploy::Source;
use crate::{Reporting, definition, logs};

/// What to run.
#[derive(Debug)]
pub struct Request {
    /// Cluster name.
    pub cluster: String,
    /// What to run.
    pub source: Source,
    /// `EC2` or `FARGATE`.
    pub launch_type: &'static str,
    /// After this it counts as failed, and is stopped.
    pub timeout: Duration,
    /// Where the document goes.
    pub reporting: Reporting,
}

/// `deployer run`: 0 if the essential container ended with 0.
pub(crate) async fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.reporting.verbosity);
    let cloud = Cloud::new(&aws::config().await?);
    let definition = definition_of(&cloud, &request.source).await?;
    let task = start(&cloud, request, &definition).await?;
    console.status(&format!(
        "task {} runs {}",
        last(&task),
        last(definition.task_definition_arn().unwrap_or_default())
    ));
    let ended = poll(Pace::USUAL, Instant::now() + request.timeout, async || {
        match cloud
            .described(&request.cluster, std::slice::from_ref(&task))
            .await
        {
            Ok(tasks) => Ok(tasks
                .into_iter()
                .next()
                .filter(|task| task.last_status() == Some("STOPPED"))),
            // No reason for any verdict.
            Err(failed) if failed.is_passing => Ok(None),
            Err(failed) => Err(failed.error),
        }
    })
    .await?;
    let Some(ended) = ended else {
        return Err(stop(&cloud, request, &task).await);
    };
    conclude(&cloud, &console, request, &definition, &ended).await
}

async fn definition_of(cloud: &Cloud, source: &Source) -> anyhow::Result<TaskDefinition> {
    match source {
        Source::Revision(reference) => cloud.definition(reference).await,
        Source::File(path) => {
            let new = definition::read(path)?;
            let family = new.input.family().unwrap_or_default().to_owned();
            let sent = definition::request(&new.input)?.send_with(&cloud.ecs).await;
            let answer = sent.map_err(|error| {
                explain(&format!("register the task definition {family}"), error)
            })?;
            answer
                .task_definition
                .with_context(|| format!("RegisterTaskDefinition of {family} returned nothing"))
        }
    }
}

async fn start(
    cloud: &Cloud,
    request: &Request,
    definition: &TaskDefinition,
) -> anyhow::Result<String> {
    let arn = definition.task_definition_arn().unwrap_or_default();
    let call = cloud
        .ecs
        .run_task()
        .cluster(&request.cluster)
        .task_definition(arn)
        .launch_type(LaunchType::from(request.launch_type))
        .client_token(uuid::Uuid::new_v4().to_string());
    let answer = call
        .send()
        .await
        .map_err(|error| explain(&format!("run {}", last(arn)), error))?;
    if let Some(failure) = answer.failures().first() {
        let reason = failure.reason().unwrap_or("no reason");
        return Err(Fault::new(
            exit::FAILED,
            format!("ECS could not place {}: {reason}", last(arn)),
        )
        .with_hint("the cluster has too little CPU or memory left for it")
        .into());
    }
    answer
        .tasks()
        .first()
        .and_then(|task| task.task_arn())
        .map(str::to_owned)
        .context("RunTask returned no task")
}

async fn stop(cloud: &Cloud, request: &Request, task: &str) -> anyhow::Error {
    let seconds = request.timeout.as_secs();
    let call = cloud
        .ecs
        .stop_task()
        .cluster(&request.cluster)
        .task(task)
        .reason(format!("not done within {seconds} s"));
    let stopped = match call.send().await {
        Ok(_) => "it was told to stop".to_owned(),
        Err(error) => format!("{:#}", explain("stop it", error)),
    };
    Fault::new(
        exit::TIMED_OUT,
        format!(
            "the task {} was not done within {seconds} s; {stopped}",
            last(task)
        ),
    )
    .into()
}

async fn conclude(
    cloud: &Cloud,
    console: &Console,
    request: &Request,
    definition: &TaskDefinition,
    task: &Task,
) -> anyhow::Result<u8> {
    let essential = |name: &str| {
        let found = definition
            .container_definitions()
            .iter()
            .find(|container| container.name() == Some(name));
        found.is_some_and(|container| container.essential().unwrap_or(true))
    };
    let container = task
        .containers()
        .iter()
        .find(|container| essential(container.name().unwrap_or_default()));
    let code = container.and_then(|container| container.exit_code());
    let name = container
        .and_then(|container| container.name())
        .unwrap_or_default();
    let place = logs::place(definition, name, task.task_arn().unwrap_or_default());
    let lines = match &place {
        Some(place) => logs::last_lines(cloud, place).await,
        None => Vec::new(),
    };
    console.untrusted(&lines);
    let reason = task.stopped_reason().unwrap_or_default();
    let document = json!({
        "kind": "run", "schema": 1, "cluster": request.cluster, "task": task.task_arn(),
        "taskDefinition": task.task_definition_arn(), "exitCode": code, "reason": reason, "log": place,
    });
    output::document(
        &document,
        request.reporting.output.as_deref(),
        Secrecy::Public,
    )?;
    if code == Some(0) {
        console.success(&format!("{name} ended with 0"));
        return Ok(exit::DONE);
    }
    let code = code.map_or_else(
        || "without an exit code".to_owned(),
        |code| format!("with {code}"),
    );
    console.error(&format!("{name} ended {code}: {reason}"));
    Ok(exit::FAILED)
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
