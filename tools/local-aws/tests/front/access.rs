//! Who is let in.

use serde_json::json;

use crate::support::{Server, basic, digest};

#[test]
fn asks_for_ecrs_password() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let reply = server.send("GET", "/v2/", &[], b"");
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.header("www-authenticate").unwrap(),
        format!(
            "Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"",
            server.address
        )
    );
    assert_eq!(
        reply.header("docker-distribution-api-version"),
        Some("registry/2.0")
    );
    assert_eq!(reply.body, b"Not Authorized\n");
    let good = server.registry("ludlow");
    let wrong_user = good
        .authorization()
        .replacen("Basic QVdT", "Basic cm9vd", 1);
    for authorization in [
        basic("AWS", "guess"),
        basic("AWS", ""),
        wrong_user,
        "Bearer x".to_owned(),
        "Basic !".to_owned(),
    ] {
        let headers = [("Authorization", authorization.as_str())];
        let reply = server.send("GET", "/v2/ludlow/tags/list", &headers, b"");
        assert_eq!(reply.status, 401, "{authorization}");
    }
    assert_eq!(good.get("/v2/").status, 200);
}

#[test]
fn knows_a_password_of_before_its_restart() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let authorization = server.registry("ludlow").authorization().to_owned();
    let address = server.address.clone();
    server.kill();
    let server = Server::start(state.path());
    assert_eq!(server.address, address);
    let headers = [("Authorization", authorization.as_str())];
    assert_eq!(server.send("GET", "/v2/", &headers, b"").status, 200);
}

#[test]
fn lets_the_holder_of_a_download_address_have_that_layer_only() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let layer = registry.push_blob(b"one");
    let other = registry.push_blob(b"two");
    let answer = server.ecr(
        "GetDownloadUrlForLayer",
        &json!({ "repositoryName": "ludlow", "layerDigest": layer }),
    );
    let url = answer["downloadUrl"].as_str().unwrap();
    let path = url
        .strip_prefix(&format!("http://{}", server.address))
        .unwrap();
    let reply = server.send("GET", path, &[], b"");
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"one"[..]));
    assert_eq!(server.send("DELETE", path, &[], b"").status, 401);
    let stolen = path.replace(&layer, &other);
    assert_eq!(server.send("GET", &stolen, &[], b"").status, 401);
    let longer = path.replace("expires=", "expires=9");
    assert_eq!(server.send("GET", &longer, &[], b"").status, 401);
}

#[test]
fn does_not_speak_to_pages_of_other_sites() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let own = format!("http://{}", server.address);
    let table = [
        (("Host", "evil.example"), 403),
        (("Host", "localhost:1"), 200),
        (("Origin", "http://evil.example"), 403),
        (("Origin", own.as_str()), 200),
    ];
    for (header, status) in table {
        let reply = server.send("GET", "/_local/health", &[header], b"");
        assert_eq!(reply.status, status, "{header:?}");
    }
}

#[test]
fn never_leaves_its_directory() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let digest = digest(b"x");
    for path in [
        format!("/v2/../../etc/blobs/{digest}"),
        format!("/v2/a/%2e%2e/%2e%2e/blobs/{digest}"),
        format!("/v2/Upper/blobs/{digest}"),
    ] {
        assert_eq!(
            registry.get(&path).fault(),
            (400, "NAME_INVALID".to_owned()),
            "{path}"
        );
    }
    for digest in [
        "..%2f..%2fstate.db",
        "sha256:..",
        "sha512:00",
        "sha256:%2e%2e",
    ] {
        let reply = registry.get(&format!("/blobs/{digest}"));
        assert!(
            [400, 404].contains(&reply.status),
            "{digest}: {}",
            reply.status
        );
    }
}
