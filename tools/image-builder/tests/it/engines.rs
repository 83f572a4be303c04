//! Container engines: which one is taken, what it is asked, and what comes of its image.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::registry::digest;
use crate::repository::{Entry, archive};
use crate::{document, failure, image, layout, program, stderr};

/// An engine that writes down how it is called, and has the same image whatever it is asked to build.
fn engine(directory: &Path, name: &str, answers: bool) -> PathBuf {
    let programs = directory.join("programs");
    fs::create_dir_all(&programs).unwrap();
    let layer = archive(&[Entry::File("from-engine", "x")]);
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {"Cmd": ["/x"]}, "docker_version": "1",
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        "history": [{"created_by": "COPY"}]
    });
    let manifest = json!([{"Config": "c.json", "RepoTags": null, "Layers": ["l/layer.tar"]}]);
    let mut builder = tar::Builder::new(fs::File::create(directory.join("image.tar")).unwrap());
    for (path, bytes) in [
        ("l/layer.tar", layer),
        ("c.json", serde_json::to_vec(&config).unwrap()),
        ("manifest.json", serde_json::to_vec(&manifest).unwrap()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, bytes.as_slice())
            .unwrap();
    }
    builder.into_inner().unwrap();
    let place = directory.display();
    let script = format!(
        "#!/bin/sh\nPATH=/bin:/usr/bin\n\
         case \"$1 $2\" in\n\
         version*|info*) exit {};;\n\
         'buildx version') exit 1;;\n\
         build*) echo \"$*\" > {place}/called; env > {place}/environment; cat $DOCKER_CONFIG/config.json > {place}/configuration;;\n\
         save*|push*) for last; do :; done; while [ $# -gt 0 ]; do case \"$1\" in --output) cp {place}/image.tar \"$2\";; docker-archive:*) cp {place}/image.tar \"${{1#docker-archive:}}\";; esac; shift; done;;\n\
         esac\n",
        i32::from(!answers)
    );
    let file = programs.join(name);
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    programs
}

fn context(directory: &Path, dockerfile: &str) -> PathBuf {
    let context = directory.join("context");
    fs::create_dir_all(&context).unwrap();
    fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    context
}

/// A build where only these programs are in reach.
fn build(context: &Path, programs: &Path, engine: &str) -> Command {
    let mut command = program();
    command
        .args([
            "build",
            "--repository",
            "app",
            "--tag",
            "t",
            "--engine",
            engine,
            "--context",
            ".",
        ])
        .arg("--layout")
        .arg(layout(context))
        .current_dir(context)
        .env("PATH", programs);
    command
}

#[test]
fn has_the_same_document_from_every_engine() {
    for name in ["docker", "podman", "buildah"] {
        let directory = tempfile::tempdir().unwrap();
        let programs = engine(directory.path(), name, true);
        let context = context(directory.path(), "FROM scratch\n");
        let found = document(
            build(&context, &programs, name)
                .args(["--quiet", "--build-arg", "V=value", "--label", "a=b"])
                .args(["--platform", "linux/amd64"]),
        );
        assert_eq!(found["engine"], name);
        assert_eq!(
            (&found["outcome"], &found["platform"]),
            (&json!("built"), &json!("linux/amd64"))
        );
        assert_eq!(
            image::listing(&layout(&context)),
            "[COPY]\n@1234567 0640 3:4 from-engine \"x\"\n"
        );
        let called = fs::read_to_string(directory.path().join("called")).unwrap();
        assert!(called.contains("--platform=linux/amd64"), "{called}");
        assert!(
            called.contains("--build-arg V ") && !called.contains("value"),
            "{called}"
        );
        let environment = fs::read_to_string(directory.path().join("environment")).unwrap();
        assert!(environment.lines().any(|line| line == "V=value"));
        let again = document(build(&context, &programs, name).arg("--quiet"));
        assert_eq!(
            (&again["outcome"], &again["digest"]),
            (&json!("reused"), &found["digest"])
        );
    }
}

