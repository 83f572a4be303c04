//! When it ends by itself, and what the exit code then says.

use std::time::Duration;

use contract::exit;
use regex::Regex;

use crate::ecs::verdict::Verdict;

/// A line with the pattern was seen, where that was not the only end.
pub const PATTERN: u8 = 10;
/// So many lines were written, where that was not the only end.
pub const LINES: u8 = 11;
/// The task stopped, all its containers with 0, where that was not the only end.
pub const STOPPED: u8 = 12;
/// The release is complete, where that was not the only end.
pub const RELEASED: u8 = 13;

/// What is waited for.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// A line that matches.
    pub pattern: Option<Regex>,
    /// That many lines written.
    pub lines: Option<u64>,
    /// The end of the task.
    pub stopped: bool,
    /// The end of the service's release.
    pub released: bool,
    /// That much time, whatever has come.
    pub deadline: Option<Duration>,
}

impl Ends {
    /// How many ends are waited for, the deadline apart.
    fn count(&self) -> usize {
        usize::from(self.pattern.is_some())
            + usize::from(self.lines.is_some())
            + usize::from(self.stopped)
            + usize::from(self.released)
    }

    /// Whether anything is waited for.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.count() > 0 || self.deadline.is_some()
    }
}

/// Why it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything in the range was shown.
    Shown,
    Pattern,
    Lines(u64),
    Stopped(Verdict),
    Released(Verdict),
    Deadline(Duration),
    Interrupted,
}

impl End {
    /// 0 for what was the only end that was waited for, 3 for a bad end, otherwise a number that says which.
    pub(crate) fn code(&self, ends: &Ends) -> u8 {
        let good = |code: u8| {
            if ends.count() > 1 { code } else { exit::DONE }
        };
        match self {
            Self::Shown => {
                if ends.count() > 0 {
                    // What was waited for is not in the range.
                    exit::NEGATIVE
                } else {
                    exit::DONE
                }
            }
            Self::Pattern => good(PATTERN),
            Self::Lines(_) => good(LINES),
            Self::Stopped(verdict) if verdict.is_good => good(STOPPED),
            Self::Released(verdict) if verdict.is_good => good(RELEASED),
            Self::Stopped(_) | Self::Released(_) => exit::NEGATIVE,
            Self::Deadline(_) => exit::TIMED_OUT,
            Self::Interrupted => exit::INTERRUPTED,
        }
    }

    /// In words.
    pub(crate) fn text(&self, ends: &Ends) -> Option<String> {
        Some(match self {
            Self::Shown if ends.pattern.is_some() => {
                "ended: no line in this range has the pattern".to_owned()
            }
            Self::Shown | Self::Interrupted => return None,
            Self::Pattern => "ended: the pattern was seen".to_owned(),
            Self::Lines(count) => {
                let noun = toolkit::console::counted(*count, "line");
                format!("ended: {noun} shown")
            }
            Self::Stopped(verdict) | Self::Released(verdict) => format!("ended: {}", verdict.text),
            Self::Deadline(limit) => format!("ended: {} s have passed", limit.as_secs_f64()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_which_end_it_was() {
        let verdict = |is_good| Verdict {
            is_good,
            text: String::new(),
        };
        let only = Ends {
            stopped: true,
            deadline: Some(Duration::from_secs(1)),
            ..Ends::default()
        };
        let several = Ends {
            pattern: Some(Regex::new("x").unwrap()),
            lines: Some(3),
            released: true,
            ..only.clone()
        };
        let table = [
            (End::Shown, 3, 3),
            (End::Pattern, 0, 10),
            (End::Lines(3), 0, 11),
            (End::Stopped(verdict(true)), 0, 12),
            (End::Stopped(verdict(false)), 3, 3),
            (End::Released(verdict(true)), 0, 13),
            (End::Released(verdict(false)), 3, 3),
            (End::Deadline(Duration::from_secs(1)), 6, 6),
            (End::Interrupted, 130, 130),
        ];
        for (end, alone, among) in table {
            assert_eq!(
                (end.code(&only), end.code(&several)),
                (alone, among),
                "{end:?}"
            );
        }
        assert_eq!(End::Shown.code(&Ends::default()), 0);
    }
}
