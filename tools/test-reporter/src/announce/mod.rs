//! The report in the language of the CI system.

mod github;
mod teamcity;

use std::path::Path;

use contract::test_report::TestReport;
use toolkit::Console;
use toolkit::ci::Dialect;

use crate::case::Source;
use crate::store::Store;

/// Tells the CI system, if there is one that listens.
pub(crate) fn announce(
    console: &Console,
    report: &TestReport,
    (sources, store): (&[Source], &Store),
    coverage_zip: Option<&Path>,
) -> anyhow::Result<()> {
    let mut say = |line: String| console.command(&line);
    match console.dialect() {
        Dialect::TeamCity => {
            teamcity::tell(report, (sources, store), coverage_zip, &mut say)?;
        }
        Dialect::GitHub => github::annotations(report).into_iter().for_each(say),
        Dialect::GitLab | Dialect::None => {}
    }
    Ok(())
}
