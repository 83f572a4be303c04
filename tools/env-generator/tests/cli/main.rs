//! The program as its users call it.

mod commands;
mod encrypted;
mod fake_aws;
mod golden;
mod secrecy;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use fake_aws::{Contents, FakeAws};
use serde_json::json;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ludlow/db-AbCdEf";

fn project() -> String {
    format!(
        r#"[app]
name = "ludlow"
region = "us-east-1"
[services.api]
port = 8080
[variables]
LOG_LEVEL = "info"
[environments.local]
aws = "local"
[environments.prod]
variables.LOG_LEVEL = "warn"
secrets.TOKEN = "ssm:/ludlow/prod/TOKEN"
secrets.DATABASE_URL = "secretsmanager:{ARN}:url"
"#
    )
}

fn env_generator(
    project: &str,
    aws: Option<&FakeAws>,
    arguments: &[&str],
) -> (Output, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("longshore.toml"), project)
        .expect("the project's file is written");
    let output = run(directory.path(), aws, arguments);
    (output, directory)
}

fn run(directory: &Path, aws: Option<&FakeAws>, arguments: &[&str]) -> Output {
    // Without a server, every call would go to a port where nothing listens.
    let endpoint = aws.map_or("http://127.0.0.1:1", |aws| &aws.endpoint);
    Command::new(env!("CARGO_BIN_EXE_env-generator"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        // Whether sops or age is installed must not matter here.
        .env("PATH", "/nowhere")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the output is text")
}

fn full() -> Contents {
    Contents {
        parameters: BTreeMap::from([("/ludlow/prod/TOKEN".to_owned(), "hunter2=".to_owned())]),
        secrets: BTreeMap::from([(
            ARN.to_owned(),
            (
                json!({ "ARN": ARN, "VersionIdsToStages": { "4f2c": ["AWSCURRENT"] } }),
                json!({ "url": "postgres://u:hunter3@db/x" }).to_string(),
            ),
        )]),
        live: json!([]),
        refused: Vec::new(),
    }
}

const PROD_DOCUMENT: &str = r#"{
  "kind": "environment",
  "schema": 1,
  "variables": {
    "LOG_LEVEL": {
      "value": "warn",
      "origin": "longshore.toml:11"
    }
  },
  "secrets": {
    "DATABASE_URL": {
      "value_from": "arn:aws:secretsmanager:us-east-1:123456789012:secret:ludlow/db-AbCdEf:url::",
      "origin": "longshore.toml:13"
    },
    "TOKEN": {
      "value_from": "/ludlow/prod/TOKEN",
      "origin": "longshore.toml:12"
    }
  }
}
"#;

#[test]
fn calls_nobody_when_there_is_no_secret() {
    let (output, _directory) = env_generator(&project(), None, &["--env", "local"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        r#"{
  "kind": "environment",
  "schema": 1,
  "variables": {
    "LOG_LEVEL": {
      "value": "info",
      "origin": "longshore.toml:7"
    }
  },
  "secrets": {}
}
"#
    );
    assert_eq!(
        text(&output.stderr),
        "environment local: 1 variable, 0 secrets\n"
    );
}

#[test]
fn refers_to_secrets_that_exist_without_reading_them() {
    let aws = FakeAws::start(full());
    let (output, _directory) = env_generator(&project(), Some(&aws), &["--env", "prod"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), PROD_DOCUMENT);
    assert_eq!(
        text(&output.stderr),
        "environment prod: 1 variable, 2 secrets (all there)\n"
    );
    assert_eq!(
        aws.calls(),
        [
            (
                "GetParameters".to_owned(),
                json!({ "Names": ["/ludlow/prod/TOKEN"], "WithDecryption": false })
            ),
            ("DescribeSecret".to_owned(), json!({ "SecretId": ARN })),
        ]
    );
}

#[test]
fn calls_nobody_when_told_so() {
    let (output, _directory) =
        env_generator(&project(), None, &["--env", "prod", "--offline", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), PROD_DOCUMENT);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn names_every_missing_secret_and_how_to_make_it() {
    let aws = FakeAws::start(Contents::default());
    let (output, directory) = env_generator(
        &project(),
        Some(&aws),
        &["--env", "prod", "--output", "environment.json"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        format!(
            "error: 2 secrets of the environment prod do not exist
  DATABASE_URL (longshore.toml:13): no secret {ARN}; make it with the command below, and write the ARN that it answers into longshore.toml
    aws secretsmanager create-secret --region us-east-1 --name ludlow/db --secret-string file:///dev/stdin
  TOKEN (longshore.toml:12): no parameter /ludlow/prod/TOKEN in us-east-1; make it with
    aws ssm put-parameter --region us-east-1 --type SecureString --name /ludlow/prod/TOKEN --value file:///dev/stdin
hint: these commands read the value from standard input to its last byte, so that it is in no command line: type it and press Ctrl-D twice; --offline leaves the check out
"
        )
    );
    assert!(!directory.path().join("environment.json").exists());
}

#[test]
fn tells_a_deleted_secret_and_a_missing_version_from_a_missing_secret() {
    let mut contents = full();
    let deleted = "arn:aws:secretsmanager:us-east-1:123456789012:secret:old-AbCdEf";
    contents.secrets.insert(
        deleted.to_owned(),
        (json!({ "ARN": deleted, "DeletedDate": 1.0 }), String::new()),
    );
    let aws = FakeAws::start(contents);
    let source = project()
        + &format!(
            "secrets.OLD = \"secretsmanager:{deleted}\"\nsecrets.STAGE = \"secretsmanager:{ARN}:url:AWSPREVIOUS\"\n"
        );
    let (output, _directory) = env_generator(&source, Some(&aws), &["--env", "prod"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with(&format!(
            "error: 2 secrets of the environment prod do not exist
  OLD (longshore.toml:14): the secret {deleted} is scheduled for deletion; bring it back with
    aws secretsmanager restore-secret --region us-east-1 --secret-id {deleted}
  STAGE (longshore.toml:15): the secret {ARN} has no such version; see those that it has with
    aws secretsmanager list-secret-version-ids --region us-east-1 --secret-id {ARN}
"
        )),
        "{stderr}"
    );
}

#[test]
fn writes_values_into_a_file_of_the_owner_alone() {
    let aws = FakeAws::start(full());
    let (output, directory) = env_generator(
        &project(),
        Some(&aws),
        &["--env", "prod", "--env-file", "prod.env"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), PROD_DOCUMENT);
    let file = directory.path().join("prod.env");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "DATABASE_URL=postgres://u:hunter3@db/x\nLOG_LEVEL=warn\nTOKEN=hunter2=\n"
    );
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        text(&output.stderr),
        "prod.env holds the values of 2 secrets; only its owner can read it\n\
         environment prod: 1 variable, 2 secrets (all there)\n"
    );
}

#[test]
fn names_what_a_file_cannot_hold_and_never_shows_it() {
    let mut contents = full();
    contents.parameters.insert(
        "/ludlow/prod/TOKEN".to_owned(),
        "-----BEGIN-----\nhunter2".to_owned(),
    );
    let aws = FakeAws::start(contents);
    let (output, directory) = env_generator(
        &project(),
        Some(&aws),
        &["--env", "prod", "--env-file", "prod.env", "--verbose"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "error: an env file cannot hold TOKEN (its value has a line break)\n"
    );
    assert!(!directory.path().join("prod.env").exists());
}

#[test]
fn says_what_aws_refused() {
    let aws = FakeAws::start(Contents {
        refused: vec!["*"],
        ..full()
    });
    let (output, _directory) = env_generator(&project(), Some(&aws), &["--env", "prod"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "error: cannot look up 1 parameter in us-east-1: not allowed (AccessDeniedException)\n\
         hint: the credentials are valid but lack this permission: add the action to the role's policy\n"
    );
}

#[test]
fn explains_itself_with_examples() {
    let (output, _directory) = env_generator(&project(), None, &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    assert!(
        help.contains("EXAMPLES\n  env-generator --project longshore.toml --env prod"),
        "{help}"
    );
}

#[test]
fn refuses_wrong_arguments_and_wrong_configuration() {
    let bad = project().replace("secrets.TOKEN = \"ssm:/", "secrets.TOKEN = \"ssm:");
    for (source, arguments, message) in [
        (
            project(),
            &["--env", "qa"][..],
            "error: longshore.toml has no environment \"qa\"; it has local, prod\n",
        ),
        (
            project(),
            &["--env", "prod", "--project", "none.toml"],
            "error: cannot read none.toml: No such file or directory (os error 2)\n",
        ),
        (
            project().replace("port", "prot"),
            &["--env", "prod"],
            "error: 1 mistake in longshore.toml\n  longshore.toml:5:1: unknown key \"prot\" in [services.api]; did you mean \"port\"?\n",
        ),
        (
            bad,
            &["--env", "prod"],
            "error: 1 mistake in longshore.toml\n  longshore.toml:12: secrets.TOKEN names a parameter in a path; write it from the slash on, \"ssm:/PATH/NAME\"\n",
        ),
    ] {
        let (output, _directory) = env_generator(&source, None, arguments);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(text(&output.stderr), message);
    }
    let (output, _directory) = env_generator(
        &project(),
        None,
        &["--env", "prod", "--offline", "--env-file", "x"],
    );
    assert_eq!(output.status.code(), Some(2));
}
