//! The post: a line in the outbox for everything that is sent, and a call of endpoints on loopback.
//!
//! One thread delivers, in order, so that no caller waits for an endpoint. A message is written down after the
//! attempt, with what came of it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use toolkit::Console;

use super::model::{Protocol, Subscription};

/// In the state directory.
pub(super) const OUTBOX: &str = "outbox.jsonl";
/// AWS waits for an endpoint as long.
const PATIENCE: Duration = Duration::from_secs(15);
/// Attempts at an endpoint that does not answer with success: AWS's immediate retries.
const ATTEMPTS: u32 = 3;
/// Of an answer, only the first line matters.
const MOST_ANSWER: u64 = 4096;

/// Takes messages and delivers them.
pub(super) struct Post {
    // A sender cannot be shared between threads; the lock is held for a moment.
    sender: Mutex<Sender<Message>>,
}

/// Something to deliver.
pub(super) struct Message {
    protocol: Protocol,
    endpoint: String,
    is_raw: bool,
    subscription: String,
    topic: String,
    /// What AWS's JSON for endpoints has.
    document: Value,
}

impl Message {
    /// `kind` is `Notification` or `SubscriptionConfirmation`.
    pub(super) fn new(
        subscription: &Subscription,
        kind: &'static str,
        at_ms: i64,
        subject: &str,
        text: &str,
        more: &Value,
    ) -> Self {
        let moment = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
        let mut document = json!({
            "Type": kind,
            "MessageId": uuid::Uuid::new_v4().to_string(),
            "TopicArn": subscription.topic,
            "Subject": subject,
            "Message": text,
            "Timestamp": format!("{moment:.3}"),
            "SignatureVersion": "1",
        });
        if let (Some(document), Some(more)) = (document.as_object_mut(), more.as_object()) {
            document.extend(more.clone());
        }
        Self {
            protocol: subscription.protocol,
            endpoint: subscription.endpoint.clone(),
            is_raw: subscription.is_raw(),
            subscription: subscription.arn.clone(),
            topic: subscription.topic.clone(),
            document,
        }
    }

    fn text(&self, member: &str) -> &str {
        self.document[member].as_str().unwrap_or_default()
    }

    /// The line of the outbox.
    fn line(&self, outcome: &Result<(), String>) -> Value {
        let mut line = json!({
            "at": self.document["Timestamp"],
            "protocol": self.protocol.as_str(),
            "to": self.endpoint,
            "type": self.document["Type"],
            "topic": self.topic,
            "subject": self.document["Subject"],
            "message": self.document["Message"],
            "delivered": outcome.is_ok(),
        });
        for member in ["Token", "SubscribeURL"] {
            if self.document.get(member).is_some() {
                line[member] = self.document[member].clone();
            }
        }
        if let Err(reason) = outcome {
            line["error"] = json!(reason);
        }
        line
    }
}

impl Post {
    /// Opens the outbox and starts the thread, which ends with this value.
    pub(super) fn open(outbox: &Path, console: Arc<Console>) -> anyhow::Result<Self> {
        let (sender, messages) = mpsc::channel::<Message>();
        let outbox = outbox.to_owned();
        std::thread::Builder::new()
            .name("sns-post".to_owned())
            .spawn(move || {
                for message in messages {
                    let outcome = deliver(&message);
                    if let Err(reason) = &outcome {
                        console.warning(&format!(
                            "the message to {} is in the outbox only: {reason}",
                            message.endpoint
                        ));
                    }
                    if let Err(error) = write_down(&outbox, &message.line(&outcome)) {
                        console.error(&format!("{error:#}"));
                    }
                }
            })
            .context("cannot start the post")?;
        Ok(Self {
            sender: Mutex::new(sender),
        })
    }

    pub(super) fn hand_over(&self, message: Message) {
        self.sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(message)
            .expect("the post lives as long as its sender");
    }
}

fn write_down(outbox: &Path, line: &Value) -> anyhow::Result<()> {
    // Tokens are in it, so it is its owner's alone.
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(outbox)
        .with_context(|| format!("cannot open the outbox {}", outbox.display()))?;
    file.write_all(format!("{line}\n").as_bytes())
        .with_context(|| format!("cannot write to the outbox {}", outbox.display()))
}

