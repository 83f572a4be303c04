//! Pushes, against a registry that checks the protocol.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::registry::{PASSWORD, Registry, digest};
use crate::{build, document, failure, layout, program};

fn project(directory: &Path, text: &str) -> PathBuf {
    let context = directory.join("context");
    std::fs::create_dir_all(&context).unwrap();
    std::fs::write(
        context.join("Dockerfile"),
        "FROM scratch\nCOPY lib /\nCOPY app /\n",
    )
    .unwrap();
    std::fs::write(context.join("lib"), "library").unwrap();
    std::fs::write(context.join("app"), text).unwrap();
    context
}

/// `image-builder push` of what `build` built.
fn push(context: &Path, registry: &Registry) -> Command {
    let mut command = program();
    command
        .args(["push", "--repository", "team/app", "--tag", "t", "--layout"])
        .arg(layout(context))
        .env("AWS_ENDPOINT_URL", format!("http://{}", registry.address));
    command
}

fn built(text: &str) -> (tempfile::TempDir, PathBuf, Value) {
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), text);
    let image = document(&mut build(&context));
    (directory, context, image)
}

#[test]
fn sends_blobs_and_then_the_manifest() {
    let registry = Registry::start(&["team/app"]);
    let (_directory, context, image) = built("one");
    let pushed = document(&mut push(&context, &registry));
    let digest_of = image["digest"].as_str().unwrap();
    assert_eq!(
        pushed["repository"],
        format!("{}/team/app", registry.address)
    );
    assert_eq!(
        pushed["reference"],
        format!("{}/team/app@{digest_of}", registry.address)
    );
    assert_eq!(
        (&pushed["pushed"], &pushed["outcome"]),
        (&true.into(), &"built".into())
    );
    for member in ["digest", "size", "layers", "engine", "platform", "tag"] {
        assert_eq!(pushed[member], image[member], "{member}");
    }
    let log = registry.take_log();
    assert_eq!(log.last().unwrap(), "PUT /v2/team/app/manifests/t");
    let count = |prefix: &str| log.iter().filter(|line| line.starts_with(prefix)).count();
    assert_eq!(count("HEAD /v2/team/app/blobs/sha256:"), 3);
    assert_eq!(count("POST /v2/team/app/blobs/uploads/"), 3);
    assert_eq!(count("PUT /v2/team/app/blobs/uploads/"), 3);
    assert_eq!(count("GetAuthorizationToken"), 1);
    let state = registry.state();
    let (media_type, bytes) = &state.manifests["team/app:t"];
    assert_eq!(media_type, "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(digest(bytes), digest_of);
}

#[test]
fn does_nothing_where_the_tag_is_right() {
    let registry = Registry::start(&["team/app"]);
    let (_directory, context, _) = built("one");
    document(&mut push(&context, &registry));
    registry.take_log();
    let again = document(&mut push(&context, &registry));
    assert_eq!(
        (&again["pushed"], &again["outcome"]),
        (&true.into(), &"reused".into())
    );
    let mut log = registry.take_log();
    log.sort();
    assert_eq!(log, ["DescribeImages", "DescribeRepositories"]);
}

#[test]
fn skips_the_blobs_that_are_there() {
    let registry = Registry::start(&["team/app"]);
    let (directory, context, first) = built("one");
    document(&mut push(&context, &registry));
    project(directory.path(), "two");
    let second = document(&mut build(&context));
    assert_eq!(second["layers"][0], first["layers"][0]);
    registry.take_log();
    document(&mut push(&context, &registry));
    let log = registry.take_log();
    assert_eq!(
        log.iter()
            .filter(|line| line.starts_with("PUT /v2/team/app/blobs/"))
            .count(),
        2
    );
    // A mutable tag has moved.
    assert_eq!(
        digest(&registry.state().manifests["team/app:t"].1),
        second["digest"].as_str().unwrap()
    );
}

#[test]
fn goes_on_after_a_failure_that_passes() {
    let registry = Registry::start(&["team/app"]);
    registry.state().failures = vec![
        ("POST /v2/team/app/blobs/uploads/", 503),
        ("PUT /v2/team/app/manifests/t", 500),
    ];
    registry.state().cuts = vec![20];
    let (_directory, context, _) = built("one");
    assert_eq!(document(&mut push(&context, &registry))["pushed"], true);
    let state = registry.state();
    assert!(state.failures.is_empty() && state.cuts.is_empty());
    assert_eq!(state.blobs.len(), 3);
}

#[test]
fn explains_a_repository_that_is_not_there() {
    let registry = Registry::start(&[]);
    let (_directory, context, _) = built("one");
    let expected = "error: there is no repository team/app in this account and region\n\
                    hint: provision the environment, or run `aws ecr create-repository --repository-name team/app`\n";
    assert_eq!(failure(&mut push(&context, &registry), 1), expected);
    let mut publish = program();
    publish
        .args(["publish", "--repository", "team/app", "--tag", "t"])
        .current_dir(&context)
        .env("AWS_ENDPOINT_URL", format!("http://{}", registry.address));
    assert_eq!(failure(&mut publish, 1), expected);
    assert!(
        !context.join(".longshore").exists(),
        "it was built all the same"
    );
}

#[test]
fn explains_an_immutable_tag() {
    let registry = Registry::start(&["team/app"]);
    registry.state().is_immutable = true;
    let (directory, context, first) = built("one");
    document(&mut push(&context, &registry));
    project(directory.path(), "two");
    document(&mut build(&context));
    registry.take_log();
    let message = failure(&mut push(&context, &registry), 1);
    assert_eq!(
        message,
        format!(
            "error: the tag t of {}/team/app names another image ({}), and the repository's tags are immutable\n\
             hint: choose a tag that is not taken: a build number or a commit in it makes it unique\n",
            registry.address,
            first["digest"].as_str().unwrap()
        )
    );
    let log = registry.take_log();
    assert!(!log.iter().any(|line| line.starts_with("POST")), "{log:?}");
}

#[test]
fn accepts_an_immutable_tag_whose_answer_was_lost() {
    let registry = Registry::start(&["team/app"]);
    {
        let mut state = registry.state();
        state.is_immutable = true;
        state.loses_answer = true;
    }
    let (_directory, context, _) = built("one");
    assert_eq!(document(&mut push(&context, &registry))["pushed"], true);
}

#[test]
fn never_shows_the_password_nor_sends_it_elsewhere() {
    let registry = Registry::start(&["team/app"]);
    let other = Registry::start(&["team/app"]);
    registry.state().upload_host = Some(format!("http://{}", other.address));
    let (_directory, context, _) = built("one");
    let message = failure(push(&context, &registry).arg("--verbose"), 1);
    assert!(
        message.contains(&format!(
            "the registry sends uploads to another host, {}",
            other.address
        )),
        "{message}"
    );
    assert_eq!(other.take_log(), Vec::<String>::new());
    let refused = Registry::start(&["team/app"]);
    refused.state().failures = vec![("POST", 403); 4];
    let second = failure(push(&context, &refused).arg("--verbose"), 1);
    assert!(second.contains("try again (UNAVAILABLE)"), "{second}");
    for text in [message, second] {
        assert!(
            !text.contains(PASSWORD)
                && !text.contains("a-password")
                && !text.contains("not-a-secret"),
            "{text}"
        );
    }
}

#[test]
fn sends_nothing_in_a_dry_run() {
    let registry = Registry::start(&["team/app"]);
    let (_directory, context, _) = built("one");
    let found = document(push(&context, &registry).arg("--dry-run"));
    assert_eq!(found["pushed"], false);
    let mut log = registry.take_log();
    log.sort();
    assert_eq!(log, ["DescribeImages", "DescribeRepositories"]);
}

#[test]
fn publishes_in_one_go() {
    let registry = Registry::start(&["team/app"]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), "one");
    let publish = || {
        let mut command = program();
        command
            .args(["publish", "--repository", "team/app", "--tag", "t"])
            .current_dir(&context)
            .env("AWS_ENDPOINT_URL", format!("http://{}", registry.address));
        document(&mut command)
    };
    let first = publish();
    assert_eq!(
        (&first["pushed"], &first["outcome"]),
        (&true.into(), &"built".into())
    );
    let second = publish();
    assert_eq!(
        (&second["pushed"], &second["outcome"]),
        (&true.into(), &"reused".into())
    );
    assert_eq!(first["digest"], second["digest"]);
}

#[test]
fn explains_a_region_that_is_not_set() {
    let (_directory, context, _) = built("one");
    let registry = Registry::start(&[]);
    let message = failure(push(&context, &registry).env_remove("AWS_REGION"), 2);
    assert_eq!(
        message,
        "error: no AWS region is set\nhint: set AWS_REGION, or a region in the profile\n"
    );
}
