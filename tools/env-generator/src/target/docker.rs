//! The form that `docker run --env-file` and the ECS agent read: `KEY=VALUE` to the end of the line, every
//! character standing for itself. There are no quotes and no escapes, so what does not fit in a line cannot
//! be written at all.

use super::{Refusal, Text, Value, accepted, room, unfit};

/// Bytes of a line with its end: both readers use Go's bufio.Scanner, which gives up at 64 KiB.
const LONGEST_LINE: usize = 65_536;

/// The file's text, in the order of the values.
pub(crate) fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    let values = accepted("an env file", values, mistake)?;
    let mut text = room(values);
    for value in values {
        text.push_str(value.name);
        text.push('=');
        text.push_str(value.text);
        text.push('\n');
    }
    Ok(text)
}

fn mistake(value: &Value<'_>) -> Option<&'static str> {
    if let Some(unfit) = unfit(value) {
        Some(unfit)
    } else if value.text.contains(['\n', '\r']) {
        Some("its value has a line break")
    } else if value.name.len() + 1 + value.text.len() >= LONGEST_LINE {
        Some("its line would be longer than 64 KiB")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    #[test]
    fn writes_values_as_they_are() {
        assert_eq!(
            encoded(
                encode,
                &[
                    ("EMPTY", ""),
                    ("QUOTED", "\"a\" # $b `c` \\n "),
                    ("URL", "postgres://u:p@h/d?x=1&y='2'"),
                    ("WORD", "ü"),
                ]
            ),
            Ok(
                "EMPTY=\nQUOTED=\"a\" # $b `c` \\n \nURL=postgres://u:p@h/d?x=1&y='2'\nWORD=ü\n"
                    .to_owned()
            )
        );
    }

    #[test]
    fn refuses_by_name_what_does_not_fit_in_a_line() {
        let long = "x".repeat(LONGEST_LINE - 5);
        assert_eq!(
            encoded(
                encode,
                &[
                    ("A B", "hunter2"),
                    ("CR", "hunter2\r"),
                    ("FITS", &long[1..]),
                    ("KEY", "-----BEGIN\nhunter2"),
                    ("LONG", &long),
                    ("NUL", "hunter2\0"),
                ]
            ),
            Err(
                "an env file cannot hold A B (its name has other characters than letters, digits and underscores), \
                 CR (its value has a line break), KEY (its value has a line break), \
                 LONG (its line would be longer than 64 KiB), NUL (its value has a zero byte)"
                    .to_owned()
            )
        );
    }
}
