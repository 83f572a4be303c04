//! Text that must not be seen by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret's text. It is written to the database and to the client that asks for it, and nowhere else: its
/// `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sealed(String);

impl Sealed {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sealed)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing_in_debug() {
        assert_eq!(
            format!("{:?}", Some(Sealed::new("hunter2"))),
            "Some((sealed))"
        );
    }
}
