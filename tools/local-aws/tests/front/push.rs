//! The distribution protocol: push.

use serde_json::json;

use crate::support::{INDEX, MANIFEST, Server, descriptor, digest, digest_of, image};

#[test]
fn takes_a_blob_in_every_way_of_the_protocol() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("team/ludlow");
    let begin = || {
        let reply = registry.send("POST", "/blobs/uploads/", &[], b"");
        assert_eq!(reply.status, 202);
        assert_eq!(reply.header("range"), Some("0-0"));
        reply.place()
    };
    let check = |bytes: &[u8], reply: crate::support::Reply| {
        assert_eq!(reply.status, 201);
        assert_eq!(
            reply.header("docker-content-digest"),
            Some(digest(bytes).as_str())
        );
        assert_eq!(registry.get(&reply.place()).body, bytes);
    };
    let put = |place: &str, rest: &[u8], whole: &[u8]| {
        let path = format!("{place}?digest={}", digest(whole));
        registry.send("PUT", &path, &[], rest)
    };

    let place = begin();
    let patched = registry.send("PATCH", &place, &[], b"by patch");
    assert_eq!(
        (patched.status, patched.header("range")),
        (202, Some("0-7"))
    );
    check(b"by patch", put(&patched.place(), b"", b"by patch"));

    check(b"by put", put(&begin(), b"by put", b"by put"));

    let path = format!("/blobs/uploads/?digest={}", digest(b"by post"));
    check(b"by post", registry.send("POST", &path, &[], b"by post"));

    let place = begin();
    for (range, chunk) in [("0-4", &b"chunk"[..]), ("5-5", b"s")] {
        let headers = [
            ("Content-Range", range),
            ("Content-Type", "application/octet-stream"),
        ];
        assert_eq!(registry.send("PATCH", &place, &headers, chunk).status, 202);
    }
    let status = registry.get(&place);
    assert_eq!((status.status, status.header("range")), (204, Some("0-5")));
    check(b"chunks!", put(&place, b"!", b"chunks!"));

    check(b"", put(&begin(), b"", b""));
}

#[test]
fn refuses_chunks_out_of_order() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let place = registry.send("POST", "/blobs/uploads/", &[], b"").place();
    let chunk = |range: &str, bytes: &[u8]| {
        registry.send("PATCH", &place, &[("Content-Range", range)], bytes)
    };
    assert_eq!(chunk("5-9", b"wrong").status, 416);
    assert_eq!(chunk("0-2", b"abc").status, 202);
    let again = chunk("0-2", b"abc");
    assert_eq!(again.status, 416);
    // The client learns where to go on.
    assert_eq!(again.header("range"), Some("0-2"));
    assert_eq!(chunk("3-3", b"d").status, 202);
    let end = format!("{place}?digest={}", digest(b"abcd"));
    assert_eq!(registry.send("PUT", &end, &[], b"").status, 201);
}

#[test]
fn keeps_nothing_that_does_not_match_its_digest() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let claimed = digest(b"claimed");
    let path = format!("/blobs/uploads/?digest={claimed}");
    let reply = registry.send("POST", &path, &[], b"actual");
    assert_eq!(reply.fault(), (400, "DIGEST_INVALID".to_owned()));
    for digest in [claimed, digest(b"actual")] {
        assert_eq!(
            registry
                .send("HEAD", &format!("/blobs/{digest}"), &[], b"")
                .status,
            404
        );
    }
    let strange = registry.send("POST", "/blobs/uploads/?digest=md5:x", &[], b"x");
    assert_eq!(strange.fault(), (400, "DIGEST_INVALID".to_owned()));
    let uploads = std::fs::read_dir(state.path().join("registry/uploads")).unwrap();
    assert_eq!(uploads.count(), 0);
}

#[test]
fn forgets_an_upload_that_was_given_up() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let place = registry.send("POST", "/blobs/uploads/", &[], b"").place();
    assert_eq!(registry.send("DELETE", &place, &[], b"").status, 204);
    assert_eq!(
        registry.send("PATCH", &place, &[], b"x").fault(),
        (404, "BLOB_UPLOAD_UNKNOWN".to_owned())
    );
    let uploads = std::fs::read_dir(state.path().join("registry/uploads")).unwrap();
    assert_eq!(uploads.count(), 0);
}

