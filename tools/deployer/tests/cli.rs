//! The program as its users call it.

use std::process::{Command, Output};

fn deployer(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_deployer"))
        .args(arguments)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is text")
}

/// Exit code 2, nothing on stdout, and these words on stderr.
fn refuses(arguments: &[&str], expected: &str) {
    let output = deployer(arguments);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(2), [].as_slice()),
        "{arguments:?}"
    );
    let said = stderr(&output);
    assert!(said.contains(expected), "{arguments:?}: {said}");
}

const DEPLOY: [&str; 5] = ["deploy", "--cluster", "c", "--service", "s"];

fn deploy<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&DEPLOY, more].concat()
}

#[test]
fn explains_itself_and_each_command() {
    let help = |arguments: &[&str]| {
        let output = deployer(arguments);
        assert_eq!(
            (output.status.code(), stderr(&output).as_str()),
            (Some(0), "")
        );
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(help(&["--help"]).contains("EXAMPLES\n  deployer deploy --cluster prod"));
    for command in [
        "deploy", "status", "wait", "rollback", "scale", "run", "stop", "refresh",
    ] {
        assert!(
            help(&[command, "--help"]).contains("--cluster <NAME>"),
            "{command}"
        );
    }
}

#[test]
fn refuses_wrong_arguments() {
    refuses(&[], "Usage: deployer");
    refuses(&DEPLOY, "--task-definition <FILE|REF>");
    let table = [
        (vec!["--create"], "--desired-count <N>"),
        (vec!["--desired-count", "2"], "--create"),
        (vec!["--create", "--desired-count", "-1"], "-1"),
        (
            vec!["--create", "--desired-count", "1", "--target-group", "g"],
            "--container <NAME>",
        ),
        (vec!["--timeout", "1d"], "write 90s, 15m or 2h"),
        (vec!["--failures", "0"], "'--failures <N>'"),
        (vec!["--on-interrupt", "stop"], "detach, rollback"),
        (vec!["-q", "-v"], "cannot be used with"),
    ];
    for (more, expected) in table {
        let arguments = deploy(&[&["--task-definition", "web:1"], more.as_slice()].concat());
        refuses(&arguments, expected);
    }
    refuses(
        &["scale", "--cluster", "c", "--service", "s", "many"],
        "'many'",
    );
    refuses(&["status", "--cluster", "c"], "--service <NAME>");
}

#[test]
fn takes_the_arguments_of_a_pipeline() {
    let settings = [
        "--task-definition",
        "web:1",
        "--create",
        "--desired-count",
        "2",
        "--launch-type",
        "EC2",
        "--minimum-healthy-percent",
        "100",
        "--maximum-percent",
        "200",
        "--target-group",
        "g",
        "--container",
        "api",
        "--port",
        "8080",
        "--health-grace",
        "30",
        "--output",
        "deployment.json",
    ];
    refuses(&deploy(&settings), "error: no AWS region is set\n");
}

#[test]
fn refuses_a_bad_file_before_it_asks_for_anything() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("task.json");
    let path = file.to_str().unwrap();
    refuses(
        &deploy(&["--task-definition", path]),
        &format!("error: cannot read the task definition {path}: "),
    );
    std::fs::write(&file, "{").unwrap();
    refuses(
        &deploy(&["--task-definition", path]),
        &format!("error: {path}: not valid JSON: EOF while parsing an object at line 1 column 1\n"),
    );
    let text = r#"{"family":"web","containerDefinitions":[{"name":"a","imgae":"b"}]}"#;
    std::fs::write(&file, text).unwrap();
    let expected =
        format!("error: {path}: containerDefinitions[0].imgae is not a member that ECS knows\n");
    for command in ["deploy", "run"] {
        let mut arguments = vec![command, "--cluster", "c", "--task-definition", path];
        if command == "deploy" {
            arguments.extend(["--service", "s"]);
        }
        refuses(&arguments, &expected);
    }
}
