//! Arguments, exit codes, and what goes where.

use crate::{build, document, failure, layout, program};

fn context(dockerfile: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let context = directory.path().join("context");
    std::fs::create_dir(&context).unwrap();
    std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    (directory, context)
}

#[test]
fn shows_examples() {
    for arguments in [
        &["--help"][..],
        &["build", "--help"],
        &["push", "--help"],
        &["publish", "--help"],
    ] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("EXAMPLES\n  image-builder build --platform linux/amd64"),
            "{text}"
        );
    }
}

#[test]
fn refuses_wrong_arguments() {
    for (arguments, expected) in [
        ("", "Usage:"),
        ("build", "--repository <NAME>"),
        ("push --repository Upper --tag t", "lower-case letters"),
        ("push --repository a --tag a:b", "at most 128 letters"),
        (
            "build --repository a --tag t --platform windows/amd64",
            "only images for linux",
        ),
        (
            "build --repository a --tag t --build-arg x",
            "write NAME=VALUE",
        ),
        (
            "build --repository a --tag t --build-arg x=1 --build-arg x=2",
            "given twice",
        ),
        (
            "build --repository a",
            "the following required arguments were not provided",
        ),
        (
            "build --repository a --tag t --environment qa",
            "cannot be used with",
        ),
        (
            "build --repository a --tag t --engine kaniko",
            "the engines are auto, embedded, docker, podman and buildah",
        ),
    ] {
        let message = failure(program().args(arguments.split_whitespace()), 2);
        assert!(message.contains(expected), "{arguments}: {message}");
    }
}

#[test]
fn says_what_is_missing() {
    let (_directory, context) = context("FROM scratch\n");
    assert_eq!(
        failure(build(&context).args(["--dockerfile", "nope"]), 2),
        "error: cannot read nope: No such file or directory (os error 2)\n"
    );
    assert_eq!(
        failure(
            program()
                .args([
                    "build",
                    "--repository",
                    "a",
                    "--tag",
                    "t",
                    "--context",
                    "nope",
                    "--dockerfile",
                    "Dockerfile"
                ])
                .current_dir(&context),
            2
        ),
        "error: cannot open the build context nope: No such file or directory (os error 2)\n"
    );
    assert_eq!(
        failure(
            program().args([
                "push",
                "--repository",
                "a",
                "--tag",
                "t",
                "--layout",
                "/nonexistent"
            ]),
            2
        ),
        "error: there is no image in /nonexistent\nhint: run `image-builder build` with the same --layout first\n"
    );
}

#[test]
fn writes_the_document() {
    let (_directory, context) = context("FROM scratch\nCOPY Dockerfile /\nUSER 1\n");
    let found = document(&mut build(&context));
    let digest = found["digest"].as_str().unwrap();
    assert_eq!(
        found,
        serde_json::json!({
            "kind": "image",
            "schema": 1,
            "repository": "app",
            "tag": "t",
            "digest": digest,
            "reference": format!("app@{digest}"),
            "platform": "linux/amd64",
            "size": found["size"],
            "layers": [{
                "digest": found["layers"][0]["digest"],
                "size": found["layers"][0]["size"],
                "created_by": "COPY Dockerfile /"
            }],
            "engine": "embedded",
            "outcome": "built",
            "pushed": false
        })
    );
    let file = context.join("image.json");
    let output = build(&context).arg("--output").arg(&file).output().unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(0), &b""[..])
    );
    let again: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(again["digest"], digest);
    assert_eq!(again["outcome"], "reused");
}

#[test]
fn speaks_on_stderr_only_and_as_much_as_asked() {
    let (_directory, context) = context("FROM scratch\nCOPY Dockerfile /\n");
    let first = build(&context).output().unwrap();
    let text = String::from_utf8(first.stderr).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "COPY Dockerfile /");
    assert!(lines[1].starts_with("built: app:t sha256:"), "{text}");
    assert_eq!(lines.len(), 2);
    let quiet = build(&context).arg("--quiet").output().unwrap();
    assert_eq!(String::from_utf8(quiet.stderr).unwrap(), "");
}

#[test]
fn warns_of_arguments_that_nothing_uses_and_refuses_those_that_look_secret() {
    let (_directory, context) = context("FROM scratch\nARG NPM_TOKEN\n");
    let arguments = [
        "--quiet",
        "--build-arg",
        "NPM_TOKEN=x",
        "--build-arg",
        "OTHER=y",
    ];
    assert_eq!(
        failure(build(&context).args(arguments), 2),
        "error: the build argument NPM_TOKEN looks like a secret, and everybody who has the image could read it\n\
         hint: pass it by --secret, and use it with RUN --mount=type=secret; or pass --allow-secret-args if it is none\n"
    );
    let output = build(&context)
        .args(arguments)
        .arg("--allow-secret-args")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "warning: the build argument OTHER is not used: no ARG declares it\n"
    );
}

#[test]
fn leaves_no_trace_of_a_dry_run() {
    let (_directory, context) = context("FROM scratch\nCOPY Dockerfile /\n");
    let dry = document(build(&context).arg("--dry-run"));
    assert!(!layout(&context).exists());
    assert_eq!(dry["digest"], document(&mut build(&context))["digest"]);
}
