//! Image manifests: Docker's schema 2 and OCI's, for one image or for an index of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::digest::Digest;

/// ECR's and the distribution specification's.
pub(crate) const MANIFEST_LIMIT: usize = 4 << 20;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) content: Content,
    /// What the artifact is: `artifactType`, otherwise the media type of its configuration.
    pub(crate) artifact_type: Option<String>,
    /// The manifest that this one speaks of (a signature's image).
    pub(crate) subject: Option<Digest>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What a manifest lists.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// One image.
    Image {
        config: Descriptor,
        /// From the lowest to the uppermost.
        layers: Vec<Descriptor>,
    },
    /// Images for several platforms.
    Index(Vec<Descriptor>),
}

/// A reference to a blob or a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) platform: Option<Platform>,
    /// A layer that registries do not hold themselves.
    #[serde(default)]
    urls: Vec<String>,
}

/// Where an image of an index runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Descriptor {
    /// Whether a registry need not hold it.
    pub(crate) fn is_foreign(&self) -> bool {
        !self.urls.is_empty()
            || self.media_type.contains("nondistributable")
            || self.media_type.contains(".foreign.")
    }
}

impl Manifest {
    /// Reads a manifest. `content_type` is what the client calls it, if it says so.
    pub(crate) fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, String> {
        if bytes.len() > MANIFEST_LIMIT {
            return Err(format!("a manifest has at most {MANIFEST_LIMIT} bytes"));
        }
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|error| format!("the manifest is not understood: {error}"))?;
        if written.schema_version != 2 {
            return Err(format!(
                "manifests of schema version {} are not taken",
                written.schema_version
            ));
        }
        let given = content_type.filter(|name| !name.is_empty());
        let media_type = match (written.media_type.as_deref(), given) {
            (Some(inside), Some(outside)) if inside != outside => {
                return Err(format!(
                    "the manifest calls itself {inside}, the request calls it {outside}"
                ));
            }
            (Some(name), _) | (None, Some(name)) => name,
            (None, None) if written.manifests.is_some() => OCI_INDEX,
            (None, None) => OCI_MANIFEST,
        }
        .to_owned();
        let (content, config_type) = match media_type.as_str() {
            OCI_MANIFEST | DOCKER_MANIFEST => {
                let config = written.config.ok_or("the manifest has no config")?;
                let layers = written.layers.ok_or("the manifest has no layers")?;
                let config_type = config.media_type.clone();
                (Content::Image { config, layers }, Some(config_type))
            }
            OCI_INDEX | DOCKER_LIST => {
                let manifests = written.manifests.ok_or("the index has no manifests")?;
                (Content::Index(manifests), None)
            }
            other => return Err(format!("manifests of the type {other} are not taken")),
        };
        Ok(Self {
            media_type,
            content,
            artifact_type: written.artifact_type.or(config_type),
            subject: written.subject.map(|subject| subject.digest),
            annotations: written.annotations.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn descriptor(media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": Digest::of(b"x"), "size": 1 })
    }

    fn parse(manifest: &Value, content_type: Option<&str>) -> Result<Manifest, String> {
        Manifest::parse(manifest.to_string().as_bytes(), content_type)
    }

    #[test]
    fn tells_images_from_indexes() {
        let image =
            json!({ "schemaVersion": 2, "config": descriptor("c"), "layers": [descriptor("l")] });
        let read = parse(&image, None).unwrap();
        assert_eq!(read.media_type, OCI_MANIFEST);
        assert_eq!(read.artifact_type.as_deref(), Some("c"));
        assert_eq!(
            parse(&image, Some(DOCKER_MANIFEST)).unwrap().media_type,
            DOCKER_MANIFEST
        );
        let index = json!({ "schemaVersion": 2, "manifests": [descriptor(OCI_MANIFEST)] });
        let read = parse(&index, None).unwrap();
        assert_eq!(read.media_type, OCI_INDEX);
        assert!(matches!(read.content, Content::Index(children) if children.len() == 1));
    }

    #[test]
    fn refuses_what_it_cannot_hold() {
        let check = |manifest: Value, content_type: Option<&str>, reason: &str| {
            assert_eq!(parse(&manifest, content_type), Err(reason.to_owned()));
        };
        check(
            json!({ "schemaVersion": 1 }),
            None,
            "manifests of schema version 1 are not taken",
        );
        check(
            json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [] }),
            None,
            "the manifest has no config",
        );
        check(
            json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST }),
            Some(OCI_INDEX),
            &format!("the manifest calls itself {OCI_MANIFEST}, the request calls it {OCI_INDEX}"),
        );
        check(
            json!({ "schemaVersion": 2 }),
            Some("text/plain"),
            "manifests of the type text/plain are not taken",
        );
        let bad = json!({ "mediaType": "l", "digest": "sha256:../x", "size": 1 });
        let error = parse(
            &json!({ "schemaVersion": 2, "config": bad, "layers": [] }),
            None,
        )
        .unwrap_err();
        assert!(
            error.starts_with(
                "the manifest is not understood: 'sha256:../x' is not a sha256 digest"
            ),
            "{error}"
        );
    }
}
