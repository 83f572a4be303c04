//! Who is subscribed, and whether they have said that they want to be.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::model::{Protocol, Subscription, Topic};
use super::{Sns, not_found, page};
use crate::account::hex_id;
use crate::protocol::{Answer, AwsError, Input, map};

/// What stands for the ARN of a subscription that is not confirmed.
const PENDING: &str = "PendingConfirmation";
/// The attribute that is not only kept but done.
const RAW: &str = "RawMessageDelivery";

impl Sns {
    /// The endpoint is asked to confirm; a subscription that is there is given again, and asked again while it is pending.
    pub(super) fn subscribe(&self, input: Input<'_>) -> Answer {
        let protocol = input.required_text("Protocol")?;
        let protocol = Protocol::parse(protocol).ok_or_else(|| {
            input.refuse(format!(
                "Invalid parameter: Protocol Reason: local-aws has email, email-json, http and https, not {protocol}"
            ))
        })?;
        let endpoint = input.required_text("Endpoint")?;
        if !protocol.takes(endpoint) {
            let name = match protocol {
                Protocol::Email | Protocol::EmailJson => "Email address",
                Protocol::Http | Protocol::Https => "Endpoint must match the specified protocol",
            };
            return Err(input.refuse(format!("Invalid parameter: {name}")));
        }
        let attributes = attributes(input)?;
        let shows_arn = input.flag("ReturnSubscriptionArn")?.unwrap_or(false);
        let mut board = self.board();
        let topic = board.topic(input, "TopicArn")?.clone();
        let known = board.subscriptions.values().find(|known| {
            known.topic == topic.arn && known.protocol == protocol && known.endpoint == endpoint
        });
        let subscription = match known {
            Some(known) => known.clone(),
            None => Subscription {
                arn: format!("{}:{}", topic.arn, uuid::Uuid::new_v4()),
                topic: topic.arn.clone(),
                protocol,
                endpoint: endpoint.to_owned(),
                is_confirmed: false,
                token: hex_id(64),
                attributes,
            },
        };
        self.store.put(&subscription)?;
        board
            .subscriptions
            .insert(subscription.arn.clone(), subscription.clone());
        drop(board);
        if !subscription.is_confirmed {
            self.ask_to_confirm(&topic, &subscription);
        }
        let arn = if subscription.is_confirmed || shows_arn {
            subscription.arn
        } else {
            "pending confirmation".to_owned()
        };
        Ok(json!({ "SubscriptionArn": arn }))
    }

    fn ask_to_confirm(&self, topic: &Topic, subscription: &Subscription) {
        let url = format!(
            "{}/?Action=ConfirmSubscription&Version=2010-03-31&TopicArn={}&Token={}",
            self.endpoint, topic.arn, subscription.token
        );
        self.send(
            subscription,
            "SubscriptionConfirmation",
            "AWS Notification - Subscription Confirmation",
            &format!(
                "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
                topic.arn
            ),
            &json!({ "Token": subscription.token, "SubscribeURL": url }),
        );
    }

    pub(super) fn confirm_subscription(&self, input: Input<'_>) -> Answer {
        let token = input.required_text("Token")?;
        let mut board = self.board();
        let topic = board.topic(input, "TopicArn")?.arn.clone();
        let found = board
            .subscriptions
            .values()
            .find(|known| known.topic == topic && known.token == token);
        let mut subscription = found
            .cloned()
            .ok_or_else(|| input.refuse("Invalid token"))?;
        subscription.is_confirmed = true;
        self.store.put(&subscription)?;
        let arn = subscription.arn.clone();
        board.subscriptions.insert(arn.clone(), subscription);
        Ok(json!({ "SubscriptionArn": arn }))
    }

    pub(super) fn unsubscribe(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("SubscriptionArn")?;
        // Nobody can name a subscription whose ARN is not known yet.
        if arn == PENDING {
            return Err(input.refuse("Invalid parameter: SubscriptionArn"));
        }
        let mut board = self.board();
        self.store.delete::<Subscription>(arn)?;
        board.subscriptions.remove(arn);
        Ok(Value::Null)
    }

    pub(super) fn list_subscriptions(&self, input: Input<'_>) -> Answer {
        let board = self.board();
        self.listed(input, board.subscriptions.values())
    }

    pub(super) fn list_subscriptions_by_topic(&self, input: Input<'_>) -> Answer {
        let board = self.board();
        let topic = &board.topic(input, "TopicArn")?.arn;
        let of_topic = board
            .subscriptions
            .values()
            .filter(|subscription| subscription.topic == *topic);
        self.listed(input, of_topic)
    }

    fn listed<'s>(
        &self,
        input: Input<'_>,
        subscriptions: impl Iterator<Item = &'s Subscription>,
    ) -> Answer {
        page(
            input,
            "Subscriptions",
            subscriptions,
            |subscription| subscription.arn.clone(),
            |subscription| {
                let arn = if subscription.is_confirmed {
                    &subscription.arn
                } else {
                    PENDING
                };
                json!({
                    "SubscriptionArn": arn,
                    "Owner": self.account.id,
                    "Protocol": subscription.protocol.as_str(),
                    "Endpoint": subscription.endpoint,
                    "TopicArn": subscription.topic,
                })
            },
        )
    }

    pub(super) fn get_subscription_attributes(&self, input: Input<'_>) -> Answer {
        let board = self.board();
        let subscription = subscription(&board, input)?;
        let mut members = Map::new();
        members.insert("SubscriptionArn".to_owned(), json!(subscription.arn));
        members.insert("TopicArn".to_owned(), json!(subscription.topic));
        members.insert("Owner".to_owned(), json!(self.account.id));
        members.insert("Protocol".to_owned(), json!(subscription.protocol.as_str()));
        members.insert("Endpoint".to_owned(), json!(subscription.endpoint));
        members.insert(
            "PendingConfirmation".to_owned(),
            json!((!subscription.is_confirmed).to_string()),
        );
        members.insert(RAW.to_owned(), json!(subscription.is_raw().to_string()));
        Ok(json!({ "Attributes": map(members) }))
    }

    pub(super) fn set_subscription_attributes(&self, input: Input<'_>) -> Answer {
        let name = input.required_text("AttributeName")?;
        let value = input.text("AttributeValue")?.unwrap_or_default();
        let (name, value) = attribute(input, name, value)?;
        let mut board = self.board();
        let mut changed = subscription(&board, input)?.clone();
        changed.attributes.insert(name, value);
        self.store.put(&changed)?;
        board.subscriptions.insert(changed.arn.clone(), changed);
        Ok(Value::Null)
    }
}

fn subscription<'b>(
    board: &'b super::Board,
    input: Input<'_>,
) -> Result<&'b Subscription, AwsError> {
    let arn = input.required_text("SubscriptionArn")?;
    board
        .subscriptions
        .get(arn)
        .ok_or_else(|| not_found("Subscription"))
}

fn attributes(input: Input<'_>) -> Result<BTreeMap<String, String>, AwsError> {
    let Some(given) = input.structure("Attributes")? else {
        return Ok(BTreeMap::new());
    };
    given
        .members()
        .into_iter()
        .map(|(name, value)| attribute(input, &name, value.as_str().unwrap_or_default()))
        .collect()
}

fn attribute(input: Input<'_>, name: &str, value: &str) -> Result<(String, String), AwsError> {
    if name == RAW && ["true", "false"].contains(&value) {
        Ok((name.to_owned(), value.to_owned()))
    } else {
        Err(input.refuse(format!(
            "Invalid parameter: AttributeName: local-aws has the subscription attribute {RAW}, true or false, and no {name}"
        )))
    }
}
