//! The end of the time, and of a person's patience.

use crate::stage::Stage;

/// A version that never becomes healthy.
fn endless(stage: &Stage) -> String {
    stage.write("endless", &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]))
}

const PATIENT: [&str; 2] = ["--failures", "99"];

#[test]
fn says_that_it_goes_on_when_time_is_up() {
    let (stage, _good) = Stage::with_service();
    stage.without_breaker();
    let outcome = stage.deploy(
        &endless(&stage),
        &[&PATIENT[..], &["--timeout", "2s"]].concat(),
    );
    outcome.is(
        6,
        "timed-out",
        "the time limit passed and the deployment ecs-svc/",
    );
    let id = outcome.document["deployment_id"].as_str().unwrap();
    assert!(
        outcome.stderr.contains(&format!("deployer wait {id}")),
        "{}",
        outcome.stderr
    );
    assert_eq!(stage.service()["deployments"][0]["id"], id);
}

#[test]
fn goes_back_when_time_is_up_if_told_to() {
    let (stage, good) = Stage::with_service();
    stage.without_breaker();
    let more = ["--timeout", "2s", "--on-timeout", "rollback"];
    let outcome = stage.deploy(&endless(&stage), &[&PATIENT[..], &more].concat());
    outcome.is(4, "rolled-back", "the time limit passed");
    stage.serves(&good);
}

#[test]
fn detaches_when_it_is_interrupted_and_can_be_taken_up_again() {
    let (stage, good) = Stage::with_service();
    let mut running = stage.begin(&endless(&stage), &PATIENT);
    let said = running.says("deployment ecs-svc/");
    running.interrupt();
    let outcome = running.end();
    outcome.is(130, "interrupted", "goes on");
    assert!(outcome.stderr.contains("deployer wait ecs-svc/"), "{said}");
    let id = outcome.document["deployment_id"].as_str().unwrap();
    // It takes as long as the breaker takes.
    let outcome = stage.run("wait", &[id]);
    outcome.is(4, "rolled-back", "is back on ludlow-local-api:1");
    assert_eq!(outcome.document["deployment_id"], id);
    stage.serves(&good);
}

#[test]
fn goes_back_when_it_is_interrupted_if_told_to() {
    let (stage, good) = Stage::with_service();
    stage.without_breaker();
    let more = [&PATIENT[..], &["--on-interrupt", "rollback"]].concat();
    let mut running = stage.begin(&endless(&stage), &more);
    running.says("running");
    running.interrupt();
    running.end().is(4, "rolled-back", "interrupted");
    stage.serves(&good);
}

#[test]
fn leaves_at_the_second_interruption() {
    let (stage, good) = Stage::with_service();
    stage.without_breaker();
    let more = [&PATIENT[..], &["--on-interrupt", "rollback"]].concat();
    let mut running = stage.begin(&endless(&stage), &more);
    running.says("running");
    running.interrupt();
    running.says("going back to ludlow-local-api:1");
    running.interrupt();
    running.end().is(130, "interrupted", "goes on");
    stage.serves(&good);
}
