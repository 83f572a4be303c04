//! One case from several that have the same name: retries, and tests that only look alike.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::io::{self, Read as _, Seek as _, Write as _};

use foldhash::quality::RandomState;

use crate::case::{Case, Verdict};
use crate::record::{Records, Writer};
use crate::tally::Tally;

/// Bytes of cases that one suite holds in memory, roughly.
const HELD: usize = 1 << 20;
/// Cases of a suite among which retries are looked for; more are counted one by one.
const MOST_COMPARED: usize = 2_000_000;
/// Names with several cases that are joined.
const MOST_JOINED: usize = 20_000;
/// Bytes of attempts that are held to be joined; cases beyond are counted one by one.
const MOST_ATTEMPTS: usize = 8 << 20;

/// The cases of a suite until it ends.
#[derive(Default)]
pub(crate) struct Gathered {
    random: RandomState,
    /// One for each case: those of equal names are equal.
    hashes: Vec<u64>,
    cases: Vec<Case>,
    weight: usize,
    spilled: Spilled,
}

/// The cases that came before those in memory.
#[derive(Default)]
struct Spilled {
    file: Option<File>,
    /// Bytes of each piece.
    pieces: Vec<usize>,
    failure: Option<io::Error>,
}

impl Gathered {
    pub(crate) fn push(&mut self, case: Case) {
        if self.hashes.len() < MOST_COMPARED {
            self.hashes.push(self.hash(&case));
        }
        self.weight += weight(&case);
        self.cases.push(case);
        if self.weight > HELD {
            self.spilled.take(&self.cases);
            self.cases.clear();
            self.weight = 0;
        }
    }

    fn hash(&self, case: &Case) -> u64 {
        let mut hasher = self.random.build_hasher();
        case.suite.hash(&mut hasher);
        case.name.hash(&mut hasher);
        hasher.finish()
    }

    /// Hands all cases to the tally, the attempts of a test joined to one. `stated` is the number of tests that
    /// the suite states, which counts a retried one once; `accepted` says whether the test command ended with
    /// exit code 0, so that the runner saw no test fail in the end.
    ///
    /// A runner that states fewer tests than it lists has listed retries. Otherwise the same name may stand for
    /// different tests, of which a failed one must not be forgiven because of another that passed; it is a retry
    /// only where the runner itself was content in the end.
    pub(crate) fn settle(mut self, stated: Option<u64>, accepted: bool, tally: &mut Tally<'_>) {
        let twice = self.twice();
        let mut groups = Groups {
            lists_retries: !twice.names.is_empty() && stated == Some(twice.distinct),
            accepted,
            places: HashMap::new(),
            attempts: Vec::new(),
            weight: 0,
        };
        let may_join = !twice.names.is_empty() && (groups.lists_retries || accepted);
        let is_joined = |hash: &u64| twice.names.contains(hash);
        let mut spilled = std::mem::take(&mut self.spilled);
        let cases = std::mem::take(&mut self.cases);
        let mut hand_on = |case: Case| {
            let hash = may_join.then(|| self.hash(&case));
            match hash.filter(is_joined) {
                Some(hash) if groups.weight < MOST_ATTEMPTS => groups.push(hash, case),
                _ => tally.add(&case),
            }
        };
        let read = spilled.each(&mut hand_on);
        cases.into_iter().for_each(hand_on);
        for attempts in std::mem::take(&mut groups.attempts) {
            for case in groups.joined(attempts) {
                tally.add(&case);
            }
        }
        if let Err(error) = read {
            tally.problem(format!("the cases of a suite cannot be kept: {error}"));
        }
    }

    fn twice(&mut self) -> Twice {
        let mut hashes = std::mem::take(&mut self.hashes);
        let listed = hashes.len() as u64;
        hashes.sort_unstable();
        let mut names = HashSet::new();
        let mut repeated = 0;
        for pair in hashes.windows(2) {
            if pair[0] == pair[1] {
                repeated += 1;
                if names.len() < MOST_JOINED {
                    names.insert(pair[0]);
                }
            }
        }
        Twice {
            names,
            distinct: listed - repeated,
        }
    }
}

/// Names that several cases have.
struct Twice {
    names: HashSet<u64>,
    distinct: u64,
}

fn weight(case: &Case) -> usize {
    let details: usize = case
        .failures
        .iter()
        .map(|failure| failure.message.len() + failure.details.len() + 64)
        .sum();
    case.name.len() + details + 128
}

impl Spilled {
    fn take(&mut self, cases: &[Case]) {
        let mut writer = Writer::default();
        cases.iter().for_each(|case| writer.push(case));
        if let Err(error) = self.write(&writer.bytes) {
            self.failure.get_or_insert(error);
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(bytes)?;
        self.pieces.push(bytes.len());
        Ok(())
    }

    fn each(&mut self, mut then: impl FnMut(Case)) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.rewind()?;
            for length in &self.pieces {
                let mut bytes = vec![0; *length];
                file.read_exact(&mut bytes)?;
                for case in Records::new(&bytes) {
                    then(case?);
                }
            }
        }
        self.failure.take().map_or(Ok(()), Err)
    }
}

