//! From a commit to a release: tags, labels, what is found again, promotion, and the gates on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::registry::Registry;
use crate::{document, failure, image, layout, program, stderr};

fn git(directory: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@x.io",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
        .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", stderr(&status));
}

/// A repository with one commit.
fn repository(directory: &Path) -> PathBuf {
    let context = directory.join("context");
    fs::create_dir_all(&context).unwrap();
    fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY a /a\n").unwrap();
    fs::write(context.join("a"), "a").unwrap();
    git(&context, &["init", "--quiet"]);
    git(
        &context,
        &[
            "remote",
            "add",
            "origin",
            "https://me:secret@x.io/team/app.git",
        ],
    );
    git(&context, &["add", "."]);
    git(&context, &["commit", "--quiet", "--message", "one"]);
    context
}

fn command(job: &str, context: &Path, registry: &Registry) -> Command {
    let mut command = program();
    command
        .args([job, "--quiet", "--repository", "team/app"])
        .current_dir(context)
        .env("AWS_ENDPOINT_URL", format!("http://{}", registry.address));
    if job == "build" || job == "publish" {
        command
            .args(["--engine", "embedded", "--layout"])
            .arg(layout(context));
    }
    command
}

#[test]
fn tags_and_labels_an_image_by_its_commit() {
    let registry = Registry::start(&["team/app"]);
    let directory = tempfile::tempdir().unwrap();
    let context = repository(directory.path());
    let mut build = command("build", &context, &registry);
    let found = document(build.args(["--environment", "qa", "--build-number", "42"]));
    let output = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(&context)
        .output()
        .unwrap();
    let commit = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert_eq!(found["tag"], format!("qa-42-{}", &commit[..12]));
    let labels = &image::config(&layout(&context))["config"]["Labels"];
    assert_eq!(
        *labels,
        json!({
            "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
            "org.opencontainers.image.revision": commit,
            "org.opencontainers.image.source": "https://x.io/team/app.git"
        })
    );
    // A tree that is in no commit.
    fs::write(context.join("a"), "other").unwrap();
    let of = |environment: &str| {
        let mut build = command("build", &context, &registry);
        build.args(["--environment", environment, "--build-number", "43"]);
        build
    };
    assert_eq!(
        failure(&mut of("qa"), 2),
        "error: an image for qa must be of a commit, and the build context differs from its commit\n\
         hint: commit the changes, or pass --allow-dirty\n"
    );
    let dirty = |found: Value| found["tag"].as_str().unwrap().ends_with("-dirty");
    assert!(dirty(document(of("qa").arg("--allow-dirty"))));
    assert!(dirty(document(&mut of("local"))));
}

#[test]
fn finds_an_image_of_the_same_content_that_another_machine_pushed() {
    let registry = Registry::start(&["team/app"]);
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = repository(one.path());
    let publish = |context: &Path, number: &str| {
        let mut publish = command("publish", context, &registry);
        document(publish.args(["--environment", "qa", "--build-number", number]))
    };
    let pushed = publish(&first, "1");
    assert_eq!(
        (&pushed["outcome"], &pushed["pushed"]),
        (&json!("built"), &json!(true))
    );
    registry.take_log();
    // Another clone, with another commit of the same content.
    let second = repository(two.path());
    git(
        &second,
        &["commit", "--quiet", "--allow-empty", "--message", "two"],
    );
    let found = publish(&second, "2");
    assert_eq!(
        (&found["outcome"], &found["digest"], &found["pushed"]),
        (&json!("reused"), &pushed["digest"], &json!(true))
    );
    assert_ne!(found["tag"], pushed["tag"]);
    let log = registry.take_log();
    assert!(!log.iter().any(|line| line.starts_with("POST ")), "{log:?}");
    let state = registry.state();
    let tag = |found: &Value| format!("team/app:{}", found["tag"].as_str().unwrap());
    assert_eq!(
        state.manifests[&tag(&found)].1,
        state.manifests[&tag(&pushed)].1
    );
    drop(state);
    // Other content, or another argument, is another image.
    fs::write(second.join("a"), "other").unwrap();
    git(
        &second,
        &["commit", "--quiet", "--all", "--message", "three"],
    );
    let third = publish(&second, "3");
    assert_eq!(third["outcome"], "built");
    assert_ne!(third["digest"], pushed["digest"]);
}

