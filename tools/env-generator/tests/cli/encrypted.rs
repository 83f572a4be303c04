//! Files that are encrypted, decrypted by the programs that made them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::{project, text};

const PLAIN: &str = "LEVEL=debug\nKEY='two\nlines $x \"q\" m4rk3d'\n";
const EXPECTED: &str = "{\n  \"KEY\": \"two\\nlines $x \\\"q\\\" m4rk3d\",\n  \"LEVEL\": \"debug\",\n  \"LOG_LEVEL\": \"info\"\n}\n";

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn must(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    output
}

/// A project whose environment qa has a file, and the name of the key file beside it.
fn prepared(file: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let source = project() + &format!("[environments.qa]\nsources.files = [\"{file}\"]\n");
    std::fs::write(directory.path().join("longshore.toml"), source).expect("it is written");
    directory
}

/// Runs it with `path` before the programs of the system.
fn generate(directory: &Path, path: &Path, arguments: &[&str]) -> Output {
    let system = std::env::var("PATH").unwrap_or_default();
    Command::new(env!("CARGO_BIN_EXE_env-generator"))
        .args(["--env", "qa"])
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", format!("{}:{system}", path.display()))
        .env("SOPS_AGE_KEY_FILE", directory.join("key.txt"))
        .output()
        .expect("the program starts")
}

/// The values are in the result alone, the file's are secret, and a task definition cannot have them.
fn holds(directory: &Path, path: &Path) {
    let output = generate(directory, path, &["--target", "json", "--output", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), EXPECTED);
    assert_eq!(
        text(&output.stderr),
        "environment qa: 3 variables for json\n"
    );
    let refused = generate(directory, path, &["--target", "ecs", "--explain"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    assert!(said.starts_with("KEY: secret from qa."), "{said}");
    assert!(
        said.contains("KEY is secret and has no reference"),
        "{said}"
    );
    assert!(!said.contains("m4rk3d"), "{said}");
    assert_eq!(text(&refused.stdout), "");
}

#[test]
fn age_decrypts_what_age_encrypted() {
    if !is_there("age") || !is_there("age-keygen") {
        println!("SKIPPED age: it is not installed");
        return;
    }
    let directory = prepared("qa.env.age");
    let at = |name: &str| directory.path().join(name);
    must(Command::new("age-keygen").arg("-o").arg(at("key.txt")));
    let shown = must(Command::new("age-keygen").arg("-y").arg(at("key.txt")));
    std::fs::write(at("plain"), PLAIN).expect("it is written");
    for armour in [&["--armor"][..], &[]] {
        must(
            Command::new("age")
                .args(armour)
                .args(["--recipient", text(&shown.stdout).trim(), "--output"])
                .arg(at("qa.env.age"))
                .arg(at("plain")),
        );
        holds(directory.path(), directory.path());
    }
    // Another key: age says so, and nothing is made of what it left.
    std::fs::remove_file(at("key.txt")).expect("it is there");
    must(Command::new("age-keygen").arg("-o").arg(at("key.txt")));
    let output = generate(directory.path(), directory.path(), &["--target", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    assert!(
        said.starts_with("error: age cannot decrypt qa.env.age (exit status: 1): age: error: "),
        "{said}"
    );
}

#[test]
fn sops_decrypts_what_sops_encrypted() {
    if !is_there("sops") || !is_there("age-keygen") {
        println!("SKIPPED sops: it or age is not installed");
        return;
    }
    let directory = prepared("qa.env");
    let at = |name: &str| directory.path().join(name);
    must(Command::new("age-keygen").arg("-o").arg(at("key.txt")));
    let shown = must(Command::new("age-keygen").arg("-y").arg(at("key.txt")));
    // Its dotenv knows no quotes; a line feed is written as \n.
    std::fs::write(
        at("plain.env"),
        "LEVEL=debug\nKEY=two\\nlines $x \"q\" m4rk3d\n",
    )
    .expect("it is written");
    must(
        Command::new("sops")
            .args(["--encrypt", "--age", text(&shown.stdout).trim()])
            .args(["--input-type", "dotenv", "--output-type", "dotenv"])
            .arg("--output")
            .arg(at("qa.env"))
            .arg(at("plain.env")),
    );
    holds(directory.path(), directory.path());
}

/// What is asked of sops, and what is made of its answer, where sops itself is not to be had.
#[test]
fn asks_sops_for_json_and_takes_values_to_the_letter() {
    let directory = prepared("qa.env");
    let encrypted = "LEVEL=ENC[1]\nKEY=ENC[2]\nsops_version=3.9.0\n";
    std::fs::write(directory.path().join("qa.env"), encrypted).expect("it is written");
    let programs = tempfile::tempdir().expect("a temporary directory");
    let sops = programs.path().join("sops");
    let script = r#"#!/bin/sh
[ "$*" = "-d --input-type dotenv --output-type json ./qa.env" ] || [ "$*" = "-d --input-type dotenv --output-type json qa.env" ] || { echo "asked for $*" >&2; exit 9; }
printf '%s' '{"LEVEL":"debug","KEY":"two\nlines $x \"q\" m4rk3d"}'
"#;
    std::fs::write(&sops, script).expect("it is written");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&sops, executable).expect("it is ours");
    holds(directory.path(), programs.path());
}
