//! Tags of parameters.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Parameters;
use super::model::Parameter;
use crate::protocol::{Answer, AwsError, Input};

/// AWS's, per resource.
const MOST_TAGS: usize = 50;

impl Parameters {
    pub(super) fn add_tags(&self, input: &Input<'_>) -> Answer {
        self.change_tags(input, |tags| add(tags, input))
    }

    pub(super) fn remove_tags(&self, input: &Input<'_>) -> Answer {
        let keys = input.texts("TagKeys")?;
        self.change_tags(input, |tags| {
            tags.retain(|key, _| !keys.contains(&key.as_str()));
            Ok(())
        })
    }

    pub(super) fn list_tags(&self, input: &Input<'_>) -> Answer {
        let parameters = self.parameters();
        let tags: Value = named(&parameters, input)?
            .tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        Ok(json!({ "TagList": tags }))
    }

    fn change_tags(
        &self,
        input: &Input<'_>,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), AwsError>,
    ) -> Answer {
        let mut parameters = self.parameters();
        let mut parameter = named(&parameters, input)?.clone();
        change(&mut parameter.tags)?;
        self.keep(&mut parameters, parameter)?;
        Ok(json!({}))
    }
}

/// Adds the request's tags to those that are there.
pub(super) fn add(tags: &mut BTreeMap<String, String>, input: &Input<'_>) -> Result<(), AwsError> {
    for tag in input.structures("Tags")? {
        let value = tag.text("Value")?.unwrap_or_default();
        tags.insert(tag.required_text("Key")?.to_owned(), value.to_owned());
    }
    if tags.len() > MOST_TAGS {
        return Err(AwsError::new(
            "TooManyTagsError",
            format!("a resource has at most {MOST_TAGS} tags"),
        ));
    }
    Ok(())
}

fn named<'p>(
    parameters: &'p BTreeMap<String, Parameter>,
    input: &Input<'_>,
) -> Result<&'p Parameter, AwsError> {
    if input.required_text("ResourceType")? != "Parameter" {
        return Err(AwsError::new(
            "InvalidResourceType",
            "local-aws has resources of the type Parameter only",
        ));
    }
    let name = input.required_text("ResourceId")?;
    parameters.get(name).ok_or_else(|| {
        AwsError::new(
            "InvalidResourceId",
            format!("The resource ID is not valid. Verify that you entered the correct ID and try again: {name}"),
        )
    })
}
