//! Every program by itself.

use std::process::Command;

use crate::support::{Outcome, program};

const TOOLS: [&str; 8] = [
    "alarm-creator",
    "deployer",
    "env-generator",
    "image-builder",
    "local-aws",
    "log-tailer",
    "task-renderer",
    "test-reporter",
];

fn run(tool: &str, argument: &str) -> Outcome {
    Outcome::of(Command::new(program(tool)).arg(argument).output().unwrap())
}

#[test]
fn explains_itself_with_an_example() {
    for tool in TOOLS {
        let outcome = run(tool, "--help");
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{tool}");
        let example = format!("\nEXAMPLES\n  {tool} ");
        assert!(
            outcome.stdout.contains(&example),
            "{tool} has no example in {}",
            outcome.stdout
        );
    }
}

#[test]
fn ends_with_2_on_a_usage_error() {
    for tool in TOOLS {
        let outcome = run(tool, "--no-such-flag");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{tool}");
        assert!(
            outcome.stderr.contains("--no-such-flag"),
            "{tool}: {}",
            outcome.stderr
        );
    }
}
