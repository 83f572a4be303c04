//! Looking at secrets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Secrets;
use super::secret::{CURRENT, Secret, SecretVersion};
use crate::protocol::{Answer, AwsError, Input, timestamp};

/// BatchGetSecretValue takes this many.
const MOST: usize = 20;

/// The secret with this name, ARN, or ARN without its last six characters.
pub(super) fn find<'s>(
    secrets: &'s BTreeMap<String, Secret>,
    id: &str,
) -> Result<&'s Secret, AwsError> {
    let is_meant = |secret: &&Secret| {
        secret.name == id
            || secret.arn == id
            || secret
                .arn
                .rsplit_once('-')
                .is_some_and(|(partial, _)| partial == id)
    };
    secrets.values().find(is_meant).ok_or_else(unknown)
}

pub(super) fn unknown() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )
}

pub(super) fn no_value() -> AwsError {
    let message =
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    AwsError::new("ResourceNotFoundException", message)
}

impl Secrets {
    pub(super) fn get_value(&self, input: &Input<'_>) -> Answer {
        let secrets = self.secrets();
        let secret = find(&secrets, input.required_text("SecretId")?)?;
        let stage = input.text("VersionStage")?.unwrap_or(CURRENT);
        value(secret, input.text("VersionId")?, stage)
    }

    pub(super) fn get_values(&self, input: &Input<'_>) -> Answer {
        let ids = input.texts("SecretIdList")?;
        if ids.is_empty() || ids.len() > MOST {
            return Err(input.refuse(format!(
                "local-aws takes SecretIdList with 1 to {MOST} names, and no Filters"
            )));
        }
        let secrets = self.secrets();
        let mut values = Vec::new();
        let mut errors = Vec::new();
        for id in ids {
            match find(&secrets, id).and_then(|secret| value(secret, None, CURRENT)) {
                Ok(value) => values.push(value),
                Err(error) => errors.push(
                    json!({ "SecretId": id, "ErrorCode": error.code, "Message": error.message }),
                ),
            }
        }
        Ok(json!({ "SecretValues": values, "Errors": errors }))
    }

    pub(super) fn describe(&self, input: &Input<'_>) -> Answer {
        let secrets = self.secrets();
        Ok(metadata(find(&secrets, input.required_text("SecretId")?)?))
    }

    pub(super) fn list(&self, input: &Input<'_>) -> Answer {
        let size = usize::try_from(input.integer("MaxResults")?.unwrap_or(100))
            .unwrap_or(100)
            .clamp(1, 100);
        let begin: usize = match input.text("NextToken")? {
            Some(token) => token.parse().map_err(|_not_ours| {
                AwsError::new(
                    "InvalidNextTokenException",
                    "The NextToken value is invalid.",
                )
            })?,
            None => 0,
        };
        let deleted_too = input.flag("IncludePlannedDeletion")?.unwrap_or(false);
        let secrets = self.secrets();
        let all: Vec<Value> = secrets
            .values()
            .filter(|secret| deleted_too || secret.deletion_ms.is_none())
            .map(metadata)
            .collect();
        let end = begin.saturating_add(size).min(all.len());
        let mut answer = json!({ "SecretList": all.get(begin..end).unwrap_or_default() });
        if end < all.len() {
            answer["NextToken"] = json!(end.to_string());
        }
        Ok(answer)
    }
}

fn value(secret: &Secret, id: Option<&str>, stage: &str) -> Answer {
    if secret.deletion_ms.is_some() {
        let message =
            "You can't perform this operation on the secret because it was marked for deletion.";
        return Err(AwsError::new("InvalidRequestException", message));
    }
    let version: &SecretVersion = secret.choose(id, stage).ok_or_else(no_value)?;
    let member = if version.binary {
        "SecretBinary"
    } else {
        "SecretString"
    };
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        member: version.text,
        "VersionStages": version.stages,
        "CreatedDate": timestamp(version.created_ms),
    }))
}

fn metadata(secret: &Secret) -> Value {
    let stages: serde_json::Map<String, Value> = secret
        .versions
        .iter()
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect();
    let mut view = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "Description": secret.description,
        "RotationEnabled": false,
        "LastChangedDate": timestamp(secret.changed_ms),
        "CreatedDate": timestamp(secret.created_ms),
        "Tags": secret.tags,
        "VersionIdsToStages": stages,
    });
    if let Some(at) = secret.deletion_ms {
        view["DeletedDate"] = timestamp(at);
    }
    view
}
