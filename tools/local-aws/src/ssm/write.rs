//! Changing parameters.

use serde_json::{Value, json};

use super::Parameters;
use super::parameter::{Parameter, VERSIONS, Version};
use super::read::find;
use crate::protocol::{Answer, AwsError, Input};

/// Bytes of a standard and of an advanced parameter's value.
const LIMITS: [(&str, usize); 2] = [("Standard", 4_096), ("Advanced", 8_192)];

impl Parameters {
    pub(super) fn put(&self, input: &Input<'_>) -> Answer {
        let name = input.required_text("Name")?;
        check_name(input, name)?;
        let value = input.required_text("Value")?;
        let overwrite = input.flag("Overwrite")?.unwrap_or(false);
        let tier = input.text("Tier")?.unwrap_or("Standard");
        let limit = LIMITS
            .iter()
            .find(|(known, _)| *known == tier)
            .map_or(LIMITS[1].1, |(_, limit)| *limit);
        if value.len() > limit {
            return Err(input.refuse(format!(
                "{tier} tier parameters support a maximum parameter value of {limit} characters."
            )));
        }
        let mut parameters = self.parameters();
        let present = parameters.get(name).cloned();
        if present.is_some() && !overwrite {
            let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
            return Err(AwsError::new("ParameterAlreadyExists", message));
        }
        let kind = match (input.text("Type")?, &present) {
            (Some(kind @ ("String" | "StringList" | "SecureString")), _) => kind.to_owned(),
            (Some(other), _) => {
                return Err(AwsError::new(
                    "UnsupportedParameterType",
                    format!("The parameter type {other} isn't supported."),
                ));
            }
            (None, Some(present)) => present.kind.clone(),
            (None, None) => {
                return Err(
                    input.refuse("A parameter type is required when you create a parameter.")
                );
            }
        };
        let mut parameter = present.unwrap_or_else(|| Parameter {
            name: name.to_owned(),
            kind: kind.clone(),
            description: String::new(),
            tier: tier.to_owned(),
            versions: Vec::new(),
            tags: Vec::new(),
        });
        parameter.kind = kind;
        tier.clone_into(&mut parameter.tier);
        if let Some(description) = input.text("Description")? {
            description.clone_into(&mut parameter.description);
        }
        parameter.tags.extend(input.list("Tags")?.iter().cloned());
        let number = parameter.current().map_or(1, |version| version.number + 1);
        parameter.versions.push(Version {
            number,
            value: value.to_owned(),
            modified_ms: self.clock.now_ms(),
        });
        let surplus = parameter.versions.len().saturating_sub(VERSIONS);
        parameter.versions.drain(..surplus);
        self.store.put(&parameter)?;
        parameters.insert(name.to_owned(), parameter);
        Ok(json!({ "Version": number, "Tier": tier }))
    }

    pub(super) fn delete(&self, input: &Input<'_>) -> Answer {
        let name = input.required_text("Name")?;
        let mut parameters = self.parameters();
        let name = find(&parameters, name)?.0.name.clone();
        self.store.delete::<Parameter>(&name)?;
        parameters.remove(&name);
        Ok(json!({}))
    }

    pub(super) fn delete_many(&self, input: &Input<'_>) -> Answer {
        let mut deleted = Vec::new();
        let mut invalid = Vec::new();
        let mut parameters = self.parameters();
        for name in input.texts("Names")? {
            if parameters.contains_key(name) {
                self.store.delete::<Parameter>(name)?;
                parameters.remove(name);
                deleted.push(name);
            } else {
                invalid.push(name);
            }
        }
        Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": invalid }))
    }

    pub(super) fn tag(&self, input: &Input<'_>) -> Answer {
        let new = input.list("Tags")?;
        self.change_tags(input, |tags| {
            for tag in new {
                tags.retain(|old| old["Key"] != tag["Key"]);
                tags.push(tag.clone());
            }
        })
    }

    pub(super) fn untag(&self, input: &Input<'_>) -> Answer {
        let keys = input.texts("TagKeys")?;
        self.change_tags(input, |tags| {
            tags.retain(|tag| !keys.iter().any(|key| tag["Key"] == *key))
        })
    }

    pub(super) fn list_tags(&self, input: &Input<'_>) -> Answer {
        let parameters = self.parameters();
        let parameter = parameters
            .get(input.required_text("ResourceId")?)
            .ok_or_else(unknown_resource)?;
        Ok(json!({ "TagList": parameter.tags }))
    }

    fn change_tags(&self, input: &Input<'_>, change: impl FnOnce(&mut Vec<Value>)) -> Answer {
        let mut parameters = self.parameters();
        let parameter = parameters
            .get_mut(input.required_text("ResourceId")?)
            .ok_or_else(unknown_resource)?;
        change(&mut parameter.tags);
        self.store.put(parameter)?;
        Ok(json!({}))
    }
}

fn unknown_resource() -> AwsError {
    AwsError::new(
        "InvalidResourceId",
        "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
    )
}

fn check_name(input: &Input<'_>, name: &str) -> Result<(), AwsError> {
    let is_valid = name.len() <= 1_011
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte));
    let reserved = name.trim_start_matches('/').to_lowercase();
    if !is_valid {
        return Err(
            input.refuse("Parameter name must be letters, digits and the characters . _ - /")
        );
    }
    if reserved.starts_with("aws") || reserved.starts_with("ssm") {
        return Err(input.refuse(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(input.refuse(
            "Parameter name must be a fully qualified name: one with a slash begins with a slash",
        ));
    }
    Ok(())
}
