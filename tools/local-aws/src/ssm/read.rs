//! Looking at parameters.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Parameters;
use super::parameter::{Parameter, Version};
use crate::protocol::{Answer, AwsError, Input, timestamp};

/// GetParameters takes this many names, and GetParametersByPath gives this many.
const MOST: usize = 10;

/// The parameter and the version that a name, `name:version` or an ARN stands for.
pub(super) fn find<'p>(
    parameters: &'p BTreeMap<String, Parameter>,
    reference: &str,
) -> Result<(&'p Parameter, Option<i64>), AwsError> {
    let unknown = || {
        AwsError::new(
            "ParameterNotFound",
            format!("Parameter {reference} not found."),
        )
    };
    let name = match reference.split_once(":parameter/") {
        Some((_, name)) if reference.starts_with("arn:") => name,
        _ => reference,
    };
    let (name, version) = match name.split_once(':') {
        Some((name, version)) => {
            let number = version.parse::<i64>().map_err(|_label| {
                AwsError::new(
                    "ParameterVersionNotFound",
                    format!("local-aws has no labels: {version} is not a version of {name}"),
                )
            })?;
            (name, Some(number))
        }
        None => (name, None),
    };
    let parameter = parameters
        .get(name)
        .or_else(|| parameters.get(&format!("/{name}")))
        .ok_or_else(unknown)?;
    if version.is_some_and(|number| parameter.version(number).is_none()) {
        let message = format!(
            "Systems Manager could not find version {} of {name}.",
            version.unwrap_or_default()
        );
        return Err(AwsError::new("ParameterVersionNotFound", message));
    }
    Ok((parameter, version))
}

impl Parameters {
    pub(super) fn get(&self, input: &Input<'_>) -> Answer {
        let decrypt = input.flag("WithDecryption")?.unwrap_or(false);
        let parameters = self.parameters();
        let name = input.required_text("Name")?;
        let (parameter, version) = find(&parameters, name)?;
        Ok(json!({ "Parameter": self.view(parameter, version, decrypt) }))
    }

    pub(super) fn get_many(&self, input: &Input<'_>) -> Answer {
        let names = input.texts("Names")?;
        if names.is_empty() || names.len() > MOST {
            let message = format!(
                "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and {MOST}"
            );
            return Err(input.refuse(message));
        }
        let decrypt = input.flag("WithDecryption")?.unwrap_or(false);
        let parameters = self.parameters();
        let mut found = BTreeMap::new();
        let mut invalid = Vec::new();
        for name in names {
            match find(&parameters, name) {
                Ok((parameter, version)) => {
                    found.insert(name.to_owned(), self.view(parameter, version, decrypt));
                }
                Err(_unknown) => invalid.push(name),
            }
        }
        Ok(
            json!({ "Parameters": found.into_values().collect::<Vec<_>>(), "InvalidParameters": invalid }),
        )
    }

    pub(super) fn get_by_path(&self, input: &Input<'_>) -> Answer {
        let path = input.required_text("Path")?;
        if !path.starts_with('/') {
            return Err(input.refuse("The parameter doesn't meet the parameter name requirements: a path must begin with a forward slash"));
        }
        let folder = format!("{}/", path.trim_end_matches('/'));
        let recursive = input.flag("Recursive")?.unwrap_or(false);
        let decrypt = input.flag("WithDecryption")?.unwrap_or(false);
        let parameters = self.parameters();
        let chosen: Vec<Value> = parameters
            .values()
            .filter(|parameter| {
                parameter
                    .name
                    .strip_prefix(&folder)
                    .is_some_and(|rest| recursive || !rest.contains('/'))
            })
            .map(|parameter| self.view(parameter, None, decrypt))
            .collect();
        page("Parameters", chosen, input, MOST)
    }

    pub(super) fn describe(&self, input: &Input<'_>) -> Answer {
        let filters = input.structures("ParameterFilters")?;
        let parameters = self.parameters();
        let mut chosen = Vec::new();
        for parameter in parameters.values() {
            let mut fits = true;
            for filter in &filters {
                fits = fits && matches(filter, parameter)?;
            }
            if fits && let Some(version) = parameter.current() {
                chosen.push(self.metadata(parameter, version));
            }
        }
        page("Parameters", chosen, input, 50)
    }

    fn view(&self, parameter: &Parameter, version: Option<i64>, decrypt: bool) -> Value {
        let Some(version) =
            version.map_or_else(|| parameter.current(), |number| parameter.version(number))
        else {
            return Value::Null;
        };
        let is_hidden = parameter.kind == "SecureString" && !decrypt;
        json!({
            "Name": parameter.name,
            "Type": parameter.kind,
            // As on AWS, where it would be the encrypted text: nothing that a program could take for the value.
            "Value": if is_hidden { "encrypted: ask WithDecryption" } else { &version.value },
            "Version": version.number,
            "LastModifiedDate": timestamp(version.modified_ms),
            "ARN": self.arn(&parameter.name),
            "DataType": "text",
        })
    }

    fn metadata(&self, parameter: &Parameter, version: &Version) -> Value {
        json!({
            "Name": parameter.name,
            "ARN": self.arn(&parameter.name),
            "Type": parameter.kind,
            "Description": parameter.description,
            "LastModifiedDate": timestamp(version.modified_ms),
            "LastModifiedUser": format!("arn:aws:iam::{}:root", self.account.id),
            "Version": version.number,
            "Tier": parameter.tier,
            "Policies": [],
            "DataType": "text",
        })
    }
}

fn matches(filter: &Input<'_>, parameter: &Parameter) -> Result<bool, AwsError> {
    let values = filter.texts("Values")?;
    let option = filter.text("Option")?.unwrap_or("Equals");
    match (filter.required_text("Key")?, option) {
        ("Name", "Equals") => Ok(values.contains(&parameter.name.as_str())),
        ("Name", "BeginsWith") => Ok(values.iter().any(|value| parameter.name.starts_with(value))),
        ("Name", "Contains") => Ok(values.iter().any(|value| parameter.name.contains(value))),
        ("Type", "Equals") => Ok(values.contains(&parameter.kind.as_str())),
        ("Path", "OneLevel" | "Equals") => Ok(values.iter().any(|path| {
            let folder = format!("{}/", path.trim_end_matches('/'));
            parameter
                .name
                .strip_prefix(&folder)
                .is_some_and(|rest| !rest.contains('/'))
        })),
        ("Path", "Recursive") => Ok(values.iter().any(|path| {
            parameter
                .name
                .starts_with(&format!("{}/", path.trim_end_matches('/')))
        })),
        (key, option) => Err(AwsError::new(
            "InvalidFilterKey",
            format!("local-aws does not filter parameters by {key} with {option}"),
        )),
    }
}

fn page(name: &str, items: Vec<Value>, input: &Input<'_>, most: usize) -> Answer {
    let size = match input.integer("MaxResults")? {
        None => most,
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=most).contains(size))
            .ok_or_else(|| input.refuse(format!("MaxResults must be between 1 and {most}")))?,
    };
    let begin: usize = match input.text("NextToken")? {
        Some(token) => token.parse().map_err(|_not_ours| {
            AwsError::new("InvalidNextToken", "The specified token isn't valid.")
        })?,
        None => 0,
    };
    let end = begin.saturating_add(size).min(items.len());
    let mut answer = json!({ name: items.get(begin..end).unwrap_or_default() });
    if end < items.len() {
        answer["NextToken"] = json!(end.to_string());
    }
    Ok(answer)
}
