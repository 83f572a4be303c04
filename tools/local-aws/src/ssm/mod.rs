//! Parameter Store: names to values, in versions.

mod filter;
mod model;
mod name;
mod read;
mod tags;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;
use model::Parameter;

/// The code for a member that is missing or wrong.
const INVALID: &str = "ValidationException";

/// The parameters of one account.
pub struct Parameters {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    parameters: Mutex<BTreeMap<String, Parameter>>,
}

impl Parameters {
    /// Loads the parameters.
    pub fn open(store: Arc<Store>, account: Account, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let parameters = store
            .all::<Parameter>()?
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

    /// Runs one operation.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        let input = Input::new(input, INVALID);
        match operation {
            "PutParameter" => self.put(&input),
            "GetParameter" => self.get(&input),
            "GetParameters" => self.get_several(&input),
            "GetParametersByPath" => self.get_by_path(&input),
            "GetParameterHistory" => self.history(&input),
            "DescribeParameters" => self.describe(&input),
            "DeleteParameter" => self.delete(&input),
            "DeleteParameters" => self.delete_several(&input),
            "AddTagsToResource" => self.add_tags(&input),
            "RemoveTagsFromResource" => self.remove_tags(&input),
            "ListTagsForResource" => self.list_tags(&input),
            _ => Err(AwsError::unsupported("ssm", operation)),
        }
    }

    /// The plain value that a container's secret refers to: a name or an ARN, with `:VERSION` if one is meant.
    pub fn value(&self, name_or_arn: &str) -> Result<String, AwsError> {
        let parameters = self.parameters();
        let (_, version) = self.find(&parameters, name_or_arn)?;
        Ok(version.value.reveal().to_owned())
    }

    /// How many parameters there are.
    pub fn count(&self) -> usize {
        self.parameters().len()
    }

    fn parameters(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        // Memory is only changed after the store, in steps that cannot fail.
        self.parameters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a parameter to the store and to memory.
    fn keep(
        &self,
        parameters: &mut BTreeMap<String, Parameter>,
        parameter: Parameter,
    ) -> Result<(), AwsError> {
        self.store.put(&parameter)?;
        parameters.insert(parameter.name.clone(), parameter);
        Ok(())
    }
}
