//! Flat JSON objects, for log lines and `/version`. A service that takes or gives more than that wants `serde_json`.

use std::fmt::Write as _;

pub enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Flag(bool),
}

/// One object on one line, members in the order given.
pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value<'a>)>) -> String {
    let mut json = String::from("{");
    for (name, value) in members {
        if json.len() > 1 {
            json.push(',');
        }
        push_text(&mut json, name);
        json.push(':');
        match value {
            Value::Text(text) => push_text(&mut json, text),
            Value::Number(number) => json.push_str(&number.to_string()),
            Value::Flag(flag) => json.push_str(if flag { "true" } else { "false" }),
        }
    }
    json.push('}');
    json
}

/// Escapes what RFC 8259, section 7, says must be, and DEL, which upsets terminals.
fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\n' => json.push_str("\\n"),
            control if control.is_ascii_control() => {
                write!(json, "\\u{:04x}", u32::from(control)).expect("a String takes any text");
            }
            plain => json.push(plain),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_of_members() {
        let members = [
            ("status", Value::Number(200)),
            ("drained", Value::Flag(true)),
            ("abandoned", Value::Flag(false)),
            ("path", Value::Text("/")),
        ];
        let expected = r#"{"status":200,"drained":true,"abandoned":false,"path":"/"}"#;
        assert_eq!(object(members), expected);
    }

    #[test]
    fn escapes_what_would_end_a_text_or_a_line() {
        let hostile = Value::Text("a\"b\\c\nd\re\u{1b}[31mé\u{7f}");
        let expected = r#"{"text":"a\"b\\c\nd\u000de\u001b[31mé\u007f"}"#;
        assert_eq!(object([("text", hostile)]), expected);
    }

    #[test]
    fn has_an_empty_object() {
        assert_eq!(object([]), "{}");
    }
}
