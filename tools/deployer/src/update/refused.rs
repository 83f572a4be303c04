//! The flags of `ecs deploy` that this tool does not take, each with what does the same here.

use std::convert::Infallible;
use std::str::FromStr;

use clap::Args;

/// A value that was given and is not kept: some of these are secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given;

impl FromStr for Given {
    type Err = Infallible;

    fn from_str(_: &str) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

/// They are parsed, so that the answer is the equivalent and not "unexpected argument".
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(super) struct Refused {
    #[arg(long, hide = true, allow_hyphen_values = true)]
    access_key_id: Option<Given>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    secret_access_key: Option<Given>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    account: Option<Given>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    assume_role: Option<Given>,
    #[arg(long, hide = true, overrides_with = "no_deregister")]
    deregister: bool,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    newrelic_apikey: Option<Given>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    newrelic_appid: Option<Given>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    newrelic_region: Option<Given>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    newrelic_revision: Option<Given>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    slack_url: Option<Given>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    slack_service_match: Option<Given>,
}

const CREDENTIALS: &str = "a command line can be read by every process of the machine; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or use --profile";
const ROLE: &str =
    "put role_arn and source_profile into a profile of ~/.aws/config and use --profile";
const PRUNE: &str = "an update never deregisters, because a rollback needs the old revision; leave it out, and remove old revisions with `deployer prune`";
const NEW_RELIC: &str =
    "let the next step of the pipeline record what --output deployment.json says";
const SLACK: &str = "let the next step of the pipeline post what --output deployment.json says";

impl Refused {
    /// One sentence for each flag that was given.
    pub(super) fn problems(&self) -> Vec<String> {
        [
            ("access-key-id", self.access_key_id.is_some(), CREDENTIALS),
            (
                "secret-access-key",
                self.secret_access_key.is_some(),
                CREDENTIALS,
            ),
            ("account", self.account.is_some(), ROLE),
            ("assume-role", self.assume_role.is_some(), ROLE),
            ("deregister", self.deregister, PRUNE),
            ("newrelic-apikey", self.newrelic_apikey.is_some(), NEW_RELIC),
            ("newrelic-appid", self.newrelic_appid.is_some(), NEW_RELIC),
            ("newrelic-region", self.newrelic_region.is_some(), NEW_RELIC),
            (
                "newrelic-revision",
                self.newrelic_revision.is_some(),
                NEW_RELIC,
            ),
            ("slack-url", self.slack_url.is_some(), SLACK),
            (
                "slack-service-match",
                self.slack_service_match.is_some(),
                SLACK,
            ),
        ]
        .into_iter()
        .filter(|(_, is_given, _)| *is_given)
        .map(|(flag, _, instead)| format!("--{flag} is refused: {instead}"))
        .collect()
    }
}
