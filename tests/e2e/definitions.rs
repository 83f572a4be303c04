//! task-renderer on definitions that ECS has: what a service runs, its family's latest revision, differences.

use serde_json::{Value, json};

use crate::support::{Outcome, Project};

fn renderer(project: &Project, arguments: &[&str]) -> Outcome {
    Outcome::of(
        project
            .tool("task-renderer")
            .args(arguments)
            .output()
            .unwrap(),
    )
}

fn rendered(project: &Project, arguments: &[&str]) -> Value {
    let outcome = renderer(project, arguments);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

const LIVE: [&str; 5] = [
    "--from-live",
    "--cluster",
    "ludlow",
    "--service",
    "ludlow-local-api",
];
/// Another one than runs.
const IMAGE: &str = "registry.example/ludlow@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
const FAMILY: &str = "ludlow-local-api";

#[test]
fn starts_from_what_runs_and_says_what_differs() {
    let project = Project::new("1");
    project.deploy().url();
    let written = project.document("task-definition.json");

    // What runs is what was registered, to the letter: by the service, by its family, by its revision.
    for from in [
        &LIVE[..],
        &["--from", FAMILY],
        &["--from", "ludlow-local-api:1"],
    ] {
        assert_eq!(rendered(&project, from), written, "{from:?}");
    }
    let file = ".longshore/local/task-definition.json";
    let same = renderer(
        &project,
        &["diff", "ludlow/ludlow-local-api", file, "--tags"],
    );
    assert_eq!(same.code, 0, "{same:?}");

    changes_what_runs(&project, &written);
    shows_the_difference(&project, &written);
    says_what_is_not_there(&project);
}

/// Another image and one more variable, laid over what runs.
fn changes_what_runs(project: &Project, written: &Value) {
    let environment = json!({
        "kind": "environment", "schema": 1,
        "variables": { "GREETING": { "value": "$x \"q\" ü\n", "origin": "longshore.toml:1" } },
        "secrets": {},
    });
    project.write("environment.json", &environment.to_string());
    let more = [
        "--set-image",
        IMAGE,
        "--environment",
        "environment.json",
        "--tag",
        "commit=4f2c1e9",
    ];
    let output = ["--output", "next.json"];
    let outcome = renderer(project, &[&LIVE[..], &more, &output].concat());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let next: Value =
        serde_json::from_str(&std::fs::read_to_string(project.path().join("next.json")).unwrap())
            .unwrap();
    let mut expected = written.clone();
    let container = &mut expected["containerDefinitions"][0];
    container["image"] = IMAGE.into();
    let variables = container["environment"].as_array_mut().unwrap();
    variables.insert(0, json!({ "name": "GREETING", "value": "$x \"q\" ü\n" }));
    let tags = expected["tags"].as_array_mut().unwrap();
    tags.insert(0, json!({ "key": "commit", "value": "4f2c1e9" }));
    assert_eq!(next, expected);
}

/// For a reviewer, and for a program.
fn shows_the_difference(project: &Project, written: &Value) {
    let differs = renderer(project, &["diff", "ludlow/ludlow-local-api", "next.json"]);
    assert_eq!(differs.code, 3, "{differs:?}");
    let old = written["containerDefinitions"][0]["image"]
        .as_str()
        .unwrap();
    assert_eq!(
        differs.stdout,
        format!(
            "ludlow-local-api:1 → next.json\n\ncontainer api\n  ~ image: {old} → {IMAGE}\n  \
             environment\n    + GREETING: $x \"q\" ü\\n\n\n1 added, 0 removed, 1 changed\n"
        )
    );
}

fn says_what_is_not_there(project: &Project) {
    let absent = renderer(
        project,
        &["--from-live", "--cluster", "ludlow", "--service", "web"],
    );
    assert_eq!((absent.code, absent.stdout.as_str()), (2, ""), "{absent:?}");
    assert!(
        absent
            .stderr
            .starts_with("error: the cluster ludlow has no service web\n"),
        "{}",
        absent.stderr
    );
    let absent = renderer(project, &["--from", "web:7"]);
    assert_eq!((absent.code, absent.stdout.as_str()), (1, ""), "{absent:?}");
    assert!(
        absent
            .stderr
            .starts_with("error: cannot describe the task definition web:7: "),
        "{}",
        absent.stderr
    );
}
