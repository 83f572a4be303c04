//! Variables, quotes and escapes in an instruction's words, as BuildKit replaces them.

use std::iter::Peekable;
use std::str::Chars;

use super::Document;
use super::glob::{Glob, boundaries};

/// What a name stands for.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The word with variables replaced and quotes removed.
pub(crate) fn word(text: &str, escape: char, lookup: Lookup<'_>) -> Result<String, String> {
    Ok(Expansion::of(text, escape, lookup, Quotes::Meaningful)?.0)
}

/// The same, but a variable's value that has spaces becomes several words.
pub(crate) fn words(text: &str, escape: char, lookup: Lookup<'_>) -> Result<Vec<String>, String> {
    Ok(Expansion::of(text, escape, lookup, Quotes::Meaningful)?.1)
}

/// A here-document's content: quotes are text there.
pub(crate) fn document(
    document: &Document,
    escape: char,
    lookup: Lookup<'_>,
) -> Result<String, String> {
    if document.expand {
        Ok(Expansion::of(&document.content, escape, lookup, Quotes::Text)?.0)
    } else {
        Ok(document.content.clone())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Meaningful,
    Text,
}

struct Expansion<'a> {
    chars: Peekable<Chars<'a>>,
    escape: char,
    lookup: Lookup<'a>,
    quotes: Quotes,
}

/// Words under construction: white space outside of quotes ends one.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    current: String,
}

impl Words {
    fn split(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.end();
            } else {
                self.current.push(c);
            }
        }
    }

    fn end(&mut self) {
        if !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
        }
    }
}

impl<'a> Expansion<'a> {
    fn of(
        text: &'a str,
        escape: char,
        lookup: Lookup<'a>,
        quotes: Quotes,
    ) -> Result<(String, Vec<String>), String> {
        let mut expansion = Self {
            chars: text.chars().peekable(),
            escape,
            lookup,
            quotes,
        };
        expansion
            .until(None, false)
            .map_err(|message| format!("cannot expand {text}: {message}"))
    }

    /// Up to `stop`, which is consumed, or to the end. `raw` keeps escape characters, for patterns.
    fn until(&mut self, stop: Option<char>, raw: bool) -> Result<(String, Vec<String>), String> {
        let mut result = String::new();
        let mut words = Words::default();
        while let Some(c) = self.chars.next() {
            if Some(c) == stop {
                words.end();
                return Ok((result, words.done));
            }
            match c {
                '$' => {
                    let value = self.dollar()?;
                    result.push_str(&value);
                    words.split(&value);
                }
                '\'' | '"' if self.quotes == Quotes::Meaningful => {
                    let value = if c == '\'' {
                        self.single_quoted()?
                    } else {
                        self.double_quoted()?
                    };
                    result.push_str(&value);
                    words.current.push_str(&value);
                }
                c if c == self.escape => {
                    if raw {
                        result.push(c);
                        words.current.push(c);
                    }
                    // At the very end it stands for nothing.
                    if let Some(next) = self.chars.next() {
                        result.push(next);
                        words.current.push(next);
                    }
                }
                c => {
                    result.push(c);
                    words.split(c.encode_utf8(&mut [0; 4]));
                }
            }
        }
        words.end();
        match stop {
            Some(stop) => Err(format!("{stop} is missing")),
            None => Ok((result, words.done)),
        }
    }

    fn single_quoted(&mut self) -> Result<String, String> {
        let mut value = String::new();
        for c in self.chars.by_ref() {
            if c == '\'' {
                return Ok(value);
            }
            value.push(c);
        }
        Err("the closing ' is missing".to_owned())
    }

    fn double_quoted(&mut self) -> Result<String, String> {
        let mut value = String::new();
        while let Some(c) = self.chars.next() {
            match c {
                '"' => return Ok(value),
                '$' => value.push_str(&self.dollar()?),
                c if c == self.escape => {
                    let escape = self.escape;
                    // Only these can be escaped within quotes; before anything else the character is text.
                    match self
                        .chars
                        .next_if(|&next| next == '"' || next == '$' || next == escape)
                    {
                        Some(escaped) => value.push(escaped),
                        None if self.chars.peek().is_none() => {}
                        None => value.push(c),
                    }
                }
                c => value.push(c),
            }
        }
        Err("the closing \" is missing".to_owned())
    }

    /// After a `$`.
    fn dollar(&mut self) -> Result<String, String> {
        if self.chars.next_if_eq(&'{').is_none() {
            let name = self.name();
            return Ok(if name.is_empty() {
                "$".to_owned()
            } else {
                (self.lookup)(&name).unwrap_or_default()
            });
        }
        let name = self.name();
        if name.is_empty() {
            return Err("${ has no name after it".to_owned());
        }
        let value = (self.lookup)(&name);
        let modifier = self.chars.next().ok_or("} is missing")?;
        match modifier {
            '}' => Ok(value.unwrap_or_default()),
            ':' => {
                let modifier = self.chars.next().ok_or("} is missing")?;
                self.substitution(
                    &name,
                    value.filter(|value| !value.is_empty()),
                    modifier,
                    ":",
                )
            }
            '#' | '%' => self.trimmed(&value.unwrap_or_default(), modifier),
            '/' => self.replaced(&value.unwrap_or_default()),
            modifier => self.substitution(&name, value, modifier, ""),
        }
    }

    /// `${name-word}` and its kin, after the modifier.
    fn substitution(
        &mut self,
        name: &str,
        value: Option<String>,
        modifier: char,
        colon: &str,
    ) -> Result<String, String> {
        if !"-+?".contains(modifier) {
            return Err(format!("${{{name}{colon}{modifier}…}} is not supported"));
        }
        let (word, _) = self.until(Some('}'), false)?;
        match (modifier, value) {
            ('+', value) => Ok(value.map_or(String::new(), |_set| word)),
            (_, Some(value)) => Ok(value),
            ('-', None) => Ok(word),
            (_, None) if word.is_empty() && colon.is_empty() => Err(format!("{name} is not set")),
            (_, None) if word.is_empty() => Err(format!("{name} is not set, or is empty")),
            (_, None) => Err(format!("{name}: {word}")),
        }
    }

