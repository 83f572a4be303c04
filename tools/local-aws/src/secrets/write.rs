//! Changing secrets.

use serde_json::{Value, json};

use super::Secrets;
use super::read::{find, unknown};
use super::secret::{CURRENT, Secret, SecretVersion};
use crate::account::hex_id;
use crate::protocol::{Answer, AwsError, Input, timestamp};

/// Bytes of a value.
const LIMIT: usize = 65_536;
/// Days until a deleted secret is gone, if nobody says otherwise.
const RECOVERY_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;

impl Secrets {
    pub(super) fn create(&self, input: &Input<'_>) -> Answer {
        let name = input.required_text("Name")?;
        let is_valid = name.len() <= 512
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte));
        if !is_valid {
            return Err(input.refuse("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"));
        }
        let mut secrets = self.secrets();
        if let Some(present) = secrets.get(name) {
            if present.deletion_ms.is_some() {
                let message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
                return Err(AwsError::new("InvalidRequestException", message));
            }
            let message = format!("The operation failed because the secret {name} already exists.");
            return Err(AwsError::new("ResourceExistsException", message));
        }
        let now = self.clock.now_ms();
        let mut secret = Secret {
            name: name.to_owned(),
            arn: self
                .account
                .arn("secretsmanager", &format!("secret:{name}-{}", hex_id(6))),
            description: input.text("Description")?.unwrap_or_default().to_owned(),
            versions: Vec::new(),
            tags: input.list("Tags")?.to_vec(),
            created_ms: now,
            changed_ms: now,
            deletion_ms: None,
        };
        let version = self.version(input, vec![CURRENT.to_owned()])?;
        let id = version.as_ref().map(|version| version.id.clone());
        if let Some(version) = version {
            secret.add(version);
        }
        self.store.put(&secret)?;
        let mut answer = json!({ "ARN": secret.arn, "Name": secret.name });
        if let Some(id) = id {
            answer["VersionId"] = json!(id);
        }
        secrets.insert(name.to_owned(), secret);
        Ok(answer)
    }

    pub(super) fn put_value(&self, input: &Input<'_>) -> Answer {
        let stages: Vec<String> = input
            .texts("VersionStages")?
            .into_iter()
            .map(str::to_owned)
            .collect();
        let stages = if stages.is_empty() {
            vec![CURRENT.to_owned()]
        } else {
            stages
        };
        let version = self
            .version(input, stages)?
            .ok_or_else(|| input.refuse("You must provide either SecretString or SecretBinary."))?;
        let answer = json!({ "VersionId": version.id, "VersionStages": version.stages });
        self.change(input, |secret| secret.add(version), answer)
    }

    pub(super) fn update(&self, input: &Input<'_>) -> Answer {
        let version = self.version(input, vec![CURRENT.to_owned()])?;
        let description = input.text("Description")?.map(str::to_owned);
        let answer = version
            .as_ref()
            .map_or_else(|| json!({}), |version| json!({ "VersionId": version.id }));
        let change = |secret: &mut Secret| {
            if let Some(description) = description {
                secret.description = description;
            }
            if let Some(version) = version {
                secret.add(version);
            }
        };
        self.change(input, change, answer)
    }

    pub(super) fn delete(&self, input: &Input<'_>) -> Answer {
        let now = self.clock.now_ms();
        if input.flag("ForceDeleteWithoutRecovery")?.unwrap_or(false) {
            let mut secrets = self.secrets();
            let secret = find(&secrets, input.required_text("SecretId")?)?.clone();
            self.store.delete::<Secret>(&secret.name)?;
            secrets.remove(&secret.name);
            return Ok(
                json!({ "ARN": secret.arn, "Name": secret.name, "DeletionDate": timestamp(now) }),
            );
        }
        let days = input
            .integer("RecoveryWindowInDays")?
            .unwrap_or(RECOVERY_DAYS);
        if !(7..=30).contains(&days) {
            return Err(input.refuse(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        let at = now + days * DAY_MS;
        self.change(
            input,
            |secret| secret.deletion_ms = Some(at),
            json!({ "DeletionDate": timestamp(at) }),
        )
    }

    pub(super) fn restore(&self, input: &Input<'_>) -> Answer {
        self.change(input, |secret| secret.deletion_ms = None, json!({}))
    }

    /// Changes a secret and answers with its names and `more`.
    fn change(&self, input: &Input<'_>, change: impl FnOnce(&mut Secret), more: Value) -> Answer {
        let mut secrets = self.secrets();
        let name = find(&secrets, input.required_text("SecretId")?)?
            .name
            .clone();
        let secret = secrets.get_mut(&name).ok_or_else(unknown)?;
        change(secret);
        self.store.put(secret)?;
        let mut answer = json!({ "ARN": secret.arn, "Name": secret.name });
        if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
            answer.extend(more);
        }
        Ok(answer)
    }

    /// The version that a request brings, if it brings one.
    fn version(
        &self,
        input: &Input<'_>,
        stages: Vec<String>,
    ) -> Result<Option<SecretVersion>, AwsError> {
        let (text, binary) = match (input.text("SecretString")?, input.text("SecretBinary")?) {
            (Some(_), Some(_)) => return Err(input.refuse("You can't specify both a binary secret value and a string secret value in the same secret.")),
            (Some(text), None) => (text, false),
            (None, Some(bytes)) => (bytes, true),
            (None, None) => return Ok(None),
        };
        if text.len() > LIMIT {
            return Err(input.refuse(format!("The secret value is larger than {LIMIT} bytes.")));
        }
        let id = match input.text("ClientRequestToken")? {
            Some(token) => token.to_owned(),
            None => uuid::Uuid::new_v4().to_string(),
        };
        Ok(Some(SecretVersion {
            id,
            text: text.to_owned(),
            binary,
            stages,
            created_ms: self.clock.now_ms(),
        }))
    }
}
