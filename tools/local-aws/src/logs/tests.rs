//! Behaviour of the API, over `call`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{LogEvent, Logs};
use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::AwsError;
use crate::state::Store;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn account() -> Account {
    Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn open(store: &Arc<Store>) -> Arc<Logs> {
    Logs::open(Arc::clone(store), account(), Clock::new(20.0)).unwrap()
}

/// A service with the group `app` and its stream `web/1`.
fn logs() -> Arc<Logs> {
    let logs = open(&Arc::new(Store::in_memory().unwrap()));
    logs.create_group("app").unwrap();
    answer(
        &logs,
        "CreateLogStream",
        json!({ "logGroupName": "app", "logStreamName": "web/1" }),
    );
    logs
}

fn answer(logs: &Logs, operation: &str, input: Value) -> Value {
    logs.call(operation, &input)
        .unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

fn refusal(logs: &Logs, operation: &str, input: Value) -> AwsError {
    match logs.call(operation, &input) {
        Ok(answer) => panic!("{operation} {input} answered {answer}"),
        Err(error) => error,
    }
}

fn check_refusal(logs: &Logs, operation: &str, input: Value, code: &str, message: &str) {
    assert_eq!(
        refusal(logs, operation, input),
        AwsError::new(code, message),
        "{operation}"
    );
}

fn append(logs: &Logs, stream: &str, events: &[(i64, &str)]) {
    let events: Vec<LogEvent> = events
        .iter()
        .map(|(timestamp_ms, message)| LogEvent {
            timestamp_ms: *timestamp_ms,
            message: (*message).to_owned(),
        })
        .collect();
    logs.append("app", stream, &events).unwrap();
}

fn messages(answer: &Value) -> Vec<&str> {
    answer["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["message"].as_str().unwrap())
        .collect()
}

fn filter(logs: &Logs, extra: Value) -> Value {
    let mut input = json!({ "logGroupName": "app" });
    input
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    answer(logs, "FilterLogEvents", input)
}

fn get(logs: &Logs, extra: Value) -> Value {
    let mut input = json!({ "logGroupName": "app", "logStreamName": "web/1" });
    input
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    answer(logs, "GetLogEvents", input)
}

mod groups {
    use super::*;

    #[test]
    fn are_created_once_and_described() {
        let logs = logs();
        let described = answer(&logs, "DescribeLogGroups", json!({}));
        let group = &described["logGroups"][0];
        assert_eq!(group["logGroupName"], "app");
        assert_eq!(
            group["arn"],
            "arn:aws:logs:us-east-1:000000000000:log-group:app:*"
        );
        assert_eq!(
            group["logGroupArn"],
            "arn:aws:logs:us-east-1:000000000000:log-group:app"
        );
        assert_eq!(group["storedBytes"], 0);
        assert_eq!(group.get("retentionInDays"), None);
        assert_eq!(described.get("nextToken"), None);
        check_refusal(
            &logs,
            "CreateLogGroup",
            json!({ "logGroupName": "app" }),
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        );
        check_refusal(
            &logs,
            "CreateLogGroup",
            json!({ "logGroupName": "a b" }),
            "InvalidParameterException",
            "1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
        );
    }

    #[test]
    fn are_listed_in_pages() {
        let logs = logs();
        for name in ["/ecs/a", "/ecs/b", "/ecs/c", "zeta"] {
            logs.create_group(name).unwrap();
        }
        let mut seen = Vec::new();
        let mut input = json!({ "logGroupNamePrefix": "/ecs/", "limit": 2 });
        loop {
            let page = answer(&logs, "DescribeLogGroups", input.clone());
            let groups = page["logGroups"].as_array().unwrap();
            assert!(groups.len() <= 2);
            seen.extend(
                groups
                    .iter()
                    .map(|group| group["logGroupName"].as_str().unwrap().to_owned()),
            );
            match page.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!(seen, ["/ecs/a", "/ecs/b", "/ecs/c"]);
        let part = answer(
            &logs,
            "DescribeLogGroups",
            json!({ "logGroupNamePattern": "eta" }),
        );
        assert_eq!(part["logGroups"][0]["logGroupName"], "zeta");
        let listed = answer(
            &logs,
            "ListLogGroups",
            json!({ "logGroupNamePattern": "^zet|cs/b|^eta" }),
        );
        assert_eq!(
            listed,
            json!({ "logGroups": [
                { "logGroupName": "/ecs/b", "logGroupClass": "STANDARD",
                  "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/b" },
                { "logGroupName": "zeta", "logGroupClass": "STANDARD",
                  "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:zeta" },
            ] })
        );
        let first = answer(&logs, "ListLogGroups", json!({ "limit": 4 }));
        let rest = answer(
            &logs,
            "ListLogGroups",
            json!({ "limit": 4, "nextToken": first["nextToken"] }),
        );
        assert_eq!(rest["logGroups"][0]["logGroupName"], "zeta");
    }

    #[test]
    fn take_their_streams_and_events_with_them() {
        let store = Arc::new(Store::in_memory().unwrap());
        let logs = open(&store);
        logs.create_group("app").unwrap();
        append(&logs, "s", &[(1, "a")]);
        answer(&logs, "DeleteLogGroup", json!({ "logGroupName": "app" }));
        check_refusal(
            &logs,
            "FilterLogEvents",
            json!({ "logGroupName": "app" }),
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        );
        logs.create_group("app").unwrap();
        assert_eq!(messages(&filter(&logs, json!({}))), Vec::<&str>::new());
        let left: i64 = store
            .connection()
            .query_row("SELECT COUNT(*) FROM log_events", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0);
    }

    #[test]
    fn forget_events_beyond_their_retention() {
        let logs = logs();
        let now = logs.clock.now_ms();
        append(
            &logs,
            "web/1",
            &[(now - 4 * DAY, "old"), (now - 2 * DAY, "new")],
        );
        check_refusal(
            &logs,
            "PutRetentionPolicy",
            json!({ "logGroupName": "app", "retentionInDays": 4 }),
            "InvalidParameterException",
            "1 validation error detected: Value '4' at 'retentionInDays' failed to satisfy constraint: Member must satisfy \
             enum value set: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]",
        );
        answer(
            &logs,
            "PutRetentionPolicy",
            json!({ "logGroupName": "app", "retentionInDays": 3 }),
        );
        assert_eq!(messages(&filter(&logs, json!({}))), ["new"]);
        let group = &answer(&logs, "DescribeLogGroups", json!({}))["logGroups"][0];
        assert_eq!(group["retentionInDays"], 3);
        assert_eq!(group["storedBytes"], 29);
        append(&logs, "web/1", &[(now - 4 * DAY, "late")]);
        assert_eq!(
            messages(&get(&logs, json!({ "startFromHead": true }))),
            ["new"]
        );
        answer(
            &logs,
            "DeleteRetentionPolicy",
            json!({ "logGroupName": "app" }),
        );
        let group = &answer(&logs, "DescribeLogGroups", json!({}))["logGroups"][0];
        assert_eq!(group.get("retentionInDays"), None);
    }

    #[test]
    fn have_tags_by_both_generations_of_operations() {
        let logs = logs();
        let arn = "arn:aws:logs:us-east-1:000000000000:log-group:app";
        answer(
            &logs,
            "TagResource",
            json!({ "resourceArn": arn, "tags": { "a": "1", "b": "2" } }),
        );
        answer(
            &logs,
            "TagLogGroup",
            json!({ "logGroupName": "app", "tags": { "c": "3" } }),
        );
        answer(
            &logs,
            "UntagResource",
            json!({ "resourceArn": format!("{arn}:*"), "tagKeys": ["a"] }),
        );
        answer(
            &logs,
            "UntagLogGroup",
            json!({ "logGroupName": "app", "tags": ["b"] }),
        );
        let tags = json!({ "tags": { "c": "3" } });
        assert_eq!(
            answer(&logs, "ListTagsForResource", json!({ "resourceArn": arn })),
            tags
        );
        assert_eq!(
            answer(&logs, "ListTagsLogGroup", json!({ "logGroupName": "app" })),
            tags
        );
    }

    #[test]
    fn survive_a_restart() {
        let store = Arc::new(Store::in_memory().unwrap());
        let logs = open(&store);
        logs.create_group("app").unwrap();
        append(&logs, "s", &[(5, "kept")]);
        drop(logs);
        let logs = open(&store);
        append(&logs, "t", &[(6, "added")]);
        assert_eq!(messages(&filter(&logs, json!({}))), ["kept", "added"]);
        let streams = answer(
            &logs,
            "DescribeLogStreams",
            json!({ "logGroupName": "app" }),
        );
        assert_eq!(streams["logStreams"][0]["lastEventTimestamp"], 5);
    }
}

mod streams {
    use super::*;

    fn names(logs: &Logs, extra: Value) -> (Vec<String>, Option<String>) {
        let mut input = json!({ "logGroupName": "app" });
        input
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let page = answer(logs, "DescribeLogStreams", input);
        let names = page["logStreams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stream| stream["logStreamName"].as_str().unwrap().to_owned())
            .collect();
        (names, page["nextToken"].as_str().map(str::to_owned))
    }

    #[test]
    fn are_ordered_by_name_or_by_their_last_event() {
        let logs = logs();
        append(&logs, "a", &[(30, "x")]);
        append(&logs, "b", &[(10, "x"), (20, "y")]);
        assert_eq!(names(&logs, json!({})).0, ["a", "b", "web/1"]);
        assert_eq!(
            names(&logs, json!({ "descending": true })).0,
            ["web/1", "b", "a"]
        );
        assert_eq!(
            names(&logs, json!({ "logStreamNamePrefix": "w" })).0,
            ["web/1"]
        );
        let by_time = json!({ "orderBy": "LastEventTime", "descending": true, "limit": 2 });
        let (first, token) = names(&logs, by_time.clone());
        assert_eq!(first, ["a", "b"]);
        let mut next = by_time;
        next["nextToken"] = token.unwrap().into();
        assert_eq!(names(&logs, next), (vec!["web/1".to_owned()], None));
        check_refusal(
            &logs,
            "DescribeLogStreams",
            json!({ "logGroupName": "app", "orderBy": "LastEventTime", "logStreamNamePrefix": "a" }),
            "InvalidParameterException",
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
        );
    }

    #[test]
    fn tell_what_their_events_add_up_to() {
        let logs = logs();
        append(&logs, "web/1", &[(30, "x"), (20, "yz")]);
        let page = answer(
            &logs,
            "DescribeLogStreams",
            json!({ "logGroupIdentifier": "arn:aws:logs:us-east-1:000000000000:log-group:app:*" }),
        );
        let stream = &page["logStreams"][0];
        assert_eq!(stream["firstEventTimestamp"], 20);
        assert_eq!(stream["lastEventTimestamp"], 30);
        assert_eq!(
            stream["arn"],
            "arn:aws:logs:us-east-1:000000000000:log-group:app:log-stream:web/1"
        );
        let groups = answer(&logs, "DescribeLogGroups", json!({}));
        assert_eq!(groups["logGroups"][0]["storedBytes"], 55);
    }

    #[test]
    fn are_created_once_and_deleted_with_their_events() {
        let logs = logs();
        append(&logs, "web/1", &[(1, "a")]);
        append(&logs, "web/2", &[(2, "b")]);
        let named = json!({ "logGroupName": "app", "logStreamName": "web/1" });
        check_refusal(
            &logs,
            "CreateLogStream",
            named.clone(),
            "ResourceAlreadyExistsException",
            "The specified log stream already exists",
        );
        answer(&logs, "DeleteLogStream", named.clone());
        assert_eq!(messages(&filter(&logs, json!({}))), ["b"]);
        check_refusal(
            &logs,
            "DeleteLogStream",
            named,
            "ResourceNotFoundException",
            "The specified log stream does not exist.",
        );
        assert_eq!(
            refusal(
                &logs,
                "CreateLogStream",
                json!({ "logGroupName": "app", "logStreamName": "a:b" })
            )
            .code,
            "InvalidParameterException"
        );
    }
}

mod put {
    use super::*;

    fn put(events: &[(i64, &str)]) -> Value {
        let events: Vec<Value> = events
            .iter()
            .map(|(timestamp, message)| json!({ "timestamp": timestamp, "message": message }))
            .collect();
        json!({ "logGroupName": "app", "logStreamName": "web/1", "logEvents": events })
    }

    #[test]
    fn takes_a_batch_in_order() {
        let logs = logs();
        let now = logs.clock.now_ms();
        let answer = answer(
            &logs,
            "PutLogEvents",
            put(&[(now - 1, "a"), (now, "b"), (now, "c")]),
        );
        assert_eq!(answer["nextSequenceToken"].as_str().unwrap().len(), 56);
        assert_eq!(answer.get("rejectedLogEventsInfo"), None);
        assert_eq!(messages(&get(&logs, json!({}))), ["a", "b", "c"]);
        check_refusal(
            &logs,
            "PutLogEvents",
            put(&[(now, "a"), (now - 1, "b")]),
            "InvalidParameterException",
            "Log events in a single PutLogEvents request must be in chronological order.",
        );
    }

    #[test]
    fn rejects_events_by_their_time_and_takes_the_others() {
        let logs = logs();
        let now = logs.clock.now_ms();
        let batch = put(&[
            (now - 15 * DAY, "too old"),
            (now - 10 * DAY, "expired"),
            (now, "good"),
            (now + 3 * HOUR, "too new"),
        ]);
        let span = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
        check_refusal(
            &logs,
            "PutLogEvents",
            batch.clone(),
            "InvalidParameterException",
            span,
        );
        answer(
            &logs,
            "PutRetentionPolicy",
            json!({ "logGroupName": "app", "retentionInDays": 7 }),
        );
        assert_eq!(
            answer(&logs, "PutLogEvents", batch)["rejectedLogEventsInfo"],
            json!({ "tooNewLogEventStartIndex": 3, "tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2 })
        );
        assert_eq!(messages(&filter(&logs, json!({}))), ["good"]);
        let all_new = answer(&logs, "PutLogEvents", put(&[(now + 3 * HOUR, "x")]));
        assert_eq!(
            all_new["rejectedLogEventsInfo"],
            json!({ "tooNewLogEventStartIndex": 0 })
        );
    }

    #[test]
    fn refuses_batches_beyond_the_limits() {
        let logs = logs();
        let now = logs.clock.now_ms();
        let invalid = "InvalidParameterException";
        check_refusal(
            &logs,
            "PutLogEvents",
            put(&[]),
            invalid,
            "1 validation error detected: Value '[]' at 'logEvents' failed to satisfy constraint: \
             Member must have length greater than or equal to 1",
        );
        let long = "x".repeat(1_048_551);
        check_refusal(
            &logs,
            "PutLogEvents",
            put(&[(now, &long)]),
            invalid,
            "Log event too large: 1048577 bytes exceeds limit of 1048576",
        );
        let half = "x".repeat(524_263);
        check_refusal(
            &logs,
            "PutLogEvents",
            put(&[(now, &half), (now, &half)]),
            invalid,
            "Upload too large: 1048578 bytes exceeds limit of 1048576",
        );
        answer(&logs, "PutLogEvents", put(&[(now, &long[1..])]));
        let many = vec![(now, "x"); 10_001];
        assert_eq!(refusal(&logs, "PutLogEvents", put(&many)).code, invalid);
        answer(&logs, "PutLogEvents", put(&many[1..]));
    }

    #[test]
    fn needs_the_stream() {
        let logs = logs();
        let mut input = put(&[(logs.clock.now_ms(), "a")]);
        input["logStreamName"] = "other".into();
        check_refusal(
            &logs,
            "PutLogEvents",
            input,
            "ResourceNotFoundException",
            "The specified log stream does not exist.",
        );
        assert_eq!(
            logs.append("nowhere", "s", &[]),
            Err(AwsError::new(
                "ResourceNotFoundException",
                "The specified log group does not exist."
            ))
        );
    }
}

mod get {
    use super::*;

    fn five() -> Arc<Logs> {
        let logs = logs();
        append(
            &logs,
            "web/1",
            &[(10, "a"), (20, "b"), (20, "c"), (30, "d"), (40, "e")],
        );
        logs
    }

    #[test]
    fn begins_at_the_end_unless_told_otherwise() {
        let logs = five();
        assert_eq!(messages(&get(&logs, json!({ "limit": 2 }))), ["d", "e"]);
        assert_eq!(
            messages(&get(&logs, json!({ "limit": 2, "startFromHead": true }))),
            ["a", "b"]
        );
        // The start is inclusive, the end is not.
        assert_eq!(
            messages(&get(&logs, json!({ "startTime": 20, "endTime": 40 }))),
            ["b", "c", "d"]
        );
    }

    #[test]
    fn goes_forward_to_the_end_and_stays_there() {
        let logs = five();
        let mut seen = Vec::new();
        let mut input = json!({ "startFromHead": true, "limit": 2 });
        loop {
            let page = get(&logs, input.clone());
            seen.extend(messages(&page).into_iter().map(str::to_owned));
            if page["nextForwardToken"] == input["nextToken"] {
                break;
            }
            input["nextToken"] = page["nextForwardToken"].clone();
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
        append(&logs, "web/1", &[(40, "f")]);
        let page = get(&logs, input);
        assert_eq!(messages(&page), ["f"]);
    }

    #[test]
    fn goes_backward_to_the_beginning_and_stays_there() {
        let logs = five();
        let mut pages = Vec::new();
        let mut input = json!({ "limit": 2 });
        loop {
            let page = get(&logs, input.clone());
            pages.push(messages(&page).concat());
            if page["nextBackwardToken"] == input["nextToken"] {
                break;
            }
            input["nextToken"] = page["nextBackwardToken"].clone();
        }
        assert_eq!(pages, ["de", "bc", "a", ""]);
    }

    #[test]
    fn turns_round_at_either_end() {
        let logs = five();
        let last = get(&logs, json!({ "limit": 1 }));
        let end = get(&logs, json!({ "nextToken": last["nextForwardToken"] }));
        assert_eq!(messages(&end), Vec::<&str>::new());
        let back = get(
            &logs,
            json!({ "nextToken": end["nextBackwardToken"], "limit": 1 }),
        );
        assert_eq!(messages(&back), ["e"]);
        let first = get(&logs, json!({ "limit": 1, "startFromHead": true }));
        let start = get(&logs, json!({ "nextToken": first["nextBackwardToken"] }));
        let forth = get(
            &logs,
            json!({ "nextToken": start["nextForwardToken"], "limit": 1 }),
        );
        assert_eq!(messages(&forth), ["a"]);
    }

    #[test]
    fn has_tokens_even_without_events() {
        let logs = logs();
        let empty = get(&logs, json!({}));
        append(&logs, "web/1", &[(10, "a")]);
        let then = get(&logs, json!({ "nextToken": empty["nextForwardToken"] }));
        assert_eq!(messages(&then), ["a"]);
        let invalid = "The specified nextToken is invalid.";
        for token in [
            "x",
            "f/12/s",
            &format!("f/{}/s", "é".repeat(28)),
            &format!("x/{:056}/s", 1),
        ] {
            check_refusal(
                &logs,
                "GetLogEvents",
                json!({ "logGroupName": "app", "logStreamName": "web/1", "nextToken": token }),
                "InvalidParameterException",
                invalid,
            );
        }
    }

    #[test]
    fn fits_a_page_into_one_mebibyte() {
        let logs = logs();
        let half = "x".repeat(500_000);
        append(&logs, "web/1", &[(1, &half), (2, &half), (3, &half)]);
        let page = get(&logs, json!({ "startFromHead": true }));
        assert_eq!(messages(&page).len(), 2);
        let rest = get(&logs, json!({ "nextToken": page["nextForwardToken"] }));
        assert_eq!(rest["events"][0]["timestamp"], 3);
    }
}

mod filter {
    use super::*;

    fn three_streams() -> Arc<Logs> {
        let logs = logs();
        append(
            &logs,
            "web/1",
            &[(10, "ERROR one"), (30, "ok three"), (30, "ok four")],
        );
        append(&logs, "web/2", &[(20, "ERROR two"), (30, "ok five")]);
        append(&logs, "job/1", &[(15, "job"), (30, "ok six")]);
        logs
    }

    #[test]
    fn merges_streams_by_time_and_then_by_arrival() {
        let logs = three_streams();
        let all = filter(&logs, json!({}));
        assert_eq!(
            messages(&all),
            [
                "ERROR one",
                "job",
                "ERROR two",
                "ok three",
                "ok four",
                "ok five",
                "ok six"
            ]
        );
        assert_eq!(all["searchedLogStreams"], json!([]));
        assert_eq!(all.get("nextToken"), None);
        assert_eq!(all["events"][2]["logStreamName"], "web/2");
        assert_eq!(all["events"][2]["timestamp"], 20);
    }

    #[test]
    fn selects_streams_times_and_texts() {
        let logs = three_streams();
        let check = |extra: Value, expected: &[&str]| {
            assert_eq!(messages(&filter(&logs, extra.clone())), expected, "{extra}");
        };
        check(
            json!({ "filterPattern": "ERROR" }),
            &["ERROR one", "ERROR two"],
        );
        check(
            json!({ "logStreamNames": ["web/2", "job/1", "web/2"] }),
            &["job", "ERROR two", "ok five", "ok six"],
        );
        check(json!({ "logStreamNames": ["job/1"] }), &["job", "ok six"]);
        check(
            json!({ "logStreamNamePrefix": "web/", "endTime": 20 }),
            &["ERROR one", "ERROR two"],
        );
        check(json!({ "logStreamNamePrefix": "none" }), &[]);
        // Both ends are inclusive.
        check(
            json!({ "startTime": 15, "endTime": 20 }),
            &["job", "ERROR two"],
        );
        check(
            json!({ "startFromHead": false, "limit": 3 }),
            &["ok six", "ok five", "ok four"],
        );
    }

    #[test]
    fn pages_until_no_token_is_left() {
        let logs = three_streams();
        for (direction, expected) in [(true, "onetwothree"), (false, "threetwoone")] {
            let mut words = String::new();
            let mut input = json!({
                "limit": 1, "startFromHead": direction, "filterPattern": "?one ?two ?three"
            });
            loop {
                let page = filter(&logs, input.clone());
                assert!(messages(&page).len() <= 1);
                for message in messages(&page) {
                    words.push_str(message.split(' ').next_back().unwrap());
                }
                match page.get("nextToken") {
                    Some(token) => input["nextToken"] = token.clone(),
                    None => break,
                }
            }
            assert_eq!(words, expected);
        }
    }

    #[test]
    fn gives_events_ids_that_are_unique_and_stay() {
        let logs = three_streams();
        let ids = |answer: &Value| -> Vec<String> {
            let events = answer["events"].as_array().unwrap();
            events
                .iter()
                .map(|event| event["eventId"].as_str().unwrap().to_owned())
                .collect()
        };
        let first = ids(&filter(&logs, json!({})));
        let mut unique = first.clone();
        unique.sort();
        assert_eq!(unique, first, "ids are in the order of events");
        unique.dedup();
        assert_eq!(unique.len(), 7);
        append(&logs, "late", &[(5, "late")]);
        assert_eq!(ids(&filter(&logs, json!({})))[1..], first);
    }

    #[test]
    fn returns_a_short_page_with_a_token_after_looking_at_many_events() {
        let logs = logs();
        let noise: Vec<(i64, &str)> = (0..25_000).map(|n| (n, "noise")).collect();
        append(&logs, "web/1", &noise);
        append(&logs, "web/1", &[(30_000, "needle")]);
        let first = filter(&logs, json!({ "filterPattern": "needle" }));
        assert_eq!(messages(&first), Vec::<&str>::new());
        let second = filter(
            &logs,
            json!({ "filterPattern": "needle", "nextToken": first["nextToken"] }),
        );
        assert_eq!(messages(&second), ["needle"]);
        assert_eq!(second.get("nextToken"), None);
    }

    #[test]
    fn reads_more_than_a_hundred_streams_by_prefix() {
        let logs = logs();
        for number in 0..150 {
            append(&logs, &format!("task/{number}"), &[(number, "x")]);
        }
        append(&logs, "other", &[(7, "y")]);
        let found = filter(&logs, json!({ "logStreamNamePrefix": "task/" }));
        assert_eq!(messages(&found), vec!["x"; 150]);
        let names: Vec<String> = (0..100).map(|number| format!("task/{number}")).collect();
        let found = filter(&logs, json!({ "logStreamNames": names }));
        assert_eq!(messages(&found), vec!["x"; 100]);
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        let logs = three_streams();
        let invalid = "InvalidParameterException";
        let cases = [
            (
                json!({ "logGroupName": "app", "logStreamNames": ["web/1"], "logStreamNamePrefix": "w" }),
                "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.",
            ),
            (
                json!({ "logGroupName": "app", "logGroupIdentifier": "app" }),
                "LogGroup name and LogGroup identifier are mutually exclusive parameters.",
            ),
            (
                json!({ "logGroupName": "app", "filterPattern": "a:b" }),
                "Invalid character(s) in term ':'",
            ),
            (
                json!({ "logGroupName": "app", "nextToken": "x" }),
                "The specified nextToken is invalid.",
            ),
            (
                json!({ "logGroupName": "app", "limit": 10_001 }),
                "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: \
                 Member must have value less than or equal to 10000",
            ),
        ];
        for (input, message) in cases {
            check_refusal(&logs, "FilterLogEvents", input, invalid, message);
        }
        check_refusal(
            &logs,
            "FilterLogEvents",
            json!({ "logGroupIdentifier": "arn:aws:logs:us-east-1:000000000000:log-group:app", "logStreamNames": ["no"] }),
            "ResourceNotFoundException",
            "The specified log stream does not exist.",
        );
    }
}

#[test]
fn names_the_operation_that_it_lacks() {
    let error = refusal(&logs(), "StartQuery", json!({}));
    assert_eq!(error, AwsError::unsupported("logs", "StartQuery"));
}
