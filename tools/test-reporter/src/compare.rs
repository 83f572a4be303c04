//! This run beside the one before.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Context as _;
use contract::test_report::{Comparison, FailedCase, TestReport};

/// The report of the run before; none if there is no file yet, as at the first run.
pub(crate) fn before(path: &Path) -> anyhow::Result<Option<TestReport>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let report = contract::document::parse(&text)
        .with_context(|| format!("{} is not a test report", path.display()))?;
    Ok(Some(report))
}

/// What is new and what is repaired.
pub(crate) fn compare(before: &TestReport, failures: &[FailedCase]) -> Comparison {
    let old: HashSet<String> = before.failures.iter().map(name).collect();
    let new: HashSet<String> = failures.iter().map(name).collect();
    let missing = |cases: &[FailedCase], from: &HashSet<String>| {
        let mut names: Vec<String> = cases
            .iter()
            .map(name)
            .filter(|name| !from.contains(name))
            .collect();
        names.dedup();
        names
    };
    Comparison {
        new_failures: missing(failures, &old),
        fixed: missing(&before.failures, &new),
        ran_before: before.counts.total - before.counts.skipped.min(before.counts.total),
        coverage_before: before.coverage,
    }
}

/// `SUITE > NAME`
pub(crate) fn name(case: &FailedCase) -> String {
    match case.suite.as_str() {
        "" => case.name.clone(),
        suite => format!("{suite} > {}", case.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(name: &str) -> FailedCase {
        FailedCase {
            suite: "s".to_owned(),
            name: name.to_owned(),
            message: String::new(),
            place: None,
            details: String::new(),
        }
    }

    #[test]
    fn tells_new_failures_from_known_ones() {
        let mut last = crate::verdict::empty();
        last.counts.total = 7;
        last.counts.skipped = 2;
        last.failures = vec![failed("old"), failed("repaired")];
        assert_eq!(
            compare(&last, &[failed("old"), failed("new")]),
            Comparison {
                new_failures: vec!["s > new".to_owned()],
                fixed: vec!["s > repaired".to_owned()],
                ran_before: 5,
                coverage_before: None,
            }
        );
    }
}
