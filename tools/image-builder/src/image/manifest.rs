//! Manifests and indexes: what names the parts of an image.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};

use anyhow::{Context as _, bail};
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::platform::Platform;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// Overlay file systems have 500 layers at most (kernel documentation, overlayfs), and Docker allows 127.
const MOST_LAYERS: usize = 500;

/// A blob: what it is, and how to know it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(crate) fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// One image for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) schema_version: u32,
    pub(crate) media_type: Option<String>,
    pub(crate) config: Descriptor,
    /// Lowest first.
    pub(crate) layers: Vec<Descriptor>,
}

/// Images for several platforms, or the table of contents of a layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<String>,
    pub(crate) manifests: Vec<Descriptor>,
}

impl Manifest {
    /// Of an image that this tool made.
    pub(crate) fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(OCI_MANIFEST.to_owned()),
            config,
            layers,
        }
    }

    pub(crate) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let manifest: Self =
            serde_json::from_slice(bytes).context("the image's manifest is malformed")?;
        if manifest.schema_version != 2 {
            bail!(
                "the image's manifest has version {}, not 2",
                manifest.schema_version
            );
        }
        if manifest.layers.len() > MOST_LAYERS {
            bail!(
                "the image has {} layers, and {MOST_LAYERS} are the most that a runtime takes",
                manifest.layers.len()
            );
        }
        Ok(manifest)
    }

    pub(crate) fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        serde_json::to_vec(self).context("cannot write the image's manifest")
    }

    /// What it says of its own type; OCI's where it says nothing.
    pub(crate) fn media_type(&self) -> &str {
        self.media_type.as_deref().unwrap_or(OCI_MANIFEST)
    }

    /// Bytes of config and layers.
    pub(crate) fn content_size(&self) -> u64 {
        self.config.size + self.layers.iter().map(|layer| layer.size).sum::<u64>()
    }
}

/// How bytes become a tar archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    /// Of archives that ADD unpacks; no layer is compressed so.
    Bzip2,
    /// Likewise.
    Xz,
}

impl Compression {
    /// What the first bytes say; nothing known is no compression.
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::None,
        }
    }

    /// Reads what was compressed.
    pub(crate) fn open<'r>(self, reader: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
        let buffered = BufReader::with_capacity(256 * 1024, reader);
        Ok(match self {
            Self::None => Box::new(buffered),
            Self::Gzip => Box::new(MultiGzDecoder::new(buffered)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(buffered)?),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(buffered)),
            Self::Xz => Box::new(XzReader::new(buffered, true)),
        })
    }

    /// As the task runtime names it.
    pub(crate) fn of_runtime(self) -> task_runtime::layers::Compression {
        match self {
            Self::None => task_runtime::layers::Compression::None,
            Self::Gzip => task_runtime::layers::Compression::Gzip,
            Self::Zstd => task_runtime::layers::Compression::Other(|file| Self::Zstd.open(file)),
            Self::Bzip2 => task_runtime::layers::Compression::Other(|file| Self::Bzip2.open(file)),
            Self::Xz => task_runtime::layers::Compression::Other(|file| Self::Xz.open(file)),
        }
    }
}

/// The compression and the OCI name of a layer's media type, which may be Docker's.
pub(crate) fn layer_type(media_type: &str) -> anyhow::Result<(Compression, &'static str)> {
    match media_type {
        OCI_LAYER | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            Ok((Compression::Gzip, OCI_LAYER))
        }
        "application/vnd.oci.image.layer.v1.tar"
        | "application/vnd.docker.image.rootfs.diff.tar" => {
            Ok((Compression::None, "application/vnd.oci.image.layer.v1.tar"))
        }
        OCI_LAYER_ZSTD | "application/vnd.docker.image.rootfs.diff.tar.zstd" => {
            Ok((Compression::Zstd, OCI_LAYER_ZSTD))
        }
        other => {
            bail!(
                "the embedded engine reads layers compressed by gzip, zstd or not at all, not {other}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_manifest_in_one_way() {
        let digest = Digest::of(b"");
        let manifest = Manifest::new(
            Descriptor::new(OCI_CONFIG, digest.clone(), 1),
            vec![Descriptor::new(OCI_LAYER, digest.clone(), 2)],
        );
        assert_eq!(
            String::from_utf8(manifest.to_bytes().unwrap()).unwrap(),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"{OCI_CONFIG}","digest":"{digest}","size":1}},"layers":[{{"mediaType":"{OCI_LAYER}","digest":"{digest}","size":2}}]}}"#
            )
        );
        assert_eq!(
            Manifest::parse(&manifest.to_bytes().unwrap()).unwrap(),
            manifest
        );
        assert_eq!(manifest.content_size(), 3);
    }

    #[test]
    fn knows_the_layers_of_docker() {
        assert_eq!(
            layer_type("application/vnd.docker.image.rootfs.diff.tar.gzip").unwrap(),
            (Compression::Gzip, OCI_LAYER)
        );
        assert!(layer_type("application/vnd.oci.image.layer.v1.tar+xz").is_err());
    }
}
