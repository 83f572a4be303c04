//! What the stages of a start tell each other when something fails.

use std::fmt::Display;
use std::io;

use nix::errno::Errno;
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

/// An error in the words and the letters of Go programs, which container engines are: what people search for.
pub(crate) fn reason(error: &io::Error) -> String {
    let Some(number) = error.raw_os_error() else {
        return error.to_string();
    };
    let mut text = Errno::from_raw(number).desc().to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}
