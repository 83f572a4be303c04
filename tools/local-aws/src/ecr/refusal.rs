//! Why the registry does not do something. Both of its faces, ECR's API and the distribution protocol, say
//! the same sentence under codes of their own.

use std::io;

use thiserror::Error;

use super::digest::Digest;
use super::name::REPOSITORY_RULE;
use crate::protocol::AwsError;

/// A refusal in ECR's words, as far as they are known.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error(
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '{REPOSITORY_RULE}''"
    )]
    RepositoryName,
    #[error(
        "The repository with name '{name}' does not exist in the registry with id '{registry}'"
    )]
    RepositoryNotFound { name: String, registry: String },
    #[error(
        "The repository with name '{name}' already exists in the registry with id '{registry}'"
    )]
    RepositoryExists { name: String, registry: String },
    #[error(
        "The repository with name '{name}' in registry with id '{registry}' cannot be deleted because it still contains images"
    )]
    RepositoryNotEmpty { name: String, registry: String },
    #[error(
        "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must be a tag of at most 128 letters, digits, dots, hyphens and underscores'"
    )]
    TagName,
    #[error("Invalid parameter at 'imageManifest' failed to satisfy constraint: '{0}'")]
    Manifest(String),
    #[error("Requested image not found")]
    ImageNotFound,
    #[error(
        "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' in registry with id '{registry}'"
    )]
    ImageExists {
        digest: Digest,
        tag: String,
        name: String,
        registry: String,
    },
    #[error(
        "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the {what} is immutable."
    )]
    TagImmutable {
        tag: String,
        name: String,
        /// `repository`, or `tag` where only some tags are immutable.
        what: &'static str,
    },
    #[error("The manifest has the digest '{actual}', not '{expected}'")]
    ManifestDigest { expected: Digest, actual: Digest },
    #[error(
        "Layers with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{registry}' do not exist",
        listed(digests)
    )]
    LayersNotFound {
        digests: Vec<Digest>,
        name: String,
        registry: String,
    },
    #[error(
        "Images with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{registry}' do not exist",
        listed(digests)
    )]
    ReferencedImagesNotFound {
        digests: Vec<Digest>,
        name: String,
        registry: String,
    },
    #[error("Requested image referenced by manifest list: [{}]", listed(parents))]
    ImageReferenced { parents: Vec<Digest> },
    #[error("The layer with digest '{0}' does not exist in the repository")]
    LayerNotFound(Digest),
    #[error("The layer is part of the images [{}]", listed(images))]
    LayerNeeded { images: Vec<Digest> },
    #[error(
        "Upload with id '{id}' could not be found for the repository with name '{name}' in the registry with id '{registry}'"
    )]
    UploadNotFound {
        id: String,
        name: String,
        registry: String,
    },
    #[error("Another request writes to the upload with id '{id}'")]
    UploadBusy { id: String },
    #[error("The part must begin at byte {next}")]
    UploadOrder {
        /// How many bytes there are already.
        next: u64,
    },
    #[error("The digest of the uploaded layer is '{actual}', not '{expected}'")]
    LayerDigest { expected: Digest, actual: Digest },
    #[error("local-aws failed: {0}")]
    Fault(String),
}

fn listed(digests: &[Digest]) -> String {
    digests
        .iter()
        .map(Digest::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Fault(error.to_string())
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.to_string())
    }
}

impl From<Refusal> for AwsError {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::RepositoryName | Refusal::TagName | Refusal::Manifest(_) => {
                "InvalidParameterException"
            }
            Refusal::RepositoryNotFound { .. } => "RepositoryNotFoundException",
            Refusal::RepositoryExists { .. } => "RepositoryAlreadyExistsException",
            Refusal::RepositoryNotEmpty { .. } => "RepositoryNotEmptyException",
            Refusal::ImageNotFound => "ImageNotFoundException",
            Refusal::ImageExists { .. } => "ImageAlreadyExistsException",
            Refusal::TagImmutable { .. } => "ImageTagAlreadyExistsException",
            Refusal::ManifestDigest { .. } => "ImageDigestDoesNotMatchException",
            Refusal::LayersNotFound { .. } | Refusal::LayerNotFound(_) => "LayersNotFoundException",
            Refusal::ReferencedImagesNotFound { .. } => "ReferencedImagesNotFoundException",
            Refusal::ImageReferenced { .. } | Refusal::LayerNeeded { .. } => {
                "ReferencedByImageException"
            }
            Refusal::UploadNotFound { .. } => "UploadNotFoundException",
            Refusal::UploadBusy { .. } | Refusal::UploadOrder { .. } => "InvalidLayerPartException",
            Refusal::LayerDigest { .. } => "InvalidLayerException",
            Refusal::Fault(_) => return Self::internal(refusal),
        };
        Self::new(code, refusal.to_string())
    }
}
