//! The report as a table: what is wrong comes first.

use toolkit::console::printable;

use super::{Outcome, Report};

pub(in crate::verify) fn text(report: &Report) -> String {
    let mut rows: Vec<_> = report.checks.iter().collect();
    // The order of the checks stays within an outcome.
    rows.sort_by_key(|check| check.outcome);
    let width = |of: fn(&super::Check) -> &str| {
        rows.iter()
            .map(|check| of(check).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (id, subject) = (
        width(|check| check.id),
        width(|check| &check.subject).min(40),
    );
    let mut text = format!(
        "{} on {} of {}: {}\n",
        report.task_definition,
        report.service,
        report.cluster,
        report.summary()
    );
    for check in rows {
        let outcome = match check.outcome {
            Outcome::Problem => "PROBLEM",
            Outcome::Warning => "warning",
            Outcome::Unknown => "unknown",
            Outcome::Ok => "ok",
        };
        text.push_str(&format!(
            "{outcome:<7}  {:<id$}  {:<subject$}  {}\n",
            check.id,
            printable(&check.subject),
            printable(&check.message)
        ));
        if let Some(hint) = &check.hint {
            text.push_str(&format!("{:>9}{}\n", "-> ", printable(hint)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Check;

    #[test]
    fn puts_problems_first() {
        let checks = vec![
            Check::ok("cluster", "c", "it is active"),
            Check::problem("role", "arn:r", "there is none\u{1b}[2J").hint("create it"),
        ];
        let expected = "web:1 on s of c: 1 problem, 0 warnings, 0 unknown, 1 in order\n\
             PROBLEM  role     arn:r  there is none[2J\n      -> create it\n\
             ok       cluster  c      it is active\n";
        assert_eq!(text(&Report::new("c", "s", "web:1", checks)), expected);
    }
}
