//! The environment while it is put together: every variable with what is known of it and where that was set.

use std::collections::BTreeMap;

use crate::reference::{Place, Reference};
use crate::secret_text::SecretText;

/// Variables by name.
#[derive(Debug, Default)]
pub(crate) struct Settings(BTreeMap<String, Entry>);

/// A variable.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) content: Content,
    pub(crate) origin: Origin,
    /// Sources that had it too and did not win, the last first.
    pub(crate) over: Vec<Origin>,
}

/// What is known of a value.
#[derive(Debug)]
pub(crate) enum Content {
    /// It may be read by anybody who may read the task definition.
    Plain(String),
    /// It is secret, and is known here.
    Sealed(SecretText),
    /// It is secret, and kept elsewhere.
    Reference(Place),
}

/// Where a variable was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// A file, or what stands for one.
    pub(crate) source: String,
    /// From 1; 0 where there is no line.
    pub(crate) line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.source),
            line => write!(f, "{}:{line}", self.source),
        }
    }
}

impl Settings {
    /// Sets a variable; an earlier source loses.
    pub(crate) fn set(&mut self, name: &str, content: Content, origin: Origin) {
        let over = match self.0.remove(name) {
            Some(loser) => std::iter::once(loser.origin).chain(loser.over).collect(),
            None => Vec::new(),
        };
        self.0.insert(
            name.to_owned(),
            Entry {
                content,
                origin,
                over,
            },
        );
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// Treats the value as secret from here on.
    pub(crate) fn seal(&mut self, name: &str) {
        if let Some(entry) = self.0.get_mut(name)
            && let Content::Plain(text) = &mut entry.content
        {
            entry.content = Content::Sealed(SecretText::new(std::mem::take(text)));
        }
    }

    /// The secrets that are kept elsewhere.
    pub(crate) fn references(&self) -> Vec<Reference> {
        self.iter()
            .filter_map(|(name, entry)| match &entry.content {
                Content::Reference(place) => Some(Reference {
                    variable: name.to_owned(),
                    origin: entry.origin.clone(),
                    place: place.clone(),
                }),
                Content::Plain(_) | Content::Sealed(_) => None,
            })
            .collect()
    }

    /// Which source gave each variable, a line each. No value is shown.
    pub(crate) fn explained(&self) -> Vec<String> {
        self.iter()
            .map(|(name, entry)| {
                let kind = match entry.content {
                    Content::Plain(_) => "plain",
                    Content::Sealed(_) => "secret",
                    Content::Reference(_) => "reference",
                };
                let over: Vec<String> = entry.over.iter().map(Origin::to_string).collect();
                let over = if over.is_empty() {
                    String::new()
                } else {
                    format!(" (instead of {})", over.join(", "))
                };
                format!("{name}: {kind} from {}{over}", entry.origin)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(source: &str, line: usize) -> Origin {
        Origin {
            source: source.to_owned(),
            line,
        }
    }

    #[test]
    fn keeps_the_origin_of_winner_and_losers() {
        let mut settings = Settings::default();
        for (source, line) in [("a", 1), ("b", 2), ("process", 0)] {
            settings.set(
                "K",
                Content::Plain("hunter2".to_owned()),
                origin(source, line),
            );
        }
        settings.set("S", Content::Plain("hunter2".to_owned()), origin("a", 3));
        settings.seal("S");
        assert_eq!(
            settings.explained(),
            [
                "K: plain from process (instead of b:2, a:1)",
                "S: secret from a:3"
            ]
        );
        assert!(!format!("{:?}", settings.get("S")).contains("hunter2"));
    }
}
