//! log-tailer beside `aws logs tail` and awslogs: the history of a group of 100,000 events, read to its end.
//!
//! `aws logs tail` is of the AWS CLI 2 alone, which PyPI does not have: it is measured where it is installed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use toolkit::Console;

use super::measure::{Figures, Run, run};
use super::stand::{Server, Stand};
use super::table::{Comparison, Comparisons, Entry};

const GROUP: &str = "/ecs/ludlow/bench";
const STREAMS: usize = 5;
const EVENTS: usize = 100_000;
/// Every so many-th is an error.
const ERRORS: usize = 500;
/// Between two events.
const APART: Duration = Duration::from_millis(30);

const HISTORY: &str = "100,000 events";
const FILTERED: &str = "200 of 100,000 by a filter pattern";
const START_UP: &str = "start-up";

/// Somebody's program, as it is called for a case.
struct Contender {
    name: &'static str,
    command: Command,
}

/// Runs every contender in every case.
pub(crate) fn run_all(
    console: &Console,
    stand: &Stand,
    runs: u32,
    only: Option<&str>,
) -> anyhow::Result<Comparisons> {
    let server = Server::start(stand, 1)?;
    fill(console, stand, &server)?;
    let aws = aws_cli_2();
    if aws.is_none() {
        console.warning("SKIPPED `aws logs tail`: there is no AWS CLI 2 on the path");
    }
    let mut comparisons = Vec::new();
    for case in [HISTORY, FILTERED, START_UP] {
        if only.is_some_and(|only| !case.contains(only)) {
            continue;
        }
        let mut entries = Vec::new();
        for mut contender in contenders(case, stand, &server, aws.as_deref()) {
            console.status(&format!("{case}, {} ({runs} runs)", contender.name));
            entries.extend(measure(case, stand, &mut contender, runs)?);
        }
        comparisons.push(Comparison {
            case: case.to_owned(),
            entries,
        });
    }
    Ok(Comparisons::of("logs", comparisons))
}

fn contenders(
    case: &str,
    stand: &Stand,
    server: &Server<'_>,
    aws: Option<&Path>,
) -> Vec<Contender> {
    let mut ours = stand.program("log-tailer");
    let mut awslogs = stand.client("awslogs");
    let mut theirs = aws.map(|aws| stand.outside(aws));
    let endpoint = &server.endpoint;
    if case == START_UP {
        ours.arg("--version");
        awslogs.arg("--version");
        if let Some(aws) = &mut theirs {
            aws.arg("--version");
        }
    } else {
        ours.args(["--group", GROUP, "--since", "2h", "--format", "text"]);
        awslogs.args(["get", GROUP, "ALL", "--start", "2h ago"]);
        if let Some(aws) = &mut theirs {
            aws.args(["logs", "tail", GROUP, "--since", "2h", "--format", "short"])
                .args(["--endpoint-url", endpoint]);
        }
    }
    if case == FILTERED {
        ours.args(["--filter", "ERROR"]);
        awslogs.args(["--filter-pattern", "ERROR"]);
        if let Some(aws) = &mut theirs {
            aws.args(["--filter-pattern", "ERROR"]);
        }
    }
    let mut contenders = vec![Contender {
        name: "log-tailer",
        command: ours,
    }];
    contenders.extend(theirs.map(|command| Contender {
        name: "aws logs tail",
        command,
    }));
    contenders.push(Contender {
        name: "awslogs",
        command: awslogs,
    });
    for contender in &mut contenders {
        server.reached_by(&mut contender.command);
    }
    contenders
}

/// Everybody writes to a file, whose lines are counted: who shows less has done less.
fn measure(
    case: &str,
    stand: &Stand,
    contender: &mut Contender,
    runs: u32,
) -> anyhow::Result<Option<Entry>> {
    let file = stand.path().join("lines");
    // The first one finds nothing in memory.
    let warm = u32::from(case == START_UP);
    let runs = if case == START_UP { runs.max(10) } else { runs };
    let mut taken: Vec<Run> = Vec::new();
    for round in 0..runs + warm {
        let out = File::create(&file).with_context(|| format!("cannot make {}", file.display()))?;
        let taken_now = run(contender.command.stdout(out))?;
        if taken_now.code != Some(0) {
            bail!("{} ended with {:?}", contender.name, taken_now.code);
        }
        if round >= warm {
            taken.push(taken_now);
        }
    }
    let lines = BufReader::new(File::open(&file)?).lines().count();
    Ok(Figures::of(&taken).map(|figures| Entry {
        name: contender.name.to_owned(),
        figures,
        calls: None,
        operations: std::collections::BTreeMap::new(),
        lag_ms: None,
        said: format!("{lines} lines"),
    }))
}

/// Writes the events, by our own program.
fn fill(console: &Console, stand: &Stand, server: &Server<'_>) -> anyhow::Result<()> {
    console.status(&format!("writing {EVENTS} events"));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock stands before 1970")?;
    for stream in 0..STREAMS {
        let mut lines = String::new();
        for number in (stream..EVENTS).step_by(STREAMS) {
            let ago = APART * u32::try_from(EVENTS - number)?;
            let time = now.saturating_sub(ago).as_millis();
            let level = if number % ERRORS == 0 {
                "ERROR"
            } else {
                "INFO"
            };
            writeln!(
                lines,
                "{time} {{\"level\":\"{level}\",\"request\":{number},\"path\":\"/orders/{number}\",\"text\":\"{}\"}}",
                "x".repeat(120)
            )?;
        }
        let file = stand.file("events", &lines)?;
        let name = format!("api/api/{stream:032x}");
        let mut put = stand.program("log-tailer");
        put.args(["put", "--group", GROUP, "--stream", &name, "--create-group"])
            .args(["--timed", "--quiet"])
            .stdin(Stdio::from(File::open(&file)?));
        let status = server
            .reached_by(&mut put)
            .status()
            .context("cannot start log-tailer")?;
        if !status.success() {
            bail!("log-tailer put ended with {status}");
        }
    }
    Ok(())
}

fn aws_cli_2() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join("aws"))
        .find(|program| {
            program.is_file()
                && Command::new(program)
                    .arg("--version")
                    .output()
                    .is_ok_and(|output| output.stdout.starts_with(b"aws-cli/2"))
        })
}
