//! Whether the percentages let a release move at all.

use super::intent::{Intent, Strategy};
use super::report::Check;

const ID: &str = "percentages";

pub(super) fn percentages(service: &str, intent: &Intent) -> Vec<Check> {
    let (minimum, maximum) = (intent.minimum_percent, intent.maximum_percent);
    if intent.strategy == Strategy::Beside {
        let message =
            "a second set of tasks is started beside the first: the percentages do not matter";
        return vec![Check::ok(ID, service, message)];
    }
    if intent.is_daemon {
        return vec![daemon(service, minimum, maximum)];
    }
    let (desired, floor, peak) = (intent.desired, intent.floor(), intent.peak());
    if minimum > maximum {
        let message = format!("the minimum of {minimum}% is above the maximum of {maximum}%");
        return vec![Check::problem(ID, service, message).hint("use 100 and 200")];
    }
    if desired == 0 {
        return vec![Check::ok(
            ID,
            service,
            "no task is desired: nothing is replaced",
        )];
    }
    if floor >= desired && peak <= desired {
        let message = format!(
            "a release can never move: of {desired} desired, {floor} must stay healthy (minimum {minimum}%, rounded up) \
             and {peak} may run (maximum {maximum}%, rounded down)"
        );
        // The least percentages that free one task, or allow one more.
        let (lower, higher) = (
            (desired - 1) * 100 / desired,
            ((desired + 1) * 100 + desired - 1) / desired,
        );
        return vec![Check::problem(ID, service, message).hint(format!(
            "raise the maximum to {higher}% or more, or lower the minimum to {lower}% or less"
        ))];
    }
    let message =
        format!("of {desired} desired, {floor} stay healthy and up to {peak} run during a release");
    vec![if floor == 0 {
        Check::warning(
            ID,
            service,
            format!("{message}: nobody may be answered for a while"),
        )
        .hint("a minimum of 50% or more keeps some tasks")
    } else {
        Check::ok(ID, service, message)
    }]
}

fn daemon(service: &str, minimum: i64, maximum: i64) -> Check {
    if maximum != 100 {
        let message = format!("a DAEMON service has a maximum of 100%, not {maximum}%");
        Check::problem(ID, service, message).hint("set the maximum to 100")
    } else if minimum >= 100 {
        let message = "a release can never move: a DAEMON service replaces a task by stopping it first, and the minimum of 100% forbids that";
        Check::problem(ID, service, message).hint("set the minimum to 0")
    } else {
        Check::ok(
            ID,
            service,
            "each instance's task is stopped before its successor starts",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Outcome;

    #[test]
    fn finds_what_blocks_a_rollout() {
        let table = [
            // desired, minimum, maximum, outcome
            (1, 100, 100, Outcome::Problem),
            (3, 100, 125, Outcome::Problem),
            (4, 100, 125, Outcome::Ok),
            (2, 75, 100, Outcome::Problem),
            (2, 50, 100, Outcome::Ok),
            (1, 100, 200, Outcome::Ok),
            (1, 0, 100, Outcome::Warning),
            (0, 100, 100, Outcome::Ok),
            (1, 150, 120, Outcome::Problem),
        ];
        for (desired, minimum_percent, maximum_percent, expected) in table {
            let intent = Intent {
                minimum_percent,
                maximum_percent,
                ..Intent::sample(desired)
            };
            let checks = percentages("s", &intent);
            assert_eq!(
                (checks.len(), checks[0].outcome),
                (1, expected),
                "{desired} {minimum_percent} {maximum_percent}"
            );
        }
    }

    #[test]
    fn names_percentages_that_work() {
        let blocked = |desired, minimum_percent, maximum_percent| Intent {
            minimum_percent,
            maximum_percent,
            ..Intent::sample(desired)
        };
        let check = &percentages("s", &blocked(3, 100, 125))[0];
        assert_eq!(
            check.hint.as_deref(),
            Some("raise the maximum to 134% or more, or lower the minimum to 66% or less")
        );
        for (minimum, maximum) in [(100, 134), (66, 125)] {
            assert_eq!(
                percentages("s", &blocked(3, minimum, maximum))[0].outcome,
                Outcome::Ok
            );
        }
    }

    #[test]
    fn daemons_stop_before_they_start() {
        let table = [
            (0, 100, Outcome::Ok),
            (100, 100, Outcome::Problem),
            (0, 200, Outcome::Problem),
        ];
        for (minimum, maximum, expected) in table {
            assert_eq!(daemon("s", minimum, maximum).outcome, expected);
        }
    }
}
