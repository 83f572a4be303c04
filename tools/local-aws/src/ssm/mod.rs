//! Parameter Store: parameters with their versions.

mod parameter;
mod read;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;

use parameter::Parameter;

/// Parameter Store's code for a bad parameter.
const INVALID: &str = "ValidationException";

/// The service.
pub struct Parameters {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    parameters: Mutex<BTreeMap<String, Parameter>>,
}

impl Parameters {
    /// Loads what the store holds.
    pub fn open(store: Arc<Store>, account: Account, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let parameters = store.all::<Parameter>()?;
        let parameters = parameters
            .into_iter()
            .map(|parameter| (parameter.name.clone(), parameter))
            .collect();
        Ok(Arc::new(Self {
            store,
            account,
            clock,
            parameters: Mutex::new(parameters),
        }))
    }

    /// Runs one API operation.
    pub fn call(&self, operation: &str, members: &Value) -> Answer {
        let input = Input::new(members, INVALID);
        match operation {
            "PutParameter" => self.put(&input),
            "GetParameter" => self.get(&input),
            "GetParameters" => self.get_many(&input),
            "GetParametersByPath" => self.get_by_path(&input),
            "DescribeParameters" => self.describe(&input),
            "DeleteParameter" => self.delete(&input),
            "DeleteParameters" => self.delete_many(&input),
            "AddTagsToResource" => self.tag(&input),
            "RemoveTagsFromResource" => self.untag(&input),
            "ListTagsForResource" => self.list_tags(&input),
            _ => Err(AwsError::unsupported("ssm", operation)),
        }
    }

    /// The value behind a name, `name:version` or an ARN.
    pub fn value(&self, reference: &str) -> Result<String, AwsError> {
        let parameters = self.parameters();
        let (parameter, version) = read::find(&parameters, reference)?;
        Ok(version
            .map_or_else(|| parameter.current(), |number| parameter.version(number))
            .map(|version| version.value.clone())
            .unwrap_or_default())
    }

    fn parameters(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        self.parameters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn arn(&self, name: &str) -> String {
        // A name that begins with a slash brings the one that stands before it.
        self.account.arn(
            "ssm",
            &format!("parameter/{}", name.trim_start_matches('/')),
        )
    }
}

#[cfg(test)]
mod tests;
