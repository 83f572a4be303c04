//! What the elements and attributes of a report mean.

use quick_xml::events::BytesStart;

use super::repair::is_allowed;

/// An element, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// `<testsuites>` and what other runners call it.
    Root,
    Suite,
    Case,
    Outcome(Outcome),
    /// Output, properties, anything unknown.
    Other,
}

/// An element that says that a case did not simply pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Failure,
    Error,
    Skipped,
    /// A failed attempt before one that passed.
    Flaky,
    /// A failed attempt after one that failed.
    Rerun,
}

impl Element {
    pub(super) fn of(tag: &BytesStart<'_>) -> Self {
        match tag.local_name().into_inner() {
            "testsuites" | "testrun" => Self::Root,
            "testsuite" => Self::Suite,
            "testcase" => Self::Case,
            "failure" => Self::Outcome(Outcome::Failure),
            "error" => Self::Outcome(Outcome::Error),
            "skipped" | "disabled" | "notrun" => Self::Outcome(Outcome::Skipped),
            "flakyFailure" | "flakyError" => Self::Outcome(Outcome::Flaky),
            "rerunFailure" | "rerunError" => Self::Outcome(Outcome::Rerun),
            _ => Self::Other,
        }
    }
}

/// An attribute's value, with its references resolved. A flaw in the tag hides the attributes behind it.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    tag.attributes()
        .with_checks(false)
        .map_while(Result::ok)
        .find(|attribute| attribute.key.into_inner() == name)
        .map(|attribute| unescaped(&attribute.value))
}

/// Seconds, as `0.007` or `1,234.5`, in milliseconds.
pub(super) fn milliseconds(time: &str) -> u64 {
    let seconds: f64 = time.trim().replace(',', "").parse().unwrap_or(0.0);
    // The cast takes negative numbers and what is not a number as 0.
    (seconds * 1_000.0).round() as u64
}

/// Text with its references resolved; what is none stays as it is.
fn unescaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        match after.split_once(';') {
            Some((name, behind)) if is_reference(name) => {
                push_reference(name, &mut result);
                rest = behind;
            }
            _ => {
                result.push('&');
                rest = after;
            }
        }
    }
    result.push_str(rest);
    result
}

fn is_reference(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 32
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#')
}

/// Appends what `&NAME;` stands for: nothing for a character that XML does not allow, the reference itself
/// for an entity that only a document type could define.
pub(super) fn push_reference(name: &str, text: &mut String) {
    let character = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let Some(number) = name.strip_prefix('#') else {
                text.push('&');
                text.push_str(name);
                text.push(';');
                return;
            };
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => number.parse().ok(),
            };
            // The escape character is let through so that a terminal sequence can be taken out whole.
            code.and_then(char::from_u32)
                .filter(|c| is_allowed(*c) || *c == '\u{1b}')
        }
    };
    text.extend(character);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_references_and_no_entities() {
        assert_eq!(
            unescaped("&lt;a&gt; &amp;amp; &#252;&#x1F680;&#0;&#xD800; &lol; a & b &; &#;"),
            "<a> &amp; ü🚀 &lol; a & b &; "
        );
    }

    #[test]
    fn reads_seconds() {
        for (time, expected) in [
            ("0.007", 7),
            ("1,234.5", 1_234_500),
            ("", 0),
            ("-1", 0),
            ("NaN", 0),
            ("x", 0),
        ] {
            assert_eq!(milliseconds(time), expected, "{time}");
        }
        assert_eq!(milliseconds("1e300"), u64::MAX);
    }
}
