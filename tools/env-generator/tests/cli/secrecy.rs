//! Marked secrets in every source, every target and command, and a search through all that is written.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use crate::fake_aws::{Contents, FakeAws};
use crate::{ARN, full, project, run, text};

const MARK: &str = "m4rk3d-hunter2";

fn marked() -> Contents {
    let mut contents = full();
    contents
        .parameters
        .insert("/ludlow/prod/TOKEN".to_owned(), format!("{MARK}-token"));
    let secret = contents.secrets.get_mut(ARN).expect("it is there");
    secret.1 = json!({ "url": format!("postgres://u:{MARK}@db/x") }).to_string();
    contents.live = json!([
        { "name": "GONE", "value": format!("{MARK}-gone") },
        { "name": "LOG_LEVEL", "value": "info" },
    ]);
    contents
}

/// All files below a directory with the mark in them.
fn marked_files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory is readable") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("the file is readable");
        if bytes
            .windows(MARK.len())
            .any(|window| window == MARK.as_bytes())
        {
            let mode = std::fs::metadata(&path)
                .expect("it is there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0, "{} is for its owner alone", path.display());
            found.push(
                path.file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
    found
}

/// Runs it in a directory of its own and gives the exit code, whether stdout has the mark, and the marked files.
fn traces(arguments: &[&str]) -> (Option<i32>, bool, Vec<String>) {
    let aws = FakeAws::start(marked());
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("longshore.toml"), project()).expect("it is written");
    let output = run(directory.path(), Some(&aws), arguments);
    let stderr = text(&output.stderr);
    assert!(!stderr.contains(MARK), "{arguments:?}: {stderr}");
    (
        output.status.code(),
        text(&output.stdout).contains(MARK),
        marked_files(directory.path()),
    )
}

#[test]
fn what_holds_references_never_holds_a_secret() {
    for arguments in [
        &["--env", "prod", "--verbose", "--explain"][..],
        &["--env", "prod", "--target", "ecs", "--verbose"],
        &["--env", "prod", "--target", "ecs", "--output", "ecs.json"],
        &[
            "--env", "prod", "--target", "ecs-file", "--output", "prod.env", "--bucket", "b",
        ],
        &["check", "--env", "prod", "--values", "--verbose"],
    ] {
        assert_eq!(
            traces(arguments),
            (Some(0), false, Vec::new()),
            "{arguments:?}"
        );
    }
    for arguments in [
        &["diff", "--env", "prod", "--with", "local"][..],
        &[
            "diff",
            "--env",
            "prod",
            "--cluster",
            "c",
            "--service",
            "api",
            "--verbose",
        ],
    ] {
        assert_eq!(
            traces(arguments),
            (Some(3), false, Vec::new()),
            "{arguments:?}"
        );
    }
}

#[test]
fn values_are_in_the_named_file_alone() {
    for target in [
        "docker", "compose", "bash", "npm", "node", "python", "systemd", "json",
    ] {
        let arguments = [
            "--env",
            "prod",
            "--target",
            target,
            "--output",
            "out",
            "--verbose",
            "--explain",
        ];
        assert_eq!(
            traces(&arguments),
            (Some(0), false, vec!["out".to_owned()]),
            "{target}"
        );
        let arguments = ["--env", "prod", "--target", target];
        assert_eq!(
            traces(&arguments),
            (Some(2), false, Vec::new()),
            "{target} on stdout"
        );
        let arguments = ["--env", "prod", "--target", target, "--without-secrets"];
        assert_eq!(
            traces(&arguments),
            (Some(0), false, Vec::new()),
            "{target} without"
        );
    }
    let arguments = ["--env", "prod", "--target", "teamcity"];
    assert_eq!(traces(&arguments), (Some(1), false, Vec::new()));
    // The masks are the one place where GitHub wants to see them.
    let arguments = ["--env", "prod", "--target", "github", "--output", "out"];
    assert_eq!(traces(&arguments), (Some(0), true, vec!["out".to_owned()]));
}
