//! The program as its users call it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn task_renderer(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_task-renderer"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the output is text")
}

/// Renders from the files beside the golden ones and compares; `UPDATE_GOLDEN=1` writes them anew.
fn check(name: &str, arguments: &[&str]) {
    let output = task_renderer(&golden(""), arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let file = golden(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &output.stdout).expect("the golden file is written");
    }
    let expected = std::fs::read_to_string(&file).expect("the golden file is there");
    assert_eq!(text(&output.stdout), expected, "{name}");
}

const IMAGE: [&str; 2] = ["--image", "image.json"];
const ENVIRONMENT: [&str; 2] = ["--environment", "environment.json"];

#[test]
fn renders_a_service_on_instances() {
    check(
        "ec2-service.json",
        &[
            &["--env", "local", "--service", "api"][..],
            &IMAGE,
            &ENVIRONMENT,
            &[
                "--tag",
                "longshore:build=7",
                "--tag",
                "longshore:commit=4f2c1e9",
            ],
        ]
        .concat(),
    );
}

#[test]
fn renders_a_one_off_task_on_instances() {
    check(
        "ec2-task.json",
        &[
            &["--env", "local", "--task", "migrate"][..],
            &IMAGE,
            &["--environment", "environment-empty.json"],
        ]
        .concat(),
    );
}

#[test]
fn renders_a_service_on_fargate() {
    check(
        "fargate-service.json",
        &[
            &["--env", "prod", "--service", "api"][..],
            &IMAGE,
            &ENVIRONMENT,
        ]
        .concat(),
    );
}

#[test]
fn renders_a_worker_on_fargate_for_arm() {
    check(
        "fargate-worker-arm64.json",
        &[
            &["--env", "prod", "--service", "worker"][..],
            &["--image", "image-arm64.json"],
            &ENVIRONMENT,
        ]
        .concat(),
    );
}

#[test]
fn renders_sidecars_volumes_and_a_container_in_depth() {
    check(
        "deep.json",
        &[
            &[
                "--project",
                "deep.toml",
                "--env",
                "prod",
                "--service",
                "api",
            ][..],
            &IMAGE,
            &ENVIRONMENT,
        ]
        .concat(),
    );
}

#[test]
fn names_the_key_of_longshore_toml_that_a_rule_is_about() {
    let directory = tempfile::tempdir().unwrap();
    let project = std::fs::read_to_string(golden("deep.toml")).unwrap();
    let broken = project
        .replace("essential = false", "stop-timeout = 200")
        .replace("settings:success", "settings:healthy")
        .replace("memory = 1024", "memory = 8192");
    let file = directory.path().join("longshore.toml");
    std::fs::write(&file, broken).unwrap();
    assert_eq!(
        refused(
            &[
                &["--project", file.to_str().unwrap()][..],
                &["--env", "prod", "--service", "api"],
                &IMAGE,
                &ENVIRONMENT,
            ]
            .concat()
        ),
        "error: 3 problems in the task definition ludlow-prod-api\n  \
         services.api.memory: Fargate has no size of 512 CPU units with 8192 MiB; write 1024 to 4096 in steps of 1024 [AWS: fargate-tasks-services]\n  \
         services.api.depends-on: settings has no health check, so it never gets HEALTHY; add healthCheck to it: ECS ignores the one of the image [AWS: API_ContainerDependency]\n  \
         services.api.sidecars.settings.stop-timeout: Fargate does not wait 200 s for a container to stop; write 2 to 120 [AWS: API_ContainerDefinition]\n"
    );
}

#[test]
fn says_on_stderr_what_it_rendered_and_writes_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a/task-definition.json");
    let arguments = [
        &["--env", "local", "--service", "api"][..],
        &IMAGE,
        &ENVIRONMENT,
        &["--output", file.to_str().unwrap()],
    ]
    .concat();
    let output = task_renderer(&golden(""), &arguments);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "task definition ludlow-local-api: 123456789012.dkr.ecr.us-east-1.amazonaws.com/ludlow@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef, 2 variables, 2 secrets\n"
    );
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.starts_with("{\n  \"containerDefinitions\": ["),
        "{written}"
    );
    let quiet = task_renderer(&golden(""), &[&arguments[..], &["--quiet"]].concat());
    assert_eq!(text(&quiet.stderr), "");
}

#[test]
fn explains_itself_with_examples() {
    let output = task_renderer(&golden(""), &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    assert!(
        help.contains(
            "EXAMPLES\n  task-renderer --project longshore.toml --env prod --service api"
        ),
        "{help}"
    );
}

fn refused(arguments: &[&str]) -> String {
    let output = task_renderer(&golden(""), arguments);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr).to_owned()
}

#[test]
fn wants_either_a_service_or_a_task() {
    let inputs = [&IMAGE[..], &ENVIRONMENT].concat();
    let neither = refused(&[&["--env", "local"], &inputs[..]].concat());
    assert!(
        neither.contains("<--service <NAME>|--task <NAME>>"),
        "{neither}"
    );
    let both = refused(
        &[
            &["--env", "local", "--service", "api", "--task", "migrate"],
            &inputs[..],
        ]
        .concat(),
    );
    assert!(
        both.contains("'--service <NAME>' cannot be used with '--task <NAME>'"),
        "{both}"
    );
}

#[test]
fn names_what_exists() {
    let inputs = [&IMAGE[..], &ENVIRONMENT].concat();
    assert_eq!(
        refused(&[&["--env", "local", "--service", "web"], &inputs[..]].concat()),
        "error: the project has no service \"web\"; it has api, worker\n"
    );
    assert_eq!(
        refused(&[&["--env", "local", "--task", "api"], &inputs[..]].concat()),
        "error: the project has no task \"api\"; it has migrate\n"
    );
    assert_eq!(
        refused(&[&["--env", "qa", "--task", "api"], &inputs[..]].concat()),
        "error: longshore.toml has no environment \"qa\"; it has local, prod\n"
    );
}

#[test]
fn refuses_a_document_of_another_kind() {
    assert_eq!(
        refused(
            &[
                &["--env", "local", "--service", "api"][..],
                &["--image", "environment.json"],
                &ENVIRONMENT,
            ]
            .concat()
        ),
        "error: cannot use environment.json: expected a document of kind \"image\", found \"environment\"\n\
         hint: the push step (image-builder push) writes it\n"
    );
}

#[test]
fn refuses_a_cloud_environment_without_a_role() {
    let directory = tempfile::tempdir().unwrap();
    let project = std::fs::read_to_string(golden("longshore.toml")).unwrap();
    let without = project.replace("execution-role", "# execution-role");
    std::fs::write(directory.path().join("longshore.toml"), without).unwrap();
    let file = directory.path().join("longshore.toml");
    assert_eq!(
        refused(
            &[
                &["--project", file.to_str().unwrap()][..],
                &["--env", "prod", "--service", "api"],
                &IMAGE,
                &["--environment", "environment-empty.json"],
            ]
            .concat()
        ),
        "error: 1 problem in the task definition ludlow-prod-api\n  \
         environments.prod.execution-role: Fargate pulls images and writes logs under the task's execution role, \
         and none is named; write execution-role = \"arn:aws:iam::ACCOUNT:role/NAME\"\n"
    );
}
