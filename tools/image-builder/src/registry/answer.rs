//! What a registry answers, and whether it is worth asking again.

use serde::Deserialize;
use ureq::Body;
use ureq::http::{HeaderMap, Response, StatusCode};

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A cut connection, an overloaded registry: the next attempt may succeed.
    Passing(anyhow::Error),
    /// The same request will fail again.
    Final(anyhow::Error),
    /// The registry refused, with its code and message.
    Refused { code: String, message: String },
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Final(error)
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        let is_passing = matches!(
            error,
            ureq::Error::Io(_)
                | ureq::Error::Timeout(_)
                | ureq::Error::HostNotFound
                | ureq::Error::ConnectionFailed
        );
        // In words only: a broken pipe as a cause would look like a closed stdout, which ends a program quietly.
        let error = anyhow::anyhow!("{error}");
        if is_passing {
            Self::Passing(error)
        } else {
            Self::Final(error)
        }
    }
}

impl Failure {
    /// As an error of `cannot WHAT: …`.
    pub(crate) fn explain(self, what: &str) -> anyhow::Error {
        match self {
            Self::Passing(error) | Self::Final(error) => error.context(format!("cannot {what}")),
            Self::Refused { code, message } => anyhow::anyhow!("cannot {what}: {message} ({code})"),
        }
    }
}

/// The head of an answer; the body is read.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The error document of the protocol.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Error>,
}

#[derive(Deserialize)]
struct Error {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// More of an error's text than this helps nobody.
const MOST_ERROR: u64 = 64 * 1024;

/// The failure that an answer stands for.
pub(crate) fn refusal(mut answer: Response<Body>) -> Failure {
    let status = answer.status();
    let text = answer
        .body_mut()
        .with_config()
        .limit(MOST_ERROR)
        .read_to_string()
        .unwrap_or_default();
    let first = serde_json::from_str::<Errors>(&text)
        .ok()
        .and_then(|errors| errors.errors.into_iter().next());
    let (code, message) = match first {
        Some(error) => (error.code, error.message),
        None => (
            status.as_u16().to_string(),
            text.lines().next().unwrap_or_default().to_owned(),
        ),
    };
    let message = toolkit::console::printable(if message.is_empty() {
        status.as_str()
    } else {
        &message
    });
    let code = toolkit::console::printable(&code);
    let passes = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT;
    if passes {
        Failure::Passing(anyhow::anyhow!("{message} ({status})"))
    } else {
        Failure::Refused { code, message }
    }
}
