//! What other deployers get wrong, one scenario each, with the verdict that is right. Where the program that is
//! known for it is there, it shows in the same place what it says instead.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::stage::{CLUSTER, SERVICE, Stage};

const CRASH: [(&str, &str); 1] = [("LUDLOW_CRASH", "start")];

/// Somebody else's program, pinned by the checks; none where they could not make it.
fn client(name: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("LONGSHORE_AWS_CLIENTS").map(PathBuf::from);
    let program = directory.map(|directory| directory.join(name));
    let program = program.filter(|program| program.is_file());
    if program.is_none() {
        eprintln!("SKIPPED the comparison: LONGSHORE_AWS_CLIENTS has no program {name}");
    }
    program
}

fn run(stage: &Stage, program: &PathBuf, arguments: &[&str]) -> Output {
    let settings = stage.command("deployer");
    let mut command = std::process::Command::new(program);
    command.args(arguments).env_clear();
    for (name, value) in settings.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.env("AWS_DEFAULT_REGION", "us-east-1");
    command.output().unwrap()
}

/// The deployments that end are those of the version that crashes: ECS goes back by itself.
fn with_breaker() -> (Stage, String) {
    let (stage, good) = Stage::with_service();
    stage.configure((true, true), (100, 200));
    (stage, good)
}

/// Defects 1 and 4: a rollback by the circuit breaker is reported as success.
#[test]
fn a_rollback_is_no_success() {
    let (stage, good) = with_breaker();
    // ECS alone goes back, so that there is its rollback to be told from success.
    let file = stage.write("bad", &stage.definition(&CRASH));
    let outcome = stage.deploy(&file, &["--failures", "99"]);
    outcome.is(4, "rolled-back", "");
    assert_eq!(outcome.document["rollback"]["by"], "ecs");
    stage.serves(&good);
    if let Some(aws) = client("aws") {
        let bad = stage.call("RegisterTaskDefinition", &stage.definition(&CRASH));
        let arn = bad["taskDefinition"]["taskDefinitionArn"].as_str().unwrap();
        let place = ["--cluster", CLUSTER];
        let update = [
            "ecs",
            "update-service",
            "--service",
            SERVICE,
            "--task-definition",
            arn,
        ];
        assert!(
            run(&stage, &aws, &[&update[..], &place].concat())
                .status
                .success()
        );
        let wait = ["ecs", "wait", "services-stable", "--services", SERVICE];
        let waited = run(&stage, &aws, &[&wait[..], &place].concat());
        assert_eq!(
            waited.status.code(),
            Some(0),
            "it has learnt to tell: {waited:?}"
        );
        stage.serves(&good);
    }
}

/// Defect 2: a rollout that ECS calls failed is left there, though a rollback was asked for.
#[test]
fn a_failed_rollout_is_undone() {
    let (stage, good) = Stage::with_service();
    stage.configure((true, false), (100, 200));
    let file = stage.write("bad", &stage.definition(&CRASH));
    let outcome = stage.deploy(&file, &["--failures", "99"]);
    outcome.is(4, "rolled-back", "");
    assert_eq!(outcome.document["rollback"]["by"], "update");
    stage.serves(&good);
    if let Some(ecs) = client("ecs") {
        let arguments = [
            "deploy",
            CLUSTER,
            SERVICE,
            "-e",
            "api",
            "LUDLOW_CRASH",
            "start",
            "--rollback",
            "--ignore-warnings",
        ];
        let ended = run(&stage, &ecs, &arguments);
        assert_ne!(ended.status.code(), Some(0), "{ended:?}");
        assert_ne!(
            stage.service()["taskDefinition"],
            good,
            "it has learnt to go back: {ended:?}"
        );
    }
}

/// Defect 3: the way back has a time limit of its own, which nobody can set.
#[test]
fn the_way_back_ends_in_time() {
    let (stage, _good) = Stage::with_service();
    // Old tasks go before new ones come, so that the way back needs new ones.
    stage.configure((false, false), (0, 100));
    let file = stage.write("bad", &stage.definition(&CRASH));
    let mut running = stage.begin(&file, &["--rollback-timeout", "3s"]);
    running.says("failed: ");
    let (repository, digest) = (CLUSTER, stage.digest());
    stage.call(
        "AmazonEC2ContainerRegistry_V20150921.BatchDeleteImage",
        &json!({ "repositoryName": repository, "imageIds": [{ "imageDigest": digest }] }),
    );
    let outcome = running.end();
    outcome.is(6, "timed-out", "the time limit passed");
    assert!(
        outcome.stderr.contains("going back to ludlow-local-api:1"),
        "{}",
        outcome.stderr
    );
}

