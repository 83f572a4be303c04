//! Releases that must not go through.

use crate::support::{Load, Project};

/// Releases a good version, then a bad one under load; the good one must be what is left.
fn rejects(more: &str, reason: &str, line: &str) {
    let project = Project::new("1");
    let url = project.deploy().url().to_owned();
    let good = project.document("deployment.json")["serving_task_definition"].clone();
    let load = Load::on(&format!("{url}version"), 16);
    project.set_version("2", more);
    let outcome = project.deploy();
    let visits = load.end();
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert!(
        outcome.stderr.contains(reason),
        "{reason:?} is not in {}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains(line),
        "{line:?} is not in {}",
        outcome.stderr
    );
    assert_eq!(visits.failures, [""; 0]);
    assert!(
        visits
            .last
            .iter()
            .all(|answer| answer.contains("\"version\":\"1\"")),
        "{:?}",
        visits.last
    );
    let document = project.document("deployment.json");
    assert_eq!(document["verdict"], "rolled-back");
    assert_eq!(document["serving_task_definition"], good);
    assert_eq!(project.status()["services"][0]["taskDefinition"], good);
}

#[test]
fn goes_back_from_a_version_that_crashes_at_start() {
    rejects(
        "ENV LUDLOW_CRASH=start",
        "Essential container in task exited",
        "ludlow: fatal:",
    );
}

#[test]
fn goes_back_from_a_version_whose_health_check_fails() {
    rejects(
        "ENV LUDLOW_UNHEALTHY=1",
        "Health checks failed with these codes: [500]",
        "/healthz",
    );
}
