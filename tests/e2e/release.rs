//! Releases that go well.

use crate::support::{Load, Project, get};

#[test]
fn releases_a_project_and_then_finds_it_unchanged() {
    let project = Project::new("1");
    let first = project.deploy();
    let url = first.url();
    let (status, body) = get(&format!("{url}version")).unwrap();
    assert_eq!(
        (status, body.contains("\"version\":\"1\"")),
        (200, true),
        "{body}"
    );
    let released = project.document("deployment.json");
    assert_eq!(
        (&released["verdict"], &released["registered"]),
        (&"completed".into(), &true.into())
    );

    let second = project.deploy();
    assert_eq!(second.url(), url);
    assert!(second.stderr.contains("unchanged"), "{}", second.stderr);
    let again = project.document("deployment.json");
    assert_eq!(
        (&again["verdict"], &again["registered"]),
        (&"unchanged".into(), &false.into())
    );
    assert_eq!(
        again["serving_task_definition"],
        released["serving_task_definition"]
    );
}

#[test]
fn replaces_a_version_under_load_without_a_failed_request() {
    let project = Project::new("1");
    let url = project.deploy().url().to_owned();
    let load = Load::on(&format!("{url}version"), 16);
    project.set_version("2", "");
    assert_eq!(project.deploy().url(), url);
    let visits = load.end();
    assert_eq!(visits.failures, [""; 0]);
    let is_new = |answer: &String| answer.contains("\"version\":\"2\"");
    assert!(visits.last.iter().all(is_new), "{:?}", visits.last);
    let tasks = project.status();
    let running = tasks["services"][0]["running"].as_u64();
    assert_eq!(running, Some(2), "{tasks:#}");
}