    /// `${name#pattern}` and `${name%pattern}`, doubled for the longest match.
    fn trimmed(&mut self, value: &str, modifier: char) -> Result<String, String> {
        let is_greedy = self.chars.next_if_eq(&modifier).is_some();
        let (pattern, _) = self.until(Some('}'), true)?;
        let pattern = Glob::read(&pattern)?;
        let mut cuts: Vec<usize> = boundaries(value).collect();
        // The first cut that matches wins: for a prefix the shortest is the first, for a suffix the last.
        if is_greedy == (modifier == '#') {
            cuts.reverse();
        }
        let fits = |&cut: &usize| {
            let (before, after) = value.split_at(cut);
            pattern.matches(if modifier == '#' { before } else { after })
        };
        Ok(match cuts.iter().copied().find(fits) {
            Some(cut) if modifier == '#' => value[cut..].to_owned(),
            Some(cut) => value[..cut].to_owned(),
            None => value.to_owned(),
        })
    }

    /// `${name/pattern/replacement}`, with a second slash for every match.
    fn replaced(&mut self, value: &str) -> Result<String, String> {
        let everywhere = self.chars.next_if_eq(&'/').is_some();
        let (pattern, _) = self.until(Some('/'), true)?;
        let (replacement, _) = self.until(Some('}'), true)?;
        let pattern = Glob::read(&pattern)?;
        let mut result = String::new();
        let mut rest = value;
        while let Some((start, end)) = pattern.find(rest) {
            result.push_str(&rest[..start]);
            result.push_str(&replacement);
            rest = &rest[end..];
            if !everywhere || end == start {
                break;
            }
        }
        result.push_str(rest);
        Ok(result)
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        match self.chars.peek() {
            Some(c) if c.is_ascii_digit() => {
                while let Some(c) = self.chars.next_if(char::is_ascii_digit) {
                    name.push(c);
                }
            }
            // The shell's special parameters: names that are never set here.
            Some(&c) if "@*#?-$!".contains(c) => {
                self.chars.next();
                name.push(c);
            }
            _ => {
                while let Some(c) = self.chars.next_if(|&c| c.is_alphanumeric() || c == '_') {
                    name.push(c);
                }
            }
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "X" => Some("x y".to_owned()),
            "EMPTY" => Some(String::new()),
            "P" => Some("/usr/local/lib/a.tar.gz".to_owned()),
            "V" => Some("1.2.3".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn expands_as_buildkit_does() {
        let cases = [
            ("$X", "x y"),
            ("${X}z", "x yz"),
            ("$X_", ""),
            ("$none", ""),
            ("a$", "a$"),
            ("$1", ""),
            ("'$X'", "$X"),
            ("\"$X\"", "x y"),
            ("\\$X", "$X"),
            ("\"\\$X \\n \\\"\"", "$X \\n \""),
            ("a\\ b", "a b"),
            ("${none:-d}", "d"),
            ("${none-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${X:-d}", "x y"),
            ("${X:+d}", "d"),
            ("${EMPTY:+d}", ""),
            ("${EMPTY+d}", "d"),
            ("${none:-${X}!}", "x y!"),
            ("${none:-\"}\"}", "}"),
            ("${X:?gone}", "x y"),
            ("${P#*/}", "usr/local/lib/a.tar.gz"),
            ("${P##*/}", "a.tar.gz"),
            ("${P%.*}", "/usr/local/lib/a.tar"),
            ("${P%%.*}", "/usr/local/lib/a"),
            ("${V#v}", "1.2.3"),
            ("${V/./-}", "1-2.3"),
            ("${V//./-}", "1-2-3"),
            ("${V/2*/}", "1."),
        ];
        for (text, expected) in cases {
            assert_eq!(word(text, '\\', &lookup).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn takes_the_other_escape_character() {
        assert_eq!(word("`$X c:\\d", '`', &lookup).unwrap(), "$X c:\\d");
    }

    #[test]
    fn splits_values_that_are_not_quoted() {
        assert_eq!(
            words("a$X \"$X\" $none", '\\', &lookup).unwrap(),
            ["ax", "y", "x y"]
        );
    }

    #[test]
    fn leaves_quotes_in_a_here_document() {
        let mut text = Document {
            name: "E".to_owned(),
            content: "say \"$X\" it's \\$X\n".to_owned(),
            expand: true,
        };
        assert_eq!(
            document(&text, '\\', &lookup).unwrap(),
            "say \"x y\" it's $X\n"
        );
        text.expand = false;
        assert_eq!(document(&text, '\\', &lookup).unwrap(), text.content);
    }

    #[test]
    fn refuses_what_it_cannot_expand() {
        let cases = [
            ("${X", "cannot expand ${X: } is missing"),
            ("${}", "cannot expand ${}: ${ has no name after it"),
            ("${X:=1}", "cannot expand ${X:=1}: ${X:=…} is not supported"),
            ("${none?}", "cannot expand ${none?}: none is not set"),
            (
                "${EMPTY:?set it}",
                "cannot expand ${EMPTY:?set it}: EMPTY: set it",
            ),
            ("'a", "cannot expand 'a: the closing ' is missing"),
            ("\"a", "cannot expand \"a: the closing \" is missing"),
        ];
        for (text, expected) in cases {
            assert_eq!(word(text, '\\', &lookup).unwrap_err(), expected);
        }
    }
}
