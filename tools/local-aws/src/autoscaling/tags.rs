//! Tags of scalable targets.

use std::collections::BTreeMap;

use serde_json::json;

use super::AutoScaling;
use super::model::Target;
use super::targets::new_tags;
use crate::protocol::{Answer, AwsError, Input};

/// AWS's, per resource.
const MOST_TAGS: usize = 50;

impl AutoScaling {
    pub(super) fn tag(&self, input: &Input<'_>) -> Answer {
        let new = new_tags(input)?;
        self.change_tags(input, |tags| tags.extend(new))
    }

    pub(super) fn untag(&self, input: &Input<'_>) -> Answer {
        let keys = input.texts("TagKeys")?;
        self.change_tags(input, |tags| {
            tags.retain(|key, _| !keys.contains(&key.as_str()));
        })
    }

    pub(super) fn list_tags(&self, input: &Input<'_>) -> Answer {
        let targets = self.targets();
        Ok(json!({ "Tags": named(input, &targets)?.tags }))
    }

    fn change_tags(
        &self,
        input: &Input<'_>,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Answer {
        let mut targets = self.targets();
        let mut target = named(input, &targets)?.clone();
        change(&mut target.tags);
        if target.tags.len() > MOST_TAGS {
            return Err(AwsError::new(
                "TooManyTagsException",
                format!("a scalable target has at most {MOST_TAGS} tags"),
            ));
        }
        self.keep(&mut targets, target)?;
        Ok(json!({}))
    }
}

fn named<'t>(
    input: &Input<'_>,
    targets: &'t BTreeMap<String, Target>,
) -> Result<&'t Target, AwsError> {
    let arn = input.required_text("ResourceARN")?;
    targets
        .values()
        .find(|target| target.arn == arn)
        .ok_or_else(|| {
            AwsError::new(
                "ResourceNotFoundException",
                format!("no scalable target has the ARN {arn}"),
            )
        })
}
