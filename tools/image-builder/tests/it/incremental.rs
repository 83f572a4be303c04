//! Nothing is done twice, and the same tree is the same image anywhere.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::{build, document, image, layout, program};

/// A project with two layers.
fn project(directory: &Path, name: &str) -> PathBuf {
    let context = directory.join(name);
    fs::create_dir_all(context.join("src/sub")).unwrap();
    fs::write(
        context.join("Dockerfile"),
        "FROM scratch\nCOPY lib /lib\nCOPY src /src\nENV A=1\n",
    )
    .unwrap();
    fs::write(context.join("lib"), "x".repeat(3_000_000)).unwrap();
    fs::write(context.join("src/sub/main"), "main").unwrap();
    fs::set_permissions(
        context.join("src/sub/main"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    context
}

fn inode(context: &Path, document: &serde_json::Value, layer: usize) -> u64 {
    let digest = document["layers"][layer]["digest"].as_str().unwrap();
    let path = layout(context)
        .join("blobs/sha256")
        .join(&digest["sha256:".len()..]);
    fs::metadata(path).unwrap().ino()
}

#[test]
fn gives_the_same_digest_from_two_clones() {
    let directory = tempfile::tempdir().unwrap();
    let one = project(directory.path(), "one");
    let two = project(directory.path(), "elsewhere");
    // Another umask, other times.
    for file in ["lib", "src", "src/sub", "src/sub/main"] {
        let path = two.join(file);
        let mode = fs::metadata(&path).unwrap().mode();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o700)).unwrap();
    }
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::open(two.join("lib"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    let first = document(&mut build(&one));
    let mut elsewhere = build(&two);
    elsewhere.args(["--threads", "7"]);
    assert_eq!(first["digest"], document(&mut elsewhere)["digest"]);
    // Golden: a change here makes every image of every user another one.
    assert_eq!(
        first["digest"],
        "sha256:32c12bb95a7a5f0e537c65616a84f1c83cc925f9e20d74e79596f3b072bb5f60"
    );
}

#[test]
fn reuses_an_image_that_is_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), "context");
    let first = document(&mut build(&context));
    assert_eq!(first["outcome"], "built");
    let second = document(&mut build(&context));
    assert_eq!(
        (&second["outcome"], &second["digest"]),
        (&"reused".into(), &first["digest"])
    );
    let mut other_tag = program();
    other_tag
        .args(["build", "--repository", "app", "--tag", "other", "--layout"])
        .arg(layout(&context))
        .current_dir(&context);
    assert_eq!(document(&mut other_tag)["outcome"], "reused");
    let index = fs::read_to_string(layout(&context).join("index.json")).unwrap();
    assert!(
        index.contains("\"org.opencontainers.image.ref.name\":\"other\""),
        "{index}"
    );
}

#[test]
fn sees_a_change_even_within_the_clocks_grain() {
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), "context");
    let mut last = document(&mut build(&context))["digest"].clone();
    // Same size, same inode, as fast as this machine can.
    for text in ["nain", "lain", "gain", "rain"] {
        fs::write(context.join("src/sub/main"), text).unwrap();
        let next = document(&mut build(&context));
        assert_eq!(next["outcome"], "built");
        assert_ne!(next["digest"], last);
        last = next["digest"].clone();
    }
}

#[test]
fn compresses_only_the_layer_that_changed() {
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), "context");
    let first = document(&mut build(&context));
    let before = inode(&context, &first, 0);
    fs::write(context.join("src/sub/main"), "changed").unwrap();
    let second = document(&mut build(&context));
    assert_eq!(second["layers"][0], first["layers"][0]);
    assert_ne!(second["layers"][1]["digest"], first["layers"][1]["digest"]);
    assert_eq!(
        inode(&context, &second, 0),
        before,
        "the first layer was written again"
    );
    // What only the first image had is gone.
    assert_eq!(
        fs::read_dir(layout(&context).join("blobs/sha256"))
            .unwrap()
            .count(),
        4
    );
}

#[test]
fn keeps_a_layer_whose_files_were_written_again_with_the_same_content() {
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), "context");
    let first = document(&mut build(&context));
    let before = inode(&context, &first, 0);
    fs::remove_file(context.join("lib")).unwrap();
    fs::write(context.join("lib"), "x".repeat(3_000_000)).unwrap();
    let second = document(&mut build(&context));
    assert_eq!(
        (&second["outcome"], &second["digest"]),
        (&"reused".into(), &first["digest"])
    );
    assert_eq!(inode(&context, &second, 0), before);
}

#[test]
fn notices_every_kind_of_input() {
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), "context");
    let mut seen = vec![document(&mut build(&context))["digest"].clone()];
    let mut check = |arguments: &[&str]| {
        let found = document(build(&context).args(arguments));
        assert_eq!(found["outcome"], "built", "{arguments:?}");
        assert!(!seen.contains(&found["digest"]), "{arguments:?}");
        seen.push(found["digest"].clone());
    };
    check(&["--platform", "linux/arm64"]);
    check(&["--label", "a=1"]);
    check(&["--source-date-epoch", "86400"]);
    fs::write(context.join(".dockerignore"), "src/sub\n").unwrap();
    check(&[]);
    fs::write(
        context.join("Dockerfile"),
        "FROM scratch\nARG B\nENV B=$B\n",
    )
    .unwrap();
    check(&["--build-arg", "B=1"]);
    check(&["--build-arg", "B=2"]);
    let config = image::config(&layout(&context));
    assert_eq!(config["config"]["Env"][1], "B=2");
}

#[test]
fn builds_again_what_was_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), "context");
    let first = document(&mut build(&context));
    let digest = first["layers"][0]["digest"].as_str().unwrap();
    fs::remove_file(
        layout(&context)
            .join("blobs/sha256")
            .join(&digest["sha256:".len()..]),
    )
    .unwrap();
    for file in ["record.json", "layers.json"] {
        let path = layout(&context).join("cache").join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() / 2]).unwrap();
    }
    assert_eq!(document(&mut build(&context))["digest"], first["digest"]);
    image::manifest(&layout(&context));
}

#[test]
fn sets_all_times_to_the_given_one() {
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), "context");
    document(build(&context).env("SOURCE_DATE_EPOCH", "1700000000"));
    let config = image::config(&layout(&context));
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
    assert_eq!(config["history"][0]["created"], "2023-11-14T22:13:20Z");
}
