//! Topics and subscriptions, as they are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::state::Document;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Topic {
    pub arn: String,
    pub name: String,
    /// As they were set: `DisplayName`, `Policy` and the like.
    pub attributes: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub arn: String,
    pub topic: String,
    pub protocol: Protocol,
    pub endpoint: String,
    pub is_confirmed: bool,
    /// Whoever shows it may confirm. It is in what was sent to the endpoint, and nowhere else.
    pub token: String,
    pub attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Protocol {
    Email,
    EmailJson,
    Http,
    Https,
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Email, Self::EmailJson, Self::Http, Self::Https];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::EmailJson => "email-json",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.as_str() == name)
    }

    /// Whether an endpoint is one of this protocol.
    pub(super) fn takes(self, endpoint: &str) -> bool {
        match self {
            Self::Email | Self::EmailJson => endpoint
                .split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
            Self::Http => endpoint.starts_with("http://"),
            Self::Https => endpoint.starts_with("https://"),
        }
    }
}

impl Subscription {
    /// Whether the endpoint gets the message alone, without what AWS wraps around it.
    pub(super) fn is_raw(&self) -> bool {
        self.attributes
            .get("RawMessageDelivery")
            .is_some_and(|value| value == "true")
    }
}

impl Document for Topic {
    const KIND: &'static str = "sns-topic";
    fn key(&self) -> String {
        self.arn.clone()
    }
}

impl Document for Subscription {
    const KIND: &'static str = "sns-subscription";
    fn key(&self) -> String {
        self.arn.clone()
    }
}