#[test]
fn promotes_by_digest_without_building() {
    let registry = Registry::start(&["team/app", "team/prod"]);
    let directory = tempfile::tempdir().unwrap();
    let context = repository(directory.path());
    let mut publish = command("publish", &context, &registry);
    let pushed = document(publish.args(["--tag", "qa-1"]));
    let promote = |arguments: &[&str]| {
        let mut promote = command("promote", &context, &registry);
        promote.args(arguments);
        promote
    };
    registry.take_log();
    let prod = document(&mut promote(&["--tag", "qa-1", "--to-tag", "prod-1"]));
    assert_eq!(
        (
            &prod["digest"],
            &prod["tag"],
            &prod["outcome"],
            &prod["pushed"]
        ),
        (
            &pushed["digest"],
            &json!("prod-1"),
            &json!("reused"),
            &json!(true)
        )
    );
    let log = registry.take_log();
    assert!(
        !log.iter().any(|line| line.contains("/uploads/")),
        "{log:?}"
    );
    let digest = pushed["digest"].as_str().unwrap();
    let other = [
        "--digest",
        digest,
        "--to-repository",
        "team/prod",
        "--to-tag",
        "1",
    ];
    let copied = document(&mut promote(&other));
    assert_eq!(copied["digest"], pushed["digest"]);
    assert_eq!(
        copied["repository"],
        format!("{}/team/prod", registry.address)
    );
    assert!(registry.state().manifests.contains_key("team/prod:1"));
    let missing = failure(&mut promote(&["--tag", "none", "--to-tag", "x"]), 1);
    assert!(missing.contains("there is no image"), "{missing}");
    registry.state().is_immutable = true;
    fs::write(context.join("a"), "other").unwrap();
    let mut publish = command("publish", &context, &registry);
    document(publish.args(["--tag", "qa-2"]));
    let refused = failure(&mut promote(&["--tag", "qa-2", "--to-tag", "prod-1"]), 1);
    assert!(
        refused.contains("the repository's tags are immutable"),
        "{refused}"
    );
}

#[test]
fn refuses_an_image_that_is_too_large_and_says_why() {
    let registry = Registry::start(&["team/app"]);
    let directory = tempfile::tempdir().unwrap();
    let context = repository(directory.path());
    let noise: Vec<u8> = (0..60_000_u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    fs::write(context.join("a"), noise).unwrap();
    let mut build = command("publish", &context, &registry);
    let message = failure(build.args(["--tag", "t", "--max-size", "10kB"]), 3);
    assert!(
        message.starts_with("error: the image has ") && message.contains("10.0 kB are allowed"),
        "{message}"
    );
    assert!(
        message.contains("COPY a /a") && message.contains("240.0 kB /a"),
        "{message}"
    );
    assert!(registry.state().manifests.is_empty());
    let mut build = command("build", &context, &registry);
    document(build.args(["--tag", "t", "--max-size", "10MB"]));
}

#[test]
fn lists_the_packages_of_an_image() {
    let registry = Registry::start(&["team/app"]);
    let directory = tempfile::tempdir().unwrap();
    let context = repository(directory.path());
    fs::write(
        context.join("Dockerfile"),
        "FROM scratch\nCOPY status /var/lib/dpkg/status\n",
    )
    .unwrap();
    fs::write(
        context.join("status"),
        "Package: libc6\nVersion: 2.36-9+deb12u1\n",
    )
    .unwrap();
    let files = ["spdx.json", "cdx.json"].map(|name| directory.path().join(name));
    let mut build = command("build", &context, &registry);
    let built = document(
        build
            .args(["--tag", "t", "--sbom"])
            .arg(format!("spdx={}", files[0].display()))
            .arg("--sbom")
            .arg(format!("cyclonedx={}", files[1].display())),
    );
    let [spdx, cyclonedx] =
        files.map(|file| serde_json::from_slice::<Value>(&fs::read(file).unwrap()).unwrap());
    assert_eq!(spdx["spdxVersion"], "SPDX-2.3");
    assert_eq!(spdx["packages"][0]["versionInfo"], built["digest"]);
    assert_eq!(spdx["packages"][1]["name"], "libc6");
    assert_eq!(cyclonedx["bomFormat"], "CycloneDX");
    assert_eq!(
        cyclonedx["components"][0]["purl"],
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1"
    );
}

#[test]
fn closes_the_gate_where_the_scan_found_something_bad() {
    let registry = Registry::start(&["team/app"]);
    let directory = tempfile::tempdir().unwrap();
    let scan = |severity: &str| {
        let mut scan = command("scan", directory.path(), &registry);
        scan.args(["--tag", "t", "--severity", severity]);
        scan
    };
    let found = json!({
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {"findingSeverityCounts": {"MEDIUM": 2, "LOW": 1}}
    });
    // Nobody has scanned it yet.
    registry.state().scans = vec![Value::Null, found.clone()];
    let open = document(&mut scan("high"));
    assert_eq!(
        (&open["passed"], &open["counts"]["MEDIUM"]),
        (&json!(true), &json!(2))
    );
    assert!(registry.take_log().contains(&"StartImageScan".to_owned()));
    registry.state().scans = vec![found];
    let closed = scan("medium").output().unwrap();
    assert_eq!(closed.status.code(), Some(3));
    assert_eq!(
        stderr(&closed),
        "error: the scan of team/app t found 1 LOW, 2 MEDIUM; 2 of it MEDIUM or worse\n"
    );
    registry.state().scans = vec![json!({"imageScanStatus": {"status": "FAILED"}})];
    let failed = failure(&mut scan("high"), 1);
    assert_eq!(failed, "error: ECR could not scan the image: FAILED\n");
}
