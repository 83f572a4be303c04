//! What ECS would refuse, found before it is asked.

use std::fmt;

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Key of longshore.toml, member of a document, or argument, for example `services.api.memory`.
    pub place: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    pub(crate) fn new(
        place: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// Everything that is wrong with a task definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The definition's family.
    pub family: String,
    /// At least one.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "{count} {noun} in the task definition {}", self.family)?;
        for Problem {
            place,
            message,
            remedy,
        } in &self.list
        {
            write!(f, "\n  {place}: {message}; {remedy}")?;
        }
        Ok(())
    }
}
