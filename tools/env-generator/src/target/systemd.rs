//! The form that systemd's `EnvironmentFile=` reads: double quotes, with a backslash before the four characters
//! that a shell would take for its own. Older systemd drops a variable with any other control character than tab
//! and line feed, and every systemd gives up at code points that Unicode calls no characters, so both are refused
//! here (env_value_is_valid in its src/basic/env-util.c, unichar_is_valid in utf8.c).

use super::{Refusal, Text, Value, accepted, room, unfit};

/// The file's text, in the order of the values.
pub(crate) fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    let values = accepted("an EnvironmentFile of systemd", values, mistake)?;
    let mut text = room(values);
    for value in values {
        text.push_str(value.name);
        text.push_str("=\"");
        for c in value.text.chars() {
            if matches!(c, '"' | '\\' | '`' | '$') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push_str("\"\n");
    }
    Ok(text)
}

fn mistake(value: &Value<'_>) -> Option<&'static str> {
    let is_control = |c: char| (c < ' ' && c != '\t' && c != '\n') || c == '\u{7f}';
    if let Some(unfit) = unfit(value) {
        Some(unfit)
    } else if value.text.chars().any(is_control) {
        Some("its value has a control character")
    } else if value.text.chars().any(is_no_character) {
        Some("its value has a code point that is no character")
    } else {
        None
    }
}

/// The 66 noncharacters of Unicode (section 23.7).
fn is_no_character(c: char) -> bool {
    let code = u32::from(c);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    #[test]
    fn escapes_what_a_shell_would_take() {
        assert_eq!(
            encoded(encode, &[("A", "\"q\" $x `y` \\ # 'z'\n\tü")]),
            Ok("A=\"\\\"q\\\" \\$x \\`y\\` \\\\ # 'z'\n\tü\"\n".to_owned())
        );
    }

    #[test]
    fn refuses_what_systemd_would_drop() {
        assert_eq!(
            encoded(
                encode,
                &[
                    ("A", "hunter2\r"),
                    ("B", "hunter2\u{7f}"),
                    ("C", "\0"),
                    ("D", "hunter2\u{fdd0}"),
                    ("E", "hunter2\u{1fffe}")
                ]
            ),
            Err(
                "an EnvironmentFile of systemd cannot hold A (its value has a control character), \
                 B (its value has a control character), C (its value has a zero byte), \
                 D (its value has a code point that is no character), \
                 E (its value has a code point that is no character)"
                    .to_owned()
            )
        );
    }
}
