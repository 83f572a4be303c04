//! A call that did not succeed: whether to ask again.

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Throttling, a cut connection: the same call may succeed later.
    Passing(anyhow::Error),
    /// It will not succeed.
    Final(anyhow::Error),
}

impl Trouble {
    /// `what` names operation and object.
    pub(crate) fn of<E>(what: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let is_passing = aws::is_passing(&error);
        let explained = aws::explain(what, error);
        if is_passing {
            Self::Passing(explained)
        } else {
            Self::Final(explained)
        }
    }
}

impl From<Trouble> for anyhow::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Passing(error) | Trouble::Final(error) => error,
        }
    }
}
