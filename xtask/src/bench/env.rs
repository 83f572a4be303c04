//! env-generator beside the AWS CLI: an environment of 200 parameters, as a project keeps them that has some in
//! common for all its environments and some of each environment's own.
//!
//! The CLI is asked in both ways that people write down: one path after the other, and everything below the
//! project's path, other environments included. Where a path happens to hold an environment and nothing else,
//! it needs as many calls for the values as env-generator does, one after the other.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::json;
use toolkit::Console;

use super::measure::{Figures, Run, run};
use super::stand::{Server, Stand};
use super::table::{Comparison, Comparisons, Entry};

/// Nothing here waits for AWS.
const SPEED: u32 = 20;
/// Parameters in common, of the environment's own, and of another environment.
const SHARED: usize = 125;
const OWN: usize = 75;
const OTHERS: usize = 75;

const PATHS: &str = "
aws ssm get-parameters-by-path --recursive DECRYPTION --path /ludlow/shared/ &&
exec aws ssm get-parameters-by-path --recursive DECRYPTION --path /ludlow/prod/
";
const EVERYTHING: &str =
    "exec aws ssm get-parameters-by-path --recursive DECRYPTION --path /ludlow/";

/// What is asked for.
struct Case {
    name: &'static str,
    target: &'static str,
    /// Of the AWS CLI.
    decryption: &'static str,
}

const CASES: [Case; 2] = [
    Case {
        name: "200 references, each looked up",
        target: "ecs",
        decryption: "--no-with-decryption",
    },
    Case {
        name: "the values of 200 parameters",
        target: "json",
        decryption: "--with-decryption",
    },
];

/// Runs both cases, or those whose name contains `only`.
pub(crate) fn run_all(
    console: &Console,
    stand: &Stand,
    runs: u32,
    only: Option<&str>,
) -> anyhow::Result<Comparisons> {
    let server = Server::start(stand, SPEED)?;
    fill(&server)?;
    stand.file("longshore.toml", &project())?;
    let comparisons = CASES
        .iter()
        .filter(|case| only.is_none_or(|words| case.name.contains(words)))
        .map(|case| compared(console, stand, &server, case, runs))
        .collect::<anyhow::Result<_>>()?;
    Ok(Comparisons::of("env", comparisons))
}

/// A contender while it is measured.
struct Entrant {
    name: &'static str,
    command: Command,
    /// By service and operation.
    calls: BTreeMap<String, u64>,
    runs: Vec<Run>,
}

/// All in turn, again and again, so that what else the machine does meets each of them alike.
fn compared(
    console: &Console,
    stand: &Stand,
    server: &Server<'_>,
    case: &Case,
    runs: u32,
) -> anyhow::Result<Comparison> {
    let mut entrants = Vec::new();
    for (name, mut command) in contenders(stand, case) {
        server.reached_by(command.current_dir(stand.path()));
        server.forget_calls()?;
        // This one finds nothing in memory, and is not timed.
        finished(name, &mut command)?;
        entrants.push(Entrant {
            name,
            command,
            calls: server.calls()?,
            runs: Vec::new(),
        });
    }
    for round in 1..=runs {
        for entrant in &mut entrants {
            console.status(&format!(
                "{}, {} ({round} of {runs})",
                case.name, entrant.name
            ));
            let run = finished(entrant.name, &mut entrant.command)?;
            entrant.runs.push(run);
        }
    }
    let entries = entrants.iter().filter_map(|entrant| {
        Some(Entry {
            name: entrant.name.to_owned(),
            figures: Figures::of(&entrant.runs)?,
            calls: Some(entrant.calls.values().sum()),
            operations: entrant.calls.clone(),
            lag_ms: None,
            said: String::new(),
        })
    });
    Ok(Comparison {
        case: case.name.to_owned(),
        entries: entries.collect(),
    })
}

/// Ours first.
fn contenders(stand: &Stand, case: &Case) -> [(&'static str, Command); 3] {
    let mut ours = stand.program("env-generator");
    ours.args(["--env", "prod", "--target", case.target, "--output", "out"]);
    let cli = |script: &str| {
        let mut command = stand.client("/bin/sh");
        command.args(["-c", &script.replace("DECRYPTION", case.decryption)]);
        command
    };
    [
        ("env-generator", ours),
        ("AWS CLI, path by path", cli(PATHS)),
        ("AWS CLI, all below /ludlow/", cli(EVERYTHING)),
    ]
}

fn finished(name: &str, command: &mut Command) -> anyhow::Result<Run> {
    let run = run(command)?;
    if run.code != Some(0) {
        bail!("{name} failed, so there is nothing to compare");
    }
    Ok(run)
}

/// Names of the environment's parameters.
fn names() -> impl Iterator<Item = (String, String)> {
    let shared = (0..SHARED).map(|at| (format!("SHARED_{at:03}"), "shared"));
    let own = (0..OWN).map(|at| (format!("OWN_{at:03}"), "prod"));
    shared
        .chain(own)
        .map(|(name, path)| (format!("/ludlow/{path}/{name}"), name))
}

fn fill(server: &Server<'_>) -> anyhow::Result<()> {
    let agent = ureq::Agent::new_with_defaults();
    let others = (0..OTHERS).map(|at| format!("/ludlow/qa/OWN_{at:03}"));
    let all = names().map(|(id, _)| id).chain(others);
    for (at, id) in all.enumerate() {
        let kind = if at % 2 == 0 {
            "String"
        } else {
            "SecureString"
        };
        let input =
            json!({ "Name": id, "Value": format!("value {at} of the bench"), "Type": kind });
        agent
            .post(&server.endpoint)
            .header("X-Amz-Target", "AmazonSSM.PutParameter")
            .header("Content-Type", "application/x-amz-json-1.1")
            .send(input.to_string())
            .with_context(|| format!("cannot write the parameter {id}"))?;
    }
    Ok(())
}

fn project() -> String {
    let secrets: String = names()
        .map(|(id, name)| format!("secrets.{name} = \"ssm:{id}\"\n"))
        .collect();
    format!(
        "[app]\nname = \"ludlow\"\nregion = \"us-east-1\"\n[services.api]\nport = 8080\n[environments.prod]\n{secrets}"
    )
}
