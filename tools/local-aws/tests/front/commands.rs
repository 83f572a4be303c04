//! The subcommands beside `serve`.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::{Server, local_aws};

fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn says_whether_a_server_runs_and_stops_it() {
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let absent = local_aws(&["status"], &state);
    assert_eq!(document(&absent.stdout)["running"], false);
    let server = Server::start(&state);
    server.registry("ludlow").push_image("v1", b"layer");
    let present = document(&local_aws(&["status"], &state).stdout);
    assert_eq!(present["running"], true);
    assert_eq!(present["endpoint"], format!("http://{}", server.address));
    assert_eq!(present["repositories"], 1);
    assert_eq!(present["images"], 1);
    assert!(local_aws(&["down"], &state).status.success());
    let absent = document(&local_aws(&["status"], &state).stdout);
    assert_eq!(absent["running"], false);
    assert!(!state.join("endpoint.json").exists());
    let again = Server::start(&state);
    assert_eq!(again.address, server.address);
}

#[test]
fn shares_a_state_with_nobody() {
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let server = Server::start(&state);
    let second = local_aws(&["serve"], &state);
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(second.stdout, b"");
    let complaint = String::from_utf8(second.stderr).unwrap();
    let pid = document(&local_aws(&["status"], &state).stdout)["pid"].clone();
    let path = state.canonicalize().unwrap();
    assert_eq!(
        complaint.lines().next().unwrap(),
        format!(
            "error: another local AWS (process {pid}) uses {}",
            path.display()
        )
    );
    drop(server);
}

#[test]
fn removes_all_that_it_made_also_after_a_kill() {
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let server = Server::start(&state);
    server.registry("ludlow").push_image("v1", b"layer");
    server.kill();
    assert!(local_aws(&["reset"], &state).status.success());
    assert!(!state.exists());
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("thesis.tex"), "").unwrap();
    let refused = local_aws(&["reset"], &state);
    assert_eq!(refused.status.code(), Some(2));
    assert!(state.join("thesis.tex").exists());
}

#[test]
fn keeps_secrets_from_other_users() {
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let server = Server::start(&state);
    server.registry("ludlow").push_image("v1", b"layer");
    let mode = |name: &str| {
        let path = state.join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("."), 0o700);
    for name in ["state.db", "state.db-wal", "state.db-shm", "endpoint.json"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}
