//! A JSON text as a value, strictly: a member that is there twice is a mistake, and every member's line is known.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Bytes. A definition has 64 KiB at most; with indentation and comments' worth of room that is still far below.
const LARGEST: usize = 4 << 20;

/// A value and the lines that its parts stand in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) value: Value,
    pub(crate) lines: Lines,
}

/// Lines, from 1, by path, for example `containerDefinitions[0].cpu`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// The line of a path, or of the nearest path above it that the text has.
    pub(crate) fn of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.0.get(path) {
                return Some(*line);
            }
            if path.is_empty() {
                return None;
            }
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
        }
    }
}

/// Reads a text. The error has line and column.
pub(crate) fn parse(text: &str) -> Result<Document, String> {
    if text.len() > LARGEST {
        return Err(format!("it has {} bytes, more than {LARGEST}", text.len()));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| error.to_string())?;
    let mut lines = BTreeMap::new();
    Walk::new(text).value(&value, "", &mut lines);
    Ok(Document {
        value,
        lines: Lines(lines),
    })
}

/// The path of a member.
pub(crate) fn member(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// A value whose objects have each member once. serde_json itself refuses more than 128 levels.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(serde::de::Error::custom(format_args!(
                    "the member \"{}\" is there twice",
                    name.escape_debug()
                )));
            }
            object.insert(name, members.next_value_seed(Self)?);
        }
        Ok(Value::Object(object))
    }
}

/// Goes once through a text that is known to be the JSON of a value.
struct Walk<'t> {
    rest: std::slice::Iter<'t, u8>,
    line: usize,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            rest: text.as_bytes().iter(),
            line: 1,
        }
    }

    fn value(&mut self, value: &Value, path: &str, lines: &mut BTreeMap<String, usize>) {
        self.space();
        lines.insert(path.to_owned(), self.line);
        match value {
            Value::Object(members) => {
                self.next();
                for (name, value) in members {
                    self.until_token();
                    self.text();
                    self.until_token();
                    self.value(value, &member(path, name), lines);
                }
                self.until_token();
                self.next();
            }
            Value::Array(items) => {
                self.next();
                for (index, value) in items.iter().enumerate() {
                    self.until_token();
                    self.value(value, &format!("{path}[{index}]"), lines);
                }
                self.until_token();
                self.next();
            }
            Value::String(_) => self.text(),
            _ => self.word(),
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.rest.next().copied();
        if byte == Some(b'\n') {
            self.line += 1;
        }
        byte
    }

    fn peek(&self) -> Option<u8> {
        self.rest.as_slice().first().copied()
    }

    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&is_skipped) {
            self.next();
        }
    }

    fn space(&mut self) {
        self.skip(|byte| byte.is_ascii_whitespace());
    }

    fn until_token(&mut self) {
        self.skip(|byte| byte.is_ascii_whitespace() || byte == b',' || byte == b':');
    }

    fn word(&mut self) {
        self.skip(|byte| !byte.is_ascii_whitespace() && !b",]}".contains(&byte));
    }

    fn text(&mut self) {
        self.next();
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => {
                    self.next();
                }
                b'"' => return,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_line_of_every_member() {
        let text =
            "\n{ \"a\": [1, {\"b\":\n \"x\\\"}\"}],\n\"c\": null, \"d\": {\n},\n \"e\": -1.5e3}\n";
        let document = parse(text).unwrap();
        assert_eq!(
            document.value,
            serde_json::json!({"a": [1, {"b": "x\"}"}], "c": null, "d": {}, "e": -1500.0})
        );
        let line = |path: &str| document.lines.of(path).unwrap();
        assert_eq!(
            ["", "a[0]", "a[1]", "a[1].b", "c", "d", "e"].map(line),
            [2, 2, 2, 3, 4, 4, 6]
        );
        assert_eq!(line("a[1].missing.deeper"), 2);
    }

    #[test]
    fn refuses_hostile_texts() {
        let table = [
            (
                "{\"a\":1,\n\"a\":2}".to_owned(),
                "the member \"a\" is there twice at line 2 column 3",
            ),
            (
                "[".repeat(100_000),
                "recursion limit exceeded at line 1 column 128",
            ),
            (
                "{\"a\":".repeat(100_000),
                "recursion limit exceeded at line 1 column 636",
            ),
            ("1e999".to_owned(), "number out of range at line 1 column 5"),
            ("{} {}".to_owned(), "trailing characters at line 1 column 4"),
            (
                String::new(),
                "EOF while parsing a value at line 1 column 0",
            ),
            (
                " ".repeat(LARGEST + 1),
                "it has 4194305 bytes, more than 4194304",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(&text).unwrap_err(), expected);
        }
    }
}
