//! Tags of repositories (of the resource, not of images).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::repositories::arn;
use crate::ecr::Ecr;
use crate::protocol::{Answer, AwsError, Input};

/// AWS's, per resource.
const MOST_TAGS: usize = 50;

pub(super) fn tag(ecr: &Ecr, input: &Input<'_>) -> Answer {
    ecr.change(named(ecr, input)?, |repository| {
        add(&mut repository.tags, input)
    })?;
    Ok(json!({}))
}

pub(super) fn untag(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let keys = input.texts("tagKeys")?;
    ecr.change(named(ecr, input)?, |repository| {
        repository
            .tags
            .retain(|key, _| !keys.contains(&key.as_str()));
        Ok::<_, AwsError>(())
    })?;
    Ok(json!({}))
}

pub(super) fn list(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let tags: Value = ecr.look(named(ecr, input)?, |shelf| {
        Ok(shelf
            .repository
            .tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect())
    })?;
    Ok(json!({ "tags": tags }))
}

/// Adds the request's tags to those that are there.
pub(super) fn add(tags: &mut BTreeMap<String, String>, input: &Input<'_>) -> Result<(), AwsError> {
    for tag in input.structures("tags")? {
        let key = tag.required_text("Key")?;
        let value = tag.text("Value")?.unwrap_or_default();
        if key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:") {
            return Err(AwsError::new(
                "InvalidTagParameterException",
                format!(
                    "the tag '{key}' has more than 128 characters, a value of more than 256, or begins with aws:"
                ),
            ));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > MOST_TAGS {
        return Err(AwsError::new(
            "TooManyTagsException",
            format!("a resource has at most {MOST_TAGS} tags"),
        ));
    }
    Ok(())
}

/// The name of the repository whose ARN the request gives.
fn named<'i>(ecr: &Ecr, input: &Input<'i>) -> Result<&'i str, AwsError> {
    let given = input.required_text("resourceArn")?;
    given.strip_prefix(&arn(ecr, "")).ok_or_else(|| {
        input.refuse(format!(
            "Invalid parameter at 'resourceArn' failed to satisfy constraint: '{given} is not the ARN of a repository of this registry'"
        ))
    })
}
