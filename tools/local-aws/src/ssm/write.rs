//! Putting and deleting parameters.

use std::collections::{BTreeMap, btree_map::Entry};

use regex::Regex;
use serde_json::json;

use super::model::{Kind, Parameter, Version};
use super::{Parameters, name, tags};
use crate::protocol::{Answer, AwsError, Input};
use crate::sealed::Sealed;

/// In bytes.
const LONGEST_STANDARD: usize = 4096;
const LONGEST_ADVANCED: usize = 8192;
/// Older ones are forgotten.
const MOST_VERSIONS: usize = 100;
/// DeleteParameters'.
const MOST_NAMES: usize = 10;

impl Parameters {
    pub(super) fn put(&self, input: &Input<'_>) -> Answer {
        let name = input.required_text("Name")?;
        let value = input.text("Value")?.unwrap_or_default();
        if value.is_empty() {
            return Err(input.refuse("1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1."));
        }
        let mut parameters = self.parameters();
        let mut parameter = match parameters.get(name) {
            Some(known) => changed(input, known)?,
            None => created(input, name)?,
        };
        set_details(&mut parameter, input)?;
        parameter.is_advanced = tier(input, parameter.is_advanced, value)?;
        check_pattern(&parameter, value)?;
        let number = parameter.versions.last().map_or(1, |last| last.number + 1);
        parameter.versions.push(Version {
            number,
            value: Sealed::new(value),
            modified_ms: self.clock.now_ms(),
        });
        let excess = parameter.versions.len().saturating_sub(MOST_VERSIONS);
        parameter.versions.drain(..excess);
        let tier = parameter.tier();
        self.keep(&mut parameters, parameter)?;
        Ok(json!({ "Version": number, "Tier": tier }))
    }

    pub(super) fn delete(&self, input: &Input<'_>) -> Answer {
        let name = input.required_text("Name")?;
        if self.remove(&mut self.parameters(), name)? {
            Ok(json!({}))
        } else {
            Err(AwsError::new(
                "ParameterNotFound",
                format!("Parameter {name} not found."),
            ))
        }
    }

    pub(super) fn delete_several(&self, input: &Input<'_>) -> Answer {
        let names = input.texts("Names")?;
        if names.is_empty() || names.len() > MOST_NAMES {
            return Err(input.refuse(format!(
                "Names must have between 1 and {MOST_NAMES} members"
            )));
        }
        let mut parameters = self.parameters();
        let mut deleted = Vec::new();
        let mut invalid = Vec::new();
        for name in names {
            if self.remove(&mut parameters, name)? {
                deleted.push(name);
            } else {
                invalid.push(name);
            }
        }
        Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": invalid }))
    }

    fn remove(
        &self,
        parameters: &mut BTreeMap<String, Parameter>,
        name: &str,
    ) -> Result<bool, AwsError> {
        match parameters.entry(name.to_owned()) {
            Entry::Vacant(_) => Ok(false),
            Entry::Occupied(known) => {
                self.store.delete::<Parameter>(name)?;
                known.remove();
                Ok(true)
            }
        }
    }
}

fn created(input: &Input<'_>, name: &str) -> Result<Parameter, AwsError> {
    name::check(name)?;
    let kind = kind(input)?
        .ok_or_else(|| input.refuse("A parameter type is required when you create a parameter."))?;
    let mut tags = BTreeMap::new();
    tags::add(&mut tags, input)?;
    Ok(Parameter {
        name: name.to_owned(),
        kind,
        description: None,
        allowed_pattern: None,
        key_id: None,
        data_type: "text".to_owned(),
        is_advanced: false,
        versions: Vec::new(),
        tags,
    })
}

fn changed(input: &Input<'_>, known: &Parameter) -> Result<Parameter, AwsError> {
    if !input.flag("Overwrite")?.unwrap_or(false) {
        return Err(AwsError::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    if !input.list("Tags")?.is_empty() {
        return Err(input.refuse("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource."));
    }
    match kind(input)? {
        Some(kind) if kind != known.kind => Err(AwsError::new(
            "HierarchyTypeMismatchException",
            format!(
                "Parameter Store does not support changing the type of a parameter: {} is a {}.",
                known.name,
                known.kind.as_str()
            ),
        )),
        _ => Ok(known.clone()),
    }
}

fn kind(input: &Input<'_>) -> Result<Option<Kind>, AwsError> {
    input
        .text("Type")?
        .map(|text| {
            Kind::parse(text).ok_or_else(|| {
                AwsError::new(
                    "UnsupportedParameterType",
                    format!("'{text}' is not String, StringList or SecureString"),
                )
            })
        })
        .transpose()
}

/// What is not given stays.
fn set_details(parameter: &mut Parameter, input: &Input<'_>) -> Result<(), AwsError> {
    for (member, detail) in [
        ("Description", &mut parameter.description),
        ("AllowedPattern", &mut parameter.allowed_pattern),
        ("KeyId", &mut parameter.key_id),
    ] {
        if let Some(text) = input.text(member)? {
            *detail = Some(text.to_owned());
        }
    }
    match (parameter.kind, &parameter.key_id) {
        (Kind::SecureString, None) => parameter.key_id = Some("alias/aws/ssm".to_owned()),
        (Kind::String | Kind::StringList, Some(_)) => {
            return Err(input.refuse("KeyId is required for SecureString type parameter only."));
        }
        _ => {}
    }
    match input.text("DataType")? {
        None | Some("text") => Ok(()),
        Some(other) => Err(input.refuse(format!(
            "local-aws does not check parameters of the data type '{other}'; text is what it knows"
        ))),
    }
}

/// Whether the parameter is an advanced one.
fn tier(input: &Input<'_>, was_advanced: bool, value: &str) -> Result<bool, AwsError> {
    let is_long = value.len() > LONGEST_STANDARD;
    let is_advanced = match input.text("Tier")? {
        None => was_advanced,
        // An advanced parameter cannot become a standard one.
        Some("Standard") if was_advanced => {
            return Err(input.refuse("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier."));
        }
        Some("Standard") => false,
        Some("Advanced") => true,
        Some("Intelligent-Tiering") => was_advanced || is_long,
        Some(other) => return Err(input.refuse(format!("'{other}' is no tier"))),
    };
    if is_long && !is_advanced {
        return Err(input.refuse(format!("Standard tier parameters support a maximum parameter value of {LONGEST_STANDARD} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.")));
    }
    if value.len() > LONGEST_ADVANCED {
        return Err(input.refuse(format!("Advanced tier parameters support a maximum parameter value of {LONGEST_ADVANCED} characters.")));
    }
    Ok(is_advanced)
}

/// The error never repeats the value.
fn check_pattern(parameter: &Parameter, value: &str) -> Result<(), AwsError> {
    let Some(pattern) = &parameter.allowed_pattern else {
        return Ok(());
    };
    let allowed = Regex::new(&format!("^(?:{pattern})$")).map_err(|_invalid| {
        AwsError::new(
            "InvalidAllowedPatternException",
            format!("The request does not meet the regular expression requirement: {pattern}"),
        )
    })?;
    if allowed.is_match(value) {
        Ok(())
    } else {
        Err(AwsError::new(
            "ParameterPatternMismatchException",
            format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
        ))
    }
}
