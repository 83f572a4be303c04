//! Who is told, and what: subscriptions with their confirmation, actions, drills.

use serde_json::{Value, json};

use crate::ends::{Hook, Visitors};
use crate::stage::{SERVICE, Stage};

fn subscriptions(document: &Value) -> Vec<String> {
    document["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one["protocol"].as_str().unwrap(),
                one["state"].as_str().unwrap()
            )
        })
        .collect()
}

/// How often an endpoint was told that something rings.
fn rings(hook: &Hook) -> usize {
    let subjects = hook.subjects();
    subjects
        .iter()
        .filter(|subject| subject.starts_with("ALARM: "))
        .count()
}

#[test]
fn people_and_endpoints_hear_of_it_when_they_have_confirmed() {
    let stage = Stage::new();
    let hook = Hook::new();
    let lines = format!("alarms.notify = [\"ann@ludlow.io\", \"{}\"]", hook.url);
    let outcome = stage.watch(&lines);
    // The address of a webhook is often its password.
    let shown = outcome.document.to_string() + &outcome.stderr;
    assert!(!shown.contains("secret"), "{shown}");
    stage.wait_for("the endpoint confirmed", || {
        let list = stage.alarms(&["list"]);
        (subscriptions(&list.document) == ["email pending", "http confirmed"]).then_some(())
    });
    let list = stage.alarms(&["list"]);
    assert!(
        list.stderr.contains(
            "warning: ann@ludlow.io has not confirmed its subscription and is told nothing; the link is in its mail\n"
        ),
        "{}",
        list.stderr
    );
    let link = stage.wait_for("a mail", || {
        let outbox = stage.outbox();
        let mail = outbox.iter().find(|line| line["to"] == "ann@ludlow.io")?;
        Some(mail["SubscribeURL"].as_str().unwrap().to_owned())
    });
    assert_eq!(crate::ends::get(&link).unwrap().0, 200);
    let list = stage.alarms(&["list"]);
    assert_eq!(
        subscriptions(&list.document),
        ["email confirmed", "http confirmed"]
    );

    let visitors = Visitors::of(&stage.url);
    stage.control.be("fail");
    stage.until(&["health"], "ALARM");
    stage.control.be("");
    stage.all_quiet();
    drop(visitors);
    let expected = ["ALARM", "OK"]
        .map(|state| format!("{state}: \"{SERVICE}-health\" in US East (N. Virginia)"));
    // One trouble, one message, though several alarms may have rung.
    let mails = || -> Vec<Value> {
        let outbox = stage.outbox();
        outbox
            .into_iter()
            .filter(|line| line["to"] == "ann@ludlow.io" && line["type"] == "Notification")
            .map(|line| line["subject"].clone())
            .collect()
    };
    stage.wait_for("both messages", || {
        (hook.subjects().ends_with(&expected) && mails().len() == 2).then_some(())
    });
    assert_eq!(mails(), expected.map(|subject| json!(subject)));
    assert_eq!(rings(&hook), 1);
}

#[test]
fn a_drill_says_whether_actions_are_carried_out() {
    let stage = Stage::new();
    let hook = Hook::new();
    let gone = "arn:aws:sns:us-east-1:000000000000:gone";
    stage.watch(&format!("alarms.notify = [\"{}\"]", hook.url));
    stage.wait_for("the endpoint confirmed", || {
        let list = stage.alarms(&["list"]);
        (subscriptions(&list.document) == ["http confirmed"]).then_some(())
    });
    let drill = stage.alarms(&["test", "--alarm", "health"]);
    assert_eq!(drill.code, 0, "{drill:#?}");
    let topic = "arn:aws:sns:us-east-1:000000000000:ludlow-local-alarms";
    assert_eq!(
        drill.document["drills"],
        json!([{
            "alarm": format!("{SERVICE}-health"), "outcome": "succeeded",
            "said": vec![format!("Successfully executed action {topic}"); 2],
        }])
    );
    stage.wait_for("the message", || (rings(&hook) == 1).then_some(()));
    stage.all_quiet();

    stage.watch(&format!("alarms.notify = [\"{gone}\"]"));
    let drill = stage.alarms(&["test", "--alarm", "health"]);
    assert_eq!(drill.code, 3, "{drill:#?}");
    assert_eq!(drill.document["drills"][0]["outcome"], "failed");
    let all = stage.alarms(&["test"]);
    let tried: Vec<&str> = all.document["drills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drill| drill["alarm"].as_str().unwrap())
        .collect();
    assert_eq!(
        tried,
        ["cpu-reservation", "health", "memory-reservation"].map(|kind| format!("{SERVICE}-{kind}"))
    );
}
