//! What git knows of the project: its commit, its branch, whether it was changed since.

use std::path::Path;

use xshell::{Shell, cmd};

/// The state of the working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The full commit id.
    pub(crate) commit: String,
    /// Whether files below the project's directory differ from it.
    pub(crate) is_dirty: bool,
}

/// The working tree of `directory`, or nothing where there is no git or no commit yet.
pub(crate) fn tree(directory: &Path) -> Option<Tree> {
    let shell = shell(directory)?;
    let commit = cmd!(shell, "git rev-parse --verify --quiet HEAD")
        .quiet()
        .ignore_stderr()
        .read()
        .ok()?;
    let changes = cmd!(
        shell,
        "git status --porcelain --untracked-files=normal -- ."
    )
    .quiet()
    .ignore_stderr()
    .read()
    .ok()?;
    Some(Tree {
        commit,
        is_dirty: !changes.trim().is_empty(),
    })
}

/// The branch that is checked out, or the one that the CI system says it builds.
pub(crate) fn branch(directory: &Path) -> Option<String> {
    // A CI system checks out a commit, not a branch, and says the branch in a variable.
    let named = [
        "GITHUB_HEAD_REF",
        "GITHUB_REF_NAME",
        "CI_COMMIT_REF_NAME",
        "BRANCH_NAME",
    ]
    .into_iter()
    .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let checked_out = || {
        let shell = shell(directory)?;
        cmd!(shell, "git symbolic-ref --quiet --short HEAD")
            .quiet()
            .ignore_stderr()
            .read()
            .ok()
    };
    checked_out().filter(|branch| !branch.is_empty()).or(named)
}

/// The number of the CI build, or 0 outside of CI.
pub(crate) fn build_number() -> String {
    ["BUILD_NUMBER", "GITHUB_RUN_NUMBER", "CI_PIPELINE_IID"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "0".to_owned())
}

/// Who releases, as a tag may say it: the person that CI names, else the build, else the user and the machine.
/// Nothing where nobody knows.
pub(crate) fn who() -> Option<String> {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    named(
        |name| std::env::var(name).ok().filter(|value| !value.is_empty()),
        host.trim(),
    )
}

fn named(of: impl Fn(&str) -> Option<String>, host: &str) -> Option<String> {
    /// Characters of a tag's value, from the ECS documentation of tag restrictions.
    const LONGEST: usize = 256;
    let build = || {
        let (configuration, number) = (of("TEAMCITY_BUILDCONF_NAME")?, of("BUILD_NUMBER")?);
        Some(format!("TeamCity {configuration} {number}"))
    };
    let user = || {
        let user = of("USER").or_else(|| of("LOGNAME"))?;
        Some(match host {
            "" => user,
            host => format!("{user}@{host}"),
        })
    };
    let who = of("GITHUB_ACTOR")
        .or_else(|| of("GITLAB_USER_LOGIN"))
        .or_else(build)
        .or_else(user)?;
    let is_allowed = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    let in_tag = |c| if is_allowed(c) { c } else { '_' };
    Some(who.chars().take(LONGEST).map(in_tag).collect())
}

/// `ENVIRONMENT-BUILD-COMMIT12`, with `-dirty` for a changed tree: what lifecycle rules select images by.
pub(crate) fn image_tag(environment: &str, build_number: &str, tree: Option<&Tree>) -> String {
    let build: String = build_number
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '_'
            }
        })
        .collect();
    match tree {
        Some(Tree { commit, is_dirty }) => {
            let short = &commit[..commit.len().min(12)];
            let suffix = if *is_dirty { "-dirty" } else { "" };
            format!("{environment}-{build}-{short}{suffix}")
        }
        None => format!("{environment}-{build}-nogit"),
    }
}

fn shell(directory: &Path) -> Option<Shell> {
    let shell = Shell::new().ok()?;
    shell.change_dir(directory);
    Some(shell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_who_releases() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let of = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(named(of, "laptop").as_deref(), expected);
        };
        check(&[], None);
        check(&[("USER", "ana")], Some("ana@laptop"));
        check(
            &[("USER", "agent"), ("GITHUB_ACTOR", "ana[bot]")],
            Some("ana_bot_"),
        );
        check(
            &[
                ("USER", "agent"),
                ("TEAMCITY_BUILDCONF_NAME", "Web"),
                ("BUILD_NUMBER", "7"),
            ],
            Some("TeamCity Web 7"),
        );
    }

    #[test]
    fn tags_an_image_by_environment_build_and_commit() {
        let clean = Tree {
            commit: "0123456789abcdef".to_owned(),
            is_dirty: false,
        };
        let dirty = Tree {
            is_dirty: true,
            ..clean.clone()
        };
        assert_eq!(
            image_tag("prod", "17", Some(&clean)),
            "prod-17-0123456789ab"
        );
        assert_eq!(
            image_tag("local", "0", Some(&dirty)),
            "local-0-0123456789ab-dirty"
        );
        assert_eq!(image_tag("local", "1/2", None), "local-1_2-nogit");
    }
}
