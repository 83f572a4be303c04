//! Names of images in registries, as FROM and COPY --from have them.

use std::fmt;
use std::str::FromStr;

use super::digest::Digest;

/// Host, repository, and which image of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// With the port, if there is one. Docker Hub's is `docker.io`.
    pub(crate) host: String,
    pub(crate) repository: String,
    pub(crate) selector: Selector,
}

/// Which image of a repository. A digest wins over a tag that stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    Tag(String),
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = |what: &str| format!("{text} is no name of an image: {what}");
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = Digest::parse(digest)
                    .ok_or_else(|| invalid("after the @ there must be a sha256 digest"))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        // A colon after the last slash begins a tag; before, it is the port's.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                (host, path.to_owned())
            }
            _ => ("docker.io", name.to_owned()),
        };
        let repository = if host == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path
        };
        if !is_repository(&repository) {
            return Err(invalid(
                "a repository has lower-case letters, digits and - _ . / only",
            ));
        }
        if !host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c))
        {
            return Err(invalid("the registry's host is malformed"));
        }
        let tag = tag.unwrap_or("latest");
        if !is_tag(tag) {
            return Err(invalid(
                "a tag has at most 128 letters, digits and - _ . and begins with a letter, a digit or _",
            ));
        }
        Ok(Self {
            host: host.to_owned(),
            repository,
            selector: digest.map_or_else(|| Selector::Tag(tag.to_owned()), Selector::Digest),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::Tag(tag) => write!(f, "{}/{}:{tag}", self.host, self.repository),
            Selector::Digest(digest) => write!(f, "{}/{}@{digest}", self.host, self.repository),
        }
    }
}

/// Whether this can be a repository's name.
pub(crate) fn is_repository(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
    };
    name.len() <= 256 && name.split('/').all(is_part)
}

/// Whether this can be a tag.
pub(crate) fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_of_images() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, expected) in [
            ("alpine", "docker.io/library/alpine:latest".to_owned()),
            ("alpine:3.20", "docker.io/library/alpine:3.20".to_owned()),
            ("me/app", "docker.io/me/app:latest".to_owned()),
            ("localhost/app:1", "localhost/app:1".to_owned()),
            ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest".to_owned()),
            (&format!("x.io/a:1@{digest}"), format!("x.io/a@{digest}")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn refuses_what_is_no_name() {
        for text in [
            "",
            "Alpine",
            "a:",
            "a@sha256:1",
            "x.io/",
            "a//b",
            "x.io/../b",
            "a:b c",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
