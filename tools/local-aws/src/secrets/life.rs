//! Secrets coming and going.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Secrets;
use super::model::{CURRENT, Secret, Version};
use super::reference::{find, usable};
use super::versions::{content, token};
use crate::protocol::{Answer, AwsError, Input, timestamp};

/// Secrets Manager's.
const MOST_TAGS: usize = 50;
const LONGEST_NAME: usize = 512;
const DAY_SECONDS: i64 = 24 * 3600;
/// Days until a deleted secret is gone.
const WINDOW: std::ops::RangeInclusive<i64> = 7..=30;

impl Secrets {
    pub(super) fn create(&self, input: &Input<'_>) -> Answer {
        let name = input.required_text("Name")?;
        check_name(name, input)?;
        let id = token(input)?;
        let content = content(input)?;
        let now_ms = self.clock.now_ms();
        let mut tags = BTreeMap::new();
        add_tags(&mut tags, input)?;
        let mut secret = Secret {
            name: name.to_owned(),
            arn: self
                .account
                .arn("secretsmanager", &format!("secret:{name}-{}", suffix())),
            description: input.text("Description")?.map(str::to_owned),
            kms_key_id: input.text("KmsKeyId")?.map(str::to_owned),
            created_ms: now_ms,
            changed_ms: now_ms,
            deleted_ms: None,
            deletion_ms: None,
            tags,
            versions: BTreeMap::new(),
        };
        let mut answer = json!({ "ARN": secret.arn, "Name": name });
        if let Some(content) = content {
            answer["VersionId"] = id.as_str().into();
            let version = Version {
                content,
                created_ms: now_ms,
                stages: BTreeSet::from([CURRENT.to_owned()]),
            };
            secret.add(id, version);
        }
        let mut secrets = self.secrets();
        match secrets.get(name) {
            None => self.keep(&mut secrets, secret)?,
            Some(known) if known.deletion_ms.is_some() => {
                return Err(AwsError::new(
                    "InvalidRequestException",
                    "You can't create this secret because a secret with this name is already scheduled for deletion.",
                ));
            }
            Some(_) => {
                return Err(AwsError::new(
                    "ResourceExistsException",
                    format!("The operation failed because the secret {name} already exists."),
                ));
            }
        }
        Ok(answer)
    }

    pub(super) fn delete(&self, input: &Input<'_>) -> Answer {
        let id = input.required_text("SecretId")?;
        let window = input.integer("RecoveryWindowInDays")?;
        let force = input.flag("ForceDeleteWithoutRecovery")?.unwrap_or(false);
        if force && window.is_some() {
            return Err(input.refuse("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."));
        }
        let days = window.unwrap_or(*WINDOW.end());
        if !WINDOW.contains(&days) {
            return Err(input.refuse(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        let now_ms = self.clock.now_ms();
        let mut secrets = self.secrets();
        let mut secret = match find(&secrets, id) {
            Ok(known) if force => known.clone(),
            Ok(known) => usable(known)?.clone(),
            // Deleting by force what is not there succeeds, as with AWS.
            Err(_absent) if force => {
                return Ok(json!({ "Name": id, "DeletionDate": timestamp(now_ms) }));
            }
            Err(absent) => return Err(absent),
        };
        let end_ms = if force {
            now_ms
        } else {
            now_ms + self.clock.wait_ms(days * DAY_SECONDS)
        };
        let answer = json!({
            "ARN": secret.arn,
            "Name": secret.name,
            "DeletionDate": timestamp(end_ms),
        });
        if force {
            self.store.delete::<Secret>(&secret.name)?;
            secrets.remove(&secret.name);
        } else {
            secret.deleted_ms = Some(now_ms);
            secret.deletion_ms = Some(end_ms);
            self.keep(&mut secrets, secret)?;
        }
        Ok(answer)
    }

    pub(super) fn restore(&self, input: &Input<'_>) -> Answer {
        let mut secrets = self.secrets();
        let mut secret = find(&secrets, input.required_text("SecretId")?)?.clone();
        secret.deleted_ms = None;
        secret.deletion_ms = None;
        let answer = json!({ "ARN": secret.arn, "Name": secret.name });
        self.keep(&mut secrets, secret)?;
        Ok(answer)
    }

    pub(super) fn tag(&self, input: &Input<'_>) -> Answer {
        self.change(input, |secret| add_tags(&mut secret.tags, input))
    }

    pub(super) fn untag(&self, input: &Input<'_>) -> Answer {
        let keys = input.texts("TagKeys")?;
        self.change(input, |secret| {
            secret.tags.retain(|key, _| !keys.contains(&key.as_str()));
            Ok(())
        })
    }

    fn change(
        &self,
        input: &Input<'_>,
        change: impl FnOnce(&mut Secret) -> Result<(), AwsError>,
    ) -> Answer {
        let mut secrets = self.secrets();
        let mut secret = usable(find(&secrets, input.required_text("SecretId")?)?)?.clone();
        change(&mut secret)?;
        self.keep(&mut secrets, secret)?;
        // These operations have no output.
        Ok(serde_json::Value::Null)
    }
}

fn check_name(name: &str, input: &Input<'_>) -> Result<(), AwsError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.len() <= LONGEST_NAME && name.chars().all(is_allowed) {
        Ok(())
    } else {
        Err(input.refuse("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"))
    }
}

fn add_tags(tags: &mut BTreeMap<String, String>, input: &Input<'_>) -> Result<(), AwsError> {
    for tag in input.structures("Tags")? {
        let value = tag.text("Value")?.unwrap_or_default();
        tags.insert(tag.required_text("Key")?.to_owned(), value.to_owned());
    }
    if tags.len() > MOST_TAGS {
        return Err(input.refuse(format!("A secret has at most {MOST_TAGS} tags.")));
    }
    Ok(())
}

/// Six random letters and digits.
fn suffix() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uuid::Uuid::new_v4()
        .as_bytes()
        .iter()
        .take(6)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}
