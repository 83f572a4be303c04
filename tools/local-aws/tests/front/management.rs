//! The distribution protocol: content management; and what ECR's API says of it.

use std::path::Path;

use serde_json::json;

use crate::support::{INDEX, MANIFEST, Registry, Server, descriptor, digest, digest_of};

fn blobs(state: &Path) -> usize {
    std::fs::read_dir(state.join("registry/blobs/sha256"))
        .unwrap()
        .count()
}

fn delete(registry: &Registry<'_>, path: &str) -> u16 {
    registry.send("DELETE", path, &[], b"").status
}

#[test]
fn removes_tags_then_images_then_their_files() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let manifest = registry.push_image("v1", b"layer");
    registry.push_manifest("v2", &manifest);
    assert_eq!(blobs(state.path()), 3);
    assert_eq!(delete(&registry, "/manifests/v1"), 202);
    assert_eq!(delete(&registry, "/manifests/v1"), 404);
    assert_eq!(registry.get("/tags/list").json()["tags"], json!(["v2"]));
    let by_digest = format!("/manifests/{}", digest_of(&manifest));
    assert_eq!(delete(&registry, &by_digest), 202);
    assert_eq!(registry.get("/manifests/v2").status, 404);
    assert_eq!(registry.get(&by_digest).status, 404);
    assert_eq!(
        registry.get(&format!("/blobs/{}", digest(b"layer"))).status,
        404
    );
    assert_eq!(blobs(state.path()), 0);
}

#[test]
fn keeps_blobs_that_others_need() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let (one, two) = (server.registry("one"), server.registry("two"));
    let first = one.push_image("v1", b"shared");
    two.push_image("v1", b"shared");
    let layer = format!("/blobs/{}", digest(b"shared"));
    assert_eq!(delete(&one, &layer), 403);
    assert_eq!(
        delete(&one, &format!("/manifests/{}", digest_of(&first))),
        202
    );
    assert_eq!(one.get(&layer).status, 404);
    assert_eq!(two.get(&layer).body, b"shared");
    let loose = format!("/blobs/{}", two.push_blob(b"loose"));
    assert_eq!(delete(&two, &loose), 202);
    assert_eq!(delete(&two, &loose), 404);
    server.ecr(
        "DeleteRepository",
        &json!({ "repositoryName": "two", "force": true }),
    );
    assert_eq!(blobs(state.path()), 0);
}

#[test]
fn keeps_the_images_of_an_index() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let child = registry.push_image("child", b"layer");
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(MANIFEST, child.to_string().as_bytes())]
    });
    registry.push_manifest("all", &index);
    let by_digest = format!("/manifests/{}", digest_of(&child));
    assert_eq!(delete(&registry, &by_digest), 403);
    assert_eq!(
        delete(&registry, &format!("/manifests/{}", digest_of(&index))),
        202
    );
    assert_eq!(delete(&registry, &by_digest), 202);
}

#[test]
fn is_one_store_with_ecrs_api() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let manifest = registry.push_image("v1", b"layer");
    let images = server.ecr("DescribeImages", &json!({ "repositoryName": "ludlow" }));
    let detail = &images["imageDetails"][0];
    assert_eq!(detail["imageDigest"], digest_of(&manifest));
    assert_eq!(detail["imageTags"], json!(["v1"]));
    assert_eq!(detail["imageSizeInBytes"], 7);
    assert_eq!(detail["imageManifestMediaType"], MANIFEST);
    // Retagging as everybody does it.
    let got = server.ecr(
        "BatchGetImage",
        &json!({ "repositoryName": "ludlow", "imageIds": [{ "imageTag": "v1" }] }),
    );
    let text = got["images"][0]["imageManifest"].as_str().unwrap();
    assert_eq!(text, manifest.to_string());
    server.ecr(
        "PutImage",
        &json!({ "repositoryName": "ludlow", "imageManifest": text, "imageTag": "stable" }),
    );
    assert_eq!(registry.get("/manifests/stable").json(), manifest);
    let refused = server.ecr("DeleteRepository", &json!({ "repositoryName": "ludlow" }));
    assert_eq!(
        refused,
        json!({
            "__type": "RepositoryNotEmptyException",
            "message": "The repository with name 'ludlow' in registry with id '000000000000' cannot be deleted because it still contains images",
        })
    );
}
