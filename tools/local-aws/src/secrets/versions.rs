//! Values of secrets going in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Secrets;
use super::model::{CURRENT, Content, Secret, Version};
use super::reference::{find, usable};
use crate::protocol::{Answer, AwsError, Input};
use crate::sealed::Sealed;

/// In bytes.
const LONGEST_VALUE: usize = 65_536;

impl Secrets {
    pub(super) fn put_value(&self, input: &Input<'_>) -> Answer {
        let id = token(input)?;
        let content = content(input)?.ok_or_else(|| {
            AwsError::new(
                "InvalidRequestException",
                "You must provide either SecretString or SecretBinary.",
            )
        })?;
        let mut stages: BTreeSet<String> = input
            .texts("VersionStages")?
            .into_iter()
            .map(str::to_owned)
            .collect();
        if stages.is_empty() {
            stages.insert(CURRENT.to_owned());
        }
        let mut secrets = self.secrets();
        let mut secret = usable(find(&secrets, input.required_text("SecretId")?)?)?.clone();
        self.add_version(&mut secret, &id, content, stages)?;
        let answer = json!({
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": id,
            "VersionStages": secret.versions.get(&id).map(|version| &version.stages),
        });
        self.keep(&mut secrets, secret)?;
        Ok(answer)
    }

    pub(super) fn update(&self, input: &Input<'_>) -> Answer {
        let id = token(input)?;
        let content = content(input)?;
        let mut secrets = self.secrets();
        let mut secret = usable(find(&secrets, input.required_text("SecretId")?)?)?.clone();
        if let Some(description) = input.text("Description")? {
            secret.description = Some(description.to_owned());
        }
        if let Some(key) = input.text("KmsKeyId")? {
            secret.kms_key_id = Some(key.to_owned());
        }
        secret.changed_ms = self.clock.now_ms();
        let mut answer = json!({ "ARN": secret.arn, "Name": secret.name });
        if let Some(content) = content {
            let stages = BTreeSet::from([CURRENT.to_owned()]);
            self.add_version(&mut secret, &id, content, stages)?;
            answer["VersionId"] = Value::String(id);
        }
        self.keep(&mut secrets, secret)?;
        Ok(answer)
    }

    pub(super) fn move_stage(&self, input: &Input<'_>) -> Answer {
        let stage = input.required_text("VersionStage")?;
        let from = input.text("RemoveFromVersionId")?;
        let to = input.text("MoveToVersionId")?;
        let mut secrets = self.secrets();
        let mut secret = usable(find(&secrets, input.required_text("SecretId")?)?)?.clone();
        let holder = secret.staged(stage).map(|(id, _)| id.clone());
        if let Some(holder) = &holder
            && from != Some(holder.as_str())
            && to != Some(holder.as_str())
        {
            return Err(input.refuse(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        match to {
            Some(to) if secret.versions.contains_key(to) => secret.move_stage(stage, to),
            Some(to) => {
                return Err(AwsError::new(
                    "ResourceNotFoundException",
                    format!(
                        "Secrets Manager can't find the specified secret value for VersionId: {to}"
                    ),
                ));
            }
            None if stage == CURRENT => {
                return Err(input.refuse(format!("You can only move staging label {CURRENT} to a different secret version. It can't be completely removed.")));
            }
            None => {
                if let Some(version) = from.and_then(|from| secret.versions.get_mut(from)) {
                    version.stages.remove(stage);
                }
            }
        }
        secret.changed_ms = self.clock.now_ms();
        let answer = json!({ "ARN": secret.arn, "Name": secret.name });
        self.keep(&mut secrets, secret)?;
        Ok(answer)
    }

    /// Adds a version; the same token with the same content again changes nothing.
    fn add_version(
        &self,
        secret: &mut Secret,
        id: &str,
        content: Content,
        stages: BTreeSet<String>,
    ) -> Result<(), AwsError> {
        match secret.versions.get(id) {
            Some(known) if known.content == content => return Ok(()),
            Some(_) => {
                return Err(AwsError::new(
                    "ResourceExistsException",
                    format!(
                        "You can't use ClientRequestToken {id} because that value is already in use for a version of secret {}.",
                        secret.arn
                    ),
                ));
            }
            None => {}
        }
        let now_ms = self.clock.now_ms();
        secret.changed_ms = now_ms;
        let version = Version {
            content,
            created_ms: now_ms,
            stages,
        };
        secret.add(id.to_owned(), version);
        Ok(())
    }
}

/// The value in a request, if there is one.
pub(super) fn content(input: &Input<'_>) -> Result<Option<Content>, AwsError> {
    let content = match (input.text("SecretString")?, input.text("SecretBinary")?) {
        (Some(_), Some(_)) => {
            return Err(
                input.refuse("You can't specify both a binary secret value and a string secret value in the same secret.")
            );
        }
        (Some(text), None) => (text, Content::Text(Sealed::new(text))),
        (None, Some(binary)) => (binary, Content::Binary(Sealed::new(binary))),
        (None, None) => return Ok(None),
    };
    // Base64 is a third longer than what it stands for.
    let length = match &content.1 {
        Content::Text(_) => content.0.len(),
        Content::Binary(_) => content.0.len() / 4 * 3,
    };
    if length == 0 || length > LONGEST_VALUE {
        return Err(input.refuse(format!(
            "A secret value has between 1 and {LONGEST_VALUE} bytes."
        )));
    }
    Ok(Some(content.1))
}

/// The id of the version that a request makes.
pub(super) fn token(input: &Input<'_>) -> Result<String, AwsError> {
    match input.text("ClientRequestToken")? {
        None => Ok(uuid::Uuid::new_v4().to_string()),
        Some(token) if (32..=64).contains(&token.len()) => Ok(token.to_owned()),
        Some(_) => Err(input.refuse("ClientRequestToken must be 32-64 characters long.")),
    }
}
