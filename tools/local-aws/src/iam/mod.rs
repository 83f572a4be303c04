//! IAM roles and their policies, as records: they are checked for being JSON and kept, nothing is enforced.

mod model;
mod policies;
mod roles;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;
use model::Role;

/// The code for a member that is missing or wrong.
const INVALID: &str = "ValidationError";

/// The roles of one account.
pub struct Iam {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    /// By name.
    roles: Mutex<BTreeMap<String, Role>>,
}

impl Iam {
    /// Loads the roles.
    pub fn open(store: Arc<Store>, account: Account, clock: Clock) -> anyhow::Result<Self> {
        let roles = store
            .all::<Role>()?
            .into_iter()
            .map(|role| (role.name.clone(), role))
            .collect();
        Ok(Self {
            store,
            account,
            clock,
            roles: Mutex::new(roles),
        })
    }

    /// Runs one operation.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        let input = Input::new(input, INVALID);
        match operation {
            "CreateRole" => self.create_role(&input),
            "GetRole" => self.get_role(&input),
            "ListRoles" => self.list_roles(&input),
            "DeleteRole" => self.delete_role(&input),
            "UpdateAssumeRolePolicy" => self.update_trust(&input),
            "TagRole" => self.tag_role(&input),
            "UntagRole" => self.untag_role(&input),
            "ListRoleTags" => self.list_role_tags(&input),
            "PutRolePolicy" => self.put_policy(&input),
            "GetRolePolicy" => self.get_policy(&input),
            "ListRolePolicies" => self.list_policies(&input),
            "DeleteRolePolicy" => self.delete_policy(&input),
            "AttachRolePolicy" => self.attach_policy(&input),
            "DetachRolePolicy" => self.detach_policy(&input),
            "ListAttachedRolePolicies" => self.list_attached_policies(&input),
            _ => Err(AwsError::unsupported("iam", operation)),
        }
    }

    fn roles(&self) -> MutexGuard<'_, BTreeMap<String, Role>> {
        // Memory is only changed after the store, in steps that cannot fail.
        self.roles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a role to the store and to memory.
    fn keep(&self, roles: &mut BTreeMap<String, Role>, role: Role) -> Result<(), AwsError> {
        self.store.put(&role)?;
        roles.insert(role.name.clone(), role);
        Ok(())
    }

    /// Changes the role that the request names.
    fn change(
        &self,
        input: &Input<'_>,
        change: impl FnOnce(&mut Role) -> Result<(), AwsError>,
    ) -> Answer {
        let mut roles = self.roles();
        let mut role = named(&roles, input)?.clone();
        change(&mut role)?;
        self.keep(&mut roles, role)?;
        Ok(Value::Null)
    }
}

/// The role that the request names.
fn named<'r>(roles: &'r BTreeMap<String, Role>, input: &Input<'_>) -> Result<&'r Role, AwsError> {
    let name = input.required_text("RoleName")?;
    roles
        .get(name)
        .ok_or_else(|| missing(format!("The role with name {name} cannot be found.")))
}

fn missing(message: String) -> AwsError {
    AwsError::new("NoSuchEntity", message).with_status(404)
}

/// A policy's text, which must be JSON.
fn document<'a>(input: &Input<'a>, member: &str) -> Result<&'a str, AwsError> {
    let text = input.required_text(member)?;
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => Ok(text),
        Ok(_) | Err(_) => Err(AwsError::new(
            "MalformedPolicyDocument",
            "This policy contains invalid Json",
        )),
    }
}

/// A name of one to `most` of the characters that IAM allows in names.
fn name<'a>(input: &Input<'a>, member: &str, most: usize) -> Result<&'a str, AwsError> {
    let name = input.required_text(member)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if name.len() <= most && name.bytes().all(is_allowed) {
        return Ok(name);
    }
    Err(input.refuse(format!(
        "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and have at most {most} of them"
    )))
}

/// An answer with one page of what `items` gives in the order of `key`.
fn page<T>(
    input: &Input<'_>,
    member: &str,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
    view: impl Fn(T) -> Value,
) -> Answer {
    let size = input.integer("MaxItems")?.unwrap_or(100);
    if !(1..=1000).contains(&size) {
        return Err(input.refuse("MaxItems must be between 1 and 1000"));
    }
    let size = usize::try_from(size).unwrap_or(1);
    let (items, marker) = crate::page::page(items, size, input.text("Marker")?, key)
        .map_err(|crate::page::BadToken| input.refuse("Invalid Marker."))?;
    let views: Vec<Value> = items.into_iter().map(view).collect();
    let mut answer = json!({ member: views, "IsTruncated": marker.is_some() });
    if let Some(marker) = marker {
        answer["Marker"] = marker.into();
    }
    Ok(answer)
}
