//! One configuration for every client: endpoint, credentials, retries, time limits.

use std::ffi::OsString;
use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use toolkit::Fault;

/// A connection that takes longer than this goes nowhere.
const CONNECT: Duration = Duration::from_secs(5);
/// No answer of these services takes longer than this.
const ATTEMPT: Duration = Duration::from_secs(30);
/// One look at something that is looked at again and again.
const LOOK: Duration = Duration::from_secs(10);
/// The first call and seven more: about a minute of throttling or of a service that is away.
const ATTEMPTS: u32 = 8;

/// The configuration of this process: the usual AWS variables and files (`AWS_PROFILE`, `AWS_REGION`,
/// `AWS_ENDPOINT_URL`, credentials of the environment, a web identity, a container or an instance).
pub async fn config() -> anyhow::Result<SdkConfig> {
    config_for(None, None).await
}

/// The same, with a region or a profile that the command line names in place of the variables'.
pub async fn config_for(region: Option<&str>, profile: Option<&str>) -> anyhow::Result<SdkConfig> {
    // A profile's credentials may have to be fetched by https.
    let mut loader = loader(profile.is_none() && is_plain(std::env::vars_os()));
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Fault::usage("no AWS region is set")
            .with_hint("set AWS_REGION, or a region in the profile")
            .into());
    }
    Ok(config)
}

/// The same for a tool that knows its region, for example from longshore.toml: variables and files of the
/// process do not change it.
pub async fn config_in(region: &str) -> SdkConfig {
    loader(is_plain(std::env::vars_os()))
        .region(Region::new(region.to_owned()))
        .load()
        .await
}

/// The same configuration for calls that are repeated by who makes them: one attempt each, and soon over.
/// Where something is looked at every second, retries below would hide that it cannot be reached.
#[must_use]
pub fn without_retries(config: &SdkConfig) -> SdkConfig {
    config
        .clone()
        .into_builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_attempt_timeout(LOOK)
                .build(),
        )
        .build()
}

fn loader(is_plain: bool) -> ConfigLoader {
    let http = if is_plain {
        Builder::new().build_http()
    } else {
        Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https()
    };
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_max_backoff(Duration::from_secs(10)),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_attempt_timeout(ATTEMPT)
                .build(),
        )
}

/// Whether all calls go to http:// endpoints, as those to a local AWS do: then nobody needs the machine's
/// certificates, and reading them takes longer than the calls. Credentials must be in the environment, since
/// a profile's may have to be fetched by https.
fn is_plain(variables: impl Iterator<Item = (OsString, OsString)>) -> bool {
    let (mut is_plain, mut has_credentials) = (false, false);
    for (name, value) in variables {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        let is_endpoint = name.starts_with("AWS_ENDPOINT_URL") && !value.is_empty();
        let is_elsewhere = is_endpoint && !value.starts_with("http://");
        if is_elsewhere || name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" {
            return false;
        }
        is_plain |= is_endpoint && name == "AWS_ENDPOINT_URL";
        has_credentials |= name == "AWS_ACCESS_KEY_ID" && !value.is_empty();
    }
    is_plain && has_credentials
}

/// Runs a tool's asynchronous part on this thread.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?
        .block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: bool) {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        assert_eq!(is_plain(variables), expected);
    }

    #[test]
    fn goes_without_certificates_only_where_nothing_can_need_them() {
        let local = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
        let key = ("AWS_ACCESS_KEY_ID", "local");
        check(&[], false);
        check(&[key], false);
        check(&[local], false);
        check(&[local, key], true);
        check(&[("AWS_ENDPOINT_URL", "https://aws"), key], false);
        check(
            &[local, key, ("AWS_ENDPOINT_URL_SSM", "https://ssm")],
            false,
        );
        check(&[("AWS_ENDPOINT_URL_SSM", "http://ssm"), key], false);
        check(
            &[local, key, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")],
            false,
        );
    }
}
