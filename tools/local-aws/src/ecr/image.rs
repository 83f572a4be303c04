//! An image as the one who runs it needs it.

use std::path::PathBuf;

/// A pulled image: where its layers lie and how its process is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    /// The manifest's digest, `sha256:…`; of the platform's own manifest if the reference led to an index.
    pub digest: String,
    /// How its process is started.
    pub config: ImageConfig,
    /// From the lowest to the uppermost.
    pub layers: Vec<LocalLayer>,
}

/// The part of an image's configuration that says how its process is started. What is not set is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// ENTRYPOINT in its exec form.
    pub entrypoint: Vec<String>,
    /// CMD in its exec form.
    pub cmd: Vec<String>,
    /// `NAME=VALUE`.
    pub env: Vec<String>,
    /// WORKDIR.
    pub working_dir: String,
    /// USER: `NAME`, `UID`, `NAME:GROUP` or `UID:GID`.
    pub user: String,
    /// STOPSIGNAL: a name or a number.
    pub stop_signal: String,
    /// EXPOSE: `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// For example `amd64`, in Go's words.
    pub architecture: String,
}

/// One layer, as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalLayer {
    /// The blob's file. Its bytes match `digest`: they were checked when they were written.
    pub path: PathBuf,
    /// For example `application/vnd.oci.image.layer.v1.tar+gzip`; says how the blob is compressed.
    pub media_type: String,
    /// Of the blob, `sha256:…`.
    pub digest: String,
    /// Of the uncompressed archive, `sha256:…`.
    pub diff_id: String,
}

/// Why an image cannot be pulled, in ECS's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "CannotPullContainerError: pull image manifest has been retried {attempts} time(s): {reason}"
)]
pub struct PullError {
    /// How often ECS would have tried.
    pub attempts: u32,
    /// What failed.
    pub reason: String,
}
