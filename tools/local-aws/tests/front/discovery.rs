//! The distribution protocol: content discovery.

use serde_json::json;

use crate::support::{INDEX, MANIFEST, Registry, Server, descriptor, digest_of};

/// Follows `Link` from page to page.
fn pages(registry: &Registry<'_>, first: &str, member: &str) -> Vec<serde_json::Value> {
    let mut found = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(path) = next {
        let reply = registry.get(&path);
        assert_eq!(reply.status, 200, "{path}");
        found.push(reply.json()[member].clone());
        next = reply.header("link").map(|link| {
            let (path, relation) = link.split_once('>').unwrap();
            assert_eq!(relation, "; rel=\"next\"");
            path.trim_start_matches('<').to_owned()
        });
    }
    found
}

#[test]
fn lists_tags_and_repositories_in_pages() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("team/b");
    server.registry("team/a");
    server.registry("cc");
    let manifest = registry.push_image("v1", b"layer");
    for tag in ["v3", "v2", "latest", "v4"] {
        registry.push_manifest(tag, &manifest);
    }
    let whole = registry.get("/tags/list").json();
    assert_eq!(
        whole,
        json!({ "name": "team/b", "tags": ["latest", "v1", "v2", "v3", "v4"] })
    );
    assert_eq!(
        pages(&registry, "/tags/list?n=2", "tags"),
        [json!(["latest", "v1"]), json!(["v2", "v3"]), json!(["v4"])]
    );
    let rest = registry.get("/tags/list?last=v2").json();
    assert_eq!(rest["tags"], json!(["v3", "v4"]));
    assert_eq!(registry.get("/tags/list?n=x").status, 400);
    assert_eq!(
        pages(&registry, "/v2/_catalog?n=2", "repositories"),
        [json!(["cc", "team/a"]), json!(["team/b"])]
    );
}

#[test]
fn lists_what_speaks_of_an_image() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let registry = server.registry("ludlow");
    let subject = registry.push_image("v1", b"layer");
    let artifact = |kind: &str| {
        registry.push_blob(b"{}");
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": kind,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [],
            "subject": descriptor(MANIFEST, subject.to_string().as_bytes()),
            "annotations": { "of": kind },
        })
    };
    let (signature, bill) = (
        artifact("application/signature"),
        artifact("application/bill"),
    );
    for manifest in [&signature, &bill] {
        let text = manifest.to_string();
        let path = format!("/manifests/{}", digest_of(manifest));
        let headers = [("Content-Type", MANIFEST)];
        let reply = registry.send("PUT", &path, &headers, text.as_bytes());
        assert_eq!(reply.status, 201);
        assert_eq!(
            reply.header("oci-subject"),
            Some(digest_of(&subject).as_str())
        );
    }
    let path = format!("/referrers/{}", digest_of(&subject));
    let all = registry.get(&path);
    assert_eq!(all.header("content-type"), Some(INDEX));
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
    let filtered = registry.get(&format!("{path}?artifactType=application/bill"));
    assert_eq!(filtered.header("oci-filters-applied"), Some("artifactType"));
    assert_eq!(
        filtered.json(),
        json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [{
                "mediaType": MANIFEST,
                "digest": digest_of(&bill),
                "size": bill.to_string().len(),
                "artifactType": "application/bill",
                "annotations": { "of": "application/bill" },
            }],
        })
    );
    let nobody = registry.get(&format!("/referrers/{}", digest_of(&bill)));
    assert_eq!(nobody.json()["manifests"], json!([]));
}
