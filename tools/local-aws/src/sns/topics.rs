//! Topics, their attributes and tags.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::model::{Subscription, Topic};
use super::{Sns, not_found, page};
use crate::protocol::{Answer, AwsError, Input, map};
use crate::state::delete_in;

const MOST_NAME: usize = 256;
const MOST_TAGS: usize = 50;
/// The attributes that a client may set; what the others would do is not done here.
const SETTABLE: [&str; 2] = ["DisplayName", "Policy"];

impl Sns {
    /// Making a topic that is there is no error, unless it is to be another one.
    pub(super) fn create_topic(&self, input: Input<'_>) -> Answer {
        let name = input.required_text("Name")?;
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.len() > MOST_NAME || !name.bytes().all(is_allowed) {
            return Err(input.refuse("Invalid parameter: Topic Name"));
        }
        let attributes = attributes(input)?;
        let tags = tags(input)?;
        let arn = self.account.arn("sns", name);
        let mut board = self.board();
        if let Some(known) = board.topics.get(&arn) {
            let is_same = attributes
                .iter()
                .all(|(key, value)| known.attributes.get(key) == Some(value));
            if !is_same {
                return Err(input.refuse(
                    "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
                ));
            }
            if !tags.is_empty() && known.tags != tags {
                return Err(input.refuse(
                    "Invalid parameter: Tags Reason: Topic already exists with different tags",
                ));
            }
        } else {
            let topic = Topic {
                arn: arn.clone(),
                name: name.to_owned(),
                attributes,
                tags,
            };
            self.store.put(&topic)?;
            board.topics.insert(arn.clone(), topic);
        }
        Ok(json!({ "TopicArn": arn }))
    }

    /// Deleting a topic that is not there is no error.
    pub(super) fn delete_topic(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("TopicArn")?;
        let mut board = self.board();
        let gone: Vec<String> = board
            .subscriptions
            .values()
            .filter(|subscription| subscription.topic == arn)
            .map(|subscription| subscription.arn.clone())
            .collect();
        self.store.transaction(|transaction| {
            delete_in::<Topic>(transaction, arn)?;
            gone.iter()
                .try_for_each(|gone| delete_in::<Subscription>(transaction, gone))
        })?;
        board.topics.remove(arn);
        for gone in gone {
            board.subscriptions.remove(&gone);
        }
        Ok(Value::Null)
    }

    pub(super) fn list_topics(&self, input: Input<'_>) -> Answer {
        let board = self.board();
        page(
            input,
            "Topics",
            board.topics.values(),
            |topic| topic.arn.clone(),
            |topic| json!({ "TopicArn": topic.arn }),
        )
    }

    pub(super) fn get_topic_attributes(&self, input: Input<'_>) -> Answer {
        let board = self.board();
        let topic = board.topic(input, "TopicArn")?;
        let count = |is_confirmed: bool| {
            let subscriptions = board.subscriptions.values();
            subscriptions
                .filter(|subscription| {
                    subscription.topic == topic.arn && subscription.is_confirmed == is_confirmed
                })
                .count()
                .to_string()
        };
        let mut members = Map::new();
        members.insert("TopicArn".to_owned(), json!(topic.arn));
        members.insert("Owner".to_owned(), json!(self.account.id));
        members.insert("SubscriptionsConfirmed".to_owned(), json!(count(true)));
        members.insert("SubscriptionsPending".to_owned(), json!(count(false)));
        members.insert("SubscriptionsDeleted".to_owned(), json!("0"));
        for (name, value) in &topic.attributes {
            members.insert(name.clone(), json!(value));
        }
        Ok(json!({ "Attributes": map(members) }))
    }

    pub(super) fn set_topic_attributes(&self, input: Input<'_>) -> Answer {
        let name = settable(input, input.required_text("AttributeName")?)?;
        let value = input.text("AttributeValue")?.unwrap_or_default();
        self.change_topic(input, "TopicArn", |topic| {
            topic.attributes.insert(name.to_owned(), value.to_owned());
            Ok(())
        })?;
        Ok(Value::Null)
    }

    pub(super) fn tag_resource(&self, input: Input<'_>) -> Answer {
        let added = tags(input)?;
        self.change_topic(input, "ResourceArn", |topic| {
            topic.tags.extend(added);
            if topic.tags.len() > MOST_TAGS {
                return Err(AwsError::new(
                    "TagLimitExceeded",
                    "Could not complete request: tag quota of per resource exceeded",
                ));
            }
            Ok(())
        })
        .map(|()| json!({}))
    }

    pub(super) fn untag_resource(&self, input: Input<'_>) -> Answer {
        let gone = input.texts("TagKeys")?;
        self.change_topic(input, "ResourceArn", |topic| {
            topic.tags.retain(|key, _| !gone.contains(&key.as_str()));
            Ok(())
        })
        .map(|()| json!({}))
    }

    pub(super) fn list_tags_for_resource(&self, input: Input<'_>) -> Answer {
        let board = self.board();
        let tags: Vec<Value> = board
            .topic(input, "ResourceArn")
            .map_err(no_resource)?
            .tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        Ok(json!({ "Tags": tags }))
    }

    fn change_topic(
        &self,
        input: Input<'_>,
        member: &str,
        change: impl FnOnce(&mut Topic) -> Result<(), AwsError>,
    ) -> Result<(), AwsError> {
        let mut board = self.board();
        let mut topic = board.topic(input, member)?.clone();
        change(&mut topic)?;
        self.store.put(&topic)?;
        board.topics.insert(topic.arn.clone(), topic);
        Ok(())
    }
}

impl super::Board {
    /// The topic whose ARN the member has.
    pub(super) fn topic(&self, input: Input<'_>, member: &str) -> Result<&Topic, AwsError> {
        let arn = input.required_text(member)?;
        if !arn.starts_with("arn:") {
            return Err(input.refuse(format!(
                "Invalid parameter: {member} Reason: An ARN must have at least 6 elements, not 1"
            )));
        }
        self.topics.get(arn).ok_or_else(|| not_found("Topic"))
    }
}

fn no_resource(error: AwsError) -> AwsError {
    match error.code.as_str() {
        "NotFound" => AwsError::new("ResourceNotFound", "Resource does not exist").with_status(404),
        _ => error,
    }
}

fn settable<'n>(input: Input<'_>, name: &'n str) -> Result<&'n str, AwsError> {
    if SETTABLE.contains(&name) {
        Ok(name)
    } else {
        Err(input.refuse(format!(
            "Invalid parameter: AttributeName: local-aws has no topic attribute {name}; it has {}",
            SETTABLE.join(", ")
        )))
    }
}

fn attributes(input: Input<'_>) -> Result<BTreeMap<String, String>, AwsError> {
    let Some(given) = input.structure("Attributes")? else {
        return Ok(BTreeMap::new());
    };
    given
        .members()
        .into_iter()
        .map(|(name, value)| {
            settable(input, &name)?;
            let value = value
                .as_str()
                .ok_or_else(|| input.refuse(format!("Invalid parameter: {name}")))?;
            Ok((name.clone(), value.to_owned()))
        })
        .collect()
}

fn tags(input: Input<'_>) -> Result<BTreeMap<String, String>, AwsError> {
    input
        .structures("Tags")?
        .into_iter()
        .map(|tag| {
            let value = tag.text("Value")?.unwrap_or_default();
            Ok((tag.required_text("Key")?.to_owned(), value.to_owned()))
        })
        .collect()
}
