//! Images to build on, put into the registry by hand.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::registry::{Registry, digest};

/// One entry of a layer.
pub(crate) enum Entry<'a> {
    Directory(&'a str, u32),
    File(&'a str, &'a str),
    Link(&'a str, &'a str),
    HardLink(&'a str, &'a str),
    Device(&'a str),
    /// An empty file with an extended attribute.
    Capable(&'a str, &'a str, &'a [u8]),
    /// A file with a name that no well-meaning program writes.
    Raw(&'a str, &'a str),
}

/// A tar archive.
pub(crate) fn archive(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_uid(3);
        header.set_gid(4);
        header.set_mode(0o640);
        header.set_mtime(1_234_567);
        let (path, content) = match entry {
            Entry::File(path, content) | Entry::Raw(path, content) => (*path, *content),
            Entry::Directory(path, mode) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(*mode);
                (*path, "")
            }
            Entry::Link(path, target) | Entry::HardLink(path, target) => {
                let is_hard = matches!(entry, Entry::HardLink(..));
                header.set_entry_type(if is_hard {
                    tar::EntryType::Link
                } else {
                    tar::EntryType::Symlink
                });
                header.set_link_name_literal(target).unwrap();
                (*path, "")
            }
            Entry::Capable(path, name, value) => {
                let name = format!("SCHILY.xattr.{name}");
                builder
                    .append_pax_extensions([(name.as_str(), *value)])
                    .unwrap();
                (*path, "")
            }
            Entry::Device(path) => {
                header.set_entry_type(tar::EntryType::Char);
                (*path, "")
            }
        };
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The same, compressed.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An image of these layers; `run` is its configuration. Gives the manifest's digest.
pub(crate) fn put(
    registry: &Registry,
    tag: &str,
    platform: (&str, &str),
    run: &Value,
    layers: &[Vec<u8>],
) -> String {
    let mut state = registry.state();
    let mut blob = |media_type: &str, bytes: Vec<u8>| {
        let descriptor =
            json!({"mediaType": media_type, "digest": digest(&bytes), "size": bytes.len()});
        state.blobs.insert(digest(&bytes), bytes);
        descriptor
    };
    let config = json!({
        "os": platform.0,
        "architecture": platform.1,
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|layer| digest(layer)).collect::<Vec<_>>()},
        "history": layers.iter().map(|_| json!({"created_by": "base", "created": "2020-01-01T00:00:00Z"})).collect::<Vec<_>>()
    });
    let config = blob(
        "application/vnd.docker.container.image.v1+json",
        serde_json::to_vec(&config).unwrap(),
    );
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| {
            blob(
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                gzip(layer),
            )
        })
        .collect();
    let media_type = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest =
        json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers});
    let bytes = serde_json::to_vec(&manifest).unwrap();
    let digest = digest(&bytes);
    for name in [format!("base:{tag}"), format!("base@{digest}")] {
        state
            .manifests
            .insert(name, (media_type.to_owned(), bytes.clone()));
    }
    digest
}

/// An index of images for several platforms.
pub(crate) fn put_index(registry: &Registry, tag: &str, images: &[(&str, &str, String)]) {
    let mut state = registry.state();
    let manifests: Vec<Value> = images
        .iter()
        .map(|(os, architecture, digest)| {
            let size = state.manifests[&format!("base@{digest}")].1.len();
            json!({
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": digest, "size": size,
                "platform": {"os": os, "architecture": architecture}
            })
        })
        .collect();
    let media_type = "application/vnd.oci.image.index.v1+json";
    let bytes = serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": manifests})).unwrap();
    let digest = digest(&bytes);
    for name in [format!("base:{tag}"), format!("base@{digest}")] {
        state
            .manifests
            .insert(name, (media_type.to_owned(), bytes.clone()));
    }
}