/// Cases of the same name.
struct Groups {
    lists_retries: bool,
    accepted: bool,
    places: HashMap<u64, usize>,
    attempts: Vec<Vec<Case>>,
    weight: usize,
}

impl Groups {
    fn push(&mut self, hash: u64, case: Case) {
        let next = self.attempts.len();
        let at = *self.places.entry(hash).or_insert(next);
        if at == next {
            self.attempts.push(Vec::new());
        }
        self.weight += weight(&case);
        self.attempts[at].push(case);
    }

    fn joined(&self, attempts: Vec<Case>) -> Vec<Case> {
        let failed_then_passed = attempts.iter().any(Case::is_bad)
            && attempts
                .last()
                .is_some_and(|last| last.verdict == Verdict::Passed);
        if self.lists_retries || (self.accepted && failed_then_passed) {
            joined(attempts).into_iter().collect()
        } else {
            attempts
        }
    }
}

/// The attempts in their order. A test that is run again after it passed did not pass: the failure of the
/// attempt before is not in the report (pytest-rerunfailures).
fn joined(attempts: Vec<Case>) -> Option<Case> {
    let last = attempts.last()?.verdict;
    let worst = attempts.iter().map(|case| case.verdict).max()?;
    let duration_ms = attempts.iter().map(|case| case.duration_ms).sum();
    let failures = attempts
        .iter()
        .flat_map(|case| case.failures.clone())
        .collect();
    let verdict = match last {
        Verdict::Passed | Verdict::Flaky => Verdict::Flaky,
        Verdict::Skipped | Verdict::Failed | Verdict::Error => worst,
    };
    let first = attempts.into_iter().next()?;
    Some(Case {
        verdict,
        duration_ms,
        failures,
        ..first
    })
}

#[cfg(test)]
mod tests {
    use Verdict::{Error, Failed, Flaky, Passed};

    use super::*;
    use crate::store::Store;

    fn verdicts(attempts: &[Verdict], stated: Option<u64>, accepted: bool) -> Vec<Verdict> {
        let store = Store::new(true);
        let mut tally = Tally::new("x", &store);
        let mut gathered = Gathered::default();
        for verdict in attempts {
            gathered.push(Case {
                verdict: *verdict,
                ..Case::new("suite".into(), "test")
            });
        }
        gathered.settle(stated, accepted, &mut tally);
        let source = tally.finish();
        source
            .cases(&store)
            .into_iter()
            .map(|case| case.verdict)
            .collect()
    }

    #[test]
    fn joins_the_attempts_that_the_runner_counts_once() {
        assert_eq!(verdicts(&[Passed, Passed], Some(1), true), [Flaky]);
        assert_eq!(verdicts(&[Failed, Passed], Some(1), false), [Flaky]);
        assert_eq!(verdicts(&[Failed, Failed], Some(1), false), [Failed]);
        assert_eq!(verdicts(&[Failed, Error], Some(1), false), [Error]);
    }

    #[test]
    fn keeps_tests_apart_that_only_look_alike() {
        assert_eq!(verdicts(&[Passed, Passed], Some(2), true), [Passed, Passed]);
        assert_eq!(verdicts(&[Passed, Passed], None, true), [Passed, Passed]);
        assert_eq!(
            verdicts(&[Failed, Passed], Some(2), false),
            [Failed, Passed]
        );
        assert_eq!(verdicts(&[Failed, Passed], None, false), [Failed, Passed]);
    }

    #[test]
    fn forgives_a_failure_when_the_runner_did() {
        assert_eq!(verdicts(&[Failed, Passed], None, true), [Flaky]);
        assert_eq!(verdicts(&[Passed, Failed], None, true), [Passed, Failed]);
    }

    #[test]
    fn finds_a_retry_in_a_suite_that_does_not_fit_in_memory() {
        let store = Store::new(true);
        let mut tally = Tally::new("x", &store);
        let mut gathered = Gathered::default();
        let many = 30_000;
        for number in 0..many {
            gathered.push(Case::new("suite".into(), &format!("test {number}")));
        }
        let mut failed = Case::new("suite".into(), "retried");
        failed.verdict = Failed;
        gathered.push(failed);
        for number in many..2 * many {
            gathered.push(Case::new("suite".into(), &format!("test {number}")));
        }
        gathered.push(Case::new("suite".into(), "retried"));
        assert!(gathered.spilled.pieces.len() > 2);
        gathered.settle(Some(2 * many + 1), false, &mut tally);
        let source = tally.finish();
        assert_eq!(source.counts.total, 2 * many + 1);
        assert_eq!(source.counts.passed, 2 * many);
        assert_eq!(source.counts.flaky, 1);
        assert_eq!(source.cases(&store).len() as u64, 2 * many + 1);
    }
}
