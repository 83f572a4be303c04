//! How secrets are referred to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Secrets;
use super::model::{CURRENT, Content, Secret, Version};
use crate::protocol::AwsError;

/// Which version of a secret is meant; without both the current one.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Selector<'s> {
    pub(super) version_id: Option<&'s str>,
    pub(super) stage: Option<&'s str>,
}

/// A container's secret: `ARN[:JSON-KEY:STAGE:VERSION]`.
#[derive(Debug, PartialEq, Eq)]
struct ValueFrom<'s> {
    secret: String,
    json_key: Option<&'s str>,
    stage: Option<&'s str>,
    version_id: Option<&'s str>,
}

impl<'s> ValueFrom<'s> {
    /// An ARN has seven parts; what follows says which part of which version.
    fn parse(text: &'s str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        let is_arn = parts.len() >= 7 && parts[0] == "arn";
        let (secret, rest) = parts.split_at(if is_arn { 7 } else { parts.len() });
        let part = |at: usize| rest.get(at).copied().filter(|part| !part.is_empty());
        Self {
            secret: secret.join(":"),
            json_key: part(0),
            stage: part(1),
            version_id: part(2),
        }
    }
}

impl Secrets {
    /// The plain value that a container's secret refers to: an ARN (or name), with
    /// `:JSON-KEY:STAGE:VERSION` behind it, each of which may be empty.
    pub fn value(&self, value_from: &str) -> Result<String, AwsError> {
        self.forget_deleted()?;
        let wanted = ValueFrom::parse(value_from);
        let secrets = self.secrets();
        let secret = usable(find(&secrets, &wanted.secret)?)?;
        let selector = Selector {
            version_id: wanted.version_id,
            stage: wanted.stage,
        };
        let (_, version) = select(secret, selector)?;
        let Content::Text(text) = &version.content else {
            return Err(AwsError::new(
                "InvalidParameterException",
                format!(
                    "the secret {} is binary; a container takes text only",
                    secret.arn
                ),
            ));
        };
        match wanted.json_key {
            None => Ok(text.reveal().to_owned()),
            Some(key) => member(text.reveal(), key).ok_or_else(|| {
                AwsError::new(
                    "ResourceNotFoundException",
                    format!("retrieved secret from Secrets Manager did not contain json key {key}"),
                )
            }),
        }
    }
}

fn member(text: &str, key: &str) -> Option<String> {
    match serde_json::from_str::<Value>(text).ok()?.get(key)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// By name, by ARN, or by an ARN without its six last characters.
pub(super) fn find<'s>(
    secrets: &'s BTreeMap<String, Secret>,
    id: &str,
) -> Result<&'s Secret, AwsError> {
    secrets
        .get(id)
        .or_else(|| {
            secrets.values().find(|secret| {
                secret.arn == id
                    || secret
                        .arn
                        .rsplit_once('-')
                        .is_some_and(|(partial, _)| partial == id)
            })
        })
        .ok_or_else(|| not_found("Secrets Manager can't find the specified secret."))
}

/// A secret that is marked for deletion cannot be read or changed.
pub(super) fn usable(secret: &Secret) -> Result<&Secret, AwsError> {
    if secret.deletion_ms.is_some() {
        return Err(AwsError::new(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ));
    }
    Ok(secret)
}

/// The version that is meant, with its id.
pub(super) fn select<'s>(
    secret: &'s Secret,
    selector: Selector<'_>,
) -> Result<(&'s String, &'s Version), AwsError> {
    let absent = |what: String| {
        not_found(format!(
            "Secrets Manager can't find the specified secret value for {what}"
        ))
    };
    match (selector.version_id, selector.stage) {
        (None, stage) => {
            let stage = stage.unwrap_or(CURRENT);
            secret
                .staged(stage)
                .ok_or_else(|| absent(format!("staging label: {stage}")))
        }
        (Some(id), stage) => {
            let found = secret
                .versions
                .get_key_value(id)
                .ok_or_else(|| absent(format!("VersionId: {id}")))?;
            match stage {
                Some(stage) if !found.1.stages.contains(stage) => Err(AwsError::new(
                    "InvalidRequestException",
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                )),
                _ => Ok(found),
            }
        }
    }
}

fn not_found(message: impl Into<String>) -> AwsError {
    AwsError::new("ResourceNotFoundException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_container_refers_to() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf";
        let check = |text: &str, json_key, stage, version_id| {
            let expected = ValueFrom {
                secret: arn.to_owned(),
                json_key,
                stage,
                version_id,
            };
            assert_eq!(ValueFrom::parse(text), expected, "{text}");
        };
        check(arn, None, None, None);
        check(&format!("{arn}:user::"), Some("user"), None, None);
        check(
            &format!("{arn}::AWSPREVIOUS:"),
            None,
            Some("AWSPREVIOUS"),
            None,
        );
        check(&format!("{arn}:k::v1"), Some("k"), None, Some("v1"));
    }
}
