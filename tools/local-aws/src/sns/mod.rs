//! Simple Notification Service: topics, who is subscribed to them, and what is sent.
//!
//! Nothing leaves this machine. What would be a mail is a line in `outbox.jsonl` of the state directory, together with
//! the token that confirms the subscription; an `http` endpoint on loopback is really called. Whatever is sent to
//! anybody else is only written down.

mod deliver;
mod model;
mod publish;
mod subscriptions;
mod topics;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use toolkit::Console;

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;
use deliver::Post;
use model::{Subscription, Topic};

/// The code for a member that is missing or wrong.
const INVALID: &str = "InvalidParameter";
/// AWS's page size.
const PAGE: usize = 100;

/// The topics of one account.
pub struct Sns {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    /// Where clients confirm: `http://127.0.0.1:PORT`.
    endpoint: String,
    // Taken before the store's connection, never after it.
    board: Mutex<Board>,
    post: Post,
}

/// What there is, by ARN.
#[derive(Default)]
struct Board {
    topics: BTreeMap<String, Topic>,
    subscriptions: BTreeMap<String, Subscription>,
}

impl Sns {
    /// Loads what the store holds. What is sent is written below `directory`.
    pub fn open(
        store: Arc<Store>,
        account: Account,
        clock: Clock,
        directory: &Path,
        endpoint_host: &str,
        console: Arc<Console>,
    ) -> anyhow::Result<Arc<Self>> {
        let topics = store.all::<Topic>()?;
        let subscriptions = store.all::<Subscription>()?;
        let board = Board {
            topics: topics
                .into_iter()
                .map(|topic| (topic.arn.clone(), topic))
                .collect(),
            subscriptions: subscriptions
                .into_iter()
                .map(|subscription| (subscription.arn.clone(), subscription))
                .collect(),
        };
        Ok(Arc::new(Self {
            store,
            account,
            clock,
            endpoint: format!("http://{endpoint_host}"),
            board: Mutex::new(board),
            post: Post::open(&directory.join(deliver::OUTBOX), console)?,
        }))
    }

    /// Runs one operation.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        let input = Input::new(input, INVALID);
        match operation {
            "CreateTopic" => self.create_topic(input),
            "DeleteTopic" => self.delete_topic(input),
            "ListTopics" => self.list_topics(input),
            "GetTopicAttributes" => self.get_topic_attributes(input),
            "SetTopicAttributes" => self.set_topic_attributes(input),
            "TagResource" => self.tag_resource(input),
            "UntagResource" => self.untag_resource(input),
            "ListTagsForResource" => self.list_tags_for_resource(input),
            "Subscribe" => self.subscribe(input),
            "ConfirmSubscription" => self.confirm_subscription(input),
            "Unsubscribe" => self.unsubscribe(input),
            "ListSubscriptions" => self.list_subscriptions(input),
            "ListSubscriptionsByTopic" => self.list_subscriptions_by_topic(input),
            "GetSubscriptionAttributes" => self.get_subscription_attributes(input),
            "SetSubscriptionAttributes" => self.set_subscription_attributes(input),
            "Publish" => self.publish(input),
            other => Err(AwsError::unsupported("sns", other)),
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Memory changes only after the store has taken the change, so it is whole even after a panic.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found(what: &str) -> AwsError {
    AwsError::new("NotFound", format!("{what} does not exist")).with_status(404)
}

/// An answer with one page of a list.
fn page<T>(
    input: Input<'_>,
    member: &str,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
    view: impl Fn(T) -> Value,
) -> Answer {
    let (items, next) = crate::page::page(items, PAGE, input.text("NextToken")?, key)
        .map_err(|crate::page::BadToken| input.refuse("Invalid parameter: NextToken"))?;
    let views: Vec<Value> = items.into_iter().map(view).collect();
    let mut answer = json!({ member: views });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

#[cfg(test)]
mod tests;
