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
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(2), [].as_slice())
    );
    assert!(
        stderr(&output).contains("--group <NAME>"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn refuses_what_is_not_a_time() {
    let output = log_tailer(&["--group", "g", "--since", "yesterday"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: --since yesterday is not a time\n\
         hint: write 30s, 10m, 2h, 1d, or a time such as 2026-11-24T09:00:00Z\n"
    );
}

#[test]
fn asks_for_a_region() {
    let output = log_tailer(&["--group", "g"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: no AWS region is set\nhint: set AWS_REGION, or a region in the profile\n"
    );
}
