//! What git knows of a build context: for tags and labels.

use std::path::Path;

use contract::exit;
use toolkit::Fault;
use toolkit::process::Invocation;

/// A commit, and whether the context is that commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The full id.
    pub(crate) commit: String,
    pub(crate) is_dirty: bool,
    /// When it was committed: RFC 3339, UTC.
    pub(crate) time: String,
    /// Where it can be fetched from, without a password.
    pub(crate) source: Option<String>,
}

/// The environment whose images may be of a tree that is in no commit.
const LOCAL: &str = "local";

impl Revision {
    /// Of a directory; nothing where there is no git or no commit.
    pub(crate) fn of(directory: &Path) -> Option<Self> {
        let git = |arguments: &[&str]| {
            let call = Invocation::new("git")
                .args(arguments)
                .current_dir(directory);
            // Without git there is no revision, for whatever reason.
            call.read().ok().map(|text| text.trim().to_owned())
        };
        let commit = git(&["rev-parse", "--verify", "--quiet", "HEAD"])?;
        let changes = git(&[
            "status",
            "--porcelain",
            "--untracked-files=normal",
            "--",
            ".",
        ])?;
        let seconds: i64 = git(&["show", "--no-patch", "--format=%ct", "HEAD"])?
            .parse()
            .ok()?;
        let time = jiff::Timestamp::from_second(seconds).ok()?.to_string();
        Some(Self {
            commit,
            is_dirty: !changes.is_empty(),
            time,
            source: git(&["config", "--get", "remote.origin.url"])
                .filter(|url| !url.is_empty())
                .map(|url| without_password(&url)),
        })
    }

    /// OCI's own annotations, as labels.
    pub(crate) fn labels(&self) -> Vec<(String, String)> {
        let label = |name: &str, value: &str| {
            (format!("org.opencontainers.image.{name}"), value.to_owned())
        };
        let mut labels = vec![
            label("created", &self.time),
            label("revision", &self.commit),
        ];
        labels.extend(self.source.iter().map(|url| label("source", url)));
        labels
    }
}

/// `ENVIRONMENT-BUILD-COMMIT12`, with `-dirty` for a tree that is in no commit: what lifecycle rules select images by.
pub(crate) fn tag(environment: &str, build: &str, revision: Option<&Revision>) -> String {
    let build: String = build
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '_'
            }
        })
        .collect();
    match revision {
        Some(revision) => {
            let short = &revision.commit[..revision.commit.len().min(12)];
            let suffix = if revision.is_dirty { "-dirty" } else { "" };
            format!("{environment}-{build}-{short}{suffix}")
        }
        None => format!("{environment}-{build}-nogit"),
    }
}

/// A release is of a commit: anybody can say what is in it.
pub(crate) fn check(environment: &str, revision: Option<&Revision>) -> anyhow::Result<()> {
    let problem = match revision {
        _ if environment == LOCAL => return Ok(()),
        None => "the build context is in no git repository with a commit",
        Some(revision) if revision.is_dirty => "the build context differs from its commit",
        Some(_) => return Ok(()),
    };
    Err(Fault::new(
        exit::USAGE,
        format!("an image for {environment} must be of a commit, and {problem}"),
    )
    .with_hint("commit the changes, or pass --allow-dirty")
    .into())
}

fn without_password(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or(host);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(is_dirty: bool) -> Revision {
        Revision {
            commit: "0123456789abcdef0123".to_owned(),
            is_dirty,
            time: "2026-01-02T03:04:05Z".to_owned(),
            source: Some("https://x.io/a.git".to_owned()),
        }
    }

    #[test]
    fn tags_by_environment_build_and_commit() {
        assert_eq!(
            tag("qa", "17", Some(&revision(false))),
            "qa-17-0123456789ab"
        );
        assert_eq!(
            tag("qa", "1/2", Some(&revision(true))),
            "qa-1_2-0123456789ab-dirty"
        );
        assert_eq!(tag("local", "0", None), "local-0-nogit");
    }

    #[test]
    fn refuses_a_tree_that_is_in_no_commit_except_locally() {
        let refused = |environment: &str, revision: Option<&Revision>| {
            check(environment, revision)
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(refused("local", None), None);
        assert_eq!(refused("local", Some(&revision(true))), None);
        assert_eq!(refused("prod", Some(&revision(false))), None);
        assert_eq!(
            refused("prod", Some(&revision(true))).unwrap(),
            "an image for prod must be of a commit, and the build context differs from its commit"
        );
        assert_eq!(
            refused("dev", None).unwrap(),
            "an image for dev must be of a commit, and the build context is in no git repository with a commit"
        );
    }

    #[test]
    fn keeps_passwords_out_of_labels() {
        for (url, expected) in [
            ("https://user:token@x.io/a/b.git", "https://x.io/a/b.git"),
            ("https://x.io/a@b", "https://x.io/a@b"),
            ("git@x.io:a/b.git", "git@x.io:a/b.git"),
        ] {
            assert_eq!(without_password(url), expected);
        }
    }
}
