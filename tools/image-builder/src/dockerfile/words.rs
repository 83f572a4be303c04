//! The ways in which the words of an instruction are told apart.

/// An instruction's flags (`--name=value`, without quotes) and what comes after them.
pub(crate) fn flags(text: &str, escape: char) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let (flag, after) = flag(rest, escape);
        rest = after.trim_start();
        if flag == "--" {
            break;
        }
        flags.push(flag);
    }
    (flags, rest)
}

/// The first word without its quotes and escapes, and the rest.
fn flag(text: &str, escape: char) -> (String, &str) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == escape {
            if let Some((_, next)) = chars.next() {
                word.push(next);
            }
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && (c == '"' || c == '\'') {
            quote = Some(c);
        } else if quote.is_none() && c.is_whitespace() {
            return (word, &text[at..]);
        } else {
            word.push(c);
        }
    }
    (word, "")
}

/// Words separated by white space, unless it is quoted or escaped. Quotes and escapes stay, for the expansion.
pub(crate) fn quoted(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        if c == escape && quote != Some('\'') {
            // At the very end it stands for nothing.
            if let Some(next) = chars.next() {
                word.push(c);
                word.push(next);
            }
            continue;
        }
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && (c == '"' || c == '\'') {
            quote = Some(c);
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A list in JSON, which is the exec form; `None` if the text is no JSON array, as Docker then takes it for the
/// shell form. An array of something else than strings is a mistake.
pub(crate) fn json(text: &str) -> Result<Option<Vec<String>>, String> {
    if !text.starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(text) else {
        return Ok(None);
    };
    values
        .into_iter()
        .map(|value| match value {
            serde_json::Value::String(word) => Ok(word),
            other => Err(format!("the list may have strings only, not {other}")),
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

/// A name with its value. Quotes and escapes are still there.
pub(crate) type Pair = (String, String);

/// `name=value …`, or the old `name value`.
pub(crate) fn pairs(instruction: &str, text: &str, escape: char) -> Result<Vec<Pair>, String> {
    let words = quoted(text, escape);
    let Some(first) = words.first() else {
        return Err(format!("{instruction} needs at least one name=value"));
    };
    if !first.contains('=') {
        return match text.split_once([' ', '\t']) {
            Some((name, value)) => Ok(vec![(name.to_owned(), value.trim_start().to_owned())]),
            None => Err(format!(
                "{instruction} {first} has no value: write {first}=value"
            )),
        };
    }
    words
        .iter()
        .map(|word| match word.split_once('=') {
            Some(("", _)) => Err(format!("{word} has no name before the =")),
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(format!(
                "{word} has no =: write name=value, and quotes around a value with spaces"
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_flags_from_arguments() {
        let cases: [(&str, &[&str], &str); 5] = [
            ("a b", &[], "a b"),
            (
                "--from=x  --chown=1:2 a b",
                &["--from=x", "--chown=1:2"],
                "a b",
            ),
            ("--x=\"a b\" c", &["--x=a b"], "c"),
            ("--link", &["--link"], ""),
            ("-- --from=x", &[], "--from=x"),
        ];
        for (text, expected, rest) in cases {
            let (found, after) = flags(text, '\\');
            assert_eq!(
                (found.as_slice(), after),
                (
                    &expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                    rest
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn keeps_quotes_for_the_expansion() {
        assert_eq!(
            quoted(r#"a="b c"  d=e\ f g='h\' "" i\"#, '\\'),
            [r#"a="b c""#, r"d=e\ f", r"g='h\'", r#""""#, "i"]
        );
    }

    #[test]
    fn tells_the_exec_form_from_the_shell_form() {
        assert_eq!(
            json(r#"["a", "b c"]"#).unwrap(),
            Some(vec!["a".to_owned(), "b c".to_owned()])
        );
        assert_eq!(json("['a']").unwrap(), None);
        assert_eq!(json("[ -f x ] && y").unwrap(), None);
        assert_eq!(
            json("[1]").unwrap_err(),
            "the list may have strings only, not 1"
        );
    }

    #[test]
    fn reads_pairs_in_both_forms() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("ENV", r#"a=1 b="2 3" c="#, '\\').unwrap(),
            [pair("a", "1"), pair("b", "\"2 3\""), pair("c", "")]
        );
        assert_eq!(
            pairs("ENV", "a  1 2=3", '\\').unwrap(),
            [pair("a", "1 2=3")]
        );
        assert_eq!(
            pairs("ENV", "a", '\\').unwrap_err(),
            "ENV a has no value: write a=value"
        );
        assert_eq!(
            pairs("ENV", "a=1 b", '\\').unwrap_err(),
            "b has no =: write name=value, and quotes around a value with spaces"
        );
        assert_eq!(
            pairs("LABEL", "=1", '\\').unwrap_err(),
            "=1 has no name before the ="
        );
    }
}
