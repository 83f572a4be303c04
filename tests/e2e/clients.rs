//! Other people's clients against a local AWS in which a service runs.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Outcome, Project};

/// A program of the pinned Python environment that the checks make; none where they could not.
fn client(name: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("LONGSHORE_AWS_CLIENTS")?;
    Some(PathBuf::from(directory).join(name))
}

fn aws(project: &Project, program: &PathBuf, arguments: &str) -> String {
    let settings = project.tool("xtask");
    let mut command = Command::new(program);
    command.args(arguments.split(' ')).env("AWS_PAGER", "");
    for (name, value) in settings.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let outcome = Outcome::of(command.output().unwrap());
    assert_eq!(outcome.code, 0, "aws {arguments}: {outcome:?}");
    outcome.stdout
}

#[test]
fn the_aws_cli_sees_what_a_release_made() {
    let Some(program) = client("aws") else {
        eprintln!("SKIPPED: LONGSHORE_AWS_CLIENTS names no Python environment with the AWS CLI");
        return;
    };
    let project = Project::new("1");
    project.deploy().url();
    let ask = |arguments: &str| -> Value {
        serde_json::from_str(&aws(&project, &program, arguments)).unwrap()
    };
    let services = ask("ecs describe-services --cluster ludlow --services ludlow-local-api");
    assert_eq!(services["services"][0]["runningCount"], 2, "{services:#}");
    let tasks = ask("ecs list-tasks --cluster ludlow --service-name ludlow-local-api");
    assert_eq!(tasks["taskArns"].as_array().unwrap().len(), 2, "{tasks:#}");
    let images = ask("ecr describe-images --repository-name ludlow");
    assert_eq!(
        images["imageDetails"][0]["imageDigest"],
        project.document("image.json")["digest"],
        "{images:#}"
    );
    let events =
        ask("logs filter-log-events --log-group-name /ecs/ludlow/local --filter-pattern listening");
    assert_eq!(events["events"].as_array().unwrap().len(), 2, "{events:#}");
    let alarms = ask("cloudwatch describe-alarms --alarm-name-prefix ludlow-local-api-");
    assert_eq!(
        alarms["MetricAlarms"].as_array().unwrap().len(),
        12,
        "{alarms:#}"
    );
    assert_eq!(
        aws(
            &project,
            &program,
            "ecs wait services-stable --cluster ludlow --services ludlow-local-api"
        ),
        ""
    );
}

#[test]
fn the_aws_cli_keeps_objects() {
    let Some(program) = client("aws") else {
        eprintln!("SKIPPED: LONGSHORE_AWS_CLIENTS names no Python environment with the AWS CLI");
        return;
    };
    let project = Project::new("1");
    assert_eq!(project.xtask(&["local", "up"]).code, 0);
    project.write("a.env", "A=1 $x\nB=\u{fc}\n");
    let within = |name: &str| project.path().join(name).display().to_string();
    let ask = |arguments: &str| aws(&project, &program, &format!("s3api {arguments}"));
    ask("create-bucket --bucket settings");
    ask(&format!(
        "put-object --bucket settings --key ludlow/a.env --body {} --content-type text/plain",
        within("a.env")
    ));
    let listed: Value = serde_json::from_str(&ask("list-objects-v2 --bucket settings")).unwrap();
    assert_eq!(listed["Contents"][0]["Key"], "ludlow/a.env");
    assert_eq!(listed["Contents"][0]["Size"], 12);
    ask(&format!(
        "get-object --bucket settings --key ludlow/a.env {}",
        within("back")
    ));
    let back = std::fs::read_to_string(project.path().join("back")).unwrap();
    assert_eq!(back, "A=1 $x\nB=\u{fc}\n");
    let head: Value =
        serde_json::from_str(&ask("head-object --bucket settings --key ludlow/a.env")).unwrap();
    assert_eq!(
        (&head["ContentLength"], &head["ContentType"]),
        (&12.into(), &"text/plain".into())
    );
    ask("delete-object --bucket settings --key ludlow/a.env");
    ask("delete-bucket --bucket settings");
}

#[test]
fn skopeo_copies_the_image_out_of_the_registry() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        eprintln!("SKIPPED: skopeo is not installed");
        return;
    }
    let project = Project::new("1");
    project.deploy().url();
    let Some(program) = client("aws") else {
        eprintln!("SKIPPED: LONGSHORE_AWS_CLIENTS names no Python environment with the AWS CLI");
        return;
    };
    let password = aws(&project, &program, "ecr get-login-password");
    let password = password.trim();
    let image = project.document("image.json");
    let reference = format!("docker://{}", image["reference"].as_str().unwrap());
    let copy = project.path().join("copy");
    let outcome = Outcome::of(
        Command::new("skopeo")
            .args([
                "copy",
                "--src-tls-verify=false",
                "--src-creds",
                &format!("AWS:{password}"),
                &reference,
            ])
            .arg(format!("oci:{}:x", copy.display()))
            .output()
            .unwrap(),
    );
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let index: Value =
        serde_json::from_str(&std::fs::read_to_string(copy.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["digest"], image["digest"]);
}
