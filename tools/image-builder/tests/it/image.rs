//! An image in a layout, read by other code than the program's own.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(crate) fn blob(layout: &Path, digest: &str) -> Vec<u8> {
    let hex = digest.strip_prefix("sha256:").unwrap();
    let bytes = std::fs::read(layout.join("blobs/sha256").join(hex)).unwrap();
    assert_eq!(hex::encode(Sha256::digest(&bytes)), hex);
    bytes
}

fn json(layout: &Path, digest: &Value) -> Value {
    serde_json::from_slice(&blob(layout, digest.as_str().unwrap())).unwrap()
}

/// The manifest, whose descriptor and whose parts' descriptors are checked.
pub(crate) fn manifest(layout: &Path) -> Value {
    let index: Value =
        serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let descriptor = &index["manifests"][0];
    let bytes = blob(layout, descriptor["digest"].as_str().unwrap());
    assert_eq!(descriptor["size"], bytes.len());
    let manifest: Value = serde_json::from_slice(&bytes).unwrap();
    for part in manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .chain([&manifest["config"]])
    {
        assert_eq!(
            part["size"],
            blob(layout, part["digest"].as_str().unwrap()).len()
        );
    }
    manifest
}

/// The configuration.
pub(crate) fn config(layout: &Path) -> Value {
    json(layout, &manifest(layout)["config"]["digest"])
}

/// Every layer as a listing: what made it, then a line for each entry.
pub(crate) fn listing(layout: &Path) -> String {
    let manifest = manifest(layout);
    let config = config(layout);
    let makers = config["history"].as_array().unwrap().iter();
    let mut makers = makers.filter(|entry| entry["empty_layer"] != true);
    let mut text = String::new();
    let layers = manifest["layers"].as_array().unwrap();
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    assert_eq!(layers.len(), diff_ids.len());
    for (layer, diff_id) in layers.iter().zip(diff_ids) {
        let maker = makers
            .next()
            .map_or("", |entry| entry["created_by"].as_str().unwrap());
        text.push_str(&format!("[{maker}]\n"));
        let compressed = blob(layout, layer["digest"].as_str().unwrap());
        let mut archive = Vec::new();
        flate2::bufread::MultiGzDecoder::new(compressed.as_slice())
            .read_to_end(&mut archive)
            .unwrap();
        assert_eq!(
            format!("sha256:{}", hex::encode(Sha256::digest(&archive))),
            diff_id.as_str().unwrap()
        );
        for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
            text.push_str(&line(entry.unwrap()));
        }
    }
    assert_eq!(
        makers.count(),
        0,
        "the history has more layers than the image"
    );
    text
}

fn line(mut entry: tar::Entry<'_, &[u8]>) -> String {
    let records = entry.pax_extensions().unwrap().into_iter().flatten();
    let attributes: String = records
        .map(|record| record.unwrap())
        .map(|record| format!(" {}={:?}", record.key().unwrap(), record.value_bytes()))
        .collect();
    let header = entry.header();
    // This program sets all times to the same; those of base images stay as they are.
    let time = match header.mtime().unwrap() {
        0 => String::new(),
        time => format!("@{time} "),
    };
    let owner = format!(
        "{time}{:04o} {}:{}",
        header.mode().unwrap(),
        header.uid().unwrap(),
        header.gid().unwrap()
    );
    let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
    let kind = header.entry_type();
    if kind.is_symlink() {
        let target = entry.link_name_bytes().unwrap().into_owned();
        return format!("{owner} {path} -> {}\n", String::from_utf8(target).unwrap());
    }
    if kind.is_dir() {
        return format!("{owner} {path}\n");
    }
    if kind.is_hard_link() {
        let target = entry.link_name_bytes().unwrap().into_owned();
        return format!("{owner} {path} = {}\n", String::from_utf8(target).unwrap());
    }
    assert!(kind.is_file(), "{path} is {kind:?}");
    let mut content = Vec::new();
    entry.read_to_end(&mut content).unwrap();
    let content = String::from_utf8(content)
        .unwrap_or_else(|binary| hex::encode(Sha256::digest(binary.as_bytes())));
    format!("{owner} {path} {content:?}{attributes}\n")
}
