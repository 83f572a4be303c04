//! Text of others inside the commands of a CI system, and beside them.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Dialect;

/// A value inside a TeamCity service message.
#[must_use]
pub fn teamcity_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '|' | '[' | ']' => {
                escaped.push('|');
                escaped.push(c);
            }
            '\n' => escaped.push_str("|n"),
            '\r' => escaped.push_str("|r"),
            '\t' => escaped.push('\t'),
            c if c.is_control() => {}
            c if c.is_ascii() => escaped.push(c),
            c => {
                // UTF-16 units, so that the agent's own character set does not matter.
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    write!(escaped, "|0x{unit:04x}").expect("a string takes any text");
                }
            }
        }
    }
    escaped
}

/// A whole service message, its values escaped: `##teamcity[kind name='value']`. Kind and names are ours.
#[must_use]
pub fn teamcity_message(kind: &str, attributes: &[(&str, &str)]) -> String {
    let mut message = format!("##teamcity[{kind}");
    for (name, value) in attributes {
        write!(message, " {name}='{}'", teamcity_escaped(value)).expect("a string takes any text");
    }
    message.push(']');
    message
}

/// The message of a GitHub workflow command.
#[must_use]
pub fn github_escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a GitHub workflow command, for example its file.
#[must_use]
pub fn github_property_escaped(text: &str) -> String {
    github_escaped(text).replace(':', "%3A").replace(',', "%2C")
}

/// The name of a GitLab section: letters, digits, `_`, `.` and `-` are all that it may have.
pub(super) fn gitlab_name(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || "_.-".contains(c) => c.to_ascii_lowercase(),
            _ => '_',
        })
        .collect()
}

impl Dialect {
    /// A text in which the CI system finds no command, for what stands beside ours in a log. What could begin
    /// one is written a little differently; without a CI system nothing is changed.
    #[must_use]
    pub fn inert(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::None => Cow::Borrowed(text),
            // Wherever it is in a line.
            Self::TeamCity if contains_ignoring_case(text, "##teamcity[") => {
                Cow::Owned(text.replace("##", "# #"))
            }
            Self::GitHub if is_command(text) => Cow::Owned(
                text.split('\n')
                    .map(|line| {
                        let line = line.replace("##[", "# #[");
                        match line.trim_start().starts_with("::") {
                            true => line.replacen("::", ": :", 1),
                            false => line,
                        }
                    })
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
            // Its sections need the escape character and the return of the carriage.
            Self::GitLab if text.contains(['\u{1b}', '\r']) => {
                Cow::Owned(text.replace(['\u{1b}', '\r'], ""))
            }
            _ => Cow::Borrowed(text),
        }
    }
}

/// The runner takes `::name::` at the beginning of a line, and its older `##[name]` anywhere.
fn is_command(text: &str) -> bool {
    text.contains("##[")
        || text
            .split(['\n', '\r'])
            .any(|line| line.trim_start().starts_with("::"))
}

fn contains_ignoring_case(text: &str, what: &str) -> bool {
    text.as_bytes()
        .windows(what.len())
        .any(|window| window.eq_ignore_ascii_case(what.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_for_teamcity() {
        assert_eq!(
            teamcity_escaped("it's [a|b]\nü\u{1b}😀"),
            "it|'s |[a||b|]|n|0x00fc|0xd83d|0xde00"
        );
        assert_eq!(
            teamcity_message("testFailed", &[("name", "it's"), ("details", "")]),
            "##teamcity[testFailed name='it|'s' details='']"
        );
    }

    #[test]
    fn escapes_for_github() {
        assert_eq!(
            github_escaped("100%\r\n::error::x"),
            "100%25%0D%0A::error::x"
        );
    }

    #[test]
    fn escapes_properties_for_github() {
        assert_eq!(github_property_escaped("a,b::c%\n"), "a%2Cb%3A%3Ac%25%0A");
    }

    #[test]
    fn leaves_no_command_in_text_beside_commands() {
        for (dialect, text, inert) in [
            (Dialect::TeamCity, "x ##teamcity[a]", "x # #teamcity[a]"),
            (Dialect::TeamCity, "## plain", "## plain"),
            (Dialect::GitHub, "a\n  ::error::x", "a\n  : :error::x"),
            (Dialect::GitHub, "a ##[group]b", "a # #[group]b"),
            (Dialect::GitHub, "a::b", "a::b"),
            (
                Dialect::GitLab,
                "\u{1b}[0Ksection_start:1:a\r\u{1b}[0K",
                "[0Ksection_start:1:a[0K",
            ),
            (Dialect::None, "##teamcity[a]", "##teamcity[a]"),
        ] {
            assert_eq!(dialect.inert(text), inert, "{dialect:?}");
        }
    }
}
