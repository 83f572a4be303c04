//! An error as an AWS client sees it.

use std::fmt;

/// A failed operation: the code that clients match on, the sentence that people read, the HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// Shape name, for example `ServiceNotFoundException`.
    pub code: String,
    /// AWS's own sentence where it is known.
    pub message: String,
    /// 400 for most of what a client does wrong; 404 and 409 in a few query services; 500 for our own faults.
    pub status: u16,
}

impl AwsError {
    /// A client's fault, HTTP 400.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: 400,
        }
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// A required member is missing or has the wrong type.
    #[must_use]
    pub fn invalid_member(code: &str, name: &str, expected: &str) -> Self {
        Self::new(code, format!("the member '{name}' must be {expected}"))
    }

    /// An operation that this local AWS does not have.
    #[must_use]
    pub fn unsupported(service: &str, operation: &str) -> Self {
        Self::new(
            "UnsupportedOperationException",
            format!("local-aws does not implement {service}.{operation}; tools/local-aws/README.md lists what it does"),
        )
        .with_status(501)
    }

    /// A fault of local-aws itself.
    pub fn internal(error: impl fmt::Display) -> Self {
        Self::new("InternalFailure", format!("local-aws failed: {error}")).with_status(500)
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for AwsError {}

impl From<rusqlite::Error> for AwsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(error)
    }
}

impl From<serde_json::Error> for AwsError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}