/// Defect 5: how long there is for a verdict can be said.
#[test]
fn a_time_limit_is_kept() {
    let (stage, _good) = Stage::with_service();
    stage.without_breaker();
    let file = stage.write("endless", &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]));
    let outcome = stage.deploy(&file, &["--failures", "99", "--timeout", "2s"]);
    outcome.is(6, "timed-out", "the time limit passed");
}

/// Defect 6: a release is known by its id, and not by when it began or by what runs in the end: another one of the
/// same definition is another one.
#[test]
fn a_release_is_known_by_its_id() {
    let (stage, _good) = Stage::with_service();
    let endless = stage.write("endless", &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]));
    let mut running = stage.begin(&endless, &["--failures", "99"]);
    running.says("deployment ecs-svc/");
    stage.call(
        "UpdateService",
        &json!({ "cluster": CLUSTER, "service": SERVICE, "forceNewDeployment": true }),
    );
    let outcome = running.end();
    outcome.is(5, "superseded", "");
}

/// Defect 7: the revision before may be one that never worked.
#[test]
fn the_way_back_leads_to_what_worked() {
    let (stage, good) = Stage::with_service();
    let bad = stage.write("bad", &stage.definition(&CRASH));
    stage.deploy(&bad, &[]).is(4, "rolled-back", "");
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "3")]));
    stage
        .deploy(&next, &[])
        .is(0, "completed", "runs ludlow-local-api:3");
    let outcome = stage.run("rollback", &[]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.document["serving_task_definition"], good);
    stage.serves(&good);
}

/// Defect 8: why tasks fail has to be looked up by hand, while it goes on for ever.
#[test]
fn the_reason_is_told_while_it_fails() {
    let (stage, _good) = Stage::with_service();
    stage.without_breaker();
    let file = stage.write("bad", &stage.definition(&CRASH));
    let mut running = stage.begin(&file, &[]);
    let said = running.says("crash at start, as LUDLOW_CRASH=start asks");
    assert!(said.contains("exit code 1"), "{said}");
    running.end().is(4, "rolled-back", "exit code 1");
}

/// A program that ends with the code that its environment names.
const JOB: &str = "fn main() {
    let code = std::env::var(\"JOB_EXIT\").unwrap();
    std::process::exit(code.parse().unwrap());
}";

/// An image of it.
fn job_image(stage: &Stage) -> String {
    let context = stage.path().join("job");
    std::fs::create_dir(&context).unwrap();
    std::fs::write(context.join("job.rs"), JOB).unwrap();
    let built = std::process::Command::new("rustc")
        .args([
            "-C",
            "target-feature=+crt-static",
            "-C",
            "panic=abort",
            "job.rs",
        ])
        .current_dir(&context)
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let dockerfile = "FROM scratch\nCOPY job /job\nENTRYPOINT [\"/job\"]\n";
    std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    stage.push(&context, "job")
}

/// Defect 9: a container beside the one that counts ends badly, and the whole task is called failed.
#[test]
fn the_essential_container_decides() {
    let stage = Stage::new();
    let image = job_image(&stage);
    let run = |essential: &str, beside: &str| {
        let container = |name: &str, code: &str, is_essential: bool| {
            json!({
                "name": name, "image": image, "cpu": 10, "memory": 32, "essential": is_essential,
                "environment": [{ "name": "JOB_EXIT", "value": code }],
            })
        };
        let definition = json!({
            "family": "job", "networkMode": "bridge",
            "containerDefinitions": [container("beside", beside, false), container("job", essential, true)],
        });
        let file = stage.write("job", &definition);
        let output = stage
            .command("deployer")
            .args(["run", "--cluster", CLUSTER, "--task-definition", &file])
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), document["succeeded"].clone())
    };
    assert_eq!(run("0", "1"), (Some(0), json!(true)));
    assert_eq!(run("3", "0"), (Some(1), json!(false)));
}

/// Defect 10: nobody looks whether another deployment is in progress.
#[test]
fn two_releases_do_not_meet() {
    let (stage, _good) = Stage::with_service();
    let endless = stage.call(
        "RegisterTaskDefinition",
        &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]),
    );
    stage.call(
        "UpdateService",
        &json!({
            "cluster": CLUSTER, "service": SERVICE,
            "taskDefinition": endless["taskDefinition"]["taskDefinitionArn"],
        }),
    );
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let outcome = stage.deploy(&next, &[]);
    outcome.is(
        3,
        "refused",
        "another deployment of ludlow-local-api is in progress",
    );
    assert_eq!(stage.revisions(), 2);
}
