//! What the stages of a start tell each other when something fails.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::event::Stage;

#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) message: String,
}

/// For `map_err`: the failure of `what` at `stage`.
pub(crate) fn failed<E: Display>(stage: Stage, what: impl Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure {
        stage,
        message: format!("{what}: {error}"),
    }
}
