//! The form that npm's `dotenv` reads. It has three quotes, none of which can be escaped, and a backslash
//! before a quote makes its reader look for the end of the value in the lines below.

use super::{Refusal, Text, Value, accepted, room, unfit};

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Literal(char),
    /// Double quotes, with line breaks as `\n` and `\r`.
    Escaped,
    None,
}

/// The file's text, in the order of the values.
pub(crate) fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    let values = accepted("a dotenv file for npm", values, mistake)?;
    let mut text = room(values);
    for value in values {
        text.push_str(value.name);
        text.push('=');
        match quote(value.text) {
            Some(Quote::Literal(mark)) => {
                text.push(mark);
                text.push_str(value.text);
                text.push(mark);
            }
            Some(Quote::Escaped) => {
                text.push('"');
                for c in value.text.chars() {
                    match c {
                        '\n' => text.push_str("\\n"),
                        '\r' => text.push_str("\\r"),
                        c => text.push(c),
                    }
                }
                text.push('"');
            }
            Some(Quote::None) | None => text.push_str(value.text),
        }
        text.push('\n');
    }
    Ok(text)
}

fn mistake(value: &Value<'_>) -> Option<&'static str> {
    unfit(value).or_else(|| {
        quote(value.text).is_none().then_some(
            "its value mixes quotes, backslashes or line breaks in a way that dotenv cannot read",
        )
    })
}

fn quote(text: &str) -> Option<Quote> {
    // A carriage return becomes a line feed, unless it is escaped.
    let fits = |mark: char| !text.contains([mark, '\r']) && !text.ends_with('\\');
    let is_escapable = !text.contains("\\n")
        && !text.contains("\\r")
        && !text.contains('"')
        && !text.ends_with('\\');
    let is_bare = !text.is_empty()
        && !text.contains(['#', '\n', '\r', '\u{2028}', '\u{2029}'])
        && !text.starts_with(['\'', '"', '`'])
        && text.trim() == text
        && !text.starts_with('\u{feff}')
        && !text.ends_with('\u{feff}');
    if fits('\'') {
        Some(Quote::Literal('\''))
    } else if fits('`') {
        Some(Quote::Literal('`'))
    } else if is_escapable {
        Some(Quote::Escaped)
    } else if is_bare {
        Some(Quote::None)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    #[test]
    fn takes_the_quote_that_fits() {
        assert_eq!(
            encoded(
                encode,
                &[
                    ("A", "a # b\nc"),
                    ("B", "it's"),
                    ("C", "cr\r\n"),
                    ("D", "C:\\"),
                    ("E", ""),
                ]
            ),
            Ok("A='a # b\nc'\nB=`it's`\nC=\"cr\\r\\n\"\nD=C:\\\nE=''\n".to_owned())
        );
    }

    #[test]
    fn refuses_what_no_quote_fits() {
        assert_eq!(
            encoded(encode, &[("KEY", "it's `hunter2` \"#\"")]),
            Err("a dotenv file for npm cannot hold KEY (its value mixes quotes, backslashes or line breaks in a way that dotenv cannot read)".to_owned())
        );
    }
}
