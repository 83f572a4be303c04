//! References to images: `[REGISTRY/]NAME[:TAG][@DIGEST]`.

/// A reference, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Host and port; none means Docker Hub.
    pub(super) registry: Option<String>,
    pub(super) name: String,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<String>,
}

/// The registry of an account in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ecr {
    pub(super) account: String,
    pub(super) region: String,
}

impl Reference {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest {
            let is_digest = digest.strip_prefix("sha256:").is_some_and(|hex| {
                hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
            });
            if !is_digest {
                return Err(format!("{digest:?} is no digest"));
            }
        }
        // Only what looks like a host is one: `library/nginx` has none.
        let (registry, rest) = match rest.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(host), rest)
            }
            _ => (None, rest),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (rest, None),
        };
        let is_name = !name.is_empty()
            && name.split('/').all(|part| !part.is_empty())
            && name
                .chars()
                .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/'));
        if !is_name {
            return Err(format!("{name:?} is no name of a repository"));
        }
        if let Some(tag) = tag {
            let is_tag = !tag.is_empty()
                && tag.len() <= 128
                && tag
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
            if !is_tag {
                return Err(format!("{tag:?} is no tag"));
            }
        }
        Ok(Self {
            registry: registry.map(str::to_owned),
            name: name.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// The account and region of `ACCOUNT.dkr.ecr.REGION.amazonaws.com`.
    pub(super) fn ecr(&self) -> Option<Ecr> {
        let mut labels = self.registry.as_deref()?.split('.');
        let account = labels.next()?;
        let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
        let is_ecr =
            labels.next() == Some("dkr") && matches!(labels.next(), Some("ecr" | "ecr-fips"));
        let region = labels.next()?;
        let is_aws = labels.next() == Some("amazonaws");
        (is_account && is_ecr && is_aws).then(|| Ecr {
            account: account.to_owned(),
            region: region.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_references_apart() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let at = |text: &str| format!("{text}@{digest}");
        let table = [
            ("nginx".to_owned(), None, "nginx", None, false),
            (
                "library/nginx:1".to_owned(),
                None,
                "library/nginx",
                Some("1"),
                false,
            ),
            (
                "host:5000/a/b".to_owned(),
                Some("host:5000"),
                "a/b",
                None,
                false,
            ),
            (
                "127.0.0.1:5000/a:t".to_owned(),
                Some("127.0.0.1:5000"),
                "a",
                Some("t"),
                false,
            ),
            (at("localhost/a"), Some("localhost"), "a", None, true),
            (at("host:5000/a:t"), Some("host:5000"), "a", Some("t"), true),
            (at("nginx"), None, "nginx", None, true),
        ];
        for (text, registry, name, tag, has_digest) in table {
            let expected = Reference {
                registry: registry.map(str::to_owned),
                name: name.to_owned(),
                tag: tag.map(str::to_owned),
                digest: has_digest.then(|| digest.clone()),
            };
            assert_eq!(Reference::parse(&text), Ok(expected), "{text}");
        }
        for text in ["", "A", "a:", "a@sha256:12", "host:5000/", "a//b", "a:b c"] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn knows_ecr() {
        let of = |host: &str| Reference::parse(&format!("{host}/a")).unwrap().ecr();
        let ecr = of("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn").unwrap();
        assert_eq!(
            (ecr.account.as_str(), ecr.region.as_str()),
            ("123456789012", "cn-north-1")
        );
        assert_eq!(of("1.dkr.ecr.eu-west-1.amazonaws.com"), None);
        assert_eq!(of("ghcr.io"), None);
    }
}