/// A mail is delivered by being in the outbox.
fn deliver(message: &Message) -> Result<(), String> {
    match message.protocol {
        Protocol::Email | Protocol::EmailJson => Ok(()),
        Protocol::Https => Err("local-aws has no TLS".to_owned()),
        Protocol::Http => {
            let mut outcome = Ok(());
            for _ in 0..ATTEMPTS {
                outcome = post(message);
                if outcome.is_ok() {
                    break;
                }
            }
            outcome
        }
    }
}

fn post(message: &Message) -> Result<(), String> {
    let (authority, path) = place(&message.endpoint)?;
    let address = loopback(authority)?;
    let is_raw = message.is_raw && message.text("Type") == "Notification";
    let body = if is_raw {
        message.text("Message").to_owned()
    } else {
        message.document.to_string()
    };
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\
         Content-Type: text/plain; charset=UTF-8\r\nContent-Length: {}\r\n\
         User-Agent: Amazon Simple Notification Service Agent\r\n\
         x-amz-sns-message-type: {}\r\nx-amz-sns-message-id: {}\r\n\
         x-amz-sns-topic-arn: {}\r\nx-amz-sns-subscription-arn: {}\r\n\r\n",
        body.len(),
        message.text("Type"),
        message.text("MessageId"),
        message.topic,
        message.subscription,
    );
    let status = exchange(address, &[request.as_bytes(), body.as_bytes()].concat())
        .map_err(|error| error.to_string())?;
    if (200..300).contains(&status) {
        Ok(())
    } else {
        Err(format!("it answered {status}"))
    }
}

fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut head = stream.take(MOST_ANSWER);
    let mut chunk = [0; 512];
    // The first line is enough; some endpoints keep the connection open.
    while !answer.contains(&b'\n') {
        match head.read(&mut chunk)? {
            0 => break,
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    answer
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1)?.get(..3)?.parse().ok())
        .ok_or_else(|| std::io::Error::other("its answer is no HTTP"))
}

/// Host and port, and the path with what follows; a path that could smuggle a header is none.
fn place(endpoint: &str) -> Result<(&str, &str), String> {
    let rest = endpoint
        .strip_prefix("http://")
        .ok_or("it is no http address")?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let is_plain = |byte: u8| byte.is_ascii_graphic();
    if authority.contains('@') || !endpoint.bytes().all(is_plain) {
        return Err("its address has what no address of an endpoint has".to_owned());
    }
    Ok((authority, path))
}

/// Nothing leaves this machine.
fn loopback(authority: &str) -> Result<SocketAddr, String> {
    let with_port = if authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let host = with_port
        .rsplit_once(':')
        .map(|(host, _)| host.trim_matches(['[', ']']))
        .unwrap_or_default();
    let is_loopback = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if !is_loopback {
        return Err("it is not on this machine, which nothing leaves".to_owned());
    }
    with_port
        .to_socket_addrs()
        .map_err(|error| error.to_string())?
        .find(|address| address.ip().is_loopback())
        .ok_or_else(|| "it has no address on this machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_this_machine_and_no_other() {
        let target = |endpoint: &str| {
            let (authority, path) = place(endpoint)?;
            loopback(authority).map(|address| format!("{address}{path}"))
        };
        let stays = Err("it is not on this machine, which nothing leaves".to_owned());
        assert_eq!(
            target("http://127.0.0.1:81/hook?a=b"),
            Ok("127.0.0.1:81/hook?a=b".to_owned())
        );
        assert_eq!(target("http://127.0.0.2"), Ok("127.0.0.2:80/".to_owned()));
        assert_eq!(target("http://169.254.169.254/latest"), stays);
        assert_eq!(target("http://127.0.0.1.example.com/"), stays);
        let strange = Err("its address has what no address of an endpoint has".to_owned());
        assert_eq!(target("http://127.0.0.1@example.com/"), strange);
        assert_eq!(target("http://127.0.0.1/a\r\nX: y"), strange);
    }
}
