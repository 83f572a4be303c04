//! One environment in every form, beside the files of this directory's golden/; `UPDATE_GOLDEN=1` writes them
//! anew. Values are as awkward as the form allows.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::fake_aws::{Contents, FakeAws};
use crate::{ARN, full, run, text};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn compare(name: &str, written: &str) {
    let file = golden(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, written).expect("the golden file is written");
    }
    let expected = std::fs::read_to_string(&file).expect("the golden file is there");
    assert_eq!(written, expected, "{name}");
}

/// Secrets with what one line can hold.
fn secrets() -> Contents {
    let mut contents = full();
    let token = r#"pa$$word ${X} `id` \n "q" 'z' # % | ü😀 "#;
    contents
        .parameters
        .insert("/ludlow/prod/TOKEN".to_owned(), token.to_owned());
    let database = json!({ "url": "postgres://u:p@h/d?a=b&c='d'" }).to_string();
    contents.secrets.get_mut(ARN).expect("it is there").1 = database;
    contents
}

/// What is written to the file and to stdout.
fn generated(env: &str, target: &str, more: &[&str]) -> (String, String) {
    let aws = FakeAws::start(secrets());
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::copy(
        golden("longshore.toml"),
        directory.path().join("longshore.toml"),
    )
    .expect("the project is copied");
    let arguments = [
        "--env", env, "--target", target, "--output", "out", "--quiet",
    ];
    let output = run(
        directory.path(),
        Some(&aws),
        &[&arguments[..], more].concat(),
    );
    assert_eq!(
        output.status.code(),
        Some(0),
        "{target}: {}",
        text(&output.stderr)
    );
    let file = std::fs::read_to_string(directory.path().join("out")).expect("it is written");
    (file, text(&output.stdout).to_owned())
}

#[test]
fn every_form_is_as_it_was_agreed() {
    for (target, name) in [
        ("document", "document.json"),
        ("ecs", "ecs.json"),
        ("docker", "docker.env"),
        ("compose", "compose.yml"),
        ("bash", "bash.sh"),
        ("python", "python.env"),
        ("systemd", "systemd.env"),
        ("json", "json.json"),
    ] {
        let (file, stdout) = generated("prod", target, &[]);
        compare(name, &file);
        assert_eq!(stdout, "", "{target}");
    }
    // Its reader has no way to write the token, which has all three quotes.
    for (target, name) in [("npm", "npm.env"), ("node", "node.env")] {
        compare(name, &generated("prod", target, &["--without-secrets"]).0);
    }
}

#[test]
fn forms_that_hold_several_lines_hold_them() {
    for (target, name) in [
        ("compose", "lines-compose.yml"),
        ("bash", "lines-bash.sh"),
        ("npm", "lines-npm.env"),
        ("node", "lines-node.env"),
        ("python", "lines-python.env"),
        ("systemd", "lines-systemd.env"),
        ("json", "lines-json.json"),
        ("ecs", "lines-ecs.json"),
    ] {
        compare(name, &generated("lines", target, &[]).0);
    }
}

#[test]
fn the_file_for_ecs_and_its_description_are_as_they_were_agreed() {
    let (file, stdout) = generated("prod", "ecs-file", &["--bucket", "settings"]);
    compare("ecs-file.env", &file);
    compare("ecs-file.json", &stdout);
}

#[test]
fn parameters_of_ci_are_as_they_were_agreed() {
    let (file, masks) = generated("prod", "github", &[]);
    compare("github-masks.txt", &masks);
    // The delimiter is another in every run.
    let delimiter = file
        .lines()
        .next()
        .and_then(|line| line.split_once("<<"))
        .expect("a first line")
        .1
        .to_owned();
    assert!(delimiter.starts_with("ghadelimiter_") && delimiter.len() == 45);
    compare("github.env", &file.replace(&delimiter, "DELIMITER"));
    let (messages, _) = generated("prod", "teamcity", &["--without-secrets"]);
    compare("teamcity.txt", &messages);
}
