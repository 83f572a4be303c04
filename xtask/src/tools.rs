//! The tools' programs: built by cargo in a checkout, beside this program once installed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use toolkit::Console;
use toolkit::process::Invocation;
use walkdir::WalkDir;

use crate::cargo;

/// Every tool, each a program of this name.
pub(crate) const TOOLS: [&str; 8] = [
    "image-builder",
    "env-generator",
    "task-renderer",
    "deployer",
    "log-tailer",
    "alarm-creator",
    "test-reporter",
    "local-aws",
];

/// Where the tools' programs are.
#[derive(Debug)]
pub(crate) struct Tools {
    directory: PathBuf,
}

impl Tools {
    /// Makes sure that the programs are there and, in a checkout, as new as their sources.
    pub(crate) fn ready(console: &Console) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let directory = program
            .parent()
            .context("this program has no directory")?
            .to_owned();
        let tools = Self { directory };
        match workspace() {
            Some(workspace) => tools.build(console, &workspace)?,
            None => tools.check()?,
        }
        Ok(tools)
    }

    /// A call of a tool, without arguments yet.
    pub(crate) fn invocation(&self, tool: &str) -> Invocation {
        Invocation::new(self.directory.join(tool))
    }

    /// Asks cargo only if a source is newer than the last build: cargo's own look takes longer than a whole
    /// release of something unchanged.
    fn build(&self, console: &Console, workspace: &Path) -> anyhow::Result<()> {
        let stamp = self.directory.join(".longshore-tools");
        let built = std::fs::metadata(&stamp)
            .and_then(|metadata| metadata.modified())
            .ok();
        let is_current =
            built.is_some_and(|built| self.check().is_ok() && newest_source(workspace) <= built);
        if is_current {
            return Ok(());
        }
        let begun = SystemTime::now();
        console.status("building the tools");
        let release = is_release(&self.directory).then_some("--release");
        cargo::call(workspace)
            .args(["build", "--locked", "--workspace", "--bins"])
            .args(release)
            .must_succeed()
            .context("cannot build the tools")?;
        // The time from before the build: a source that was saved while cargo ran is newer.
        let file = std::fs::File::create(&stamp)
            .with_context(|| format!("cannot write {}", stamp.display()))?;
        file.set_modified(begun)
            .with_context(|| format!("cannot set the time of {}", stamp.display()))?;
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        let missing: Vec<&str> = TOOLS
            .into_iter()
            .filter(|tool| !self.directory.join(tool).is_file())
            .collect();
        if !missing.is_empty() {
            bail!(
                "{} is not in {}; install all of Longshore's programs into one directory",
                missing.join(", "),
                self.directory.display()
            );
        }
        Ok(())
    }
}

/// The checkout that this program was started from by `cargo run`; none for an installed program.
pub(crate) fn workspace() -> Option<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")?;
    let workspace = Path::new(&package).parent()?;
    workspace
        .join("tools")
        .is_dir()
        .then(|| workspace.to_owned())
}

fn is_release(directory: &Path) -> bool {
    directory.file_name().is_some_and(|name| name == "release")
}

fn newest_source(workspace: &Path) -> SystemTime {
    let sources = ["Cargo.toml", "Cargo.lock", "tools"];
    sources
        .iter()
        .flat_map(|source| WalkDir::new(workspace.join(source)))
        // What cannot be looked at counts as new, so that cargo decides.
        .map(|entry| {
            entry
                .ok()
                .and_then(|entry| entry.metadata().ok()?.modified().ok())
                .unwrap_or_else(SystemTime::now)
        })
        .max()
        .unwrap_or_else(SystemTime::now)
}
