//! Compose itself where it is installed, and a YAML reader.

use std::process::Command;

use super::{CASES, check, file, is_there, pinned_python, plain, skipped, written};
use crate::target::{Refusal, Text, Value, compose};

/// Prints the environment of a Compose file, whose dollars are doubled. Lines end as the file says.
const PRINT: &str = "import sys,json,yaml; f=open(sys.argv[1],newline='') if len(sys.argv)>1 else sys.stdin; e=yaml.load(f,getattr(yaml,'CSafeLoader',yaml.SafeLoader))['services']['api']['environment']; print(json.dumps({k:v.replace('$$','$') for k,v in e.items()}))";

/// What the written file is laid over: a service needs an image.
const BASE: &str = "version: \"3\"\nservices:\n  api:\n    image: ludlow\n";

fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    compose::encode(values, &["api".to_owned()])
}

/// The plugin of docker, or the program of its own.
fn compose() -> Option<Command> {
    let has_plugin = Command::new("docker")
        .args(["compose", "version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if has_plugin {
        let mut command = Command::new("docker");
        command.arg("compose");
        return Some(command);
    }
    is_there("docker-compose").then(|| Command::new("docker-compose"))
}

#[test]
fn compose_reads_back_what_is_written() {
    let (Some(mut reader), Some(python)) = (compose(), pinned_python("yaml")) else {
        return skipped(
            "Compose",
            "neither docker compose nor docker-compose is installed, or LONGSHORE_AWS_CLIENTS has no python3 with PyYAML",
        );
    };
    let (mut taken, _) = written(CASES * 9 / 10, encode);
    // Compose 1 reads U+0085, and shows it in a way that it would not read itself.
    taken.retain(|_, text| !text.contains('\u{85}'));
    let values: Vec<Value<'_>> = taken.iter().map(|(name, text)| plain(name, text)).collect();
    let text = encode(&values).expect("each of them is taken");
    let (base, written) = (file(BASE), file(&text));
    let output = reader
        .arg("-f")
        .arg(base.path())
        .arg("-f")
        .arg(written.path())
        .arg("config")
        .output()
        .expect("Compose starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let shown = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(shown.path(), &output.stdout).expect("the file is written");
    check(
        Command::new(python).args(["-c", PRINT]).arg(shown.path()),
        &taken,
    );
}

#[test]
fn a_yaml_reader_reads_back_what_is_written() {
    let Some(program) = pinned_python("yaml") else {
        return skipped("YAML", "LONGSHORE_AWS_CLIENTS has no python3 with PyYAML");
    };
    let (taken, text) = written(CASES * 9 / 10, encode);
    let file = file(&text);
    check(
        Command::new(program).args(["-c", PRINT]).arg(file.path()),
        &taken,
    );
}
