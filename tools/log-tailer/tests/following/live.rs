//! The live tail, and that its sampling is said.

use serde_json::{Value, json};

use crate::support::{Answer, Server};

const GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:/g";

/// A message of an event stream (application/vnd.amazon.eventstream).
fn message(kind: &str, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let mut headers = Vec::new();
    for (name, value) in [
        (":message-type", "event"),
        (":event-type", kind),
        (":content-type", "application/json"),
    ] {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend_from_slice(name.as_bytes());
        // 7 is a string, of two bytes' length.
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = 12 + headers.len() + payload.len() + 4;
    let mut message = Vec::new();
    message.extend_from_slice(&u32::try_from(total).unwrap().to_be_bytes());
    message.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

fn update(sampled: bool, messages: &[(&str, &str)]) -> Vec<u8> {
    let results: Vec<Value> = messages
        .iter()
        .map(|(stream, text)| {
            json!({
                "logStreamName": stream, "logGroupIdentifier": GROUP, "message": text,
                "timestamp": 1_795_510_800_000_i64, "ingestionTime": 1_795_510_800_500_i64,
            })
        })
        .collect();
    message(
        "sessionUpdate",
        &json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": results }),
    )
}

#[test]
fn shows_what_a_live_tail_sends_and_says_that_it_is_a_sample() {
    let server = Server::start(|operation, input| match operation {
        "DescribeLogGroups" => {
            let group = json!({ "logGroupName": "/g", "arn": format!("{GROUP}:*") });
            Answer::Body(json!({ "logGroups": [group] }).to_string(), None)
        }
        "StartLiveTail" => {
            assert_eq!(input["logGroupIdentifiers"], json!([GROUP]));
            assert_eq!(input["logStreamNamePrefixes"], json!(["api/"]));
            assert_eq!(input["logEventFilterPattern"], "ERROR");
            Answer::Stream(
                [
                    message("initial-response", &json!({})),
                    message("sessionStart", &json!({ "sessionId": "1" })),
                    update(false, &[("api/a", "one")]),
                    update(true, &[]),
                    update(
                        true,
                        &[("api/b", "two"), ("api/a", "three"), ("api/a", "four")],
                    ),
                ]
                .concat(),
            )
        }
        other => panic!("{other} was called"),
    });
    let output = server
        .log_tailer(&[
            "--group", "/g", "--prefix", "api/", "--filter", "ERROR", "--live", "--lines", "3",
            "--format", "text",
        ])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "2026-11-24T09:00:00.000Z api/a one\n\
         2026-11-24T09:00:00.000Z api/b two\n\
         2026-11-24T09:00:00.000Z api/a three\n"
    );
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "warning: CloudWatch sends a sample: events were left out in 1 second\n\
         ended: 3 lines shown\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn says_where_there_is_no_live_tail() {
    let server = Server::start(|operation, _| match operation {
        "DescribeLogGroups" => {
            let group = json!({ "logGroupName": "/g", "arn": format!("{GROUP}:*") });
            Answer::Body(json!({ "logGroups": [group] }).to_string(), None)
        }
        _ => Answer::Error(400, "UnsupportedOperationException", "not here"),
    });
    let output = server
        .log_tailer(&["--group", "/g", "--live"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: cannot start a live tail: not here (UnsupportedOperationException)\n\
         hint: leave --live out: --follow loses nothing, and every CloudWatch has it\n"
    );
}
