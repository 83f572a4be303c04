//! GitHub Actions: the lines that `$GITHUB_ENV` takes, and the commands that keep secrets out of the log.

use toolkit::ci::github_escaped;
use zeroize::Zeroizing;

use super::{Refusal, Text, Value, accepted, room, unfit};

/// Shorter lines of a longer secret are not hidden one by one: they would hide half of the log.
const SHORTEST_LINE: usize = 4;

/// The lines for `$GITHUB_ENV`. `delimiter` must be one that nobody can foresee.
pub(crate) fn encode(values: &[Value<'_>], delimiter: &str) -> Result<Text, Refusal> {
    let values = accepted("GITHUB_ENV", values, |value| mistake(value, delimiter))?;
    let mut text = room(values);
    for value in values {
        for part in [
            value.name, "<<", delimiter, "\n", value.text, "\n", delimiter, "\n",
        ] {
            text.push_str(part);
        }
    }
    Ok(text)
}

/// The commands that must be on stdout before the secrets are used: each whole value, and each of its lines,
/// since the log is searched line by line.
pub(crate) fn masks(values: &[Value<'_>]) -> Text {
    let mut text = room(values);
    for value in values.iter().filter(|value| value.secret) {
        if value.text.is_empty() {
            continue;
        }
        mask(&mut text, value.text);
        if value.text.contains('\n') {
            value
                .text
                .lines()
                .filter(|line| line.len() >= SHORTEST_LINE)
                .for_each(|line| mask(&mut text, line));
        }
    }
    text
}

fn mask(text: &mut Text, secret: &str) {
    text.push_str("::add-mask::");
    text.push_str(&Zeroizing::new(github_escaped(secret)));
    text.push('\n');
}

fn mistake(value: &Value<'_>, delimiter: &str) -> Option<&'static str> {
    if let Some(unfit) = unfit(value) {
        Some(unfit)
    } else if value.name.starts_with("GITHUB_")
        || value.name.starts_with("RUNNER_")
        || value.name == "CI"
    {
        Some("GitHub keeps this variable for itself")
    } else if value.name == "NODE_OPTIONS" {
        Some("GitHub does not let a step set it")
    } else if value.text.contains('\r') {
        Some("its value has a carriage return, which the runner takes for the end of a line")
    } else if value.text.contains(delimiter) {
        Some("its value has the delimiter")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    fn with_eof(values: &[Value<'_>]) -> Result<Text, Refusal> {
        encode(values, "EOF_1")
    }

    #[test]
    fn fences_each_value() {
        assert_eq!(
            encoded(with_eof, &[("A", ""), ("B", "one\ntwo=${x}")]),
            Ok("A<<EOF_1\n\nEOF_1\nB<<EOF_1\none\ntwo=${x}\nEOF_1\n".to_owned())
        );
    }

    #[test]
    fn masks_secrets_whole_and_line_by_line() {
        let value = |text, secret| Value {
            name: "A",
            text,
            secret,
        };
        let masks = masks(&[
            value("plain", false),
            value("100%", true),
            value("line1\nx\nline2", true),
            value("", true),
        ]);
        assert_eq!(
            masks.as_str(),
            "::add-mask::100%25\n::add-mask::line1%0Ax%0Aline2\n::add-mask::line1\n::add-mask::line2\n"
        );
    }

    #[test]
    fn refuses_what_the_runner_would_not_take() {
        assert_eq!(
            encoded(
                with_eof,
                &[
                    ("A", "x\nEOF_1\nB=hunter2"),
                    ("CR", "hunter2\r"),
                    ("GITHUB_TOKEN", "hunter2"),
                    ("NODE_OPTIONS", "hunter2"),
                ]
            ),
            Err(
                "GITHUB_ENV cannot hold A (its value has the delimiter), CR (its value has a carriage return, which the \
                 runner takes for the end of a line), GITHUB_TOKEN (GitHub keeps this variable for itself), \
                 NODE_OPTIONS (GitHub does not let a step set it)"
                    .to_owned()
            )
        );
    }
}
