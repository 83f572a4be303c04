//! The program as its users call it.

use std::process::{Command, Output};

fn log_tailer(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_log-tailer"))
        .args(arguments)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is text")
}

#[test]
fn explains_itself_with_examples() {
    let output = log_tailer(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        help.contains("EXAMPLES\n  log-tailer ludlow/ludlow-prod-api --follow"),
        "{help}"
    );
}

#[test]
fn refuses_to_read_from_nowhere() {
    let output = log_tailer(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: nothing was named to read from\n\
         hint: name CLUSTER/SERVICE, a log group with --group <NAME>, or a project's environment with --env <NAME>\n"
    );
}

#[test]
fn refuses_what_means_nothing() {
    let table: [(&[&str], &str); 12] = [
        (
            &["--group", "g", "--since", "yesterday"],
            "--since yesterday is not a time",
        ),
        (
            &["--group", "g", "--since", "1h", "--until", "2h"],
            "--until lies before --since",
        ),
        (
            &["ludlow"],
            "ludlow is neither CLUSTER/SERVICE nor CLUSTER/TASK-ID",
        ),
        (
            &["a/b", "--prefix", "p"],
            "--prefix and --stream belong to --group",
        ),
        (
            &["--group", "g", "--until-released"],
            "--until-released needs a service",
        ),
        (&["a/b", "--until-stopped"], "--until-stopped needs a task"),
        (
            &["--group", "g", "--events"],
            "--events needs a service or a task",
        ),
        (
            &["--group", "g", "--pretty", "--format", "csv"],
            "--pretty belongs to --format text and raw",
        ),
        (
            &["--group", "g", "--flatten", "--format", "csv"],
            "CSV needs columns: --flatten alone names none",
        ),
        (
            &["--group", "g", "--rate", "0"],
            "--rate 0 is not between 0.1 and 10000",
        ),
        (
            &["--group", "g", "--deadline", "soon"],
            "--deadline soon is not a length of time",
        ),
        (
            &["--env", "prod"],
            "cannot read ./longshore.toml: No such file or directory (os error 2)",
        ),
    ];
    for (arguments, message) in table {
        let output = log_tailer(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(
            stderr(&output).lines().next(),
            Some(&*format!("error: {message}")),
            "{arguments:?}"
        );
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}

#[test]
fn refuses_a_regular_expression_that_is_none() {
    let output = log_tailer(&["--group", "g", "--match", "("]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).starts_with("error: --match ( is not a regular expression: "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn asks_for_a_region() {
    for arguments in [
        &["--group", "g"][..],
        &["put", "--group", "g"],
        &["query", "--group", "g", "fields @message"],
    ] {
        let output = log_tailer(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(
            stderr(&output),
            "error: no AWS region is set\nhint: set AWS_REGION, or a region in the profile\n"
        );
    }
}
