//! The languages of CI systems, as far as every tool speaks them.
//!
//! Sources: JetBrains' page on service messages (2025.11); GitHub's page on workflow commands; GitLab's on
//! job log sections.

mod escape;

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

pub use escape::{github_escaped, github_property_escaped, teamcity_escaped, teamcity_message};

use escape::gitlab_name;

/// Names the CI system whatever the environment shows otherwise; `--ci` of one tool sets it for those it calls.
pub const VARIABLE: &str = "LONGSHORE_CI";

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
    /// By `LONGSHORE_CI`, else by the variables that each system sets for its jobs. A name that is none of
    /// ours is passed over: a wrong word in the environment must not stop every tool.
    #[must_use]
    pub fn detect() -> Self {
        let forced = std::env::var(VARIABLE).ok();
        if let Some(Ok(dialect)) = forced.as_deref().map(str::parse) {
            return dialect;
        }
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

    /// The lines that open and close a foldable block. GitLab's has a name of its own, which no other block of
    /// the job may have, and the time.
    #[must_use]
    pub fn block(self, name: &str) -> (Option<String>, Option<String>) {
        match self {
            Self::TeamCity => (
                Some(teamcity_message("blockOpened", &[("name", name)])),
                Some(teamcity_message("blockClosed", &[("name", name)])),
            ),
            Self::GitHub => (
                Some(format!("::group::{}", github_escaped(name))),
                Some("::endgroup::".to_owned()),
            ),
            Self::GitLab => {
                let (open, close) = gitlab_section(name, seconds());
                (Some(open), Some(close))
            }
            Self::None => (None, None),
        }
    }

    /// The line that says what is being done now, where the system shows that beside the log.
    #[must_use]
    pub fn progress(self, text: &str) -> Option<String> {
        (self == Self::TeamCity)
            .then(|| format!("##teamcity[progressMessage '{}']", teamcity_escaped(text)))
    }

    /// The line that gives the build its number.
    #[must_use]
    pub fn build_number(self, number: &str) -> Option<String> {
        (self == Self::TeamCity)
            .then(|| format!("##teamcity[buildNumber '{}']", teamcity_escaped(number)))
    }

    /// The line that adds a text to the build's status; `{build.status.text}` in it stands for what is there.
    #[must_use]
    pub fn build_status(self, text: &str) -> Option<String> {
        match self {
            Self::TeamCity => Some(teamcity_message("buildStatus", &[("text", text)])),
            Self::GitHub => Some(format!("::notice::{}", github_escaped(text))),
            Self::GitLab | Self::None => None,
        }
    }

    /// The line that hides a secret in all that follows. TeamCity and GitLab hide only what their own settings
    /// name.
    #[must_use]
    pub fn mask(self, secret: &str) -> Option<String> {
        (self == Self::GitHub && !secret.is_empty())
            .then(|| format!("::add-mask::{}", github_escaped(secret)))
    }

    /// The line that keeps a file with the build.
    #[must_use]
    pub fn artifact(self, path: &str) -> Option<String> {
        (self == Self::TeamCity)
            .then(|| format!("##teamcity[publishArtifacts '{}']", teamcity_escaped(path)))
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

fn unguessable_word() -> String {
    // The standard library seeds its hash maps from the operating system's random source.
    let mut word = String::from("fence-");
    for _ in 0..2 {
        let random = RandomState::new().build_hasher().finish();
        write!(word, "{random:016x}").expect("a string takes any text");
    }
    word
}

/// Seconds since 1970, which GitLab shows as the duration of a section.
fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn gitlab_section(name: &str, time: u64) -> (String, String) {
    // Two blocks of one title are two sections.
    let word = unguessable_word();
    let id = format!("{}_{}", gitlab_name(name), &word[word.len() - 8..]);
    let title: String = name.chars().filter(|c| !c.is_control()).collect();
    (
        format!("\u{1b}[0Ksection_start:{time}:{id}\r\u{1b}[0K{title}"),
        format!("\u{1b}[0Ksection_end:{time}:{id}\r\u{1b}[0K"),
    )
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "teamcity" => Ok(Self::TeamCity),
            "github" => Ok(Self::GitHub),
            "gitlab" => Ok(Self::GitLab),
            _ => Err("is none of teamcity, github, gitlab and none".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn opens_and_closes_a_gitlab_section_of_one_name() {
        let (open, close) = gitlab_section("Push: a\u{1b} image", 7);
        let id = open
            .strip_prefix("\u{1b}[0Ksection_start:7:")
            .unwrap()
            .strip_suffix("\r\u{1b}[0KPush: a image")
            .unwrap();
        assert!(id.starts_with("push__a__image_"), "{id}");
        assert_eq!(close, format!("\u{1b}[0Ksection_end:7:{id}\r\u{1b}[0K"));
        let (other, _) = gitlab_section("Push: a\u{1b} image", 7);
        assert_ne!(open, other);
    }

    #[test]
    fn speaks_each_language_and_no_other() {
        let said = |dialect: Dialect| {
            [
                dialect.progress("a'b"),
                dialect.build_number("1.2"),
                dialect.build_status("{build.status.text}, 7 %"),
                dialect.mask("se%cret"),
                dialect.artifact("a.zip"),
            ]
        };
        assert_eq!(
            said(Dialect::TeamCity),
            [
                Some("##teamcity[progressMessage 'a|'b']".to_owned()),
                Some("##teamcity[buildNumber '1.2']".to_owned()),
                Some("##teamcity[buildStatus text='{build.status.text}, 7 %']".to_owned()),
                None,
                Some("##teamcity[publishArtifacts 'a.zip']".to_owned()),
            ]
        );
        assert_eq!(
            said(Dialect::GitHub),
            [
                None,
                None,
                Some("::notice::{build.status.text}, 7 %25".to_owned()),
                Some("::add-mask::se%25cret".to_owned()),
                None,
            ]
        );
        assert_eq!(said(Dialect::GitLab), [const { None }; 5]);
        assert_eq!(said(Dialect::None), [const { None }; 5]);
        assert_eq!(Dialect::GitHub.mask(""), None);
    }

    #[test]
    fn knows_its_names() {
        assert_eq!("TeamCity".parse(), Ok(Dialect::TeamCity));
        assert_eq!("none".parse(), Ok(Dialect::None));
        assert!("jenkins".parse::<Dialect>().is_err());
    }
}
