//! AWS cannot be reached, or does not want to answer, while a deployment is under way.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::Stage;

#[test]
fn survives_an_api_that_is_away_for_twenty_seconds() {
    let (mut stage, _good) = Stage::with_service();
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let mut running = stage.begin(&next, &[]);
    running.says("deployment ecs-svc/");
    stage.fell();
    let away = running.says("the deployment goes on, and so does the watch");
    // The outage itself is what is tested, and nothing announces its end.
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        std::thread::park_timeout(end.saturating_duration_since(Instant::now()));
    }
    stage.raise();
    let outcome = running.end();
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    let lines = |words: &str| {
        format!("{away}{}", outcome.stderr)
            .lines()
            .filter(|line| line.contains(words))
            .count()
    };
    assert_eq!(lines("so does the watch"), 1);
    assert_eq!(lines("AWS answers again"), 1);
    stage.serves(outcome.document["task_definition"].as_str().unwrap());
}

/// Something is wrong with every look at the service for a while, once the deployment has begun.
fn survives(fault: &str) {
    let (stage, _good) = Stage::with_service();
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let mut running = stage.begin(&next, &[]);
    running.says("deployment ecs-svc/");
    let rule = json!({ "service": "ecs", "operation": "*", "fault": fault, "count": 4 });
    let (status, body) = stage.send(
        "POST",
        "/_local/faults",
        "Content-Type: application/json\r\n",
        &json!({ "rules": [rule] }).to_string(),
    );
    assert!((200..300).contains(&status), "{status} {body}");
    let outcome = running.end();
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    let lines = outcome.stderr.lines();
    let told = lines.filter(|line| line.contains("so does the watch"));
    assert_eq!(told.count(), 1, "{}", outcome.stderr);
    stage.serves(outcome.document["task_definition"].as_str().unwrap());
}

#[test]
fn survives_throttling() {
    survives("throttle");
}

#[test]
fn survives_errors_of_the_service() {
    survives("server-error");
}

#[test]
fn survives_credentials_that_have_expired() {
    survives("expired-credentials");
}

#[test]
fn survives_connections_that_are_cut() {
    survives("cut");
}

#[test]
fn looks_seldom_enough() {
    let (stage, _good) = Stage::with_service();
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    stage.send("DELETE", "/_local/calls", "", "");
    stage.deploy(&next, &[]).is(0, "completed", "");
    let (_, body) = stage.send("GET", "/_local/calls", "", "");
    let calls: serde_json::Value = serde_json::from_str(&body).unwrap();
    // Look, definition, lock, register, update, a look a second, the record's word, lock.
    let total = calls["total"].as_u64().unwrap();
    assert!(total <= 14, "{calls:#}");
}
