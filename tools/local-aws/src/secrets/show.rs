//! Secrets and their values going out.

use serde_json::{Map, Value, json};

use super::Secrets;
use super::filter::Filters;
use super::model::{Content, Secret, Version};
use super::reference::{Selector, find, select, usable};
use crate::page::{BadToken, page};
use crate::protocol::{Answer, AwsError, Input, timestamp};

/// ListSecrets' and ListSecretVersionIds'.
const PAGE: usize = 100;

impl Secrets {
    pub(super) fn get_value(&self, input: &Input<'_>) -> Answer {
        let selector = Selector {
            version_id: input.text("VersionId")?,
            stage: input.text("VersionStage")?,
        };
        let secrets = self.secrets();
        let secret = usable(find(&secrets, input.required_text("SecretId")?)?)?;
        let (id, version) = select(secret, selector)?;
        Ok(value(secret, id, version))
    }

    pub(super) fn describe(&self, input: &Input<'_>) -> Answer {
        let secrets = self.secrets();
        let secret = find(&secrets, input.required_text("SecretId")?)?;
        Ok(described(secret, "VersionIdsToStages"))
    }

    pub(super) fn list(&self, input: &Input<'_>) -> Answer {
        let filters = Filters::of(input)?;
        let with_deleted = input.flag("IncludePlannedDeletion")?.unwrap_or(false);
        let size = size(input, PAGE)?;
        let secrets = self.secrets();
        let wanted = secrets
            .values()
            .filter(|secret| with_deleted || secret.deletion_ms.is_none())
            .filter(|secret| filters.take(secret));
        let (found, next) = page(wanted, size, input.text("NextToken")?, |secret| {
            secret.name.clone()
        })
        .map_err(|BadToken| bad_token())?;
        let found: Value = found
            .into_iter()
            .map(|secret| described(secret, "SecretVersionsToStages"))
            .collect();
        Ok(with_next(json!({ "SecretList": found }), next))
    }

    pub(super) fn list_versions(&self, input: &Input<'_>) -> Answer {
        let with_deprecated = input.flag("IncludeDeprecated")?.unwrap_or(false);
        let size = size(input, PAGE)?;
        let secrets = self.secrets();
        let secret = find(&secrets, input.required_text("SecretId")?)?;
        let wanted = secret
            .versions
            .iter()
            .filter(|(_, version)| with_deprecated || !version.stages.is_empty());
        let (found, next) = page(wanted, size, input.text("NextToken")?, |(id, _)| {
            (*id).clone()
        })
        .map_err(|BadToken| bad_token())?;
        let found: Value = found
            .into_iter()
            .map(|(id, version)| {
                json!({
                    "VersionId": id,
                    "VersionStages": version.stages,
                    "CreatedDate": timestamp(version.created_ms),
                })
            })
            .collect();
        let answer = json!({ "Versions": found, "ARN": secret.arn, "Name": secret.name });
        Ok(with_next(answer, next))
    }
}

/// A version with its value.
pub(super) fn value(secret: &Secret, id: &str, version: &Version) -> Value {
    let (member, content) = match &version.content {
        Content::Text(text) => ("SecretString", text),
        Content::Binary(binary) => ("SecretBinary", binary),
    };
    json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": id,
        member: content.reveal(),
        "VersionStages": version.stages,
        "CreatedDate": timestamp(version.created_ms),
    })
}

fn described(secret: &Secret, stages_member: &str) -> Value {
    let stages: Map<String, Value> = secret
        .versions
        .iter()
        .filter(|(_, version)| !version.stages.is_empty())
        .map(|(id, version)| (id.clone(), json!(version.stages)))
        .collect();
    let mut described = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "LastChangedDate": timestamp(secret.changed_ms),
        "CreatedDate": timestamp(secret.created_ms),
        "Tags": secret
            .tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect::<Value>(),
        stages_member: stages,
    });
    for (member, text) in [
        ("Description", &secret.description),
        ("KmsKeyId", &secret.kms_key_id),
    ] {
        if let Some(text) = text {
            described[member] = text.as_str().into();
        }
    }
    if let Some(deleted_ms) = secret.deleted_ms {
        described["DeletedDate"] = timestamp(deleted_ms);
    }
    described
}

pub(super) fn size(input: &Input<'_>, most: usize) -> Result<usize, AwsError> {
    match input.integer("MaxResults")? {
        None => Ok(most),
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=most).contains(size))
            .ok_or_else(|| input.refuse(format!("MaxResults must be between 1 and {most}."))),
    }
}

pub(super) fn bad_token() -> AwsError {
    AwsError::new(
        "InvalidNextTokenException",
        "The NextToken value is invalid.",
    )
}

pub(super) fn with_next(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    answer
}
