//! A task that runs once: a migration before a release, for example.

use std::time::Duration;

use aws::{Pace, explain, poll};
use aws_sdk_ecs::types::{ContainerOverride, KeyValuePair, Task, TaskOverride};
use contract::deployment::{LogPlace, OneOffTask};
use contract::exit;
use serde::Serialize;
use tokio::time::Instant;
use toolkit::{Console, Fault};

use crate::canonical::differences;
use crate::cloud::Cloud;
use crate::create::{Launch, Network};
use crate::definition;
use crate::interrupt::Interrupt;
use crate::service::short;
use crate::source::{Source, Wanted};
use crate::task_log::Streams;
use crate::trouble::Trouble;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOff {
    /// What shall run.
    pub task_definition: Source,
    /// Where it runs.
    pub launch: Launch,
    /// Its network.
    pub network: Network,
    /// How long it may take.
    pub timeout: Duration,
    /// What is otherwise in this run alone.
    pub change: Change,
}

/// What one run of a task has otherwise than its definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Container; none for the first essential one.
    pub container: Option<String>,
    /// Words of its command; none to leave it.
    pub command: Vec<String>,
    /// Names and values of variables beside its own. No place for secrets: ECS shows them to all who may look.
    pub variables: Vec<(String, String)>,
}

impl Change {
    /// What RunTask has to be told; none if nothing is otherwise.
    fn overrides(&self, essential: &[String]) -> Result<Option<TaskOverride>, Fault> {
        if self.command.is_empty() && self.variables.is_empty() {
            return Ok(None);
        }
        let container = self.container.as_ref().or_else(|| essential.first());
        let Some(container) = container else {
            return Err(Fault::usage(
                "no container is essential; name one: --container NAME",
            ));
        };
        let variables = self
            .variables
            .iter()
            .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
        let variables: Vec<KeyValuePair> = variables.collect();
        let container = ContainerOverride::builder()
            .name(container)
            .set_command((!self.command.is_empty()).then(|| self.command.clone()))
            .set_environment((!variables.is_empty()).then_some(variables))
            .build();
        Ok(Some(
            TaskOverride::builder()
                .container_overrides(container)
                .build(),
        ))
    }
}

/// What became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ran {
    kind: &'static str,
    schema: u32,
    cluster: String,
    pub(crate) task: String,
    pub(crate) task_definition: String,
    registered: bool,
    pub(crate) succeeded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_code: Option<String>,
    reason: String,
    containers: Vec<Ended>,
    /// Where the lines of the first essential container are, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<LogPlace>,
    last_lines: Vec<String>,
    elapsed_ms: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    name: String,
    essential: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Ran {
    /// Why it ended, with the exit codes of its essential containers.
    pub(crate) fn why(&self) -> String {
        let exits: Vec<String> = self
            .containers
            .iter()
            .filter(|ended| ended.essential)
            .map(|ended| {
                let code = ended.exit_code.map(|code| format!("exit code {code}"));
                let words: Vec<String> = code.into_iter().chain(ended.reason.clone()).collect();
                format!("container {}: {}", ended.name, words.join(", "))
            })
            .collect();
        if exits.is_empty() {
            self.reason.clone()
        } else {
            format!("{} ({})", self.reason, exits.join("; "))
        }
    }
}

impl From<Ran> for OneOffTask {
    fn from(ran: Ran) -> Self {
        let mut essential = ran.containers.iter().filter(|ended| ended.essential);
        Self {
            exit_code: essential.find_map(|ended| ended.exit_code),
            succeeded: ran.succeeded,
            reason: ran.why(),
            task: ran.task,
            task_definition: ran.task_definition,
            log: ran.log,
        }
    }
}

/// How the waiting ended.
enum Waited {
    Stopped(Box<Task>),
    OutOfTime,
    Interrupted,
}

