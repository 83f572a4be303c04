//! The steps, in their order.

use std::fmt;

use clap::ValueEnum;

/// One step of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Step {
    /// Run the tests and read their reports.
    Test,
    /// Build the image.
    Build,
    /// Push it.
    Push,
    /// Put the environment together.
    Env,
    /// Render the task definitions.
    Render,
    /// Create or update the alarms.
    Alarms,
    /// Release the services.
    Deploy,
}

/// The steps that a run takes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Step,
    pub(crate) until: Step,
}

impl Span {
    pub(crate) fn includes(self, step: Step) -> bool {
        (self.from..=self.until).contains(&step)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Test => "test",
            Self::Build => "build",
            Self::Push => "push",
            Self::Env => "env",
            Self::Render => "render",
            Self::Alarms => "alarms",
            Self::Deploy => "deploy",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_both_ends() {
        let span = Span {
            from: Step::Push,
            until: Step::Render,
        };
        let included: Vec<String> = Step::value_variants()
            .iter()
            .filter(|step| span.includes(**step))
            .map(ToString::to_string)
            .collect();
        assert_eq!(included, ["push", "env", "render"]);
    }
}
