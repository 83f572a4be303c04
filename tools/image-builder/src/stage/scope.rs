//! Which variables an instruction sees.

use std::collections::BTreeMap;

use super::Settings;
use crate::dockerfile::Argument;
use crate::image::platform::Platform;

/// Variables by name. A later ARG or ENV of the same name takes the place of an earlier one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope(BTreeMap<String, String>);

impl Scope {
    /// The arguments that BuildKit sets by itself. A stage sees them once it declares them with ARG.
    pub(crate) fn automatic(target: &Platform) -> Self {
        let mut scope = Self::default();
        for (prefix, platform) in [("TARGET", target), ("BUILD", &Platform::host())] {
            for (name, value) in [
                ("PLATFORM", platform.to_string()),
                ("OS", platform.os.clone()),
                ("ARCH", platform.architecture.clone()),
                ("VARIANT", platform.variant.clone().unwrap_or_default()),
            ] {
                scope.set(&format!("{prefix}{name}"), value);
            }
        }
        scope
    }

    /// What the environment of an image sets.
    pub(crate) fn of_environment(environment: &[String]) -> Self {
        let pairs = environment.iter().map(|entry| {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            (name.to_owned(), value.to_owned())
        });
        Self(pairs.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// Declares an argument: the caller's value, else the default, else what the global scope has.
    pub(crate) fn declare(
        &mut self,
        (name, default): &Argument,
        settings: &Settings,
        globals: Option<&Self>,
        escape: char,
    ) -> Result<(), String> {
        let expand = |text: &str| crate::dockerfile::word(text, escape, &|name| self.get(name));
        let value = match (settings.arguments.get(name), default) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(default)) => Some(expand(default)?),
            (None, None) => globals.and_then(|globals| globals.get(name)),
        };
        if let Some(value) = value {
            self.set(name, value);
        }
        Ok(())
    }
}
