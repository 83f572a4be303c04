//! Files of `NAME=VALUE` lines, read strictly. The readers of such files disagree, so what they read differently
//! is a mistake here; the rest means the same everywhere:
//!
//! - `NAME=value` to the end of the line, without the spaces around it;
//! - `NAME='…'`: as it stands, over several lines if need be;
//! - `NAME="…"`: the same with `\n`, `\r`, `\t`, `\\`, `\"` and `\$`;
//! - nothing is expanded; `export ` in front and comments from `#` on are passed over.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::secret_text::SecretText;
use crate::target::is_name;

/// A line that sets a variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: SecretText,
    /// From 1.
    pub(crate) line: usize,
}

/// A line and what is wrong with it.
pub(crate) type Mistake = (usize, String);

/// All assignments, or all mistakes.
pub(crate) fn read(text: &str) -> Result<Vec<Assignment>, Vec<Mistake>> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut line, mut read, mut mistakes) = (1, Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    while !rest.is_empty() {
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let content = rest[..end].trim();
        let mut length = end;
        if !content.is_empty() && !content.starts_with('#') {
            match assignment(rest) {
                Ok((name, value, consumed)) => {
                    length = consumed;
                    if let Some(first) = seen.insert(name.clone(), line) {
                        mistakes.push((line, format!("{name} is set in line {first} already")));
                    }
                    read.push(Assignment { name, value, line });
                }
                Err(message) => mistakes.push((line, message)),
            }
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    if mistakes.is_empty() {
        Ok(read)
    } else {
        Err(mistakes)
    }
}

/// Name, value, and the bytes of `text` that they take with the end of their last line.
fn assignment(text: &str) -> Result<(String, SecretText, usize), String> {
    let end = text.find('\n').unwrap_or(text.len());
    // What is not an assignment is not repeated: it may be a part of a secret.
    let equals = text[..end].find('=').ok_or("the line has no equals sign")?;
    let left = text[..equals].trim();
    let name = left.strip_prefix("export ").unwrap_or(left).trim();
    if !is_name(name) {
        return Err(
            "what stands left of the equals sign is not a variable name: letters, digits and underscores"
                .to_owned(),
        );
    }
    let after = &text[equals + 1..];
    let indent = after.len() - after.trim_start_matches([' ', '\t']).len();
    let start = equals + 1 + indent;
    let value = &text[start..];
    let (read, length) = match value.chars().next() {
        Some('\'') => single(value).ok_or_else(|| unclosed(name))?,
        Some('"') => double(value, name)?,
        _ => {
            let line = value.split('\n').next().unwrap_or_default();
            let bare = line.trim();
            if bare.contains(" #") || bare.contains("\t#") || bare.starts_with('#') {
                return Err(format!(
                    "{name} has a # that some readers take for a comment; put the value in quotes"
                ));
            }
            (SecretText::new(bare.to_owned()), line.len())
        }
    };
    let tail = &value[length..];
    let closing = tail.find('\n').map_or(tail.len(), |at| at + 1);
    let rest = tail[..closing].trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err(format!("{name} goes on after its closing quote"));
    }
    Ok((name.to_owned(), read, start + length + closing))
}

fn unclosed(name: &str) -> String {
    format!("the quote of {name} is never closed")
}

fn single(value: &str) -> Option<(SecretText, usize)> {
    let end = value[1..].find('\'')?;
    Some((SecretText::new(value[1..=end].to_owned()), end + 2))
}

fn double(value: &str, name: &str) -> Result<(SecretText, usize), String> {
    let mut text = Zeroizing::new(String::with_capacity(value.len()));
    let mut characters = value.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Ok((SecretText::new(std::mem::take(&mut *text)), at + 1)),
            '\\' => match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, 't')) => text.push('\t'),
                Some((_, c @ ('\\' | '"' | '$'))) => text.push(c),
                _ => {
                    return Err(format!(
                        "{name} has a backslash that readers take differently; double it, or use single quotes"
                    ));
                }
            },
            c => text.push(c),
        }
    }
    Err(unclosed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str, usize)]) {
        let read = read(text).expect("no mistakes");
        let read: Vec<(&str, &str, usize)> = read
            .iter()
            .map(|read| (read.name.as_str(), read.value.expose(), read.line))
            .collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn reads_what_means_the_same_everywhere() {
        check(
            "\u{feff}# a comment\r\nA=1\r\n\n export B = two words \nC=\nD='it # is\n\\n'  # why\nE=\"q\\\" \\\\ \\n\\$x ü\"\nF=a#b=c",
            &[
                ("A", "1", 2),
                ("B", "two words", 4),
                ("C", "", 5),
                ("D", "it # is\n\\n", 6),
                ("E", "q\" \\ \n$x ü", 8),
                ("F", "a#b=c", 9),
            ],
        );
    }

    #[test]
    fn reports_every_mistake_and_no_value() {
        let text = "hunter2\nA B=hunter2\nC=hunter2 # x\nD='hunter2' hunter2\nE=1\nE=2\nF=\"\\hunter2\"\nG='hunter2";
        assert_eq!(
            read(text).unwrap_err(),
            [
                (1, "the line has no equals sign"),
                (2, "what stands left of the equals sign is not a variable name: letters, digits and underscores"),
                (3, "C has a # that some readers take for a comment; put the value in quotes"),
                (4, "D goes on after its closing quote"),
                (6, "E is set in line 5 already"),
                (7, "F has a backslash that readers take differently; double it, or use single quotes"),
                (8, "the quote of G is never closed"),
            ]
            .map(|(line, message)| (line, message.to_owned()))
        );
    }
}
