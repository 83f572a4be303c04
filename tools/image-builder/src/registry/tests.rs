use std::path::Path;
use std::time::Duration;

use super::push::{Lenders, Parcel, Sent, push as push_parcel};
use super::*;
use crate::image::config::Config;
use crate::image::layout::{Layout, Stored};
use crate::image::manifest::{Descriptor, Manifest, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST};

#[path = "../../tests/it/registry.rs"]
mod fake;

/// An image with two layers of some size.
fn image(directory: &Path) -> (Layout, Stored) {
    let layout = Layout::create(directory).unwrap();
    let layer = |length: usize| -> Descriptor {
        let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        layout.put(OCI_LAYER, &bytes).unwrap()
    };
    let layers = vec![layer(300_000), layer(50_000)];
    let config = Config::scratch(&"linux/amd64".parse().unwrap());
    let config_blob = layout.put(OCI_CONFIG, &config.to_bytes().unwrap()).unwrap();
    let manifest = Manifest::new(config_blob, layers);
    let descriptor = layout
        .put(OCI_MANIFEST, &manifest.to_bytes().unwrap())
        .unwrap();
    layout
        .point_to(&descriptor, "t", "embedded", None, &config)
        .unwrap();
    let image = layout.image().unwrap();
    (layout, image)
}

fn credentials(_host: &str) -> anyhow::Result<Option<Authorization>> {
    Ok(Some(Authorization::basic(fake::PASSWORD)))
}

fn client(server: &fake::Registry, attempts: u32) -> Registry<'static> {
    let retries = Retries::new(attempts, Duration::ZERO);
    Registry::new(&server.address, "app", Access::Push, &credentials, retries)
}

/// Pushes under one tag.
fn push(
    registry: &Registry<'_>,
    image: &Stored,
    tag: &str,
    layout: &Layout,
    advance: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Sent> {
    let parcel = Parcel {
        image,
        tag,
        key_tag: None,
        lenders: &Lenders::new(),
    };
    push_parcel(registry, &parcel, layout, advance)
}

/// Every blob that a manifest of the registry names is there.
fn assert_whole(server: &fake::Registry, image: &Stored) {
    let state = server.state();
    assert_eq!(state.manifests["app:t"].1, image.bytes);
    for blob in image.manifest.layers.iter().chain([&image.manifest.config]) {
        assert_eq!(state.blobs[blob.digest.as_str()].len() as u64, blob.size);
    }
}

#[test]
fn survives_a_cut_at_every_tenth_of_an_upload() {
    let directory = tempfile::tempdir().unwrap();
    let (layout, image) = image(directory.path());
    for tenth in 0..10 {
        let server = fake::Registry::start(&["app"]);
        server.state().cuts = vec![tenth * 30_000];
        let sent = push(&client(&server, 3), &image, "t", &layout, &|_| {}).unwrap();
        assert_eq!(
            sent,
            Sent {
                uploaded: image.manifest.content_size(),
                skipped: 0
            }
        );
        assert_whole(&server, &image);
        assert_eq!(server.take_log().last().unwrap(), "PUT /v2/app/manifests/t");
    }
}

#[test]
fn goes_on_where_a_cut_upload_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (layout, image) = image(directory.path());
    for tenth in 1..10 {
        let server = fake::Registry::start(&["app"]);
        server.state().keeps_parts = true;
        server.state().cuts = vec![tenth * 30_000];
        push(&client(&server, 3), &image, "t", &layout, &|_| {}).unwrap();
        assert_whole(&server, &image);
        let parts = server.state().parts.clone();
        // What came before the cut is not sent again, whichever layer it was.
        let begin = tenth * 30_000;
        let expected = [300_000, 50_000].map(|size| format!("{begin}-{}", size - 1));
        assert_eq!(parts.len(), 1, "{parts:?}");
        assert!(expected.contains(&parts[0]), "{parts:?}");
    }
}

#[test]
fn takes_blobs_from_repositories_that_have_them() {
    let directory = tempfile::tempdir().unwrap();
    let (layout, image) = image(directory.path());
    let server = fake::Registry::start(&["app"]);
    let layers = &image.manifest.layers;
    let lenders = Lenders::from([
        (layers[0].digest.clone(), "team/base".to_owned()),
        (layers[1].digest.clone(), "team/other".to_owned()),
    ]);
    let path = layout.blob(&layers[0].digest);
    let bytes = std::fs::read(path).unwrap();
    server
        .state()
        .lent
        .insert(format!("team/base@{}", layers[0].digest), bytes);
    let parcel = Parcel {
        image: &image,
        tag: "t",
        key_tag: Some("content-1"),
        lenders: &lenders,
    };
    let sent = push_parcel(&client(&server, 3), &parcel, &layout, &|_| {}).unwrap();
    assert_eq!(sent.skipped, layers[0].size);
    assert_whole(&server, &image);
    let log = server.take_log();
    assert_eq!(
        log[log.len() - 2..],
        ["PUT /v2/app/manifests/content-1", "PUT /v2/app/manifests/t"]
    );
}

#[test]
fn leaves_no_tag_where_a_blob_cannot_be_sent() {
    let directory = tempfile::tempdir().unwrap();
    let (layout, image) = image(directory.path());
    let server = fake::Registry::start(&["app"]);
    server.state().cuts = vec![100_000; 20];
    let error = push(&client(&server, 3), &image, "t", &layout, &|_| {}).unwrap_err();
    let layer = &image.manifest.layers[0].digest;
    assert_eq!(
        error.to_string(),
        format!("cannot upload {layer} to {}/app", server.address)
    );
    assert!(server.state().manifests.is_empty());
    // As a cause, a broken pipe would end the program as if all were well.
    let causes = error.chain();
    assert!(
        causes
            .into_iter()
            .all(|cause| cause.downcast_ref::<std::io::Error>().is_none())
    );
    // The next push sends only what is missing.
    server.state().cuts.clear();
    let sent = push(&client(&server, 3), &image, "t", &layout, &|_| {}).unwrap();
    assert_eq!(sent.uploaded + sent.skipped, image.manifest.content_size());
    assert_whole(&server, &image);
}

#[test]
fn counts_every_byte_once() {
    let directory = tempfile::tempdir().unwrap();
    let (layout, image) = image(directory.path());
    let server = fake::Registry::start(&["app"]);
    server.state().cuts = vec![200_000, 40_000];
    let counted = std::sync::atomic::AtomicU64::new(0);
    let advance = |bytes| {
        counted.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    };
    push(&client(&server, 4), &image, "t", &layout, &advance).unwrap();
    assert_eq!(counted.into_inner(), image.manifest.content_size());
}

#[test]
fn speaks_without_encryption_on_this_machine_only() {
    for host in [
        "127.0.0.1:80",
        "localhost",
        "localhost:1",
        "[::1]:80",
        "aws.localhost:4510",
        "127.77.0.1",
    ] {
        assert!(is_loopback(host), "{host}");
    }
    for host in [
        "127.0.0.1.evil.io",
        "localhost.evil.io",
        "10.0.0.1",
        "[::2]:80",
        "docker.io",
        "",
    ] {
        assert!(!is_loopback(host), "{host}");
    }
}
