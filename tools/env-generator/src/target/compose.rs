//! A Compose file with the environment of each service. Double-quoted YAML holds any text; a dollar is doubled,
//! since Compose interpolates after it has read the YAML.

use std::fmt::Write as _;

use super::{Refusal, Text, Value, accepted, room, unfit};

/// The file's text for these services.
pub(crate) fn encode(values: &[Value<'_>], services: &[String]) -> Result<Text, Refusal> {
    let values = accepted("a Compose file", values, unfit)?;
    let mut text = room(values);
    text.push_str("x-environment: &environment");
    if values.is_empty() {
        text.push_str(" {}");
    }
    text.push('\n');
    for value in values {
        text.push_str("  ");
        // Quoted, or NO and Y would be read as truth values by a YAML 1.1 reader.
        quote(&mut text, value.name);
        text.push_str(": ");
        quote(&mut text, value.text);
        text.push('\n');
    }
    text.push_str("services:");
    if services.is_empty() {
        text.push_str(" {}");
    }
    text.push('\n');
    for service in services {
        text.push_str("  ");
        text.push_str(service);
        text.push_str(":\n    environment: *environment\n");
    }
    Ok(text)
}

fn quote(text: &mut Text, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '$' => text.push_str("$$"),
            // What YAML does not take as it is: control characters, its own line breaks, the byte order mark.
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                write!(**text, "\\u{:04x}", u32::from(c)).expect("a string takes any text");
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

    fn for_two(values: &[Value<'_>]) -> Result<Text, Refusal> {
        encode(values, &["api".to_owned(), "worker".to_owned()])
    }

    #[test]
    fn shares_one_environment_between_the_services() {
        assert_eq!(
            encoded(for_two, &[("A", "pa$$word ${X}"), ("NO", "\"q\" \\ # : \n\u{7f}ü")]),
            Ok("x-environment: &environment\n  \"A\": \"pa$$$$word $${X}\"\n  \"NO\": \"\\\"q\\\" \\\\ # : \\n\\u007fü\"\n\
                services:\n  api:\n    environment: *environment\n  worker:\n    environment: *environment\n"
                .to_owned())
        );
        assert_eq!(
            encode(&[], &[]).map(|text| text.to_string()),
            Ok("x-environment: &environment {}\nservices: {}\n".to_owned())
        );
    }

    #[test]
    fn refuses_a_zero_byte() {
        assert_eq!(
            encoded(for_two, &[("A", "hunter2\0")]),
            Err("a Compose file cannot hold A (its value has a zero byte)".to_owned())
        );
    }
}
