//! The readers of .env files: npm's dotenv, node's own, python-dotenv.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CASES, check, file, is_there, pinned_python, skipped, written};
use crate::target::{node, npm, python};

/// The directory that has the pinned packages of npm in its node_modules.
fn pinned_packages() -> Option<PathBuf> {
    let programs = std::env::var_os("LONGSHORE_AWS_CLIENTS")?;
    let home = Path::new(&programs).parent()?;
    home.join("node_modules/dotenv")
        .is_dir()
        .then(|| home.to_owned())
}

#[test]
fn dotenv_of_npm_reads_back_what_is_written() {
    let (true, Some(home)) = (is_there("node"), pinned_packages()) else {
        return skipped(
            "dotenv of npm",
            "node is not installed, or LONGSHORE_AWS_CLIENTS has no dotenv",
        );
    };
    let (taken, text) = written(CASES / 2, npm::encode);
    let file = file(&text);
    let script = "console.log(JSON.stringify(require('dotenv').parse(require('fs').readFileSync(process.argv[1]))))";
    check(
        Command::new("node")
            .args(["-e", script])
            .arg(file.path())
            .current_dir(home),
        &taken,
    );
}

#[test]
fn node_itself_reads_back_what_is_written() {
    let has_reader = Command::new("node")
        .args(["--env-file=/dev/null", "-e", ""])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_reader {
        return skipped("node --env-file", "there is no node that knows it");
    }
    let (mut taken, _) = written(CASES / 2, node::encode);
    // It is read back out of the process's environment, which holds 128 KiB a string.
    taken.retain(|_, text| text.len() < 100_000);
    let values: Vec<_> = taken
        .iter()
        .map(|(name, text)| super::plain(name, text))
        .collect();
    let file = file(&node::encode(&values).expect("each of them is taken"));
    let argument = format!("--env-file={}", file.path().display());
    check(
        Command::new("node")
            .arg(argument)
            .args(["-e", "console.log(JSON.stringify(process.env))"]),
        &taken,
    );
}

#[test]
fn python_dotenv_reads_back_what_is_written() {
    let Some(program) = pinned_python("dotenv") else {
        return skipped(
            "python-dotenv",
            "LONGSHORE_AWS_CLIENTS has no python3 with it",
        );
    };
    let (taken, text) = written(CASES * 9 / 10, python::encode);
    let file = file(&text);
    let script = "import sys,json,dotenv; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))";
    check(
        Command::new(program).args(["-c", script]).arg(file.path()),
        &taken,
    );
}
