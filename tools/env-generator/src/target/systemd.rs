//! The form that systemd's `EnvironmentFile=` reads: double quotes, with a backslash before the four characters
//! that a shell would take for its own. Systemd drops a variable with any other control character than tab and
//! line feed, so it is refused here (env_value_is_valid in systemd's src/basic/env-util.c).

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
    unfit(value).or_else(|| {
        value
            .text
            .chars()
            .any(|c| (c < ' ' && c != '\t' && c != '\n') || c == '\u{7f}')
            .then_some("its value has a control character")
    })
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
                &[("A", "hunter2\r"), ("B", "hunter2\u{7f}"), ("C", "\0")]
            ),
            Err(
                "an EnvironmentFile of systemd cannot hold A (its value has a control character), \
                 B (its value has a control character), C (its value has a zero byte)"
                    .to_owned()
            )
        );
    }
}
