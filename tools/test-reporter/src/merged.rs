//! All cases as one JUnit XML file, well-formed whatever the tests printed.

use std::fmt::Write as _;

use crate::case::{Case, Source, Verdict, counts};

/// The file's text. Suites are in the order of their first cases.
pub(crate) fn junit(sources: &[Source]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let cases = || sources.iter().flat_map(|source| &source.cases);
    let all: Vec<&Case> = cases().collect();
    element(&mut xml, 0, "testsuites", &numbers(&all), |xml| {
        for (suite, cases) in by_suite(&all) {
            let mut attributes = vec![("name", suite.to_owned())];
            attributes.extend(numbers(&cases));
            element(xml, 1, "testsuite", &attributes, |xml| {
                for case in cases {
                    test_case(xml, case);
                }
            });
        }
    });
    xml
}

fn by_suite<'c>(cases: &[&'c Case]) -> Vec<(&'c str, Vec<&'c Case>)> {
    let mut suites: Vec<(&str, Vec<&Case>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for case in cases {
        let at = *places.entry(&case.suite).or_insert(suites.len());
        if at == suites.len() {
            suites.push((&case.suite, Vec::new()));
        }
        suites[at].1.push(case);
    }
    suites
}

fn numbers(cases: &[&Case]) -> Vec<(&'static str, String)> {
    let counts = counts(cases.iter().copied());
    let duration = cases
        .iter()
        .fold(0_u64, |sum, case| sum.saturating_add(case.duration_ms));
    vec![
        ("tests", counts.total.to_string()),
        ("failures", counts.failed.to_string()),
        ("errors", counts.errors.to_string()),
        ("skipped", counts.skipped.to_string()),
        ("time", seconds(duration)),
    ]
}

fn test_case(xml: &mut String, case: &Case) {
    let attributes = [
        ("classname", case.suite.clone()),
        ("name", case.name.clone()),
        ("time", seconds(case.duration_ms)),
    ];
    element(xml, 2, "testcase", &attributes, |xml| {
        let kind = match case.verdict {
            Verdict::Passed => return,
            Verdict::Skipped => {
                xml.push_str("      <skipped/>\n");
                return;
            }
            Verdict::Flaky => "flakyFailure",
            Verdict::Failed => "failure",
            Verdict::Error => "error",
        };
        if case.failures.is_empty() {
            writeln!(xml, "      <{kind}/>").expect("a string takes any text");
        }
        for failure in &case.failures {
            writeln!(
                xml,
                "      <{kind} message=\"{}\">{}</{kind}>",
                escaped(&failure.message),
                escaped(&failure.details)
            )
            .expect("a string takes any text");
        }
    });
}

fn element(
    xml: &mut String,
    depth: usize,
    name: &str,
    attributes: &[(&str, String)],
    content: impl FnOnce(&mut String),
) {
    let indent = "  ".repeat(depth);
    write!(xml, "{indent}<{name}").expect("a string takes any text");
    for (key, value) in attributes {
        write!(xml, " {key}=\"{}\"", escaped(value)).expect("a string takes any text");
    }
    xml.push_str(">\n");
    content(xml);
    writeln!(xml, "{indent}</{name}>").expect("a string takes any text");
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

/// Text for content and for attributes in double quotes; what XML 1.0 does not allow is left out.
fn escaped(text: &str) -> String {
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

    fn case(name: &str, verdict: Verdict, message: &str) -> Case {
        let mut case = Case::new("a > b \"c\" & <d>", name);
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

    fn source() -> Source {
        Source {
            name: "stdout".to_owned(),
            duration_ms: 5_035,
            cases: vec![
                case("passes", Verdict::Passed, ""),
                case("is skipped", Verdict::Skipped, ""),
                case("flaky ü🚀", Verdict::Flaky, "first"),
                case("fails", Verdict::Failed, "it's <wrong> & \"so\""),
                case("breaks", Verdict::Error, "no"),
            ],
            ..Source::default()
        }
    }

    #[test]
    fn can_be_read_again() {
        let text = junit(&[source()]);
        let read = junit::read("stdout", text.as_bytes(), false);
        assert_eq!(read, source());
    }

    #[test]
    fn leaves_out_what_xml_does_not_allow() {
        assert_eq!(escaped("a\u{1}\u{b}\u{fffe}b\u{7f}é"), "ab\u{7f}é");
    }

    #[test]
    fn states_what_it_lists() {
        assert!(junit(&[source()]).starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"5.035\">\n  \
             <testsuite name=\"a &gt; b &quot;c&quot; &amp; &lt;d&gt;\" tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"5.035\">\n    \
             <testcase classname=\"a &gt; b &quot;c&quot; &amp; &lt;d&gt;\" name=\"passes\" time=\"1.007\">\n    </testcase>\n"
        ));
    }
}
