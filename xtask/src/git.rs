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
