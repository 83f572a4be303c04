//! What is wrong with a project file, and what to write instead.

use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, to which key.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
}

/// Every mistake of a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file as the caller named it.
    pub file: String,
    /// At least one.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        write!(f, "{count} {noun} in {}", self.file)?;
        for Problem {
            line,
            column,
            message,
            suggestion,
        } in &self.list
        {
            write!(f, "\n  {}:{line}:{column}: {message}", self.file)?;
            if let Some(suggestion) = suggestion {
                write!(f, "; {suggestion}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
