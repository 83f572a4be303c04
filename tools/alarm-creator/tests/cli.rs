//! The program as its users call it.

use std::process::{Command, Output};

const PROJECT: &str = "\
[app]
name = \"ludlow\"
region = \"us-east-1\"
[services.api]
port = 8080
[environments.prod]
host = \"ludlow.io\"
";

fn alarm_creator(project: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("longshore.toml"), project)
        .expect("the project's file is written");
    Command::new(env!("CARGO_BIN_EXE_alarm-creator"))
        .args(arguments)
        .current_dir(directory.path())
        .env_clear()
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is text")
}

#[test]
fn explains_itself_with_examples() {
    let output = alarm_creator(PROJECT, &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        help.contains("EXAMPLES\n  alarm-creator --project longshore.toml"),
        "{help}"
    );
}

#[test]
fn names_the_services_that_exist() {
    let output = alarm_creator(PROJECT, &["--env", "prod", "--service", "web"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: longshore.toml has no service \"web\"; it has api\n"
    );
}

#[test]
fn reports_the_mistakes_of_the_project_file() {
    let output = alarm_creator(
        &PROJECT.replace("port", "prot"),
        &["--env", "prod", "--service", "api"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: 1 mistake in longshore.toml\n  \
         longshore.toml:5:1: unknown key \"prot\" in [services.api]; did you mean \"port\"?\n"
    );
}

const HISTORY: &str = "\
time,RequestCount:Sum,HTTPCode_Target_5XX_Count:Sum,HealthyHostCount:Minimum,RunningTaskCount:Maximum,DesiredTaskCount:Maximum,Odd:Sum
";

/// Twenty minutes from 10:00 on, of which seven fail.
fn history() -> String {
    let mut table = HISTORY.to_owned();
    for minute in 0..20 {
        let errors = if (6..13).contains(&minute) { "30" } else { "" };
        table.push_str(&format!(
            "2026-11-24T10:{minute:02}:00Z,100,{errors},2,2,2,1\n"
        ));
    }
    table
}

fn simulated(history: &str, more: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("longshore.toml"), PROJECT).expect("it is written");
    std::fs::write(directory.path().join("history.csv"), history).expect("it is written");
    Command::new(env!("CARGO_BIN_EXE_alarm-creator"))
        .args(["simulate", "--env", "prod", "--service", "api"])
        .args(["--history", "history.csv"])
        .args(more)
        .current_dir(directory.path())
        .env_clear()
        .output()
        .expect("the program starts")
}

#[test]
fn simulates_over_a_file_without_asking_anybody() {
    let output = simulated(&history(), &["--alarm", "target-5xx", "--alarm", "health"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        document["alarms"],
        serde_json::json!([
            {
                "name": "ludlow-prod-api-target-5xx", "fired": 1, "seconds_in_alarm": 180,
                "longest_seconds": 180, "seconds_without_data": 0, "datapoints": 20,
                "firings": [{ "from": "2026-11-24T10:11:00Z", "to": "2026-11-24T10:14:00Z", "seconds": 180 }],
            },
            {
                "name": "ludlow-prod-api-health", "fired": 1, "seconds_in_alarm": 180,
                "longest_seconds": 180, "seconds_without_data": 0, "datapoints": 0,
                "firings": [{ "from": "2026-11-24T10:11:00Z", "to": "2026-11-24T10:14:00Z", "seconds": 180 }],
            },
        ])
    );
    assert_eq!(
        stderr(&output),
        "warning: no alarm looks at Odd:Sum\n\
         from 2026-11-24T10:00:00Z to 2026-11-24T10:20:00Z\n\
         ludlow-prod-api-target-5xx: once, 180 s altogether, 180 s at the longest\n  \
         from 2026-11-24T10:11:00Z to 2026-11-24T10:14:00Z\n\
         ludlow-prod-api-health: once, 180 s altogether, 180 s at the longest\n  \
         from 2026-11-24T10:11:00Z to 2026-11-24T10:14:00Z\n"
    );
}

#[test]
fn says_what_is_wrong_with_a_history() {
    let output = simulated("time,RequestCount:Sum\nlater,1\n", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).starts_with("error: history.csv: line 2: \"later\" is no time; "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn names_what_is_missing_and_what_is_unknown() {
    let output = alarm_creator(PROJECT, &["list", "--env", "prod"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: --service is missing\nhint: add --service NAME, as in longshore.toml\n"
    );
    let output = alarm_creator(
        PROJECT,
        &["attach", "target-5x", "--env", "prod", "--service", "api"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).starts_with(
            "error: there is no alarm \"target-5x\"; the alarms are target-5xx, balancer-5xx, "
        ),
        "{}",
        stderr(&output)
    );
}
