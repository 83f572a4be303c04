//! The deploy lock.

use serde_json::{Value, json};

use crate::stage::Stage;

const NAME: &str = "/longshore/locks/ludlow/ludlow-local-api";

fn put(stage: &Stage, expires: &str) {
    let record = json!({
        "owner": "bob", "message": "build 7", "token": "t1",
        "acquiredAt": "2026-01-01T00:00:00Z", "expiresAt": expires,
    });
    stage.call(
        "AmazonSSM.PutParameter",
        &json!({ "Name": NAME, "Value": record.to_string(), "Type": "String", "Overwrite": true }),
    );
}

fn names(stage: &Stage) -> Vec<String> {
    let answer = stage.call("AmazonSSM.DescribeParameters", &json!({}));
    let parameters = answer["Parameters"].as_array().unwrap();
    parameters
        .iter()
        .map(|parameter| parameter["Name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn refuses_while_somebody_holds_it() {
    let (stage, good) = Stage::with_service();
    put(&stage, "2999-01-01T00:00:00Z");
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let outcome = stage.deploy(&next, &[]);
    outcome.is(
        3,
        "refused",
        "held by bob since 2026-01-01T00:00:00Z (build 7)",
    );
    assert_eq!(stage.revisions(), 1);
    stage.serves(&good);
    stage.deploy(&next, &["--no-lock"]).is(0, "completed", "");
}

#[test]
fn waits_for_it() {
    let (stage, _good) = Stage::with_service();
    put(&stage, "2999-01-01T00:00:00Z");
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let mut running = stage.begin(&next, &["--wait-lock", "1m"]);
    running.says("waiting for the deploy lock of ludlow-local-api: held by bob");
    stage.call("AmazonSSM.DeleteParameter", &json!({ "Name": NAME }));
    running.end().is(0, "completed", "runs ludlow-local-api:2");
    assert_eq!(names(&stage), [""; 0]);
}

#[test]
fn breaks_one_that_has_expired_and_gives_back_its_own() {
    let (stage, _good) = Stage::with_service();
    put(&stage, "2026-01-01T00:10:00Z");
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    stage
        .deploy(&next, &[])
        .is(0, "completed", "runs ludlow-local-api:2");
    assert_eq!(names(&stage), ["/longshore/broken-locks/t1"]);
}

#[test]
fn lets_one_of_two_deployers_through() {
    let (stage, _good) = Stage::with_service();
    let files = ["2", "3"].map(|version| {
        let definition = stage.definition(&[("APP_VERSION", version)]);
        stage.write(&format!("v{version}"), &definition)
    });
    let running = files.map(|file| stage.begin(&file, &[]));
    let mut outcomes = running.map(crate::stage::Running::end);
    outcomes.sort_by_key(|outcome| outcome.code);
    let verdicts = outcomes
        .iter()
        .map(|outcome| outcome.document["verdict"].clone())
        .collect::<Vec<Value>>();
    assert_eq!(
        verdicts,
        [json!("completed"), json!("refused")],
        "{outcomes:?}"
    );
    assert!(
        outcomes[1].document["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("ann") || reason.contains("in progress"))
    );
    stage.serves(outcomes[0].document["task_definition"].as_str().unwrap());
    assert_eq!(names(&stage), [""; 0]);
}

#[test]
fn lets_two_deployers_through_one_after_the_other() {
    let (stage, _good) = Stage::with_service();
    let files = ["2", "3"].map(|version| {
        let definition = stage.definition(&[("APP_VERSION", version)]);
        stage.write(&format!("v{version}"), &definition)
    });
    let running = files.map(|file| stage.begin(&file, &["--wait-lock"]));
    let outcomes = running.map(crate::stage::Running::end);
    for outcome in &outcomes {
        outcome.is(0, "completed", "");
    }
    assert_eq!(stage.revisions(), 3);
}
