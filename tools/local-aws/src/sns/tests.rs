use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

const ARN: &str = "arn:aws:sns:us-east-1:000000000000:ops";

struct Place {
    directory: tempfile::TempDir,
    store: Arc<Store>,
    sns: Arc<Sns>,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::in_memory().unwrap());
    let sns = open(&directory, &store);
    sns.call("CreateTopic", &json!({ "Name": "ops" })).unwrap();
    Place {
        directory,
        store,
        sns,
    }
}

fn open(directory: &tempfile::TempDir, store: &Arc<Store>) -> Arc<Sns> {
    let account = Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    };
    let console = Arc::new(Console::new(toolkit::console::Verbosity::Quiet));
    Sns::open(
        Arc::clone(store),
        account,
        Clock::new(20.0),
        directory.path(),
        "127.0.0.1:4566",
        console,
    )
    .unwrap()
}

impl Place {
    fn subscribe(&self, protocol: &str, endpoint: &str) -> Value {
        let input = json!({ "TopicArn": ARN, "Protocol": protocol, "Endpoint": endpoint });
        self.sns.call("Subscribe", &input).unwrap()
    }

    /// The lines of the outbox, as soon as there are so many.
    fn outbox(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let text = std::fs::read_to_string(self.directory.path().join("outbox.jsonl"))
                .unwrap_or_default();
            let lines: Vec<Value> = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            if lines.len() >= count {
                return lines;
            }
            assert!(Instant::now() < deadline, "{lines:?}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    fn states(&self) -> Vec<String> {
        let input = json!({ "TopicArn": ARN });
        let answer = self.sns.call("ListSubscriptionsByTopic", &input).unwrap();
        answer["Subscriptions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["SubscriptionArn"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn sends_mail_to_the_outbox_after_the_confirmation_only() {
    let place = place();
    assert_eq!(
        place.subscribe("email", "ann@ludlow.io"),
        json!({ "SubscriptionArn": "pending confirmation" })
    );
    assert_eq!(place.states(), ["PendingConfirmation"]);
    let token = place.outbox(1)[0]["Token"].as_str().unwrap().to_owned();
    place.sns.announce(ARN, "unseen", "nobody gets it").unwrap();
    let confirmed = place
        .sns
        .call(
            "ConfirmSubscription",
            &json!({ "TopicArn": ARN, "Token": token }),
        )
        .unwrap();
    assert_eq!(
        place.states(),
        [confirmed["SubscriptionArn"].as_str().unwrap()]
    );
    place.sns.announce(ARN, "ALARM", "it burns").unwrap();
    let lines = place.outbox(2);
    let told: Vec<(&Value, &Value, &Value)> = lines
        .iter()
        .map(|line| (&line["type"], &line["to"], &line["message"]))
        .skip(1)
        .collect();
    assert_eq!(
        told,
        [(
            &json!("Notification"),
            &json!("ann@ludlow.io"),
            &json!("it burns")
        )]
    );
    // What was said survives a restart of the server.
    let again = open(&place.directory, &place.store);
    let listed = again.call("ListSubscriptions", &json!({})).unwrap();
    assert_eq!(
        listed["Subscriptions"][0]["SubscriptionArn"],
        confirmed["SubscriptionArn"]
    );
}

#[test]
fn calls_a_webhook_on_this_machine() {
    let place = place();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/hook", listener.local_addr().unwrap());
    place.subscribe("http", &endpoint);
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut reader, &mut body).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        if body["Type"] == "SubscriptionConfirmation" {
            let confirm = json!({ "TopicArn": ARN, "Token": body["Token"] });
            place.sns.call("ConfirmSubscription", &confirm).unwrap();
            place.sns.announce(ARN, "s", "m").unwrap();
        }
        bodies.push((body["Type"].clone(), body["Message"].clone()));
    }
    assert_eq!(bodies[1], (json!("Notification"), json!("m")));
    assert_eq!(place.outbox(2)[1]["delivered"], true);
}

#[test]
fn writes_down_what_it_cannot_deliver() {
    let place = place();
    place.subscribe("https", "https://hooks.example.com/x");
    let line = &place.outbox(1)[0];
    assert_eq!(
        (&line["delivered"], &line["error"]),
        (&json!(false), &json!("local-aws has no TLS"))
    );
}

#[test]
fn refuses_what_is_wrong() {
    let place = place();
    let check = |operation: &str, input: Value, code: &str| {
        let error = place.sns.call(operation, &input).unwrap_err();
        assert_eq!(error.code, code, "{operation} {input}");
    };
    check("CreateTopic", json!({ "Name": "a b" }), "InvalidParameter");
    check(
        "Subscribe",
        json!({ "TopicArn": ARN, "Protocol": "email", "Endpoint": "http://x" }),
        "InvalidParameter",
    );
    check(
        "Subscribe",
        json!({ "TopicArn": "arn:aws:sns:us-east-1:000000000000:no", "Protocol": "email", "Endpoint": "a@b" }),
        "NotFound",
    );
    check(
        "ConfirmSubscription",
        json!({ "TopicArn": ARN, "Token": "guess" }),
        "InvalidParameter",
    );
    check(
        "Publish",
        json!({ "TopicArn": ARN, "Message": "m", "Subject": "a\nBcc: b" }),
        "InvalidParameter",
    );
    check("PublishBatch", json!({}), "UnsupportedOperationException");
}

#[test]
fn keeps_tags_and_forgets_topics_with_their_subscriptions() {
    let place = place();
    let tag = json!({ "ResourceArn": ARN, "Tags": [{ "Key": "a", "Value": "1" }] });
    place.sns.call("TagResource", &tag).unwrap();
    let tags = |arn: &str| {
        place
            .sns
            .call("ListTagsForResource", &json!({ "ResourceArn": arn }))
    };
    assert_eq!(
        tags(ARN),
        Ok(json!({ "Tags": [{ "Key": "a", "Value": "1" }] }))
    );
    place.subscribe("email", "ann@ludlow.io");
    place
        .sns
        .call("DeleteTopic", &json!({ "TopicArn": ARN }))
        .unwrap();
    let left = place.sns.call("ListSubscriptions", &json!({})).unwrap();
    assert_eq!(left, json!({ "Subscriptions": [] }));
    assert_eq!(tags(ARN).unwrap_err().code, "ResourceNotFound");
}

#[test]
fn tells_what_an_alarm_tells() {
    let place = place();
    place.subscribe("email", "ann@ludlow.io");
    let token = place.outbox(1)[0]["Token"].clone();
    place
        .sns
        .call(
            "ConfirmSubscription",
            &json!({ "TopicArn": ARN, "Token": token }),
        )
        .unwrap();
    let account = place.sns.account.clone();
    let alarms =
        crate::cloudwatch::CloudWatch::open(Arc::clone(&place.store), account, Clock::new(1.0))
            .unwrap();
    alarms.announce_by(Arc::clone(&place.sns));
    let alarm = json!({
        "AlarmName": "hot", "Namespace": "N", "MetricName": "M", "ExtendedStatistic": "p99",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": [ARN], "OKActions": ["arn:aws:sns:us-east-1:000000000000:gone"],
    });
    alarms.call("PutMetricAlarm", &alarm).unwrap();
    for state in ["ALARM", "ALARM", "OK"] {
        let set = json!({ "AlarmName": "hot", "StateValue": state, "StateReason": "drill" });
        alarms.call("SetAlarmState", &set).unwrap();
    }
    let line = &place.outbox(2)[1];
    assert_eq!(line["subject"], "ALARM: \"hot\" in US East (N. Virginia)");
    let message: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
    assert_eq!(
        (
            &message["NewStateValue"],
            &message["OldStateValue"],
            &message["NewStateReason"]
        ),
        (
            &json!("ALARM"),
            &json!("INSUFFICIENT_DATA"),
            &json!("drill")
        )
    );
    assert_eq!(message["Trigger"]["ExtendedStatistic"], "p99");
    let history =
        json!({ "AlarmName": "hot", "HistoryItemType": "Action", "ScanBy": "TimestampAscending" });
    let items = alarms.call("DescribeAlarmHistory", &history).unwrap();
    let summaries: Vec<&str> = items["AlarmHistoryItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["HistorySummary"].as_str().unwrap())
        .collect();
    assert_eq!(
        summaries,
        [
            "Successfully executed action arn:aws:sns:us-east-1:000000000000:ops",
            "Failed to execute action arn:aws:sns:us-east-1:000000000000:gone",
        ]
    );
}
