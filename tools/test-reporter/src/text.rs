//! Text that a test wrote, made fit to be shown and stored.

/// Without terminal sequences and control characters; line ends and tabs stay.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control()) {
        cleaned.push_str(&rest[..at]);
        let tail = &rest[at..];
        rest = match tail.as_bytes()[0] {
            0x1b => after_sequence(&tail[1..]),
            b'\n' | b'\t' => {
                cleaned.push_str(&tail[..1]);
                &tail[1..]
            }
            // C1 controls take two bytes.
            _ => tail.get(1..).unwrap_or_else(|| &tail[2..]),
        };
    }
    cleaned.push_str(rest);
    cleaned
}

/// What follows a terminal sequence (ECMA-48), whose escape character is already taken off.
fn after_sequence(text: &str) -> &str {
    let bytes = text.as_bytes();
    match bytes.first() {
        // Control sequence: parameters, then a final byte.
        Some(b'[') => match bytes[1..]
            .iter()
            .position(|byte| !(0x20..=0x3f).contains(byte))
        {
            Some(length) if (0x40..=0x7e).contains(&bytes[1 + length]) => &text[length + 2..],
            Some(length) => &text[length + 1..],
            None => "",
        },
        // Operating system command: up to a bell or a string terminator.
        Some(b']') => match text.find(['\u{7}', '\u{1b}']) {
            Some(end) if bytes[end] == 7 => &text[end + 1..],
            Some(end) => text[end + 1..]
                .strip_prefix('\\')
                .unwrap_or(&text[end + 1..]),
            None => "",
        },
        _ => text,
    }
}

/// At most `most` bytes of a text, whole characters, with a sign that some are missing.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_terminal_sequences_out_whole() {
        for (text, cleaned) in [
            ("a\u{1b}[31mred\u{1b}[0m b", "ared b"),
            ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\", "link"),
            ("[32mno escape", "[32mno escape"),
            ("cut \u{1b}[3", "cut "),
            ("bad \u{1b}[\u{fc}", "bad \u{fc}"),
            ("a\u{0}\u{7}\tb\r\nc\u{85}\u{9b}d\u{7f}", "a\tb\ncd"),
            ("end\u{1b}", "end"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn shortens_between_characters() {
        assert_eq!(shortened("aüb", 2), "a…");
        assert_eq!(shortened("aüb", 4), "aüb");
    }
}
