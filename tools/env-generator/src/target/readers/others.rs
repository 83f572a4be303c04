//! Bash, JSON, and GitHub's fence.

use super::{CASES, check, file, is_there, plain, skipped, written};
use crate::target::{Value, bash, github, json};
use std::process::Command;

#[test]
fn bash_reads_back_what_is_written() {
    if !is_there("bash") || !is_there("node") {
        return skipped("bash", "bash or node is not installed");
    }
    let (mut taken, _) = written(CASES * 9 / 10, bash::encode);
    // A process's environment holds 128 KiB a string; what bash read is passed on through it.
    taken.retain(|_, text| text.len() < 100_000);
    let values: Vec<Value<'_>> = taken.iter().map(|(name, text)| plain(name, text)).collect();
    let text = bash::encode(&values).expect("each of them is taken");
    let file = file(&text);
    let script = ". \"$1\" && exec node -p 'JSON.stringify(process.env)'";
    check(
        Command::new("bash")
            .args(["-c", script, "bash"])
            .arg(file.path()),
        &taken,
    );
}

#[test]
fn node_reads_back_the_json_that_is_written() {
    if !is_there("node") {
        return skipped("JSON", "node is not installed");
    }
    let (taken, text) = written(CASES, json::encode);
    let file = file(&text);
    let script =
        "console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(process.argv[1]))))";
    check(
        Command::new("node").args(["-e", script]).arg(file.path()),
        &taken,
    );
}

#[test]
fn github_values_cannot_break_out_of_their_fence() {
    let (taken, text) = written(CASES / 2, |values| {
        github::encode(values, "ghadelimiter_5f2c")
    });
    assert_eq!(
        text.split('\n')
            .filter(|line| *line == "ghadelimiter_5f2c")
            .count(),
        taken.len()
    );
}
