//! The environment's topic and who is subscribed to it.

use std::collections::BTreeMap;

use aws::query::Element;

use super::{Cloud, refused};
use crate::recipients::{Subscribed, Subscriber};

impl Cloud {
    /// The subscriptions of a topic; none if there is no such topic.
    pub(crate) async fn subscriptions(
        &self,
        topic: &str,
    ) -> anyhow::Result<Option<Vec<Subscribed>>> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut parameters = vec![("TopicArn".to_owned(), topic.to_owned())];
            parameters.extend(token.take().map(|token| ("NextToken".to_owned(), token)));
            let answer = match self.sns.ask("ListSubscriptionsByTopic", &parameters).await {
                Err(error) if error.code() == Some("NotFound") => return Ok(None),
                other => other.map_err(|error| {
                    refused(&format!("list the subscriptions of {topic}"), &error)
                })?,
            };
            all.extend(answer.items("Subscriptions").iter().map(subscribed));
            match answer.find("NextToken").map(|token| token.text.clone()) {
                Some(next) if !next.is_empty() => token = Some(next),
                _ => return Ok(Some(all)),
            }
        }
    }

    pub(crate) async fn create_topic(
        &self,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let mut parameters = vec![("Name".to_owned(), name.to_owned())];
        for (place, (key, value)) in (1..).zip(tags) {
            let place: u32 = place;
            parameters.push((format!("Tags.member.{place}.Key"), key.clone()));
            parameters.push((format!("Tags.member.{place}.Value"), value.clone()));
        }
        self.sns
            .ask("CreateTopic", &parameters)
            .await
            .map_err(|error| refused(&format!("create the topic {name}"), &error))?;
        Ok(())
    }

    pub(crate) async fn delete_topic(&self, topic: &str) -> anyhow::Result<()> {
        let parameters = [("TopicArn".to_owned(), topic.to_owned())];
        self.sns
            .ask("DeleteTopic", &parameters)
            .await
            .map_err(|error| refused(&format!("delete the topic {topic}"), &error))?;
        Ok(())
    }

    /// Subscribes; the endpoint is asked to confirm.
    pub(crate) async fn subscribe(
        &self,
        topic: &str,
        subscriber: &Subscriber,
    ) -> anyhow::Result<()> {
        let parameters = [
            ("TopicArn", topic),
            ("Protocol", subscriber.protocol),
            ("Endpoint", subscriber.endpoint.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let shown = crate::recipients::shown(&subscriber.endpoint);
        self.sns
            .ask("Subscribe", &parameters)
            .await
            .map_err(|error| refused(&format!("subscribe {shown} to {topic}"), &error))?;
        Ok(())
    }

    pub(crate) async fn unsubscribe(&self, subscription: &str) -> anyhow::Result<()> {
        let parameters = [("SubscriptionArn".to_owned(), subscription.to_owned())];
        self.sns
            .ask("Unsubscribe", &parameters)
            .await
            .map_err(|error| refused(&format!("end the subscription {subscription}"), &error))?;
        Ok(())
    }
}

/// Instead of an ARN there is `PendingConfirmation`, or `Deleted`, while there is none.
fn subscribed(element: &Element) -> Subscribed {
    let text = |name| element.text_of(name).unwrap_or_default().to_owned();
    Subscribed {
        protocol: text("Protocol"),
        endpoint: text("Endpoint"),
        arn: Some(text("SubscriptionArn")).filter(|arn| arn.starts_with("arn:")),
    }
}
