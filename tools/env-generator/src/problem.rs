//! Mistakes with their places, all of a run at once.

use std::fmt;

/// One mistake. Its message names a variable and never a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub(crate) file: String,
    /// From 1; 0 where there is no line.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// All of them in one text: `2 mistakes in longshore.toml`, or of the environment if several files have some.
pub(crate) fn report(environment: &str, problems: &[Problem]) -> String {
    let noun = if problems.len() == 1 {
        "mistake"
    } else {
        "mistakes"
    };
    let first = problems.first().map_or("", |problem| &problem.file);
    let place = if problems.iter().all(|problem| problem.file == first) {
        first.to_owned()
    } else {
        format!("the environment {environment}")
    };
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort();
    let lines: String = sorted
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect();
    format!("{} {noun} in {place}{lines}", problems.len())
}
