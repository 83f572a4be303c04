//! All cases as one JUnit XML file, well-formed whatever the tests printed.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use contract::test_report::Counts;

use crate::artifact;
use crate::case::{Case, Source, Verdict, counts};
use crate::place;
use crate::store::Store;

/// Text of a suite that is held until its numbers are known; a larger one is written in parts.
const LARGEST_SUITE: usize = 1 << 20;

/// Whose dialect is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With what Surefire adds for flaky tests.
    Whole,
    /// GitLab knows neither flaky tests nor anything but the first failure, and links `file`.
    GitLab,
}

/// Writes the file. Cases of a suite that follow each other are one suite of it.
pub(crate) fn write(
    target: &Path,
    form: Form,
    sources: &[Source],
    store: &Store,
) -> anyhow::Result<()> {
    artifact::write(target, |file| {
        let mut writer = Suites {
            file,
            form,
            name: None,
            counts: Counts::default(),
            duration_ms: 0,
            cases: String::new(),
        };
        writer.begin(sources)?;
        for source in sources {
            store.each(&source.cases, |case| writer.case(&case))?;
        }
        writer.end_suite()?;
        writer.file.write_all(b"</testsuites>\n")?;
        Ok(())
    })
}

struct Suites<W> {
    file: W,
    form: Form,
    name: Option<Arc<str>>,
    counts: Counts,
    duration_ms: u64,
    cases: String,
}

impl<W: Write> Suites<W> {
    fn begin(&mut self, sources: &[Source]) -> anyhow::Result<()> {
        let duration_ms = sources
            .iter()
            .fold(0_u64, |sum, source| sum.saturating_add(source.duration_ms));
        let mut root = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
        attributes(&mut root, &numbers(counts(sources), duration_ms));
        root.push_str(">\n");
        Ok(self.file.write_all(root.as_bytes())?)
    }

    fn case(&mut self, case: &Case) -> anyhow::Result<()> {
        if self.name.as_ref() != Some(&case.suite) || self.cases.len() > LARGEST_SUITE {
            self.end_suite()?;
            self.name = Some(Arc::clone(&case.suite));
        }
        self.counts.total += 1;
        *case.verdict.counter(&mut self.counts) += 1;
        self.duration_ms = self.duration_ms.saturating_add(case.duration_ms);
        test_case(&mut self.cases, self.form, case);
        Ok(())
    }

    fn end_suite(&mut self) -> anyhow::Result<()> {
        let Some(name) = self.name.take() else {
            return Ok(());
        };
        let mut tag = String::from("  <testsuite");
        attributes(&mut tag, &[("name", name.as_ref().to_owned())]);
        let counts = std::mem::take(&mut self.counts);
        attributes(
            &mut tag,
            &numbers(counts, std::mem::take(&mut self.duration_ms)),
        );
        tag.push_str(">\n");
        self.file.write_all(tag.as_bytes())?;
        self.file.write_all(self.cases.as_bytes())?;
        self.file.write_all(b"  </testsuite>\n")?;
        self.cases.clear();
        Ok(())
    }
}

fn numbers(counts: Counts, duration_ms: u64) -> Vec<(&'static str, String)> {
    vec![
        ("tests", counts.total.to_string()),
        ("failures", counts.failed.to_string()),
        ("errors", counts.errors.to_string()),
        ("skipped", counts.skipped.to_string()),
        ("time", seconds(duration_ms)),
    ]
}

fn test_case(xml: &mut String, form: Form, case: &Case) {
    xml.push_str("    <testcase");
    attributes(
        xml,
        &[
            ("classname", case.suite.as_ref().to_owned()),
            ("name", case.name.clone()),
            ("time", seconds(case.duration_ms)),
        ],
    );
    if let Some(place) = &case.place {
        match place::parts(place) {
            Some((file, line)) => {
                attributes(
                    xml,
                    &[("file", file.to_owned()), ("line", line.to_string())],
                );
            }
            None => attributes(xml, &[("file", place.clone())]),
        }
    }
    if case.verdict == Verdict::Passed {
        xml.push_str("/>\n");
        return;
    }
    xml.push_str(">\n");
    outcome(xml, form, case);
    xml.push_str("    </testcase>\n");
}

