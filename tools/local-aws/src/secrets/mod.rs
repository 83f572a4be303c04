//! Secrets Manager: secrets with their versions and stages.

mod read;
mod secret;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;

use secret::{CURRENT, Secret};

/// Secrets Manager's code for a bad parameter.
const INVALID: &str = "InvalidParameterException";

/// The service.
pub struct Secrets {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    secrets: Mutex<BTreeMap<String, Secret>>,
}

impl Secrets {
    /// Loads what the store holds.
    pub fn open(store: Arc<Store>, account: Account, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let secrets = store.all::<Secret>()?;
        let secrets = secrets
            .into_iter()
            .map(|secret| (secret.name.clone(), secret))
            .collect();
        Ok(Arc::new(Self {
            store,
            account,
            clock,
            secrets: Mutex::new(secrets),
        }))
    }

    /// Runs one API operation.
    pub fn call(&self, operation: &str, members: &Value) -> Answer {
        let input = Input::new(members, INVALID);
        match operation {
            "CreateSecret" => self.create(&input),
            "PutSecretValue" => self.put_value(&input),
            "UpdateSecret" => self.update(&input),
            "GetSecretValue" => self.get_value(&input),
            "BatchGetSecretValue" => self.get_values(&input),
            "DescribeSecret" => self.describe(&input),
            "ListSecrets" => self.list(&input),
            "DeleteSecret" => self.delete(&input),
            "RestoreSecret" => self.restore(&input),
            _ => Err(AwsError::unsupported("secretsmanager", operation)),
        }
    }

    /// The value behind what a task definition names: `ARN[:json-key[:stage[:version]]]`.
    pub fn value(&self, reference: &str) -> Result<String, AwsError> {
        let (arn, key, stage, version) = parts(reference);
        let secrets = self.secrets();
        let secret = read::find(&secrets, &arn)?;
        let chosen = secret.choose(version.as_deref(), stage.as_deref().unwrap_or(CURRENT));
        let value = chosen
            .map(|version| version.text.as_str())
            .ok_or_else(read::no_value)?;
        let Some(key) = key else {
            return Ok(value.to_owned());
        };
        let document: Value =
            serde_json::from_str(value).map_err(|_not_json| no_key(&arn, &key))?;
        match document.get(&key) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) if !other.is_null() => Ok(other.to_string()),
            _ => Err(no_key(&arn, &key)),
        }
    }

    fn secrets(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_key(arn: &str, key: &str) -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        format!("retrieved secret from Secrets Manager did not contain json key {key}: {arn}"),
    )
}

/// The ARN has seven parts; what follows them is key, stage and version, each of which may be empty.
fn parts(reference: &str) -> (String, Option<String>, Option<String>, Option<String>) {
    let words: Vec<&str> = reference.split(':').collect();
    if !reference.starts_with("arn:") {
        return (reference.to_owned(), None, None, None);
    }
    let arn = words.iter().take(7).copied().collect::<Vec<_>>().join(":");
    let part = |place: usize| {
        words
            .get(place)
            .filter(|word| !word.is_empty())
            .map(|word| (*word).to_owned())
    };
    (arn, part(7), part(8), part(9))
}

#[cfg(test)]
mod tests;
