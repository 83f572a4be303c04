//! The programs under test, built once for all flows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program `name` of the workspace.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        // This test is in PROFILE/deps; the programs are in PROFILE.
        let directory = std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .to_owned();
        let release = if directory.ends_with("release") {
            &["--release"][..]
        } else {
            &[]
        };
        cargo(
            &workspace(),
            &[
                &["build", "--workspace", "--bins", "--locked", "--quiet"],
                release,
            ]
            .concat(),
        );
        directory
    });
    directory.join(name)
}

/// The sample service's program, built as its project builds it.
pub fn ludlow() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            let template = workspace().join("templates/rust-api");
            cargo(
                &template,
                &[
                    "build",
                    "--release",
                    "--locked",
                    "--quiet",
                    "--target-dir",
                    "target",
                ],
            );
            let mut targets = std::fs::read_dir(template.join("target")).unwrap();
            targets
                .find_map(|target| {
                    let program = target.unwrap().path().join("release/ludlow");
                    program.is_file().then_some(program)
                })
                .unwrap()
        })
        .clone()
}

/// The checkout.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn cargo(directory: &Path, arguments: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(directory);
    // Some build scripts ask for what cargo tells this test about its own package, and would be run anew for it.
    for (name, _) in std::env::vars_os() {
        let own = name.to_string_lossy();
        if own.starts_with("CARGO_MANIFEST_") || own.starts_with("CARGO_PKG_") {
            command.env_remove(&name);
        }
    }
    let status = command.status().unwrap();
    assert!(
        status.success(),
        "cargo {} in {} ended with {status}",
        arguments.join(" "),
        directory.display()
    );
}