fn outcome(xml: &mut String, form: Form, case: &Case) {
    let kind = match (case.verdict, form) {
        (Verdict::Passed, _) => return,
        (Verdict::Skipped, _) => {
            xml.push_str("      <skipped/>\n");
            return;
        }
        (Verdict::Flaky, Form::GitLab) => {
            let said: Vec<&str> = case.failures.iter().map(|f| f.details.as_str()).collect();
            let text = format!("flaky: it failed first\n{}", said.join("\n\n"));
            put(
                xml,
                &format!("      <system-out>{}</system-out>\n", escaped(&text)),
            );
            return;
        }
        (Verdict::Flaky, Form::Whole) => "flakyFailure",
        (Verdict::Failed, _) => "failure",
        (Verdict::Error, _) => "error",
    };
    if case.failures.is_empty() {
        put(xml, &format!("      <{kind}/>\n"));
    }
    for failure in &case.failures {
        put(
            xml,
            &format!(
                "      <{kind} message=\"{}\">{}</{kind}>\n",
                escaped(&failure.message),
                escaped(&failure.details)
            ),
        );
    }
}

fn put(xml: &mut String, text: &str) {
    xml.push_str(text);
}

fn attributes(xml: &mut String, attributes: &[(&str, String)]) {
    for (key, value) in attributes {
        write!(xml, " {key}=\"{}\"", escaped(value)).expect("a string takes any text");
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

/// Text for content and for attributes in double quotes; what XML 1.0 does not allow is left out.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            ' '..='\u{fffd}' | '\u{10000}'.. => escaped.push(c),
            _ => {}
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Failure;
    use crate::junit;
    use crate::tally::Tally;

    fn case(name: &str, verdict: Verdict, message: &str) -> Case {
        let mut case = Case::new("a > b \"c\" & <d>".into(), name);
        case.verdict = verdict;
        case.duration_ms = 1_007;
        if verdict >= Verdict::Flaky {
            case.failures.push(Failure {
                message: message.to_owned(),
                details: format!("{message}\n\tat x ]]> 'y'"),
            });
        }
        case
    }

    fn cases() -> Vec<Case> {
        let mut placed = case("passes", Verdict::Passed, "");
        placed.place = Some("src/a.rs:7".to_owned());
        vec![
            placed,
            case("is skipped", Verdict::Skipped, ""),
            case("flaky ü🚀", Verdict::Flaky, "first"),
            case("fails", Verdict::Failed, "it's <wrong> & \"so\""),
            case("breaks", Verdict::Error, "no"),
        ]
    }

    fn written(form: Form) -> String {
        let store = Store::new(true);
        let mut tally = Tally::new("x", &store);
        cases().iter().for_each(|case| tally.add(case));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out/junit.xml");
        write(&path, form, &[tally.finish()], &store).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn can_be_read_again() {
        let store = Store::new(true);
        let read = junit::read("x", written(Form::Whole).as_bytes(), false, &store);
        assert_eq!(read.cases(&store), cases());
        assert_eq!(read.problems, [""; 0]);
        assert_eq!(read.warnings, [""; 0]);
    }

    #[test]
    fn tells_gitlab_only_what_it_knows() {
        let text = written(Form::GitLab);
        assert!(!text.contains("flakyFailure"));
        let store = Store::new(true);
        let read = junit::read("x", text.as_bytes(), false, &store);
        let verdicts: Vec<Verdict> = read
            .cases(&store)
            .into_iter()
            .map(|case| case.verdict)
            .collect();
        use Verdict::{Error, Failed, Passed, Skipped};
        assert_eq!(verdicts, [Passed, Skipped, Passed, Failed, Error]);
    }

    #[test]
    fn leaves_out_what_xml_does_not_allow() {
        assert_eq!(escaped("a\u{1}\u{b}\u{fffe}b\u{7f}é"), "ab\u{7f}é");
    }

    #[test]
    fn states_what_it_lists() {
        assert!(written(Form::Whole).starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"5.035\">\n  \
             <testsuite name=\"a &gt; b &quot;c&quot; &amp; &lt;d&gt;\" tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"5.035\">\n    \
             <testcase classname=\"a &gt; b &quot;c&quot; &amp; &lt;d&gt;\" name=\"passes\" time=\"1.007\" file=\"src/a.rs\" line=\"7\"/>\n"
        ));
    }
}
