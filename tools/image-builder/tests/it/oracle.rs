//! The same Dockerfiles, built by docker and by the embedded engine: the file systems and configurations must be equal.
//!
//! What is not compared, and why: times (all of ours are one, so that a digest depends on content alone), history and
//! cuts between layers (each engine's own affair), `ArgsEscaped` (for Windows only), and `null` beside an absent member.
//! Contexts here have the modes 644 and 755, the ones that the embedded engine reduces all others to.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::registry::Registry;
use crate::repository::{Entry, archive, put};
use crate::tree::{self, Tree};
use crate::{build, cases, image, layout, stderr};

/// `docker`, if a daemon with BuildKit answers; else `None` with the reason.
fn docker() -> Result<Docker, String> {
    let run = |arguments: &[&str]| {
        Command::new("docker")
            .args(arguments)
            .output()
            .map_err(|error| format!("docker cannot be run: {error}"))
    };
    let version = run(&["version", "--format", "{{.Server.Version}}"])?;
    if !version.status.success() {
        return Err(format!("no docker daemon: {}", stderr(&version).trim()));
    }
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("Dockerfile"),
        "FROM scratch\nCOPY --link --chmod=600 <<EOF /a\nb\nEOF\n",
    )
    .unwrap();
    let docker = Docker { directory };
    let output = docker.build(docker.directory.path(), "probe", &[]);
    if !output.status.success() {
        return Err(format!(
            "this docker's BuildKit is too old for here-documents: {}",
            stderr(&output).lines().last().unwrap_or_default()
        ));
    }
    Ok(docker)
}

struct Docker {
    directory: tempfile::TempDir,
}

impl Docker {
    fn name(&self, case: &str) -> String {
        let unique = self.directory.path().file_name().unwrap().to_str().unwrap();
        format!(
            "longshore-oracle-{}:{case}",
            unique.trim_start_matches(".tmp").to_lowercase()
        )
    }

    fn build(&self, context: &Path, case: &str, arguments: &[&str]) -> Output {
        Command::new("docker")
            .args([
                "build",
                "--quiet",
                "--network",
                "none",
                "--tag",
                &self.name(case),
            ])
            .args(arguments)
            .arg(".")
            .current_dir(context)
            .env("DOCKER_BUILDKIT", "1")
            .output()
            .unwrap()
    }

    /// The file system and the configuration of what was built.
    fn image(&self, case: &str) -> (Tree, Value) {
        let inspected = Command::new("docker")
            .args(["image", "inspect", &self.name(case)])
            .output()
            .unwrap();
        let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
        if inspected[0]["RootFS"]["Layers"]
            .as_array()
            .is_none_or(Vec::is_empty)
        {
            // Docker cannot save an image without layers.
            let found = &inspected[0];
            let config = serde_json::json!({"os": found["Os"], "architecture": found["Architecture"],
                "config": found["Config"], "author": found["Author"]});
            return (Tree::new(), config);
        }
        let saved = Command::new("docker")
            .args(["save", &self.name(case)])
            .output()
            .unwrap();
        assert!(saved.status.success(), "{}", stderr(&saved));
        let mut files = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(saved.stdout.as_slice())
            .entries()
            .unwrap()
        {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(path, bytes);
        }
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        let file = |name: &Value| files[name.as_str().unwrap()].as_slice();
        let mut tree = Tree::new();
        for layer in manifest[0]["Layers"].as_array().unwrap() {
            tree::apply(&mut tree, file(layer));
        }
        let config: Value = serde_json::from_slice(file(&manifest[0]["Config"])).unwrap();
        (tree, config)
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let repository = self.name("");
        let images = Command::new("docker")
            .args(["image", "ls", "--quiet", repository.trim_end_matches(':')])
            .output();
        let images = images.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        for image in images.unwrap_or_default().lines() {
            // What cannot be removed is left to the daemon's own cleaning.
            Command::new("docker")
                .args(["image", "rm", "--force", image])
                .output()
                .ok();
        }
    }
}

/// The embedded engine's.
fn embedded(directory: &Path) -> (Tree, Value) {
    let manifest = image::manifest(directory);
    let mut tree = Tree::new();
    for layer in manifest["layers"].as_array().unwrap() {
        let bytes = image::blob(directory, layer["digest"].as_str().unwrap());
        tree::apply(
            &mut tree,
            flate2::bufread::MultiGzDecoder::new(bytes.as_slice()),
        );
    }
    (tree, image::config(directory))
}

/// What of a configuration is compared.
fn settled(config: &Value) -> Value {
    let mut run = config["config"].as_object().unwrap().clone();
    run.remove("ArgsEscaped");
    run.retain(|_, value| {
        let nothing = [
            Value::Null,
            "".into(),
            false.into(),
            serde_json::json!([]),
            serde_json::json!({}),
        ];
        !nothing.contains(value)
    });
    run.sort_keys();
    serde_json::json!({"os": config["os"], "architecture": config["architecture"], "config": run,
        "author": config["author"].as_str().unwrap_or_default()})
}

