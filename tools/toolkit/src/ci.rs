//! The languages of CI systems, as far as every tool speaks them.
//!
//! Sources: JetBrains' page on service messages (2025.11); GitHub's page on workflow commands; GitLab's on
//! job log sections.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _};

/// The CI system whose log this process writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Nobody's: a terminal or a plain file.
    None,
    /// Service messages: `##teamcity[…]`.
    TeamCity,
    /// Workflow commands: `::error::…`.
    GitHub,
    /// Sections by escape sequences.
    GitLab,
}

impl Dialect {
    /// By the variables that each system sets for its jobs.
    #[must_use]
    pub fn detect() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if is_set("TEAMCITY_VERSION") {
            Self::TeamCity
        } else if is_set("GITHUB_ACTIONS") {
            Self::GitHub
        } else if is_set("GITLAB_CI") {
            Self::GitLab
        } else {
            Self::None
        }
    }

    /// The line that marks a warning, where the system has one.
    #[must_use]
    pub fn warning(self, text: &str) -> Option<String> {
        match self {
            Self::TeamCity => Some(format!(
                "##teamcity[message text='{}' status='WARNING']",
                teamcity_escaped(text)
            )),
            Self::GitHub => Some(format!("::warning::{}", github_escaped(text))),
            Self::GitLab | Self::None => None,
        }
    }

    /// The line that marks an error, where the system has one.
    #[must_use]
    pub fn error(self, text: &str) -> Option<String> {
        match self {
            Self::TeamCity => Some(format!(
                "##teamcity[message text='{}' status='ERROR']",
                teamcity_escaped(text)
            )),
            Self::GitHub => Some(format!("::error::{}", github_escaped(text))),
            Self::GitLab | Self::None => None,
        }
    }

    /// The lines that open and close a foldable block.
    #[must_use]
    pub fn block(self, name: &str) -> (Option<String>, Option<String>) {
        match self {
            Self::TeamCity => {
                let name = teamcity_escaped(name);
                (
                    Some(format!("##teamcity[blockOpened name='{name}']")),
                    Some(format!("##teamcity[blockClosed name='{name}']")),
                )
            }
            Self::GitHub => (
                Some(format!("::group::{}", github_escaped(name))),
                Some("::endgroup::".to_owned()),
            ),
            Self::GitLab | Self::None => (None, None),
        }
    }

    /// The lines between which nothing is understood as a command. GitHub's needs a word that the fenced
    /// text cannot know.
    #[must_use]
    pub fn fence(self) -> (Option<String>, Option<String>) {
        match self {
            Self::TeamCity => (
                Some("##teamcity[disableServiceMessages]".to_owned()),
                Some("##teamcity[enableServiceMessages]".to_owned()),
            ),
            Self::GitHub => {
                let word = unguessable_word();
                (
                    Some(format!("::stop-commands::{word}")),
                    Some(format!("::{word}::")),
                )
            }
            Self::GitLab | Self::None => (None, None),
        }
    }
}

/// A value inside a TeamCity service message.
#[must_use]
pub fn teamcity_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '|' | '[' | ']' => {
                escaped.push('|');
                escaped.push(c);
            }
            '\n' => escaped.push_str("|n"),
            '\r' => escaped.push_str("|r"),
            '\t' => escaped.push('\t'),
            c if c.is_control() => {}
            c if c.is_ascii() => escaped.push(c),
            c => {
                // UTF-16 units, so that the agent's own character set does not matter.
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    write!(escaped, "|0x{unit:04x}").expect("a string takes any text");
                }
            }
        }
    }
    escaped
}

/// The message of a GitHub workflow command.
#[must_use]
pub fn github_escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a GitHub workflow command, for example its file.
#[must_use]
pub fn github_property_escaped(text: &str) -> String {
    github_escaped(text).replace(':', "%3A").replace(',', "%2C")
}

fn unguessable_word() -> String {
    // The standard library seeds its hash maps from the operating system's random source.
    let mut word = String::from("fence-");
    for _ in 0..2 {
        let random = RandomState::new().build_hasher().finish();
        write!(word, "{random:016x}").expect("a string takes any text");
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_for_teamcity() {
        assert_eq!(
            teamcity_escaped("it's [a|b]\nü\u{1b}😀"),
            "it|'s |[a||b|]|n|0x00fc|0xd83d|0xde00"
        );
    }

    #[test]
    fn escapes_for_github() {
        assert_eq!(
            github_escaped("100%\r\n::error::x"),
            "100%25%0D%0A::error::x"
        );
    }

    #[test]
    fn escapes_properties_for_github() {
        assert_eq!(github_property_escaped("a,b::c%\n"), "a%2Cb%3A%3Ac%25%0A");
    }

    #[test]
    fn fences_github_with_a_fresh_word_each_time() {
        let (first, _) = Dialect::GitHub.fence();
        let (second, _) = Dialect::GitHub.fence();
        assert_ne!(first, second);
    }

    #[test]
    fn names_a_teamcity_block_at_both_ends() {
        assert_eq!(
            Dialect::TeamCity.block("it's"),
            (
                Some("##teamcity[blockOpened name='it|'s']".to_owned()),
                Some("##teamcity[blockClosed name='it|'s']".to_owned())
            )
        );
    }
}