#[test]
fn takes_the_first_that_answers_where_our_own_cannot_build() {
    let directory = tempfile::tempdir().unwrap();
    engine(directory.path(), "docker", false);
    let programs = engine(directory.path(), "podman", true);
    let able = context(directory.path(), "FROM scratch\nCOPY Dockerfile /\n");
    assert_eq!(
        document(&mut build(&able, &programs, "auto"))["engine"],
        "embedded"
    );
    let unable = context(directory.path(), "FROM scratch\nADD https://x.io/y /\n");
    let output = build(&unable, &programs, "auto").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("podman builds instead"),
        "{}",
        stderr(&output)
    );
    let message = failure(&mut build(&unable, &programs, "docker"), 1);
    assert!(
        message.starts_with("error: docker cannot be used: docker: "),
        "{message}"
    );
    // Nobody else is there: what our own says is said.
    fs::remove_file(programs.join("podman")).unwrap();
    let message = failure(&mut build(&unable, &programs, "auto"), 2);
    assert!(
        message.contains("the embedded engine does not ADD from the network"),
        "{message}"
    );
}

#[test]
fn gives_an_engine_the_users_passwords_and_writes_none() {
    let directory = tempfile::tempdir().unwrap();
    let programs = engine(directory.path(), "docker", true);
    let context = context(directory.path(), "FROM scratch\n");
    let own = directory.path().join("own");
    fs::create_dir(&own).unwrap();
    let text = r#"{"auths":{"x.io":{"auth":"YTpi"}}}"#;
    fs::write(own.join("config.json"), text).unwrap();
    document(build(&context, &programs, "docker").env("DOCKER_CONFIG", &own));
    assert_eq!(fs::read_to_string(own.join("config.json")).unwrap(), text);
    assert_eq!(fs::read_dir(&own).unwrap().count(), 1);
    let given = fs::read_to_string(directory.path().join("configuration")).unwrap();
    assert_eq!(given, text);
    // And nothing of it stays.
    let left = fs::read_dir(layout(&context).join("cache")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with("engine-")),
        "{left:?}"
    );
}

#[test]
fn refuses_secrets_and_other_platforms_for_engines_too() {
    let directory = tempfile::tempdir().unwrap();
    let programs = engine(directory.path(), "docker", true);
    let context = context(directory.path(), "FROM scratch\n");
    let message = failure(
        build(&context, &programs, "docker").args(["--quiet", "--platform", "linux/arm64"]),
        1,
    );
    assert_eq!(
        message,
        "error: the engine built an image for linux/amd64, and linux/arm64 was asked for\n"
    );
    fs::create_dir(context.join("deep")).unwrap();
    fs::write(context.join("deep/.env"), "A=1").unwrap();
    let message = failure(build(&context, &programs, "docker").arg("--quiet"), 2);
    assert!(
        message
            .contains("deep/.env looks like an environment file, and would be given to the engine"),
        "{message}"
    );
}

#[test]
fn builds_with_the_engines_of_this_machine() {
    for name in ["docker", "podman", "buildah"] {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path(), "FROM scratch\nCOPY a /a\nENV X=1\n");
        fs::write(context.join("a"), "a").unwrap();
        let mut command = program();
        command
            .args([
                "build",
                "--quiet",
                "--repository",
                "app",
                "--tag",
                "t",
                "--engine",
                name,
            ])
            .arg("--layout")
            .arg(layout(&context))
            .current_dir(&context);
        let output = command.output().unwrap();
        if stderr(&output).contains("cannot be used") {
            println!("SKIPPED {name}: {}", stderr(&output).trim());
            continue;
        }
        if name != "docker" && !output.status.success() {
            println!(
                "SKIPPED {name}: it cannot build here: {}",
                stderr(&output).trim()
            );
            continue;
        }
        assert!(output.status.success(), "{}", stderr(&output));
        let config = image::config(&layout(&context));
        let environment = config["config"]["Env"].as_array().unwrap();
        assert!(environment.contains(&json!("X=1")), "{config}");
        assert!(image::listing(&layout(&context)).contains(" a \"a\"\n"));
    }
}
