//! A local AWS that is killed.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Project, get};

#[test]
fn comes_back_after_kill_9_with_everything_that_was_registered() {
    let project = Project::new("1");
    let url = project.deploy().url().to_owned();
    let before = project.status();
    let pid = i32::try_from(project.server()["pid"].as_i64().unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let outcome = project.xtask(&["status", "--env", "local"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let after = project.status();
    let definition = |status: &serde_json::Value| status["services"][0]["taskDefinition"].clone();
    assert_eq!(definition(&after), definition(&before));
    assert_eq!(get(&url).unwrap().0, 200);
    let again = project.deploy();
    assert!(again.stderr.contains("unchanged"), "{}", again.stderr);
}