/// Runs the task until it has stopped; gives the document and the exit code.
pub(crate) async fn run(
    cloud: &Cloud,
    console: &Console,
    request: &OneOff,
) -> anyhow::Result<(Ran, u8)> {
    let begun = Instant::now();
    let mut interrupt = Interrupt::new()?;
    let read = request.task_definition.read()?;
    let wanted = request
        .task_definition
        .resolve(read, &cloud.cluster, None)
        .await?;
    let (arn, registered) = registered(cloud, &wanted).await?;
    let streams = Streams::of(wanted.json());
    let overrides = request.change.overrides(streams.essential())?;
    let task = start(cloud, request, &arn, overrides).await?;
    console.status(&format!("task {} of {} runs", short(&task), short(&arn)));
    if let Some(place) = streams.place(None, short(&task)) {
        console.status(&format!("its lines: {} in {}", place.stream, place.group));
    }
    let waited = tokio::select! {
        stopped = stopped(cloud, console, &task, begun + request.timeout) => match stopped? {
            Some(task) => Waited::Stopped(Box::new(task)),
            None => Waited::OutOfTime,
        },
        () = interrupt.received() => Waited::Interrupted,
    };
    let streams = Streams::of(wanted.json());
    let mut ran = Ran {
        kind: "run",
        schema: 1,
        cluster: cloud.cluster.name.clone(),
        last_lines: last_lines(cloud, console, &streams, &task).await,
        log: streams.place(None, short(&task)),
        task,
        task_definition: arn,
        registered,
        succeeded: false,
        stop_code: None,
        reason: String::new(),
        containers: Vec::new(),
        elapsed_ms: 0,
    };
    let code = match waited {
        Waited::Stopped(stopped) => judge(&mut ran, &stopped, &streams),
        Waited::OutOfTime => {
            let stopped = stop(cloud, &ran.task).await;
            ran.reason = format!("it took longer than {} s", request.timeout.as_secs());
            stopped?;
            exit::TIMED_OUT
        }
        Waited::Interrupted => {
            ran.reason = "interrupted; the task goes on".to_owned();
            exit::INTERRUPTED
        }
    };
    ran.elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    say(console, &ran);
    Ok((ran, code))
}

/// The newest revision of the family if it is the same, otherwise a new one.
async fn registered(cloud: &Cloud, wanted: &Wanted) -> anyhow::Result<(String, bool)> {
    if let Wanted::New(definition) = wanted {
        let family = definition.input.family().unwrap_or_default();
        // A family that is not there yet is an error like any other of this call.
        if let Ok(live) = cloud.cluster.definition(family).await
            && differences(&definition::of_live(&live)?, &definition.json).is_empty()
            && let Some(arn) = live.task_definition_arn()
        {
            return Ok((arn.to_owned(), false));
        }
    }
    wanted.register(&cloud.cluster).await
}

async fn start(
    cloud: &Cloud,
    request: &OneOff,
    arn: &str,
    overrides: Option<TaskOverride>,
) -> anyhow::Result<String> {
    let what = format!("run {} in the cluster {}", short(arn), cloud.cluster.name);
    let answer = cloud
        .cluster
        .ecs
        .run_task()
        .cluster(&cloud.cluster.name)
        .task_definition(arn)
        .launch_type(request.launch.to_launch_type())
        .set_network_configuration(request.network.to_configuration()?)
        .set_overrides(overrides)
        // A retried call must not run it twice.
        .client_token(uuid::Uuid::new_v4().simple().to_string())
        .send()
        .await
        .map_err(|error| explain(&what, error))?;
    if let Some(task) = answer.tasks().first().and_then(|task| task.task_arn()) {
        return Ok(task.to_owned());
    }
    let reasons: Vec<&str> = answer
        .failures()
        .iter()
        .filter_map(|failure| failure.reason())
        .collect();
    let reasons = if reasons.is_empty() {
        "ECS started no task and gives no reason".to_owned()
    } else {
        reasons.join(", ")
    };
    Err(Fault::new(exit::FAILED, format!("cannot {what}: {reasons}")).into())
}

async fn stopped(
    cloud: &Cloud,
    console: &Console,
    task: &str,
    deadline: Instant,
) -> anyhow::Result<Option<Task>> {
    let mut is_troubled = false;
    poll(Pace::USUAL, deadline, async || {
        match cloud.cluster.tasks(&[task.to_owned()]).await {
            Ok(tasks) => Ok(tasks
                .into_iter()
                .find(|task| task.last_status() == Some("STOPPED"))),
            Err(Trouble::Final(error)) => Err(error),
            Err(Trouble::Passing(error)) => {
                if !std::mem::replace(&mut is_troubled, true) {
                    console.warning(&format!("{error:#}; trying again"));
                }
                Ok(None)
            }
        }
    })
    .await
}

