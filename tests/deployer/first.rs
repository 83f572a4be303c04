//! Tasks that go before a release.

use serde_json::{Value, json};

use crate::stage::{CLUSTER, Stage};

/// A task that ends at once: with 2, because of a setting that the sample service refuses, or with 1.
fn job(stage: &Stage, variables: &[(&str, &str)]) -> String {
    let mut definition = stage.definition(variables);
    definition["family"] = json!("ludlow-local-migrate");
    definition["containerDefinitions"][0]["portMappings"] = json!([]);
    stage.write("job", &definition)
}

#[test]
fn leaves_the_service_untouched_when_a_task_before_it_fails() {
    let (stage, good) = Stage::with_service();
    let before = stage.service()["deployments"].clone();
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let job = job(&stage, &[("LUDLOW_CRASH", "start")]);
    let outcome = stage.deploy(&next, &["--first", &job]);
    outcome.is(1, "failed", "ludlow-local-api was not touched");
    let task = &outcome.document["tasks"][0];
    assert_eq!(
        (&task["succeeded"], &task["exit_code"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(task["log"]["group"], "/ecs/ludlow/local");
    assert!(outcome.stderr.contains("crash at start"), "{outcome:?}");
    let after = stage.service()["deployments"].clone();
    assert_eq!(after[0]["id"], before[0]["id"]);
    assert_eq!(stage.revisions(), 1);
    stage.serves(&good);
}

#[test]
fn ends_a_task_before_it_that_takes_too_long() {
    let (stage, good) = Stage::with_service();
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let job = job(&stage, &[]);
    let outcome = stage.deploy(&next, &["--first", &job, "--first-timeout", "2s"]);
    outcome.is(6, "timed-out", "it took longer than 2 s");
    stage.serves(&good);
}

#[test]
fn runs_a_task_with_other_words_and_variables() {
    let stage = Stage::new();
    let file = job(&stage, &[]);
    let run = |more: &[&str]| {
        let output = stage
            .command("deployer")
            .args(["run", "--cluster", CLUSTER, "--task-definition", &file])
            .args(more)
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        document["lastLines"].clone()
    };
    assert_eq!(
        run(&["--", "one", "two words"]),
        json!([
            "ludlow: fatal: argument \"one\": none is taken, all is set by the environment",
            "ludlow: fatal: argument \"two words\": none is taken, all is set by the environment",
        ])
    );
    let lines = run(&["--env", "LUDLOW_CRASH=start"]);
    assert!(lines.to_string().contains("crash at start"), "{lines}");
}
