//! The commands beside the document.

use std::path::Path;

use serde_json::{Value, json};

use crate::fake_aws::{Contents, FakeAws};
use crate::{ARN, env_generator, full, project, run, text};

fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).expect("the file is written");
    }
    directory
}

#[test]
fn merges_the_sources_in_their_order_and_says_who_won() {
    let source = project().replace(
        "[environments.local]",
        "PORT = \"1\"\n[schema.PORT]\ntype = \"integer\"\ndefault = \"0\"\n[schema.LOG_LEVEL]\n[schema.HOME_PAGE]\n[environments.local]\nsources.files = [\"local.env\"]",
    );
    let directory = written(&[
        ("longshore.toml", &source),
        ("local.env", "PORT=2\nHOME_PAGE=http://a/\n"),
        ("ci.env", "PORT=3\n"),
    ]);
    let arguments = [
        "--env",
        "local",
        "--parameters",
        "ci.env",
        "--explain",
        "--target",
        "json",
    ];
    let output = run(directory.path(), None, &arguments);
    assert_eq!(
        text(&output.stderr),
        "HOME_PAGE: plain from local.env:2\n\
         LOG_LEVEL: plain from longshore.toml:7\n\
         PORT: plain from ci.env:1 (instead of local.env:1, longshore.toml:8, longshore.toml:9)\n\
         environment local: 3 variables for json\n"
    );
    assert_eq!(
        text(&output.stdout),
        "{\n  \"HOME_PAGE\": \"http://a/\",\n  \"LOG_LEVEL\": \"info\",\n  \"PORT\": \"3\"\n}\n"
    );
}

