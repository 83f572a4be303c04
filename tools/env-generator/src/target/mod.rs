//! The forms that an environment's values are written in, one file for each reader.
//!
//! An encoder writes what its reader gives back to the letter, or refuses: by name, never by value.

pub(crate) mod bash;
pub(crate) mod compose;
pub(crate) mod docker;
pub(crate) mod ecs;
pub(crate) mod ecs_file;
pub(crate) mod github;
pub(crate) mod json;
pub(crate) mod node;
pub(crate) mod npm;
pub(crate) mod python;
#[cfg(test)]
mod readers;
pub(crate) mod systemd;
pub(crate) mod teamcity;

use zeroize::Zeroizing;

/// Text that is wiped when it is dropped.
pub(crate) type Text = Zeroizing<String>;

/// A variable to be written.
#[derive(Clone, Copy)]
pub(crate) struct Value<'v> {
    pub(crate) name: &'v str,
    pub(crate) text: &'v str,
    /// Whether it is for the running process alone.
    pub(crate) secret: bool,
}

/// What cannot be written, by name and never by value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{form} cannot hold {}", .refused.iter().map(|(name, why)| format!("{name} ({why})")).collect::<Vec<_>>().join(", "))]
pub(crate) struct Refusal {
    form: &'static str,
    refused: Vec<(String, &'static str)>,
}

/// The values, once `mistake` finds nothing wrong with any of them.
fn accepted<'a, 'v>(
    form: &'static str,
    values: &'a [Value<'v>],
    mistake: impl Fn(&Value<'v>) -> Option<&'static str>,
) -> Result<&'a [Value<'v>], Refusal> {
    let refused: Vec<(String, &'static str)> = values
        .iter()
        .filter_map(|value| Some((value.name.to_owned(), mistake(value)?)))
        .collect();
    if refused.is_empty() {
        Ok(values)
    } else {
        Err(Refusal { form, refused })
    }
}

/// Letters, digits and underscores, not from a digit on: the names that every reader takes.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What no process's environment can hold.
fn unfit(value: &Value<'_>) -> Option<&'static str> {
    if !is_name(value.name) {
        Some("its name has other characters than letters, digits and underscores")
    } else if value.text.contains('\0') {
        Some("its value has a zero byte")
    } else {
        None
    }
}

/// Room for the values and their quotes, so that no half-written copy is left behind by growing.
fn room(values: &[Value<'_>]) -> Text {
    let length: usize = values
        .iter()
        .map(|value| value.name.len() + 6 * value.text.len() + 128)
        .sum();
    Zeroizing::new(String::with_capacity(length))
}

#[cfg(test)]
pub(crate) mod check {
    use super::{Refusal, Text, Value};

    /// What an encoder makes of names and values.
    pub(crate) fn encoded(
        encode: fn(&[Value<'_>]) -> Result<Text, Refusal>,
        values: &[(&str, &str)],
    ) -> Result<String, String> {
        let values: Vec<Value<'_>> = values
            .iter()
            .map(|&(name, text)| Value {
                name,
                text,
                secret: false,
            })
            .collect();
        encode(&values)
            .map(|text| text.to_string())
            .map_err(|refusal| refusal.to_string())
    }
}
