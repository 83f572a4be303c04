//! Encoded values, read back by the programs that they are meant for. A reader that is not installed is skipped
//! with a line that says so; another implementation of it would prove nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::{Refusal, Text, Value, bash, compose, github, json, npm, python};

/// Cases of each reader; all are in one file, so that a value that spills over meets others.
const CASES: usize = 400;

const PIECES: &str = "[ab0 ]|['\"`]|[$]|[\\\\]|[\n\r\t]|[#=!%&;:{}()<>|*?~,]|\\$\\{A\\}|\\$\\$|\\\\n|\\\\'|[é中😀\u{85}\u{2028}\u{feff}\u{a0}\u{7f}\u{1b}]";

/// Names and values, the same in every run: pieces with a meaning to some reader, any text, and long lines.
fn cases() -> BTreeMap<String, String> {
    let mut runner = TestRunner::deterministic();
    let pieces = proptest::collection::vec(PIECES, 0..12).prop_map(|pieces| pieces.concat());
    let any = proptest::collection::vec(proptest::char::any(), 0..20)
        .prop_map(|characters| characters.into_iter().collect::<String>());
    let long = (PIECES, 60_000_usize..70_000).prop_map(|(piece, count)| piece.repeat(count));
    let value = proptest::prop_oneof![60 => pieces, 30 => any, 1 => long];
    let pair = ("[A-Z][A-Z0-9_]{0,12}", value);
    (0..CASES)
        .map(|at| {
            let (name, value) = pair
                .new_tree(&mut runner)
                .expect("no case is filtered out")
                .current();
            (format!("T{at}_{name}"), value)
        })
        .collect()
}

fn plain<'v>(name: &'v str, text: &'v str) -> Value<'v> {
    Value {
        name,
        text,
        secret: false,
    }
}

/// The cases that the target takes one by one, and all of them as it writes them.
fn written(
    encode: impl Fn(&[Value<'_>]) -> Result<Text, Refusal>,
) -> (BTreeMap<String, String>, String) {
    let mut taken = cases();
    taken.retain(|name, text| encode(&[plain(name, text)]).is_ok());
    let values: Vec<Value<'_>> = taken.iter().map(|(name, text)| plain(name, text)).collect();
    let text = encode(&values).expect("each of them is taken").to_string();
    assert!(
        taken.len() > CASES / 2,
        "most cases are taken, not {}",
        taken.len()
    );
    (taken, text)
}

/// Runs a reader that prints a JSON object, and compares every value.
fn check(reader: &mut Command, taken: &BTreeMap<String, String>) {
    let output = reader.output().expect("the reader starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let read: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&output.stdout).expect("the reader prints JSON");
    for (name, text) in taken {
        let back = read.get(name).and_then(serde_json::Value::as_str);
        let shown = |text: &str| format!("{:?}", text.chars().take(200).collect::<String>());
        assert!(
            back == Some(text),
            "{name} was {} and came back as {}",
            shown(text),
            back.map_or("nothing".to_owned(), shown)
        );
    }
    let added: Vec<&String> = read
        .keys()
        .filter(|name| name.starts_with('T') && name.contains('_') && !taken.contains_key(*name))
        .filter(|name| name[1..].starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(added.is_empty(), "the reader found more: {added:?}");
}

fn skipped(reader: &str, why: &str) {
    println!("SKIPPED {reader}: {why}");
}

fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Python of the pinned clients.
fn pinned_python(module: &str) -> Option<PathBuf> {
    let python = Path::new(&std::env::var_os("LONGSHORE_AWS_CLIENTS")?).join("python3");
    Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output()
        .is_ok_and(|output| output.status.success())
        .then_some(python)
}

#[test]
fn bash_reads_back_what_is_written() {
    if !is_there("bash") || !is_there("node") {
        return skipped("bash", "bash or node is not installed");
    }
    let (mut taken, _) = written(bash::encode);
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
fn dotenv_of_npm_reads_back_what_is_written() {
    if !is_there("node") || !is_there("npm") {
        return skipped("dotenv of npm", "node or npm is not installed");
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let packed = Command::new("npm")
        .args(["pack", "--silent", "dotenv@17.2.3"])
        .current_dir(&directory)
        .output()
        .expect("npm starts");
    if !packed.status.success() {
        return skipped("dotenv of npm", "npm cannot fetch it");
    }
    let unpacked = Command::new("tar")
        .args(["-xzf", "dotenv-17.2.3.tgz"])
        .current_dir(&directory)
        .status()
        .expect("tar starts");
    assert!(unpacked.success());
    let (taken, text) = written(npm::encode);
    let file = file(&text);
    let script = "console.log(JSON.stringify(require('./package').parse(require('fs').readFileSync(process.argv[1]))))";
    check(
        Command::new("node")
            .args(["-e", script])
            .arg(file.path())
            .current_dir(&directory),
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
    let (taken, text) = written(python::encode);
    let file = file(&text);
    let script = "import sys,json,dotenv; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))";
    check(
        Command::new(program).args(["-c", script]).arg(file.path()),
        &taken,
    );
}

/// A YAML reader stands for Compose's, which is not to be had without Docker; interpolation is only undoubled.
#[test]
fn a_yaml_reader_reads_back_what_is_written() {
    let Some(program) = pinned_python("yaml") else {
        return skipped("YAML", "LONGSHORE_AWS_CLIENTS has no python3 with PyYAML");
    };
    let (taken, text) = written(|values| compose::encode(values, &["api".to_owned()]));
    let file = file(&text);
    let script = "import sys,json,yaml; e=yaml.safe_load(open(sys.argv[1],newline=''))['services']['api']['environment']; print(json.dumps({k:v.replace('$$','$') for k,v in e.items()}))";
    check(
        Command::new(program).args(["-c", script]).arg(file.path()),
        &taken,
    );
}

#[test]
fn node_reads_back_the_json_that_is_written() {
    if !is_there("node") {
        return skipped("JSON", "node is not installed");
    }
    let (taken, text) = written(json::encode);
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
    let (taken, text) = written(|values| github::encode(values, "ghadelimiter_5f2c"));
    assert_eq!(
        text.split('\n')
            .filter(|line| *line == "ghadelimiter_5f2c")
            .count(),
        taken.len()
    );
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("the file is written");
    file
}
