//! Who is told: topics directly, people and endpoints through a topic of the environment's own. Pure.

use contract::alarms::Subscription;

/// The recipients of longshore.toml, by how they are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recipients {
    /// ARNs of topics that others look after.
    pub(crate) topics: Vec<String>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// What is none of these.
    pub(crate) unreachable: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subscriber {
    /// `email`, `http` or `https`.
    pub(crate) protocol: &'static str,
    pub(crate) endpoint: String,
}

/// A subscription of the topic, as SNS lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscribed {
    pub(crate) protocol: String,
    pub(crate) endpoint: String,
    /// None while it is not confirmed.
    pub(crate) arn: Option<String>,
}

impl Recipients {
    pub(crate) fn of(notify: &[String]) -> Self {
        let mut recipients = Self::default();
        for recipient in notify {
            match protocol(recipient) {
                Some("sns") => recipients.topics.push(recipient.clone()),
                Some(protocol) => recipients.subscribers.push(Subscriber {
                    protocol,
                    endpoint: recipient.clone(),
                }),
                None => recipients.unreachable.push(recipient.clone()),
            }
        }
        recipients
    }

    /// Whether the environment needs a topic of its own.
    pub(crate) fn need_topic(&self) -> bool {
        !self.subscribers.is_empty()
    }

    /// Those that the topic does not have yet.
    pub(crate) fn missing<'r>(
        &'r self,
        live: &'r [Subscribed],
    ) -> impl Iterator<Item = &'r Subscriber> {
        self.subscribers
            .iter()
            .filter(|wanted| !live.iter().any(|one| one.is(wanted)))
    }

    /// Subscriptions that nobody wants any more.
    pub(crate) fn unwanted<'r>(
        &'r self,
        live: &'r [Subscribed],
    ) -> impl Iterator<Item = &'r Subscribed> {
        live.iter()
            .filter(|one| !self.subscribers.iter().any(|wanted| one.is(wanted)))
    }

    /// Everybody who is to be told through the topic, with how far that is.
    pub(crate) fn states(&self, live: &[Subscribed]) -> Vec<Subscription> {
        self.subscribers
            .iter()
            .map(|wanted| {
                let state = match live.iter().find(|one| one.is(wanted)) {
                    Some(Subscribed { arn: Some(_), .. }) => "confirmed",
                    Some(Subscribed { arn: None, .. }) => "pending",
                    None => "absent",
                };
                Subscription {
                    protocol: wanted.protocol.to_owned(),
                    endpoint: shown(&wanted.endpoint),
                    state: state.to_owned(),
                }
            })
            .collect()
    }
}

impl Subscribed {
    fn is(&self, wanted: &Subscriber) -> bool {
        self.protocol == wanted.protocol && self.endpoint == wanted.endpoint
    }
}

fn protocol(recipient: &str) -> Option<&'static str> {
    if recipient.starts_with("arn:") {
        return recipient.contains(":sns:").then_some("sns");
    }
    if recipient.starts_with("https://") {
        return Some("https");
    }
    if recipient.starts_with("http://") {
        return Some("http");
    }
    let (user, host) = recipient.split_once('@')?;
    let is_address = !user.is_empty()
        && !host.is_empty()
        && !recipient.contains(|c: char| c.is_whitespace() || c.is_control());
    is_address.then_some("email")
}

/// What follows the host of a webhook is often its password.
pub(crate) fn shown(endpoint: &str) -> String {
    let Some((scheme, rest)) = endpoint.split_once("://") else {
        return endpoint.to_owned();
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    if host.len() == rest.len() {
        endpoint.to_owned()
    } else {
        format!("{scheme}://{host}/…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_topics_people_and_endpoints_apart() {
        let notify = [
            "arn:aws:sns:us-east-1:000000000000:ops",
            "ops@ludlow.io",
            "https://hooks.example.com/services/T0/SECRET",
            "arn:aws:lambda:us-east-1:000000000000:function:f",
            "#ops",
        ]
        .map(str::to_owned);
        let recipients = Recipients::of(&notify);
        assert_eq!(recipients.topics, [notify[0].clone()]);
        assert_eq!(
            recipients.unreachable,
            [notify[3].clone(), notify[4].clone()]
        );
        let live = [
            Subscribed {
                protocol: "email".to_owned(),
                endpoint: "ops@ludlow.io".to_owned(),
                arn: None,
            },
            Subscribed {
                protocol: "email".to_owned(),
                endpoint: "gone@ludlow.io".to_owned(),
                arn: Some("arn:s".to_owned()),
            },
        ];
        let states: Vec<String> = recipients
            .states(&live)
            .into_iter()
            .map(|one| format!("{} {} {}", one.protocol, one.endpoint, one.state))
            .collect();
        assert_eq!(
            states,
            [
                "email ops@ludlow.io pending",
                "https https://hooks.example.com/… absent"
            ]
        );
        let missing: Vec<&str> = recipients
            .missing(&live)
            .map(|one| one.endpoint.as_str())
            .collect();
        assert_eq!(missing, [notify[2].as_str()]);
        let unwanted: Vec<&str> = recipients
            .unwanted(&live)
            .map(|one| one.endpoint.as_str())
            .collect();
        assert_eq!(unwanted, ["gone@ludlow.io"]);
    }

    #[test]
    fn hides_what_opens_a_webhook() {
        assert_eq!(shown("https://user:pw@h/x"), "https://h/…");
        assert_eq!(shown("https://h?token=1"), "https://h/…");
        assert_eq!(shown("http://127.0.0.1:80"), "http://127.0.0.1:80");
        assert_eq!(shown("a@b.c"), "a@b.c");
    }
}
