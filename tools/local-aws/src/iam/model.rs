//! What is kept of a role.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::protocol::timestamp;
use crate::state::Document;

/// RFC 3986: all but the unreserved characters is escaped.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A role and its policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) created_ms: i64,
    /// Who may assume it, as it was given.
    pub(super) trust: String,
    pub(super) description: Option<String>,
    /// In seconds.
    pub(super) max_session: i64,
    pub(super) boundary: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Inline policies: texts by name.
    pub(super) inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub(super) attached: BTreeSet<String>,
}

impl Document for Role {
    const KIND: &'static str = "iam-role";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Role {
    /// As ListRoles shows it.
    pub(super) fn summary(&self) -> Value {
        json!({
            "Path": self.path,
            "RoleName": self.name,
            "RoleId": self.id,
            "Arn": self.arn,
            "CreateDate": timestamp(self.created_ms),
            "AssumeRolePolicyDocument": encoded(&self.trust),
            "Description": self.description,
            "MaxSessionDuration": self.max_session,
        })
    }

    /// As GetRole shows it.
    pub(super) fn view(&self) -> Value {
        let mut view = self.summary();
        if let Some(arn) = &self.boundary {
            view["PermissionsBoundary"] = json!({
                "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn,
            });
        }
        if !self.tags.is_empty() {
            view["Tags"] = self.tags.iter().map(tag).collect();
        }
        view
    }
}

/// A tag as the answers have it.
pub(super) fn tag((key, value): (&String, &String)) -> Value {
    json!({ "Key": key, "Value": value })
}

/// A policy's text as IAM answers it: URL-encoded.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_policies_as_urls() {
        assert_eq!(
            encoded("{\"a\": [\"s3:*\"], \"b\": \"x-y_z.~\"}"),
            "%7B%22a%22%3A%20%5B%22s3%3A%2A%22%5D%2C%20%22b%22%3A%20%22x-y_z.~%22%7D"
        );
    }
}
