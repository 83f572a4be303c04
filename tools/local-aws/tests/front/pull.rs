//! The distribution protocol: pull.

use crate::support::{MANIFEST, Server, digest, digest_of};

#[test]
fn gives_what_was_pushed() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("team/ludlow");
    let manifest = registry.push_image("v1", b"layer");
    let digest = digest_of(&manifest);
    for reference in ["v1", &digest] {
        let path = format!("/manifests/{reference}");
        let got = registry.get(&path);
        assert_eq!((got.status, got.json()), (200, manifest.clone()));
        let head = registry.send("HEAD", &path, &[], b"");
        assert_eq!((head.status, head.body.as_slice()), (200, &b""[..]));
        for reply in [got, head] {
            assert_eq!(reply.header("content-type"), Some(MANIFEST));
            assert_eq!(reply.header("docker-content-digest"), Some(digest.as_str()));
            let length = manifest.to_string().len().to_string();
            assert_eq!(reply.header("content-length"), Some(length.as_str()));
        }
    }
}

#[test]
fn gives_blobs_and_parts_of_them() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    // More than one piece of a stream.
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    let path = format!("/blobs/{}", registry.push_blob(&bytes));
    let head = registry.send("HEAD", &path, &[], b"");
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("1000003"))
    );
    assert_eq!(
        head.header("docker-content-digest"),
        Some(digest(&bytes).as_str())
    );
    assert_eq!(registry.get(&path).body, bytes);
    let part = |range: &str| registry.send("GET", &path, &[("Range", range)], b"");
    let middle = part("bytes=300000-900000");
    assert_eq!(middle.status, 206);
    assert_eq!(
        middle.header("content-range"),
        Some("bytes 300000-900000/1000003")
    );
    assert_eq!(middle.body, &bytes[300_000..=900_000]);
    assert_eq!(part("bytes=-3").body, &bytes[1_000_000..]);
    let outside = part("bytes=1000003-");
    assert_eq!(outside.status, 416);
    assert_eq!(outside.header("content-range"), Some("bytes */1000003"));
}

#[test]
fn says_what_is_not_there() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let absent = digest(b"absent");
    let table = [
        (format!("/blobs/{absent}"), 404, "BLOB_UNKNOWN"),
        (format!("/manifests/{absent}"), 404, "MANIFEST_UNKNOWN"),
        ("/manifests/v1".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("/v2/other/manifests/v1".to_owned(), 404, "NAME_UNKNOWN"),
        ("/v2/other/tags/list".to_owned(), 404, "NAME_UNKNOWN"),
        ("/manifests/sha256:short".to_owned(), 400, "DIGEST_INVALID"),
        ("/nothing".to_owned(), 404, "UNSUPPORTED"),
    ];
    for (path, status, code) in table {
        assert_eq!(
            registry.get(&path).fault(),
            (status, code.to_owned()),
            "{path}"
        );
    }
    let method = registry.send("POST", "/tags/list", &[], b"");
    assert_eq!(method.fault(), (405, "UNSUPPORTED".to_owned()));
}
