//! Runs all tests of this file's neighbours again, as a user without rights.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::bench::{EXECUTABLE, PROGRAM, executable, program, share};

/// Nobody's on most machines; it need not have a name.
const USER: &str = "64321";

#[test]
fn everything_holds_for_an_ordinary_user() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: an ordinary user runs these tests already");
        return;
    }
    let Some(program) = program() else { return };
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let at = |name: &str| directory.path().join(name);
    share(&std::env::current_exe().unwrap(), &at("tests"));
    share(&executable(), &at("task-runtime"));
    share(program, &at("task"));
    fs::create_dir(at("tmp")).unwrap();
    fs::set_permissions(at("tmp"), Permissions::from_mode(0o1777)).unwrap();
    let run = Command::new("setpriv")
        .args([
            &format!("--reuid={USER}"),
            &format!("--regid={USER}"),
            "--clear-groups",
        ])
        .arg(at("tests"))
        .args(["--test-threads=2", "--nocapture"])
        .current_dir(at("tmp"))
        .env("TMPDIR", at("tmp"))
        .env(EXECUTABLE, at("task-runtime"))
        .env(PROGRAM, at("task"))
        .output();
    match run {
        Err(error) => println!("SKIPPED: no setpriv here to become an ordinary user: {error}"),
        Ok(output) => assert!(
            output.status.success(),
            "{}{}",
            text(&output.stdout),
            text(&output.stderr)
        ),
    }
    assert!(Path::new(&at("tmp")).exists());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
