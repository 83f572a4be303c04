//! One JSON object, names to texts.

use super::{Refusal, Text, Value, accepted, room};

/// The object, indented, in the order of the values.
pub(crate) fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    let values = accepted("a JSON object", values, mistake)?;
    let mut text = room(values);
    text.push('{');
    for (at, value) in values.iter().enumerate() {
        text.push_str(if at == 0 { "\n  " } else { ",\n  " });
        quote(&mut text, value.name);
        text.push_str(": ");
        quote(&mut text, value.text);
    }
    text.push_str(if values.is_empty() { "}\n" } else { "\n}\n" });
    Ok(text)
}

fn mistake(value: &Value<'_>) -> Option<&'static str> {
    value.name.is_empty().then_some("its name is empty")
}

/// Written here and not by serde_json, whose buffers are not wiped.
fn quote(text: &mut Text, value: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c < ' ' => {
                let code = usize::try_from(u32::from(c)).expect("a code point below 32");
                text.push_str("\\u00");
                text.push(char::from(HEX[code >> 4]));
                text.push(char::from(HEX[code & 15]));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    #[test]
    fn writes_one_object() {
        assert_eq!(
            encoded(encode, &[("A", "\"q\" \\ \n\r\t\u{1b}\0 ü"), ("B", "")]),
            Ok(
                "{\n  \"A\": \"\\\"q\\\" \\\\ \\n\\r\\t\\u001b\\u0000 ü\",\n  \"B\": \"\"\n}\n"
                    .to_owned()
            )
        );
        assert_eq!(encoded(encode, &[]), Ok("{}\n".to_owned()));
    }

    #[test]
    fn refuses_an_empty_name() {
        assert_eq!(
            encoded(encode, &[("", "hunter2")]),
            Err("a JSON object cannot hold  (its name is empty)".to_owned())
        );
    }
}
