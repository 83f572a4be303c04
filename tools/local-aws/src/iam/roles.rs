//! Roles and their tags.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::model::{Role, tag};
use super::{Iam, document, name, named, page};
use crate::account::hex_id;
use crate::protocol::{Answer, AwsError, Input};

const LONGEST_NAME: usize = 64;
/// AWS's, per role.
const MOST_TAGS: usize = 50;
/// Seconds: an hour, and AWS's bounds.
const SESSION: i64 = 3600;
const LONGEST_SESSION: i64 = 43_200;

impl Iam {
    pub(super) fn create_role(&self, input: &Input<'_>) -> Answer {
        let name = name(input, "RoleName", LONGEST_NAME)?;
        let path = input.text("Path")?.unwrap_or("/");
        if !(path.starts_with('/') && path.ends_with('/') && path.len() <= 512) {
            return Err(input.refuse(format!(
                "The specified value for path is invalid. It must begin and end with / and contain at most 512 characters: {path}"
            )));
        }
        let max_session = input.integer("MaxSessionDuration")?.unwrap_or(SESSION);
        if !(SESSION..=LONGEST_SESSION).contains(&max_session) {
            return Err(input.refuse(format!(
                "MaxSessionDuration must be between {SESSION} and {LONGEST_SESSION} seconds"
            )));
        }
        let mut tags = BTreeMap::new();
        add_tags(&mut tags, input)?;
        let role = Role {
            name: name.to_owned(),
            path: path.to_owned(),
            id: format!("AROA{}", hex_id(17).to_ascii_uppercase()),
            arn: format!("arn:aws:iam::{}:role{path}{name}", self.account.id),
            created_ms: self.clock.now_ms(),
            trust: document(input, "AssumeRolePolicyDocument")?.to_owned(),
            description: input.text("Description")?.map(str::to_owned),
            max_session,
            boundary: input.text("PermissionsBoundary")?.map(str::to_owned),
            tags,
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
        };
        let mut roles = self.roles();
        // Names are told apart without regard to case.
        if roles.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(AwsError::new(
                "EntityAlreadyExists",
                format!("Role with name {name} already exists."),
            )
            .with_status(409));
        }
        let view = role.view();
        self.keep(&mut roles, role)?;
        Ok(json!({ "Role": view }))
    }

    pub(super) fn get_role(&self, input: &Input<'_>) -> Answer {
        Ok(json!({ "Role": named(&self.roles(), input)?.view() }))
    }

    pub(super) fn list_roles(&self, input: &Input<'_>) -> Answer {
        let prefix = input.text("PathPrefix")?.unwrap_or("/");
        let roles = self.roles();
        let found = roles.values().filter(|role| role.path.starts_with(prefix));
        page(
            input,
            "Roles",
            found,
            |role| role.name.clone(),
            Role::summary,
        )
    }

    pub(super) fn delete_role(&self, input: &Input<'_>) -> Answer {
        let mut roles = self.roles();
        let role = named(&roles, input)?;
        let first = if !role.attached.is_empty() {
            "detach all policies"
        } else if !role.inline.is_empty() {
            "delete policies"
        } else {
            let name = role.name.clone();
            self.store.delete::<Role>(&name)?;
            roles.remove(&name);
            return Ok(Value::Null);
        };
        Err(AwsError::new(
            "DeleteConflict",
            format!("Cannot delete entity, must {first} first."),
        )
        .with_status(409))
    }

    pub(super) fn update_trust(&self, input: &Input<'_>) -> Answer {
        let trust = document(input, "PolicyDocument")?.to_owned();
        self.change(input, |role| {
            role.trust = trust;
            Ok(())
        })
    }

    pub(super) fn tag_role(&self, input: &Input<'_>) -> Answer {
        self.change(input, |role| add_tags(&mut role.tags, input))
    }

    pub(super) fn untag_role(&self, input: &Input<'_>) -> Answer {
        let keys = input.texts("TagKeys")?;
        self.change(input, |role| {
            role.tags.retain(|key, _| !keys.contains(&key.as_str()));
            Ok(())
        })
    }

    pub(super) fn list_role_tags(&self, input: &Input<'_>) -> Answer {
        let roles = self.roles();
        let tags = named(&roles, input)?.tags.iter();
        page(input, "Tags", tags, |(key, _)| (*key).clone(), tag)
    }
}

/// Adds the request's tags to those that are there.
fn add_tags(tags: &mut BTreeMap<String, String>, input: &Input<'_>) -> Result<(), AwsError> {
    for tag in input.structures("Tags")? {
        let value = tag.text("Value")?.unwrap_or_default();
        tags.insert(tag.required_text("Key")?.to_owned(), value.to_owned());
    }
    if tags.len() > MOST_TAGS {
        return Err(AwsError::new(
            "LimitExceeded",
            format!("The number of tags has reached the maximum limit of {MOST_TAGS}."),
        )
        .with_status(409));
    }
    Ok(())
}
