//! The form that `docker run --env-file` and the ECS agent read: `KEY=VALUE` to the end of the line, every
//! character standing for itself. There are no quotes and no escapes, so what does not fit in a line cannot
//! be written at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bytes of a line with its end: both readers use Go's bufio.Scanner, which gives up at 64 KiB.
const LONGEST_LINE: usize = 65_536;

/// What cannot be written, by name and never by value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an env file cannot hold {}", .0.iter().map(|(name, why)| format!("{name} ({why})")).collect::<Vec<_>>().join(", "))]
pub(crate) struct Refusal(Vec<(String, &'static str)>);

/// The file's text, sorted by name.
pub(crate) fn encode<'v>(
    values: impl Iterator<Item = (&'v str, &'v str)>,
) -> Result<String, Refusal> {
    let values: BTreeMap<&str, &str> = values.collect();
    let refused: Vec<(String, &'static str)> = values
        .iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), mistake(name, value)?)))
        .collect();
    if !refused.is_empty() {
        return Err(Refusal(refused));
    }
    let mut text = String::new();
    for (name, value) in values {
        writeln!(text, "{name}={value}").expect("a string takes any text");
    }
    Ok(text)
}

fn mistake(name: &str, value: &str) -> Option<&'static str> {
    if value.contains(['\n', '\r']) {
        Some("its value has a line break")
    } else if value.contains('\0') {
        Some("its value has a zero byte")
    } else if name.len() + 1 + value.len() >= LONGEST_LINE {
        Some("its line would be longer than 64 KiB")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(values: &[(&str, &str)]) -> Result<String, Refusal> {
        encode(values.iter().copied())
    }

    #[test]
    fn writes_values_as_they_are() {
        assert_eq!(
            encoded(&[
                ("URL", "postgres://u:p@h/d?x=1&y='2'"),
                ("EMPTY", ""),
                ("QUOTED", "\"a\" # $b `c` \\n "),
                ("WORD", "ü"),
            ]),
            Ok(
                "EMPTY=\nQUOTED=\"a\" # $b `c` \\n \nURL=postgres://u:p@h/d?x=1&y='2'\nWORD=ü\n"
                    .to_owned()
            )
        );
    }

    #[test]
    fn refuses_by_name_what_does_not_fit_in_a_line() {
        let refusal = encoded(&[
            ("KEY", "-----BEGIN\nhunter2"),
            ("CR", "hunter2\r"),
            ("NUL", "hunter2\0"),
            ("LONG", &"x".repeat(LONGEST_LINE - 5)),
            ("FITS", &"x".repeat(LONGEST_LINE - 6)),
        ])
        .unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "an env file cannot hold CR (its value has a line break), KEY (its value has a line break), \
             LONG (its line would be longer than 64 KiB), NUL (its value has a zero byte)"
        );
    }
}
