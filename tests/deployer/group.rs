//! Several services at once.

use serde_json::{Value, json};

use crate::stage::{CLUSTER, Outcome, Stage};

/// Three workers, each of one task, on version 1.
fn with_workers(names: &[&str]) -> Stage {
    let stage = Stage::new();
    for name in names {
        let registered = stage.call("RegisterTaskDefinition", &worker(&stage, name, &[]));
        let arn = &registered["taskDefinition"]["taskDefinitionArn"];
        stage.call(
            "CreateService",
            &json!({
                "cluster": CLUSTER, "serviceName": name, "taskDefinition": arn, "desiredCount": 1,
                "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
            }),
        );
    }
    for name in names {
        until(&stage, name, 1);
    }
    stage
}

fn worker(stage: &Stage, name: &str, variables: &[(&str, &str)]) -> Value {
    let mut definition = stage.definition(variables);
    definition["family"] = json!(name);
    definition
}

/// The service runs this revision of its own family, and nothing else.
fn until(stage: &Stage, name: &str, revision: u32) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let input = json!({ "cluster": CLUSTER, "services": [name] });
        let service = stage.call("DescribeServices", &input)["services"][0].clone();
        let deployments = service["deployments"].as_array().unwrap();
        let definition = service["taskDefinition"].as_str().unwrap();
        if deployments.len() == 1
            && deployments[0]["rolloutState"] == "COMPLETED"
            && definition.ends_with(&format!("/{name}:{revision}"))
        {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{service:#}");
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
}

fn release(stage: &Stage, members: &[(&str, &[&str], bool)], more: &[&str]) -> Outcome {
    let services: Vec<Value> = members
        .iter()
        .map(|(name, after, is_good)| {
            let variables = if *is_good {
                [("APP_VERSION", "2")]
            } else {
                [("LUDLOW_CRASH", "start")]
            };
            stage.write(name, &worker(stage, name, &variables));
            json!({ "service": name, "taskDefinition": format!("./{name}.json"), "after": after })
        })
        .collect();
    let file = stage.file("group.json", &json!({ "services": services }).to_string());
    let output = stage
        .command("deployer")
        .args(["group", "--cluster", CLUSTER])
        .arg(file)
        .args(more)
        .output()
        .unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        document: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn verdicts(outcome: &Outcome) -> Vec<(String, String)> {
    let deployments = outcome.document["deployments"].as_array();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    deployments
        .unwrap_or_else(|| panic!("{outcome:#?}"))
        .iter()
        .map(|one| (word(&one["service"]), word(&one["verdict"])))
        .collect()
}

fn are(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(service, verdict)| ((*service).to_owned(), (*verdict).to_owned()))
        .collect()
}

#[test]
fn releases_each_after_what_it_waits_for() {
    let stage = with_workers(&["web", "api", "jobs"]);
    let members: [(&str, &[&str], bool); 3] = [
        ("web", &["api"], true),
        ("api", &[], true),
        ("jobs", &[], true),
    ];
    let outcome = release(&stage, &members, &[]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(
        verdicts(&outcome),
        are(&[
            ("web", "completed"),
            ("api", "completed"),
            ("jobs", "completed")
        ])
    );
    for name in ["web", "api", "jobs"] {
        until(&stage, name, 2);
    }
}

#[test]
fn stops_what_depends_on_a_failure_and_nothing_else() {
    let stage = with_workers(&["web", "api", "jobs"]);
    let members: [(&str, &[&str], bool); 3] = [
        ("web", &["api"], true),
        ("api", &[], false),
        ("jobs", &[], true),
    ];
    let outcome = release(&stage, &members, &[]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    assert_eq!(
        verdicts(&outcome),
        are(&[("api", "rolled-back"), ("jobs", "completed")])
    );
    assert_eq!(outcome.document["skipped"], json!({ "web": "api" }));
    until(&stage, "web", 1);
    until(&stage, "api", 1);
    until(&stage, "jobs", 2);
}

#[test]
fn sends_the_whole_group_back_if_told_to() {
    let stage = with_workers(&["web", "api"]);
    let members: [(&str, &[&str], bool); 2] = [("api", &[], true), ("web", &["api"], false)];
    let outcome = release(&stage, &members, &["--rollback-group"]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    assert_eq!(
        verdicts(&outcome),
        are(&[("api", "rolled-back"), ("web", "rolled-back")])
    );
    until(&stage, "api", 1);
    until(&stage, "web", 1);
}

#[test]
fn refuses_a_group_without_an_order() {
    let stage = Stage::new();
    let members: [(&str, &[&str], bool); 2] = [("a", &["b"], true), ("b", &["a"], true)];
    let outcome = release(&stage, &members, &[]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("a, b wait for each other"),
        "{outcome:?}"
    );
}
