//! Amazon ECR's own API: which repository there is, what a tag names, and the password for the registry.

use anyhow::Context as _;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_sdk_ecr::types::{ImageIdentifier, ImageTagMutability};
use toolkit::Fault;

use crate::image::digest::Digest;
use crate::registry::Authorization;

/// A repository, and what it has under the tag that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// Host and name: `000000000000.dkr.ecr.us-east-1.amazonaws.com/ludlow`.
    pub(crate) uri: String,
    /// Whether no tag can be moved.
    pub(crate) is_immutable: bool,
    /// The digest under the tag.
    pub(crate) tagged: Option<Digest>,
}

impl Repository {
    /// The registry's host, and the repository's name in it.
    pub(crate) fn parts(&self) -> anyhow::Result<(&str, &str)> {
        self.uri
            .split_once('/')
            .with_context(|| format!("ECR gave {} for a repository, which has no host", self.uri))
    }
}

/// Looks at a repository and a tag, in two calls side by side.
pub(crate) async fn repository(
    client: &Client,
    name: &str,
    tag: &str,
) -> anyhow::Result<Repository> {
    let (described, tagged) = tokio::join!(describe(client, name), tagged(client, name, tag));
    let described = described?;
    Ok(Repository {
        tagged: tagged?,
        ..described
    })
}

async fn describe(client: &Client, name: &str) -> anyhow::Result<Repository> {
    let answer = client
        .describe_repositories()
        .repository_names(name)
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if aws::code(&error) == Some("RepositoryNotFoundException") => {
            return Err(missing(name));
        }
        Err(error) => {
            return Err(aws::explain(
                &format!("look for the repository {name}"),
                error,
            ));
        }
    };
    let found = answer.repositories().first().ok_or_else(|| missing(name))?;
    let uri = found
        .repository_uri()
        .with_context(|| format!("ECR gave no address for the repository {name}"))?;
    Ok(Repository {
        uri: uri.to_owned(),
        is_immutable: found.image_tag_mutability() == Some(&ImageTagMutability::Immutable),
        tagged: None,
    })
}

fn missing(name: &str) -> anyhow::Error {
    Fault::new(
        1,
        format!("there is no repository {name} in this account and region"),
    )
    .with_hint(format!(
        "provision the environment, or run `aws ecr create-repository --repository-name {name}`"
    ))
    .into()
}

async fn tagged(client: &Client, name: &str, tag: &str) -> anyhow::Result<Option<Digest>> {
    let answer = client
        .describe_images()
        .repository_name(name)
        .image_ids(ImageIdentifier::builder().image_tag(tag).build())
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer
            .image_details()
            .first()
            .and_then(|image| image.image_digest())
            .and_then(Digest::parse)),
        // The repository's own absence is reported by the other call, with what to do about it.
        Err(error)
            if ["ImageNotFoundException", "RepositoryNotFoundException"]
                .map(Some)
                .contains(&aws::code(&error)) =>
        {
            Ok(None)
        }
        Err(error) => Err(aws::explain(
            &format!("look for the image {name}:{tag}"),
            error,
        )),
    }
}

/// The password for a registry of ECR, if `host` is one that this account's token is meant for: no other host is ever
/// sent it.
pub(crate) async fn authorization(host: &str) -> anyhow::Result<Option<Authorization>> {
    let mut config = aws::config().await?;
    let region = region(host);
    if let Some(region) = region {
        config = config
            .into_builder()
            .region(Region::new(region.to_owned()))
            .build();
    }
    let answer = Client::new(&config)
        .get_authorization_token()
        .send()
        .await
        .map_err(|error| aws::explain("get a password for the registry", error))?;
    let data = answer
        .authorization_data()
        .first()
        .context("ECR gave no password for the registry")?;
    let endpoint = data.proxy_endpoint().unwrap_or_default();
    let endpoint = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, host)| host)
        .trim_end_matches('/');
    // A token is good for every registry of ECR that the account may use, also for those of other accounts.
    if region.is_none() && endpoint != host {
        return Ok(None);
    }
    let token = data
        .authorization_token()
        .context("ECR gave no password for the registry")?;
    Ok(Some(Authorization::basic(token)))
}

/// Whether it is worth asking AWS for this host's password: ECR's own hosts, and this machine, where a local AWS may be.
pub(crate) fn may_be_ecr(host: &str) -> bool {
    region(host).is_some() || crate::registry::is_loopback(host)
}

/// Whether a host is one of ECR's own.
pub(crate) fn is_ecr(host: &str) -> bool {
    region(host).is_some()
}

/// The region of a registry's host, if it is one of ECR's: `ACCOUNT.dkr.ecr[-fips].REGION.amazonaws.com[.cn]`.
fn region(host: &str) -> Option<&str> {
    let (account, rest) = host.split_once(".dkr.ecr")?;
    let rest = rest
        .strip_prefix("-fips")
        .unwrap_or(rest)
        .strip_prefix('.')?;
    let (region, domain) = rest.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (is_account && ["amazonaws.com", "amazonaws.com.cn"].contains(&domain)).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_hosts_of_ecr() {
        for (host, expected) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                Some("eu-west-1"),
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                Some("us-gov-west-1"),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                Some("cn-north-1"),
            ),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.io", None),
            ("evil.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("127.0.0.1:4510", None),
        ] {
            assert_eq!(region(host), expected, "{host}");
        }
    }
}
