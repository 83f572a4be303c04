//! Reading parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::filter::Filters;
use super::model::{Kind, Parameter, Version};
use super::{Parameters, name};
use crate::page::{BadToken, page};
use crate::protocol::{Answer, AwsError, Input, timestamp};

/// GetParameters'.
const MOST_NAMES: usize = 10;
/// What stands for a secure value where it is not to be decrypted. AWS gives its ciphertext.
const ENCRYPTED: &str = "a SecureString; ask for it with decryption";

impl Parameters {
    pub(super) fn get(&self, input: &Input<'_>) -> Answer {
        let reference = input.required_text("Name")?;
        let decrypted = input.flag("WithDecryption")?.unwrap_or(false);
        let parameters = self.parameters();
        let (parameter, version) = self.find(&parameters, reference)?;
        Ok(json!({ "Parameter": self.shown(parameter, version, reference, decrypted) }))
    }

    pub(super) fn get_several(&self, input: &Input<'_>) -> Answer {
        let mut names = input.texts("Names")?;
        let decrypted = input.flag("WithDecryption")?.unwrap_or(false);
        if names.is_empty() || names.len() > MOST_NAMES {
            return Err(input.refuse(format!("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length less than or equal to {MOST_NAMES}.")));
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(input.refuse("Duplicate parameters in the request."));
        }
        let parameters = self.parameters();
        let mut found = Vec::new();
        let mut invalid = Vec::new();
        for reference in names {
            match self.find(&parameters, reference) {
                Ok((parameter, version)) => {
                    found.push(self.shown(parameter, version, reference, decrypted));
                }
                Err(_absent) => invalid.push(reference),
            }
        }
        Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
    }

    pub(super) fn get_by_path(&self, input: &Input<'_>) -> Answer {
        let path = input.required_text("Path")?;
        if !path.starts_with('/') {
            return Err(input.refuse("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\"."));
        }
        let decrypted = input.flag("WithDecryption")?.unwrap_or(false);
        let is_recursive = input.flag("Recursive")?.unwrap_or(false);
        let filters = Filters::by_path(input)?;
        let parameters = self.parameters();
        let below = parameters
            .values()
            .filter(|parameter| is_below(&parameter.name, path, is_recursive))
            .filter(|parameter| filters.take(parameter));
        let (found, next) = cut(input, below, 10)?;
        let found: Value = found
            .into_iter()
            .map(|parameter| self.shown(parameter, parameter.current(), "", decrypted))
            .collect();
        Ok(with_next(json!({ "Parameters": found }), next))
    }

    pub(super) fn history(&self, input: &Input<'_>) -> Answer {
        let reference = input.required_text("Name")?;
        let decrypted = input.flag("WithDecryption")?.unwrap_or(false);
        let parameters = self.parameters();
        let (parameter, _) = self.find(&parameters, reference)?;
        let size = size(input, 50)?;
        let (versions, next) = page(
            &parameter.versions,
            size,
            input.text("NextToken")?,
            |version| format!("{:020}", version.number),
        )
        .map_err(|BadToken| bad_token())?;
        let versions: Value = versions
            .into_iter()
            .map(|version| {
                let mut shown = self.described(parameter, version);
                shown["Value"] = value(parameter, version, decrypted);
                shown
            })
            .collect();
        Ok(with_next(json!({ "Parameters": versions }), next))
    }

    pub(super) fn describe(&self, input: &Input<'_>) -> Answer {
        let filters = Filters::described(input)?;
        let parameters = self.parameters();
        let wanted = parameters
            .values()
            .filter(|parameter| filters.take(parameter));
        let (found, next) = cut(input, wanted, 50)?;
        let found: Value = found
            .into_iter()
            .map(|parameter| self.described(parameter, parameter.current()))
            .collect();
        Ok(with_next(json!({ "Parameters": found }), next))
    }

    fn shown(
        &self,
        parameter: &Parameter,
        version: &Version,
        reference: &str,
        decrypted: bool,
    ) -> Value {
        let mut shown = json!({
            "Name": parameter.name,
            "Type": parameter.kind.as_str(),
            "Value": value(parameter, version, decrypted),
            "Version": version.number,
            "LastModifiedDate": timestamp(version.modified_ms),
            "ARN": name::arn(&self.account, &parameter.name),
            "DataType": parameter.data_type,
        });
        if !reference.starts_with("arn:")
            && let (_, Some(selector)) = name::split(reference)
        {
            shown["Selector"] = format!(":{selector}").into();
        }
        shown
    }

    fn described(&self, parameter: &Parameter, version: &Version) -> Value {
        let mut described = json!({
            "Name": parameter.name,
            "ARN": name::arn(&self.account, &parameter.name),
            "Type": parameter.kind.as_str(),
            "LastModifiedDate": timestamp(version.modified_ms),
            "LastModifiedUser": format!("arn:aws:iam::{}:root", self.account.id),
            "Version": version.number,
            "Tier": parameter.tier(),
            "Policies": [],
            "DataType": parameter.data_type,
        });
        for (member, detail) in [
            ("Description", &parameter.description),
            ("AllowedPattern", &parameter.allowed_pattern),
            ("KeyId", &parameter.key_id),
        ] {
            if let Some(text) = detail {
                described[member] = text.as_str().into();
            }
        }
        described
    }
}

fn value(parameter: &Parameter, version: &Version, decrypted: bool) -> Value {
    if parameter.kind == Kind::SecureString && !decrypted {
        BASE64.encode(ENCRYPTED).into()
    } else {
        version.value.reveal().into()
    }
}

/// Whether a name lies below a path: directly, or at any depth.
pub(super) fn is_below(name: &str, path: &str, is_recursive: bool) -> bool {
    name.strip_prefix(path.trim_end_matches('/'))
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|rest| is_recursive || !rest.contains('/'))
}

fn cut<'p>(
    input: &Input<'_>,
    parameters: impl Iterator<Item = &'p Parameter>,
    most: usize,
) -> Result<(Vec<&'p Parameter>, Option<String>), AwsError> {
    let size = size(input, most)?;
    page(parameters, size, input.text("NextToken")?, |parameter| {
        parameter.name.clone()
    })
    .map_err(|BadToken| bad_token())
}

fn size(input: &Input<'_>, most: usize) -> Result<usize, AwsError> {
    match input.integer("MaxResults")? {
        None => Ok(most),
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=most).contains(size))
            .ok_or_else(|| input.refuse(format!("1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and {most}."))),
    }
}

fn bad_token() -> AwsError {
    AwsError::new("InvalidNextToken", "The specified token isn't valid.")
}

fn with_next(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    answer
}
