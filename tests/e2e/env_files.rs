//! Environment files in S3 under their content's key: what a rollback brings back is exact.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Outcome, Project, create_bucket};

const SERVICE: [&str; 4] = ["--cluster", "ludlow", "--service", "ludlow-local-api"];

fn must(project: &Project, tool: &str, arguments: &[&str]) -> String {
    let outcome = Outcome::of(project.tool(tool).args(arguments).output().unwrap());
    assert_eq!(outcome.code, 0, "{tool}: {outcome:?}");
    outcome.stdout
}

/// What the tasks of this test find under GREETING, each.
fn greetings(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        // A process may end between the two looks; what is no process has no environment.
        let file = entry.unwrap().path().join("environ");
        let environment = std::fs::read(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&environment).into_owned();
        let value = |name: &str| {
            text.split('\0').find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix('=')
                    .map(str::to_owned)
            })
        };
        if value("MARK").as_deref() == Some(mark) {
            found.push(value("GREETING").unwrap_or_default());
        }
    }
    found
}

/// Waits until the two tasks that run find this; those that are being stopped end meanwhile.
fn greet(mark: &str, greeting: &str) {
    let (_sender, pause) = mpsc::channel::<()>();
    let mut found = Vec::new();
    for _look in 0..400 {
        found = greetings(mark);
        if found == [greeting, greeting] {
            return;
        }
        let waited = pause.recv_timeout(Duration::from_millis(50));
        assert_eq!(waited, Err(mpsc::RecvTimeoutError::Timeout));
    }
    assert_eq!(found, [greeting, greeting]);
}

/// Releases the first revision with a file whose greeting is this; gives the file's ARN.
fn release(project: &Project, mark: &str, greeting: &str) -> String {
    project.write(
        "settings.toml",
        &format!(
            "[app]\nname = \"ludlow\"\nregion = \"us-east-1\"\n[services.api]\nport = 8080\n\
             [variables]\nGREETING = '{greeting}'\nMARK = \"{mark}\"\n[environments.local]\naws = \"local\"\n"
        ),
    );
    let arguments = [
        "--project",
        "settings.toml",
        "--env",
        "local",
        "--target",
        "ecs-file",
    ];
    let upload = [
        "--output",
        "settings.env",
        "--bucket",
        "settings",
        "--upload",
    ];
    let description = must(
        project,
        "env-generator",
        &[&arguments[..], &upload].concat(),
    );
    let description: Value = serde_json::from_str(&description).unwrap();
    let files = &description["environmentFiles"];
    let over = json!({ "containerDefinitions": [{ "name": "api", "environmentFiles": files }] });
    project.write("files.json", &over.to_string());
    let from = ["--from", "ludlow-local-api:1", "--override", "files.json"];
    must(
        project,
        "task-renderer",
        &[&from[..], &["--output", "next.json"]].concat(),
    );
    let deploy = [&["deploy", "--task-definition", "next.json"][..], &SERVICE].concat();
    must(project, "deployer", &deploy);
    files[0]["value"].as_str().unwrap().to_owned()
}

#[test]
fn a_rollback_brings_back_the_file_that_was_released() {
    let project = Project::new("1");
    project.deploy().url();
    create_bucket(&project.endpoint(), "settings").unwrap();
    let mark = format!("{}-{}", std::process::id(), project.path().display());

    let one = "one $x \"q\" # é";
    let first = release(&project, &mark, one);
    greet(&mark, one);
    let second = release(&project, &mark, "two");
    greet(&mark, "two");
    assert_ne!(first, second);

    let rollback = [&["rollback"][..], &SERVICE].concat();
    must(&project, "deployer", &rollback);
    greet(&mark, one);
    // The same content is the same file.
    assert_eq!(release(&project, &mark, one), first);
}
