//! The program, run as its users run it: images out of Dockerfiles, the command line, and a registry that checks what
//! it is sent.
#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover what they call"
)]

mod cases;
mod command_line;
mod engines;
mod hostile;
mod image;
mod incremental;
mod oracle;
mod pull;
mod push;
mod registry;
mod release;
mod repository;
mod run;
mod tree;

use std::path::Path;
use std::process::{Command, Output};

/// The program with nothing of this environment that could change what it does.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-builder"));
    for name in [
        "SOURCE_DATE_EPOCH",
        "TEAMCITY_VERSION",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "BUILD_NUMBER",
        "GITHUB_RUN_NUMBER",
        "CI_PIPELINE_IID",
    ] {
        command.env_remove(name);
    }
    command
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("DOCKER_CONFIG", "/nonexistent");
    command
}

/// `image-builder build` of a directory, into `image` beside it.
fn build(context: &Path) -> Command {
    let mut command = program();
    command
        .args([
            "build",
            "--repository",
            "app",
            "--tag",
            "t",
            "--engine",
            "embedded",
            "--context",
            ".",
        ])
        .arg("--layout")
        .arg(layout(context))
        .current_dir(context);
    command
}

/// Where `build` puts the image of a context.
fn layout(context: &Path) -> std::path::PathBuf {
    context.with_extension("image")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs it; it must succeed. Gives the document on stdout.
fn document(command: &mut Command) -> serde_json::Value {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs it; it must fail with that exit code. Gives stderr.
fn failure(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    assert_eq!(output.stdout, b"");
    stderr(&output)
}
