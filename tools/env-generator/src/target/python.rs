//! The form that `python-dotenv` reads: double quotes with escapes, expanded afterwards. A text that would be
//! expanded is written as the default of a variable without a name, which nobody can set.

use super::{Refusal, Text, Value, accepted, room, unfit};

/// The file's text, in the order of the values.
pub(crate) fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    let values = accepted("a dotenv file for Python", values, unfit)?;
    let mut text = room(values);
    for value in values {
        text.push_str(value.name);
        text.push_str("=\"");
        let mut characters = value.text.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '"' => text.push_str("\\\""),
                // At the end, older readers take it for the quote's escape.
                '\\' if characters.peek().is_none() => text.push_str("${:-\\\\}"),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '$' if characters.peek() == Some(&'{') => text.push_str("${:-$}"),
                c => text.push(c),
            }
        }
        text.push_str("\"\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    #[test]
    fn escapes_what_is_read_and_what_is_expanded() {
        assert_eq!(
            encoded(encode, &[("A", "\"q\" '\\n' $X ${Y}\n\r"), ("B", "C:\\")]),
            Ok("A=\"\\\"q\\\" '\\\\n' $X ${:-$}{Y}\\n\\r\"\nB=\"C:${:-\\\\}\"\n".to_owned())
        );
    }

    #[test]
    fn refuses_a_zero_byte() {
        assert_eq!(
            encoded(encode, &[("A", "hunter2\0")]),
            Err("a dotenv file for Python cannot hold A (its value has a zero byte)".to_owned())
        );
    }
}
