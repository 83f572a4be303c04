//! Names of parameters, and how they are referred to.

use std::collections::BTreeMap;

use super::Parameters;
use super::model::{Parameter, Version};
use crate::account::Account;
use crate::protocol::AwsError;

/// Parameter Store's.
const LONGEST: usize = 1011;
const MOST_LEVELS: usize = 15;

/// Why a parameter may not have this name.
pub(super) fn check(name: &str) -> Result<(), AwsError> {
    let invalid = |message: &str| Err(AwsError::new(super::INVALID, message));
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let bare = name.trim_start_matches('/').to_ascii_lowercase();
    if name.is_empty() || name.len() > LONGEST {
        return invalid("A parameter name must have between 1 and 1011 characters.");
    }
    if !name.chars().all(is_part)
        || bare.starts_with("aws")
        || bare.starts_with("ssm")
        || name.contains("//")
        || name.ends_with('/')
    {
        return invalid(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        );
    }
    if name.contains('/') && !name.starts_with('/') {
        return invalid("Parameter name must be a fully qualified name.");
    }
    if name.matches('/').count() > MOST_LEVELS {
        return Err(AwsError::new(
            "HierarchyLevelLimitExceededException",
            format!("The hierarchy can have a maximum of {MOST_LEVELS} levels."),
        ));
    }
    Ok(())
}

/// `arn:aws:ssm:REGION:ACCOUNT:parameter/NAME`.
pub(super) fn arn(account: &Account, name: &str) -> String {
    account.arn(
        "ssm",
        &format!("parameter/{}", name.trim_start_matches('/')),
    )
}

impl Parameters {
    /// The version that `NAME`, `NAME:VERSION` or an ARN means.
    pub(super) fn find<'p>(
        &self,
        parameters: &'p BTreeMap<String, Parameter>,
        reference: &str,
    ) -> Result<(&'p Parameter, &'p Version), AwsError> {
        let absent = || {
            AwsError::new(
                "ParameterNotFound",
                format!("Parameter {reference} not found."),
            )
        };
        let local = reference
            .strip_prefix(&arn(&self.account, ""))
            .map(|name| format!("/{name}"));
        let (name, selector) = split(local.as_deref().unwrap_or(reference));
        let parameter = parameters
            .get(name)
            // The ARN of a name without a slash has one all the same.
            .or_else(|| parameters.get(name.strip_prefix('/').filter(|_| local.is_some())?))
            .ok_or_else(absent)?;
        let version = match selector {
            None => parameter.current(),
            Some(number) => parameter
                .versions
                .iter()
                .find(|version| version.number.to_string() == number)
                .ok_or_else(|| {
                    AwsError::new(
                        "ParameterVersionNotFound",
                        format!("Systems Manager could not find version {number} of {name}. Verify the version and try again."),
                    )
                })?,
        };
        Ok((parameter, version))
    }
}

/// A name and its selector.
pub(super) fn split(reference: &str) -> (&str, Option<&str>) {
    match reference.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (reference, None),
    }
}
