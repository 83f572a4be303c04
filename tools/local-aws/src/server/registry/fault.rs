//! Errors of the distribution protocol: `{"errors":[{"code","message"}]}`.

use http::{Method, StatusCode};
use serde_json::json;

use crate::ecr::refusal::Refusal;
use crate::server::reply::{self, Reply};

/// An error as a registry client sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// How many bytes the upload has; told to a client that lost its place.
    uploaded: Option<u64>,
}

impl Fault {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            uploaded: None,
        }
    }

    /// A path that means nothing.
    pub(super) fn nowhere() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "UNSUPPORTED",
            "the distribution protocol has no such path",
        )
    }

    /// A place where this cannot be done.
    pub(super) fn unsupported(method: &Method) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            format!("{method} is not done here"),
        )
    }

    /// A digest that is none, or of an algorithm other than sha256.
    pub(super) fn digest(text: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            format!("'{text}' is not a sha256 digest"),
        )
    }

    /// A request whose body broke off.
    pub(super) fn broken_body(error: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "BLOB_UPLOAD_INVALID",
            format!("the request's body ended early: {error}"),
        )
    }

    /// Work that panicked.
    pub(super) fn interrupted(error: tokio::task::JoinError) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNKNOWN",
            format!("local-aws failed: {error}"),
        )
    }

    pub(super) fn reply(self) -> Reply {
        let body = json!({ "errors": [{ "code": self.code, "message": self.message }] });
        let mut reply = reply::json(self.status, &body);
        if let Some(size) = self.uploaded {
            reply
                .headers_mut()
                .insert("range", reply::header(&uploaded_range(size)));
        }
        reply
    }
}

/// What an upload has, in the protocol's way: the last byte is included, and nothing is `0-0` too.
pub(super) fn uploaded_range(size: u64) -> String {
    format!("0-{}", size.saturating_sub(1))
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::RepositoryName => (StatusCode::BAD_REQUEST, "NAME_INVALID"),
            Refusal::RepositoryNotFound { .. } => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            Refusal::TagName | Refusal::TagImmutable { .. } => {
                (StatusCode::BAD_REQUEST, "TAG_INVALID")
            }
            Refusal::Manifest(_) => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
            Refusal::ImageNotFound => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            Refusal::ManifestDigest { .. } | Refusal::LayerDigest { .. } => {
                (StatusCode::BAD_REQUEST, "DIGEST_INVALID")
            }
            Refusal::LayersNotFound { .. } | Refusal::ReferencedImagesNotFound { .. } => {
                (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN")
            }
            Refusal::LayerNotFound(_) => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            Refusal::ImageReferenced { .. } | Refusal::LayerNeeded { .. } => {
                (StatusCode::FORBIDDEN, "DENIED")
            }
            Refusal::UploadNotFound { .. } => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            Refusal::UploadBusy { .. } => (StatusCode::CONFLICT, "BLOB_UPLOAD_INVALID"),
            Refusal::UploadOrder { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID")
            }
            Refusal::RepositoryExists { .. }
            | Refusal::RepositoryNotEmpty { .. }
            | Refusal::ImageExists { .. }
            | Refusal::Fault(_) => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        };
        let uploaded = match refusal {
            Refusal::UploadOrder { next } => Some(next),
            _ => None,
        };
        Self {
            status,
            code,
            message: refusal.to_string(),
            uploaded,
        }
    }
}
