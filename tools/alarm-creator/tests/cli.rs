//! The program as its users call it.

use std::process::{Command, Output};

const PROJECT: &str = "\
[app]
name = \"ludlow\"
region = \"us-east-1\"
[services.api]
port = 8080
[environments.prod]
host = \"ludlow.io\"
";

fn alarm_creator(project: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("longshore.toml"), project)
        .expect("the project's file is written");
    Command::new(env!("CARGO_BIN_EXE_alarm-creator"))
        .args(arguments)
        .current_dir(directory.path())
        .env_clear()
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is text")
}

#[test]
fn explains_itself_with_examples() {
    let output = alarm_creator(PROJECT, &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        help.contains("EXAMPLES\n  alarm-creator --project longshore.toml"),
        "{help}"
    );
}

#[test]
fn names_the_services_that_exist() {
    let output = alarm_creator(PROJECT, &["--env", "prod", "--service", "web"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: longshore.toml has no service \"web\"; it has api\n"
    );
}

#[test]
fn reports_the_mistakes_of_the_project_file() {
    let output = alarm_creator(
        &PROJECT.replace("port", "prot"),
        &["--env", "prod", "--service", "api"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: 1 mistake in longshore.toml\n  \
         longshore.toml:5:1: unknown key \"prot\" in [services.api]; did you mean \"port\"?\n"
    );
}
