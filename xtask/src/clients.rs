//! Programs of other people that tests drive and benchmarks compare with, pinned, in a Python environment.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toolkit::Console;
use toolkit::process::Invocation;

/// From PyPI. What one of them needs of another fits the versions here.
const PINNED: [&str; 3] = ["awscli==1.45.11", "boto3==1.43.11", "ecs-deploy==1.17.0"];

/// Makes the environment if it is not there or not of these versions; gives the directory of its programs.
pub(crate) fn ready(console: &Console, workspace: &Path) -> anyhow::Result<PathBuf> {
    let home = workspace.join("target/aws-clients");
    let programs = home.join("bin");
    let stamp = home.join("clients.txt");
    let wanted = PINNED.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
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
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(programs)
}
