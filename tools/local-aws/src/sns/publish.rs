//! Sending a message to everybody who is subscribed.

use serde_json::{Value, json};

use super::Sns;
use super::deliver::Message;
use super::model::Subscription;
use crate::protocol::{Answer, AwsError, Input};

/// AWS's limits: bytes of a message, characters of a subject.
const MOST_MESSAGE: usize = 262_144;
const MOST_SUBJECT: usize = 100;

impl Sns {
    pub(super) fn publish(&self, input: Input<'_>) -> Answer {
        let arn = match input.text("TopicArn")? {
            Some(arn) => arn,
            None => input.text("TargetArn")?.ok_or_else(|| {
                input.refuse(
                    "Invalid parameter: TopicArn or TargetArn; local-aws sends to topics only",
                )
            })?,
        };
        if input.text("MessageStructure")?.is_some() {
            return Err(input.refuse(
                "Invalid parameter: MessageStructure: local-aws sends one text to everybody",
            ));
        }
        let message = input.required_text("Message")?;
        if message.len() > MOST_MESSAGE {
            return Err(input.refuse("Invalid parameter: Message too long"));
        }
        let subject = input.text("Subject")?;
        if subject.is_some_and(|subject| {
            subject.chars().count() > MOST_SUBJECT || subject.contains(char::is_control)
        }) {
            return Err(input.refuse("Invalid parameter: Subject"));
        }
        let id = self.announce(arn, subject.unwrap_or_default(), message)?;
        Ok(json!({ "MessageId": id }))
    }

    /// Sends a message to a topic's confirmed subscribers; returns the message's id.
    pub fn announce(&self, topic: &str, subject: &str, message: &str) -> Result<String, AwsError> {
        let board = self.board();
        if !board.topics.contains_key(topic) {
            return Err(super::not_found("Topic"));
        }
        let subscriptions: Vec<Subscription> = board
            .subscriptions
            .values()
            .filter(|subscription| subscription.topic == topic && subscription.is_confirmed)
            .cloned()
            .collect();
        drop(board);
        let id = uuid::Uuid::new_v4().to_string();
        for subscription in &subscriptions {
            let unsubscribe = format!(
                "{}/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn={}",
                self.endpoint, subscription.arn
            );
            let more = json!({ "MessageId": id, "UnsubscribeURL": unsubscribe });
            self.send(subscription, "Notification", subject, message, &more);
        }
        Ok(id)
    }

    /// Hands one message over to the post.
    pub(super) fn send(
        &self,
        subscription: &Subscription,
        kind: &'static str,
        subject: &str,
        text: &str,
        more: &Value,
    ) {
        self.post.hand_over(Message::new(
            subscription,
            kind,
            self.clock.now_ms(),
            subject,
            text,
            more,
        ));
    }
}
