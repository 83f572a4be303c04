//! Text that may be a secret, although it should not.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// Text that no Debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Private(String);

impl Private {
    /// For the request itself, and for a reader who asked for details.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Private {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Private {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}
