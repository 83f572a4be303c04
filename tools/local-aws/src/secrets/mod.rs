//! Secrets Manager: secrets in versions, which stages name.

mod batch;
mod filter;
mod life;
mod model;
mod reference;
mod show;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;
use model::Secret;

/// The code for a member that is missing or wrong.
const INVALID: &str = "InvalidParameterException";

/// The secrets of one account.
pub struct Secrets {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    /// By name.
    secrets: Mutex<BTreeMap<String, Secret>>,
}

impl Secrets {
    /// Loads the secrets.
    pub fn open(store: Arc<Store>, account: Account, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let secrets = store
            .all::<Secret>()?
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

    /// Runs one operation.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        self.forget_deleted()?;
        let input = Input::new(input, INVALID);
        match operation {
            "CreateSecret" => self.create(&input),
            "UpdateSecret" => self.update(&input),
            "DeleteSecret" => self.delete(&input),
            "RestoreSecret" => self.restore(&input),
            "TagResource" => self.tag(&input),
            "UntagResource" => self.untag(&input),
            "PutSecretValue" => self.put_value(&input),
            "UpdateSecretVersionStage" => self.move_stage(&input),
            "GetSecretValue" => self.get_value(&input),
            "BatchGetSecretValue" => self.batch_get(&input),
            "DescribeSecret" => self.describe(&input),
            "ListSecrets" => self.list(&input),
            "ListSecretVersionIds" => self.list_versions(&input),
            _ => Err(AwsError::unsupported("secretsmanager", operation)),
        }
    }

    /// How many secrets there are, those marked for deletion included.
    pub fn count(&self) -> usize {
        self.secrets().len()
    }

    fn secrets(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        // Memory is only changed after the store, in steps that cannot fail.
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a secret to the store and to memory.
    fn keep(&self, secrets: &mut BTreeMap<String, Secret>, secret: Secret) -> Result<(), AwsError> {
        self.store.put(&secret)?;
        secrets.insert(secret.name.clone(), secret);
        Ok(())
    }

    /// Removes secrets whose recovery window has passed.
    fn forget_deleted(&self) -> Result<(), AwsError> {
        let now_ms = self.clock.now_ms();
        let mut secrets = self.secrets();
        let gone: Vec<String> = secrets
            .values()
            .filter(|secret| secret.deletion_ms.is_some_and(|end| end <= now_ms))
            .map(|secret| secret.name.clone())
            .collect();
        for name in gone {
            self.store.delete::<Secret>(&name)?;
            secrets.remove(&name);
        }
        Ok(())
    }
}
