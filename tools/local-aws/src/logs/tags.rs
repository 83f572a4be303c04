//! Tags of log groups, by the current operations and by the older ones.

use std::collections::BTreeMap;

use serde_json::json;

use super::{INVALID, Logs, nothing};
use crate::protocol::{Answer, AwsError, Input};

const MOST_TAGS: usize = 50;

impl Logs {
    pub(super) fn tag_resource(&self, input: Input<'_>) -> Answer {
        let group = self.group_of_resource(input)?;
        self.change_tags(group, tags(input)?, &[])
    }

    pub(super) fn untag_resource(&self, input: Input<'_>) -> Answer {
        let group = self.group_of_resource(input)?;
        self.change_tags(group, BTreeMap::new(), &input.texts("tagKeys")?)
    }

    pub(super) fn list_tags_for_resource(&self, input: Input<'_>) -> Answer {
        self.tags_of(self.group_of_resource(input)?)
    }

    pub(super) fn tag_log_group(&self, input: Input<'_>) -> Answer {
        self.change_tags(input.required_text("logGroupName")?, tags(input)?, &[])
    }

    pub(super) fn untag_log_group(&self, input: Input<'_>) -> Answer {
        let group = input.required_text("logGroupName")?;
        self.change_tags(group, BTreeMap::new(), &input.texts("tags")?)
    }

    pub(super) fn list_tags_log_group(&self, input: Input<'_>) -> Answer {
        self.tags_of(input.required_text("logGroupName")?)
    }

    fn group_of_resource<'a>(&self, input: Input<'a>) -> Result<&'a str, AwsError> {
        let arn = input.required_text("resourceArn")?;
        if arn.starts_with("arn:") {
            self.group_of_identifier(input, arn)
        } else {
            Err(input.refuse(format!("'{arn}' is no ARN")))
        }
    }

    fn change_tags(&self, group: &str, added: BTreeMap<String, String>, gone: &[&str]) -> Answer {
        let mut catalogue = self.catalogue();
        let entry = catalogue.entry_mut(group)?;
        let mut changed = entry.group.clone();
        changed.tags.extend(added);
        changed.tags.retain(|key, _| !gone.contains(&key.as_str()));
        if changed.tags.len() > MOST_TAGS {
            return Err(AwsError::new(
                "TooManyTagsException",
                format!("A log group can have no more than {MOST_TAGS} tags."),
            ));
        }
        self.store.put(&changed)?;
        entry.group = changed;
        Ok(nothing())
    }

    fn tags_of(&self, group: &str) -> Answer {
        Ok(json!({ "tags": self.catalogue().entry(group)?.group.tags }))
    }
}

/// The member `tags`: an object of strings.
pub(super) fn tags(input: Input<'_>) -> Result<BTreeMap<String, String>, AwsError> {
    let wrong = || AwsError::invalid_member(INVALID, "tags", "a map of strings");
    let Some(tags) = input.get("tags") else {
        return Ok(BTreeMap::new());
    };
    tags.as_object()
        .ok_or_else(wrong)?
        .iter()
        .map(|(key, value)| {
            let value = value.as_str().ok_or_else(wrong)?;
            Ok((key.clone(), value.to_owned()))
        })
        .collect()
}
