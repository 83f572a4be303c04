//! Programs of other people that tests drive and benchmarks compare with, pinned, in a Python environment.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toolkit::Console;
use toolkit::process::Invocation;

/// From npm, beside them: readers of what env-generator writes.
const PACKAGES: [&str; 1] = ["dotenv@17.2.3"];

/// From PyPI. What one of them needs of another fits the versions here.
const PINNED: &[&str] = &[
    "awscli==1.45.11",
    "awslogs==0.15.0",
    "boto3==1.43.11",
    "ecs-deploy==1.17.0",
    "junitparser==5.0.3",
    "python-dotenv==1.2.1",
    "PyYAML==6.0.3",
];

/// Makes the environment if it is not there or not of these versions; gives the directory of its programs.
pub(crate) fn ready(console: &Console, workspace: &Path) -> anyhow::Result<PathBuf> {
    let home = workspace.join("target/aws-clients");
    let programs = home.join("bin");
    let stamp = home.join("clients.txt");
    let wanted = [&PINNED[..], &PACKAGES].concat().join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        packages(console, &home);
        return Ok(programs);
    }
    console.status("── AWS clients: making a Python environment");
    Invocation::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&home)
        .must_succeed()?;
    Invocation::new(programs.join("python"))
        .args(["-m", "pip", "install", "--quiet"])
        .args(PINNED)
        .must_succeed()?;
    packages(console, &home);
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(programs)
}

/// Installs the packages if they are not there. Tests that want one of them say what they skip without.
fn packages(console: &Console, home: &Path) {
    if home.join("node_modules").is_dir() {
        return;
    }
    let installed = Invocation::new("npm")
        .args(["install", "--silent", "--no-save", "--prefix"])
        .arg(home)
        .args(PACKAGES)
        .must_succeed();
    if let Err(error) = installed {
        console.warning(&format!(
            "SKIPPED the tests with {}: {error:#}",
            PACKAGES.join(", ")
        ));
    }
}
