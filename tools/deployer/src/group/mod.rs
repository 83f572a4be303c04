//! Several services at once, each after what it waits for. A failure stops what depends on it.

mod order;

use std::collections::BTreeMap;
use std::path::PathBuf;

use contract::deployment::{Deployment, Verdict};
use contract::exit;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use toolkit::{Console, Fault};

use crate::cloud::Cloud;
use crate::create::{Launch, Network};
use crate::deploy::deploy;
use crate::one_off::OneOff;
use crate::release::Release;
use crate::smoke::Expectation;
use crate::source::Source;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Group {
    /// The file that names the services.
    pub file: PathBuf,
    /// How each of them is followed.
    pub pattern: Release,
    /// Whether one failure sends those back that were released before it.
    pub rolls_back_all: bool,
}

/// The file of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Members {
    services: Vec<Member>,
}

/// One service of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Member {
    service: String,
    /// A file, relative to the group's own, or a registered definition.
    task_definition: String,
    /// Services of the group that go before.
    #[serde(default)]
    after: Vec<String>,
    /// Tasks that run before this service is touched.
    #[serde(default)]
    first: Vec<String>,
    /// As `--smoke` has it.
    #[serde(default)]
    smoke: Vec<String>,
}

/// What became of a group.
#[derive(Debug, Serialize)]
pub(crate) struct Grouped {
    kind: &'static str,
    schema: u32,
    cluster: String,
    /// In the order of the file; a service that was not begun is not here.
    deployments: Vec<Deployment>,
    /// Services that were not begun, and what they waited for.
    skipped: BTreeMap<String, String>,
}

/// Reads the file; nobody is called.
fn read(group: &Group) -> anyhow::Result<Members> {
    let file = group.file.display();
    let text = std::fs::read_to_string(&group.file)
        .map_err(|error| Fault::usage(format!("cannot read the group {file}: {error}")))?;
    let members: Members =
        serde_json::from_str(&text).map_err(|error| Fault::usage(format!("{file}: {error}")))?;
    Ok(members)
}

/// Releases all of them; gives the document and the exit code: the first that is not success, in the file's order.
pub(crate) async fn group(
    cloud: &Cloud,
    console: &Console,
    request: &Group,
) -> anyhow::Result<(Grouped, u8)> {
    let members = read(request)?;
    let named: Vec<(&str, &[String])> = members
        .services
        .iter()
        .map(|member| (member.service.as_str(), member.after.as_slice()))
        .collect();
    let waves = order::waves(&named)
        .map_err(|problem| Fault::usage(format!("{}: {problem}", request.file.display())))?;
    let releases = members
        .services
        .iter()
        .map(|member| release(request, member))
        .collect::<anyhow::Result<Vec<Release>>>()?;
    let mut done: BTreeMap<usize, Deployment> = BTreeMap::new();
    let mut skipped = BTreeMap::new();
    for wave in waves {
        let mut ready = Vec::new();
        for index in wave {
            let member = &members.services[index];
            match missing(member, &named, &done) {
                Some(before) => {
                    console.warning(&format!(
                        "{} is not released: it goes after {before}",
                        member.service
                    ));
                    skipped.insert(member.service.clone(), before);
                }
                None => ready.push(index),
            }
        }
        let running = ready
            .iter()
            .map(|index| deploy(cloud, console, &releases[*index]));
        let outcomes = join_all(running).await;
        for (index, outcome) in ready.into_iter().zip(outcomes) {
            let document = outcome.unwrap_or_else(|error| failed(cloud, &releases[index], &error));
            done.insert(index, document);
        }
        let has_failed = done.values().any(|deployment| !is_success(deployment));
        if has_failed && request.rolls_back_all {
            send_back(cloud, console, request, &mut done).await;
            break;
        }
    }
    let code = done
        .values()
        .map(|deployment| deployment.verdict.exit_code())
        .find(|code| *code != exit::DONE)
        .unwrap_or(exit::DONE);
    let grouped = Grouped {
        kind: "group",
        schema: 1,
        cluster: cloud.cluster.name.clone(),
        deployments: done.into_values().collect(),
        skipped,
    };
    Ok((grouped, code))
}

/// What a service waits for that was not released.
fn missing(
    member: &Member,
    named: &[(&str, &[String])],
    done: &BTreeMap<usize, Deployment>,
) -> Option<String> {
    let is_missing = |before: &&String| {
        let place = named.iter().position(|(name, _)| name == before);
        let released = place.and_then(|place| done.get(&place));
        !released.is_some_and(is_success)
    };
    member.after.iter().find(is_missing).cloned()
}

fn is_success(deployment: &Deployment) -> bool {
    deployment.verdict.exit_code() == exit::DONE
}

fn failed(cloud: &Cloud, release: &Release, error: &anyhow::Error) -> Deployment {
    Deployment {
        verdict: Verdict::Failed,
        reason: format!("{error:#}"),
        applied: !release.dry_run,
        ..crate::deploy::blank(&cloud.cluster.name, &release.service)
    }
}

/// What was released in this run goes back to what it ran before.
async fn send_back(
    cloud: &Cloud,
    console: &Console,
    request: &Group,
    done: &mut BTreeMap<usize, Deployment>,
) {
    for deployment in done.values_mut() {
        let Some(before) = deployment
            .previous_task_definition
            .clone()
            .filter(|_| deployment.verdict == Verdict::Completed)
        else {
            continue;
        };
        console.warning(&format!(
            "{} goes back with the group to {}",
            deployment.service,
            crate::service::short(&before)
        ));
        let back = Release {
            timeout: request.pattern.return_timeout,
            ..Release::back(&deployment.service, Source::Registered(before))
        };
        match deploy(cloud, console, &back).await {
            Ok(returned) if is_success(&returned) => {
                deployment.verdict = Verdict::RolledBack;
                deployment.reason = "it went back with its group".to_owned();
                deployment.serving_task_definition = returned.serving_task_definition;
            }
            Ok(returned) => {
                deployment.verdict = Verdict::Failed;
                deployment.reason = format!("it did not go back: {}", returned.reason);
            }
            Err(error) => {
                deployment.verdict = Verdict::Failed;
                deployment.reason = format!("it did not go back: {error:#}");
            }
        }
    }
}

fn release(request: &Group, member: &Member) -> anyhow::Result<Release> {
    let directory = request.file.parent().unwrap_or(std::path::Path::new("."));
    let source = |text: &str| match Source::of(text) {
        Source::File(file) => Source::File(directory.join(file)),
        other => other,
    };
    let parse = |text: &String| {
        Expectation::parse(text).map_err(|problem| {
            Fault::usage(format!("{}: smoke \"{text}\": {problem}", member.service))
        })
    };
    let mut release = Release {
        service: member.service.clone(),
        task_definition: source(&member.task_definition),
        first: member
            .first
            .iter()
            .map(|task| OneOff {
                task_definition: source(task),
                launch: Launch::Ec2,
                network: Network::default(),
                timeout: request.pattern.timeout,
                change: crate::one_off::Change::default(),
            })
            .collect(),
        ..request.pattern.clone()
    };
    let more = member
        .smoke
        .iter()
        .map(parse)
        .collect::<Result<Vec<_>, _>>()?;
    release.smoke.expectations.extend(more);
    // A bad file ends it before anything is called.
    release.task_definition.read()?;
    Ok(release)
}