async fn stop(cloud: &Cloud, task: &str) -> anyhow::Result<()> {
    let stopped = cloud
        .cluster
        .ecs
        .stop_task()
        .cluster(&cloud.cluster.name)
        .task(task)
        .reason("the time limit of the one-off task passed")
        .send()
        .await;
    stopped.map_err(|error| explain(&format!("stop the task {task}"), error))?;
    Ok(())
}

/// It succeeded if every essential container ended by itself with 0.
fn judge(ran: &mut Ran, task: &Task, streams: &Streams) -> u8 {
    ran.stop_code = task.stop_code().map(|code| code.as_str().to_owned());
    ran.reason = task.stopped_reason().unwrap_or_default().to_owned();
    ran.containers = task
        .containers()
        .iter()
        .map(|container| {
            let name = container.name().unwrap_or_default();
            Ended {
                name: name.to_owned(),
                essential: streams.essential().iter().any(|known| known == name),
                exit_code: container.exit_code(),
                reason: container.reason().map(str::to_owned),
            }
        })
        .collect();
    let essential: Vec<&Ended> = ran
        .containers
        .iter()
        .filter(|ended| ended.essential)
        .collect();
    // What ECS stops because another essential container has ended says nothing by its exit code.
    let was_stopped =
        |ended: &&&Ended| matches!(ended.exit_code, Some(137 | 143)) && ended.reason.is_none();
    let ended_well = |ended: &&&Ended| ended.exit_code == Some(0);
    let by_itself = task
        .stop_code()
        .map(aws_sdk_ecs::types::TaskStopCode::as_str)
        == Some("EssentialContainerExited");
    ran.succeeded = by_itself
        && essential.iter().any(|ended| ended_well(&ended))
        && essential
            .iter()
            .all(|ended| ended_well(&ended) || was_stopped(&ended));
    if ran.succeeded {
        exit::DONE
    } else {
        exit::FAILED
    }
}

/// Of the first essential container. Lines that cannot be read cost the lines and nothing else.
async fn last_lines(
    cloud: &Cloud,
    console: &Console,
    streams: &Streams,
    task: &str,
) -> Vec<String> {
    let Some(place) = streams.place(None, short(task)) else {
        return Vec::new();
    };
    match cloud.last_lines(&place).await {
        Ok(lines) => lines,
        Err(Trouble::Passing(error) | Trouble::Final(error)) => {
            console.warning(&format!("the task's lines are not known: {error:#}"));
            Vec::new()
        }
    }
}

fn say(console: &Console, ran: &Ran) {
    let task = short(&ran.task);
    if ran.succeeded {
        console.success(&format!("task {task} succeeded"));
        return;
    }
    if !ran.last_lines.is_empty() {
        console.status(&format!("last lines of task {task}:"));
        console.untrusted(&ran.last_lines);
    }
    console.error(&format!("task {task} failed: {}", ran.why()));
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container, TaskStopCode};
    use serde_json::json;

    use super::*;

    fn verdict(code: TaskStopCode, exits: &[(&str, Option<i32>)]) -> (bool, u8) {
        let streams = Streams::of(&json!({"containerDefinitions": [
            {"name": "job"}, {"name": "helper", "essential": false}]}));
        let containers = exits
            .iter()
            .map(|(name, exit)| {
                Container::builder()
                    .name(*name)
                    .set_exit_code(*exit)
                    .build()
            })
            .collect();
        let task = Task::builder()
            .stop_code(code)
            .set_containers(Some(containers))
            .build();
        let mut ran = Ran {
            kind: "run",
            schema: 1,
            cluster: String::new(),
            task: String::new(),
            task_definition: String::new(),
            registered: false,
            succeeded: false,
            stop_code: None,
            reason: String::new(),
            containers: Vec::new(),
            log: None,
            last_lines: Vec::new(),
            elapsed_ms: 0,
        };
        let code = judge(&mut ran, &task, &streams);
        (ran.succeeded, code)
    }

    #[test]
    fn succeeds_by_the_essential_containers_alone() {
        use TaskStopCode::{EssentialContainerExited as Exited, UserInitiated};
        let table = [
            (Exited, Some(0), (true, 0)),
            (Exited, Some(1), (false, 1)),
            (Exited, None, (false, 1)),
            (UserInitiated, Some(0), (false, 1)),
        ];
        for (code, exit, expected) in table {
            let exits = [("job", exit), ("helper", Some(143))];
            assert_eq!(verdict(code, &exits), expected);
        }
    }
}