#[test]
fn checks_all_environments_in_one_pass() {
    let source = project()
        + "[schema.LOG_LEVEL]\nvalues = [\"info\"]\n[schema.TOKEN]\nrequired = true\nsecret = true\n[schema.DATABASE_URL]\n";
    let (output, _directory) = env_generator(&source, None, &["check", "--offline"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        text(&output.stderr),
        "error: 1 mistake in longshore.toml\n  longshore.toml:16: TOKEN is missing: no source has it\n\
         error: 1 mistake in longshore.toml\n  longshore.toml:11: LOG_LEVEL is malformed: it must be one of info\n"
    );
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(verdict["environments"][0]["problems"][0]["line"], json!(16));
}

#[test]
fn reads_values_in_batches_once() {
    let aws = FakeAws::start(full());
    let arguments = ["--env", "prod", "--target", "json", "--output", "out.json"];
    let (output, _directory) = env_generator(&project(), Some(&aws), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut operations: Vec<String> = aws
        .calls()
        .into_iter()
        .map(|(operation, _)| operation)
        .collect();
    operations.sort();
    assert_eq!(operations, ["GetParameters", "GetSecretValue"]);
}

#[test]
fn takes_every_parameter_below_a_path_as_a_reference() {
    let aws = FakeAws::start(full());
    let source = project() + "sources.paths = [\"/ludlow/prod/\"]\n";
    let source = source.replace("secrets.TOKEN = \"ssm:/ludlow/prod/TOKEN\"\n", "");
    let (output, _directory) =
        env_generator(&source, Some(&aws), &["--env", "prod", "--target", "ecs"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        document["secrets"],
        json!([
            { "name": "DATABASE_URL", "valueFrom": format!("{ARN}:url::") },
            { "name": "TOKEN", "valueFrom": "/ludlow/prod/TOKEN" },
        ])
    );
}

#[test]
fn compares_with_a_live_service() {
    let mut contents = full();
    contents.live = json!([{ "name": "LOG_LEVEL", "value": "info" }]);
    let aws = FakeAws::start(contents);
    let arguments = [
        "diff",
        "--env",
        "prod",
        "--cluster",
        "c",
        "--service",
        "api",
    ];
    let (output, _directory) = env_generator(&project(), Some(&aws), &arguments);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        text(&output.stderr),
        format!("+ DATABASE_URL: {ARN}:url::\n~ LOG_LEVEL: \"info\" -> \"warn\"\n")
    );
}

#[test]
fn becomes_a_command_that_has_the_environment() {
    let aws = FakeAws::start(full());
    let arguments = [
        "run",
        "--env",
        "prod",
        "--",
        "/bin/sh",
        "-c",
        "printf %s \"$TOKEN $LOG_LEVEL\"; exit 7",
    ];
    let (output, directory) = env_generator(&project(), Some(&aws), &arguments);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "hunter2= warn");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

fn push(directory: &Path, aws: &FakeAws, more: &[&str]) -> String {
    let arguments = [&["push", "a.env", "--path", "/ludlow/prod"], more].concat();
    let output = run(directory, Some(aws), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains("hunter2"));
    text(&output.stderr).to_owned()
}

#[test]
fn pushes_a_file_only_when_told_so() {
    let aws = FakeAws::start(full());
    let directory = written(&[
        ("longshore.toml", &project()),
        ("a.env", "NEW='hunter2\n'\nTOKEN=hunter2=\n"),
    ]);
    let plan = "create /ludlow/prod/NEW\nkeep /ludlow/prod/TOKEN\n";
    assert_eq!(
        push(directory.path(), &aws, &[]),
        format!("{plan}1 parameter to write below /ludlow/prod/; --apply does it\n")
    );
    let writes = || {
        let calls = aws.calls().into_iter();
        calls
            .filter(|(operation, _)| operation == "PutParameter")
            .map(|(_, argument)| argument)
            .collect::<Vec<_>>()
    };
    assert!(writes().is_empty());
    assert_eq!(
        push(directory.path(), &aws, &["--apply"]),
        format!("{plan}1 parameter written below /ludlow/prod/\n")
    );
    assert_eq!(
        writes(),
        [json!({
            "Name": "/ludlow/prod/NEW",
            "Value": "hunter2\n",
            "Type": "SecureString",
            "Overwrite": true,
            "Tier": "Intelligent-Tiering",
        })]
    );
}

#[test]
fn names_the_program_that_an_encrypted_file_needs() {
    let source = project() + "[environments.qa]\nsources.files = [\"qa.env\"]\n";
    let directory = written(&[
        ("longshore.toml", &source),
        ("qa.env", "A=ENC[AES256_GCM,data:x]\nsops_version=3.9.0\n"),
    ]);
    let output = run(directory.path(), None, &["--env", "qa"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: qa.env is encrypted with sops, and the program sops is not installed\n\
         hint: install sops, or leave the file out of sources.files\n"
    );
}

#[test]
fn reads_several_secrets_in_one_call() {
    let mut contents = full();
    let other = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ludlow/key-GhIjKl";
    let text_of_other = (json!({ "ARN": other }), "whole\ntext".to_owned());
    contents.secrets.insert(other.to_owned(), text_of_other);
    let aws = FakeAws::start(contents);
    let source = project() + &format!("secrets.KEY = \"secretsmanager:{other}\"\n");
    let arguments = ["--env", "prod", "--target", "json", "--output", "-"];
    let (output, _directory) = env_generator(&source, Some(&aws), &arguments);
    assert_eq!(
        text(&output.stdout),
        "{\n  \"DATABASE_URL\": \"postgres://u:hunter3@db/x\",\n  \"KEY\": \"whole\\ntext\",\n  \
         \"LOG_LEVEL\": \"warn\",\n  \"TOKEN\": \"hunter2=\"\n}\n"
    );
    let calls = aws.calls();
    let batch = calls
        .iter()
        .find(|(operation, _)| operation == "BatchGetSecretValue");
    assert_eq!(
        batch.map(|(_, argument)| argument),
        Some(&json!({ "SecretIdList": [ARN, other] }))
    );
    assert_eq!(calls.len(), 2);
}

/// A project with so many parameters, of which the last is not there.
fn many(count: usize) -> (String, Contents) {
    let mut contents = full();
    let mut source = project();
    for at in 0..count {
        source += &format!("secrets.KEY_{at:02} = \"ssm:/ludlow/prod/KEY_{at:02}\"\n");
        let name = format!("/ludlow/prod/KEY_{at:02}");
        contents.parameters.insert(name, format!("hunter{at}"));
    }
    contents
        .parameters
        .remove(&format!("/ludlow/prod/KEY_{:02}", count - 1));
    (source, contents)
}

fn operations(aws: &FakeAws) -> Vec<String> {
    let calls = aws.calls().into_iter();
    let mut operations: Vec<String> = calls.map(|(operation, _)| operation).collect();
    operations.sort();
    operations
}

#[test]
fn asks_for_many_names_in_one_call_that_shows_no_value() {
    let (source, contents) = many(30);
    let aws = FakeAws::start(contents);
    let (output, _directory) = env_generator(&source, Some(&aws), &["--env", "prod"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.starts_with(
            "error: 1 secret of the environment prod does not exist\n  KEY_29 (longshore.toml:43): "
        ),
        "{said}"
    );
    assert_eq!(
        operations(&aws),
        ["DescribeParameters", "DescribeParameters", "DescribeSecret"]
    );
}

#[test]
fn asks_in_batches_where_it_may_not_list() {
    let (source, mut contents) = many(30);
    contents.refused = vec!["DescribeParameters"];
    let aws = FakeAws::start(contents);
    let (output, _directory) = env_generator(&source, Some(&aws), &["--env", "prod"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("\n  KEY_29 (longshore.toml:43): "), "{said}");
    let mut expected = vec!["DescribeParameters", "DescribeSecret"];
    expected.extend(["GetParameters"; 4]);
    assert_eq!(operations(&aws), expected);
    let reads_values = |(_, argument): &(String, Value)| argument["WithDecryption"] == json!(true);
    assert!(!aws.calls().iter().any(reads_values));
}

#[test]
fn reads_what_a_path_lists_no_second_time() {
    let aws = FakeAws::start(full());
    let source = project().replace("secrets.TOKEN = \"ssm:/ludlow/prod/TOKEN\"\n", "")
        + "sources.paths = [\"/ludlow/prod/\"]\n";
    let arguments = ["--env", "prod", "--target", "json", "--output", "-"];
    let (output, _directory) = env_generator(&source, Some(&aws), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\"TOKEN\": \"hunter2=\""));
    // The list, the empty page at its end, and the secret that is not below the path.
    assert_eq!(
        operations(&aws),
        [
            "GetParametersByPath",
            "GetParametersByPath",
            "GetSecretValue"
        ]
    );
}

#[test]
fn checks_the_rest_where_one_environment_cannot_be_checked() {
    let mut contents = full();
    contents.refused = vec!["DescribeSecret"];
    let aws = FakeAws::start(contents);
    let source = project()
        + "[environments.qa]\nsources.files = [\"qa.env\"]\n[schema.LOG_LEVEL]\nvalues = [\"info\"]\n[schema.TOKEN]\nrequired = true\n[schema.DATABASE_URL]\n";
    let (output, _directory) = env_generator(&source, Some(&aws), &["check"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "error: 1 mistake in longshore.toml\n  longshore.toml:18: TOKEN is missing: no source has it\n\
         error: 1 mistake in longshore.toml\n  longshore.toml:11: LOG_LEVEL is malformed: it must be one of info\n\
         error: the environment prod was not checked to the end: cannot look up the secret arn:aws:secretsmanager:us-east-1:123456789012:secret:ludlow/db-AbCdEf: not allowed (AccessDeniedException)\n\
         hint: the credentials are valid but lack this permission: add the action to the role's policy\n\
         error: 1 mistake in qa.env\n  qa.env: the file cannot be read: No such file or directory (os error 2)\n"
    );
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let unfinished: Vec<bool> = verdict["environments"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|environment| environment["unfinished"] == json!(true))
        .collect();
    assert_eq!(unfinished, [false, true, false]);
}