/// One case: its name, the files of its context, its arguments.
struct Case {
    name: String,
    files: String,
    arguments: Vec<String>,
    /// Docker takes it, and we do not: it is a mistake, or a danger, that docker lets pass.
    is_refused: bool,
}

fn table() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracle");
    let mut paths: Vec<PathBuf> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        for case in format!("\n{text}").split("\n##### ").skip(1) {
            let (heading, files) = case.split_once('\n').unwrap();
            let (heading, is_refused) = match heading.split_once(" refused: ") {
                Some((heading, _reason)) => (heading, true),
                None => (heading, false),
            };
            let mut words = heading.split_whitespace().map(str::to_owned);
            cases.push(Case {
                name: words.next().unwrap(),
                files: files.to_owned(),
                arguments: words.collect(),
                is_refused,
            });
        }
    }
    cases
}

/// A base image in a registry that both can reach.
fn base() -> Registry {
    let registry = Registry::start(&["base"]);
    let layers = [
        archive(&[
            Entry::Directory("etc", 0o755),
            Entry::File(
                "etc/passwd",
                "root:x:0:0::/:/bin/sh\nmiller:x:12:34::/home/miller:/bin/sh\n",
            ),
            Entry::File("etc/group", "root:x:0:\nstaff:x:50:\n"),
            Entry::Directory("d", 0o750),
            Entry::File("d/kept", "1"),
            Entry::File("d/gone", "1"),
            Entry::Link("shortcut", "d"),
        ]),
        archive(&[Entry::File("d/.wh.gone", ""), Entry::File("top", "2")]),
    ];
    let run = serde_json::json!({
        "Env": ["PATH=/bin", "FROM_BASE=yes"],
        "Cmd": ["/base"],
        "Labels": {"base": "1"},
        "User": "12",
        "WorkingDir": "/d",
        "ExposedPorts": {"80/tcp": {}}
    });
    put(&registry, "plain", ("linux", "amd64"), &run, &layers);
    let mut with_triggers = run.clone();
    with_triggers["OnBuild"] = serde_json::json!([
        "COPY a /from-trigger",
        "ENV TRIGGERED=1",
        "WORKDIR /triggered"
    ]);
    put(
        &registry,
        "triggers",
        ("linux", "amd64"),
        &with_triggers,
        &layers,
    );
    registry
}

#[test]
fn gives_the_same_trees_and_configurations_as_docker() {
    let docker = match docker() {
        Ok(docker) => docker,
        Err(reason) => return println!("SKIPPED: {reason}"),
    };
    let cases = table();
    assert!(cases.len() >= 60, "{} cases are too few", cases.len());
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).is_file());
    let registry = base();
    let wrong = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    // Most of the time is docker's, which waits more than it works.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if case.files.contains("busybox") && busybox.is_none() {
                        println!("SKIPPED {}: no busybox-static on this machine", case.name);
                    } else if let Err(difference) = compare(&docker, &registry, case, busybox) {
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{}: {difference}", case.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn compare(
    docker: &Docker,
    registry: &Registry,
    case: &Case,
    busybox: Option<&str>,
) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let context = directory.path().join("context");
    fs::create_dir(&context).unwrap();
    for file in format!("\n{}", case.files).split("\n--- ").skip(1) {
        cases::write(&context, file, 0o644);
    }
    if case.files.contains("busybox") {
        fs::copy(busybox.unwrap(), context.join("busybox")).unwrap();
    }
    let base = format!("BASE={}/base:plain", registry.address);
    let triggers = format!("TRIGGERS={}/base:triggers", registry.address);
    let mut arguments: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
    for argument in [&base, &triggers] {
        let name = argument.split('=').next().unwrap();
        if case.files.contains(&format!("ARG {name}")) {
            arguments.extend(["--build-arg", argument]);
        }
    }
    let theirs = docker.build(&context, &case.name, &arguments);
    let ours = build(&context).args(&arguments).output().unwrap();
    if case.is_refused {
        // A listed difference.
        let failed = (ours.status.code() == Some(1)).then_some(());
        return failed.ok_or_else(|| "it was to be refused".to_owned());
    }
    match (theirs.status.success(), ours.status.success()) {
        (false, false) => return Ok(()),
        (true, true) => {}
        _ => {
            return Err(format!(
                "docker says: {}\nwe say: {}",
                stderr(&theirs),
                stderr(&ours)
            ));
        }
    }
    let (their_tree, their_config) = docker.image(&case.name);
    let (our_tree, our_config) = embedded(&layout(&context));
    let (theirs, ours) = (tree::listing(&their_tree), tree::listing(&our_tree));
    let only = |these: &[String], those: &[String]| {
        these
            .iter()
            .filter(|line| !those.contains(line))
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n  ")
    };
    if theirs != ours {
        return Err(format!(
            "\n only docker:\n  {}\n only we:\n  {}",
            only(&theirs, &ours),
            only(&ours, &theirs)
        ));
    }
    let (theirs, ours) = (settled(&their_config), settled(&our_config));
    if theirs != ours {
        return Err(format!("\n docker {theirs}\n we     {ours}"));
    }
    Ok(())
}
