//! Encoded values, read back by the programs that they are meant for. A reader that is not installed is skipped
//! with a line that says so; another implementation of it would prove nothing.

mod compose;
mod docker;
mod dotenv;
mod others;
mod systemd;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::{Refusal, Text, Value};

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
    // What chance seldom finds: a backslash before the closing quote with a line break after the next opening
    // one, and code points that Unicode calls no characters.
    let rare = [
        ("T9000_A", "C:\\"),
        ("T9001_B", "\nx"),
        ("T9002_C", "a\u{fffe}\u{ffff}"),
        ("T9003_D", "\u{fdd0}\u{1ffff}"),
        ("T9004_E", "\""),
        ("T9005_F", "\"\\"),
    ];
    let rare = rare.map(|(name, text)| (name.to_owned(), text.to_owned()));
    (0..CASES)
        .map(|at| {
            let (name, value) = pair
                .new_tree(&mut runner)
                .expect("no case is filtered out")
                .current();
            (format!("T{at}_{name}"), value)
        })
        .chain(rare)
        .collect()
}

fn plain<'v>(name: &'v str, text: &'v str) -> Value<'v> {
    Value {
        name,
        text,
        secret: false,
    }
}

/// The cases that the target takes one by one, and all of them as it writes them. At least `least` are taken.
fn written(
    least: usize,
    encode: impl Fn(&[Value<'_>]) -> Result<Text, Refusal>,
) -> (BTreeMap<String, String>, String) {
    let mut taken = cases();
    taken.retain(|name, text| encode(&[plain(name, text)]).is_ok());
    let values: Vec<Value<'_>> = taken.iter().map(|(name, text)| plain(name, text)).collect();
    let text = encode(&values).expect("each of them is taken").to_string();
    assert!(taken.len() >= least, "only {} cases are taken", taken.len());
    (taken, text)
}

/// Runs a reader that prints a JSON object, and compares every value.
fn check(reader: &mut Command, taken: &BTreeMap<String, String>) {
    let output = reader.output().expect("the reader starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let read: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&output.stdout).expect("the reader prints JSON");
    let texts = read
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
    compare(&texts.collect(), taken);
}

/// What a reader has must be what was written, and nothing that looks like a case beside it.
fn compare(read: &BTreeMap<String, String>, taken: &BTreeMap<String, String>) {
    for (name, text) in taken {
        let back = read.get(name);
        let shown = |text: &String| format!("{:?}", text.chars().take(200).collect::<String>());
        assert!(
            back == Some(text),
            "{name} was {} and came back as {}",
            shown(text),
            back.map_or("nothing".to_owned(), shown)
        );
    }
    let is_case = |name: &&String| {
        let digits = name.strip_prefix('T').and_then(|rest| rest.split_once('_'));
        digits.is_some_and(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let more: Vec<&String> = read
        .keys()
        .filter(|name| !taken.contains_key(*name))
        .filter(is_case)
        .collect();
    assert!(more.is_empty(), "the reader found more: {more:?}");
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

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("the file is written");
    file
}
