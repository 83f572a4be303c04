//! What is left after `kill -9`.

use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use crate::support::{Server, digest, digest_of};

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn loses_nothing_and_keeps_no_half_blob() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let manifest = registry.push_image("v1", b"layer");
    let place = registry.send("POST", "/blobs/uploads/", &[], b"").place();
    assert_eq!(
        registry.send("PATCH", &place, &[], b"first half").status,
        202
    );
    // Killed in the middle of the second half.
    let authorization = registry.authorization().to_owned();
    let headers = [("Authorization", authorization.as_str())];
    let mut stream = server.begin("PATCH", &place, &headers, 1 << 20);
    stream.write_all(&[7; 1 << 16]).unwrap();
    let uploads = state.path().join("registry/uploads");
    assert_eq!(files(&uploads).len(), 1);
    let blobs = state.path().join("registry/blobs/sha256");
    let before = files(&blobs);
    // A blob whose record was not written any more.
    let orphan = digest(b"orphan").replace("sha256:", "");
    std::fs::write(blobs.join(&orphan), "orphan").unwrap();
    server.kill();

    let server = Server::start(state.path());
    assert_eq!(files(&uploads), [""; 0]);
    assert_eq!(files(&blobs), before);
    let registry = server.registry("other");
    let pulled = registry.get("/v2/ludlow/manifests/v1");
    assert_eq!(pulled.json(), manifest);
    assert_eq!(
        registry
            .get(&format!("/v2/ludlow/blobs/{}", digest(b"layer")))
            .body,
        b"layer"
    );
    let gone = registry.send("PATCH", &place, &[], b"x");
    assert_eq!(gone.fault(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    let images = server.ecr("DescribeImages", &json!({ "repositoryName": "ludlow" }));
    assert_eq!(
        images["imageDetails"][0]["imageDigest"],
        digest_of(&manifest)
    );
}

#[test]
fn goes_on_after_a_client_broke_off() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let place = registry.send("POST", "/blobs/uploads/", &[], b"").place();
    let headers = [("Authorization", registry.authorization())];
    let mut stream = server.begin("PATCH", &place, &headers, 100);
    stream.write_all(b"half").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    // The server notices, and answers or closes.
    std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    // The one who writes to the disk may have a moment's work left.
    let status = loop {
        let status = registry.get(&place);
        if status.status != 409 {
            break status;
        }
    };
    let range = status.header("range").unwrap().to_owned();
    let have: usize = range.strip_prefix("0-").unwrap().parse::<usize>().unwrap() + 1;
    assert_eq!(&b"half"[have..], b"");
    let end = format!("{place}?digest={}", digest(b"half done"));
    assert_eq!(registry.send("PUT", &end, &[], b" done").status, 201);
}