#[test]
fn lends_blobs_between_repositories() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let layer = server.registry("one").push_blob(b"layer");
    let two = server.registry("two");
    assert_eq!(
        two.send("HEAD", &format!("/blobs/{layer}"), &[], b"")
            .status,
        404
    );
    let mount = |from: &str| {
        two.send(
            "POST",
            &format!("/blobs/uploads/?mount={layer}&from={from}"),
            &[],
            b"",
        )
        .status
    };
    // What is not there begins an ordinary upload.
    assert_eq!(mount("nowhere"), 202);
    assert_eq!(mount("one"), 201);
    assert_eq!(two.get(&format!("/blobs/{layer}")).body, b"layer");
}

#[test]
fn says_what_a_push_lacks() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let nowhere = registry.send("POST", "/v2/other/blobs/uploads/", &[], b"");
    assert_eq!(nowhere.fault(), (404, "NAME_UNKNOWN".to_owned()));
    assert_eq!(
        nowhere.json()["errors"][0]["message"],
        "The repository with name 'other' does not exist in the registry with id '000000000000'"
    );
    let put = |reference: &str, manifest: &[u8], media_type: &str| {
        let headers = [("Content-Type", media_type)];
        registry
            .send(
                "PUT",
                &format!("/manifests/{reference}"),
                &headers,
                manifest,
            )
            .fault()
    };
    let manifest = image(b"{}", b"layer").to_string();
    let missing = (400, "MANIFEST_BLOB_UNKNOWN".to_owned());
    assert_eq!(put("v1", manifest.as_bytes(), MANIFEST), missing);
    registry.push_blob(b"{}");
    assert_eq!(put("v1", manifest.as_bytes(), MANIFEST), missing);
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(MANIFEST, manifest.as_bytes())]
    });
    assert_eq!(put("v1", index.to_string().as_bytes(), INDEX), missing);
    registry.push_blob(b"layer");
    let invalid = (400, "MANIFEST_INVALID".to_owned());
    assert_eq!(put("v1", b"{", MANIFEST), invalid);
    assert_eq!(put("v1", manifest.as_bytes(), INDEX), invalid);
    let other = digest(b"other");
    assert_eq!(
        put(&other, manifest.as_bytes(), MANIFEST),
        (400, "DIGEST_INVALID".to_owned())
    );
    assert_eq!(
        put("-v1", manifest.as_bytes(), MANIFEST),
        (400, "TAG_INVALID".to_owned())
    );
    let long = vec![b' '; (4 << 20) + 1];
    assert_eq!(
        put("v1", &long, MANIFEST),
        (413, "MANIFEST_INVALID".to_owned())
    );
    assert_eq!(registry.get("/tags/list").json()["tags"], json!([]));
}

#[test]
fn moves_tags_unless_they_are_immutable() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let first = registry.push_image("v1", b"one");
    let second = registry.push_image("v1", b"two");
    let digest_now = || {
        let reply = registry.send("HEAD", "/manifests/v1", &[], b"");
        reply.header("docker-content-digest").unwrap().to_owned()
    };
    assert_eq!(digest_now(), digest_of(&second));
    assert_eq!(
        registry
            .get(&format!("/manifests/{}", digest_of(&first)))
            .status,
        200
    );
    server.ecr(
        "PutImageTagMutability",
        &json!({ "repositoryName": "ludlow", "imageTagMutability": "IMMUTABLE" }),
    );
    let headers = [("Content-Type", MANIFEST)];
    let refused = registry.send(
        "PUT",
        "/manifests/v1",
        &headers,
        first.to_string().as_bytes(),
    );
    assert_eq!(refused.fault(), (400, "TAG_INVALID".to_owned()));
    assert_eq!(
        refused.json()["errors"][0]["message"],
        "The image tag 'v1' already exists in the 'ludlow' repository and cannot be overwritten because the repository is immutable."
    );
    // The same image once more is no change.
    registry.push_manifest("v1", &second);
    assert_eq!(digest_now(), digest_of(&second));
}
