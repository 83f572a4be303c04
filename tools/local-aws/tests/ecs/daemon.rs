//! Services of one task on each container instance, and updates that their own percentages hold up.

use serde_json::json;

use super::application::Mode;
use super::server::until;
use super::support::{Rig, only};

#[test]
fn a_daemon_stops_its_task_before_it_starts_the_next() {
    let rig = Rig::new();
    let mut input = rig.service(&json!({}));
    input.as_object_mut().unwrap().remove("desiredCount");
    input["schedulingStrategy"] = json!("DAEMON");
    rig.server.ecs("CreateService", &input);
    rig.await_status(&rig.latest(), "SUCCESSFUL");
    let service = rig.described();
    assert_eq!(service["schedulingStrategy"], "DAEMON");
    assert_eq!(service["desiredCount"], 1);
    let percents = &service["deploymentConfiguration"];
    assert_eq!(
        (
            &percents["minimumHealthyPercent"],
            &percents["maximumPercent"]
        ),
        (&json!(0), &json!(100))
    );
    let arn = rig.deploy("v2", Mode::Works);
    rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rig.visits(80), only("v2"));
    let events = rig.events();
    let of = |end: &str| {
        events
            .iter()
            .rposition(|event| event.contains(end))
            .unwrap()
    };
    assert!(
        of("has stopped 1 running tasks") < of("has started 1 tasks"),
        "{events:#?}"
    );
}

#[test]
fn a_daemon_has_no_count_of_its_own() {
    let rig = Rig::new();
    let mut input = rig.service(&json!({}));
    input["schedulingStrategy"] = json!("DAEMON");
    assert_eq!(
        rig.server.ecs_refusal("CreateService", &input).1,
        "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and \
         try again."
    );
}

#[test]
fn says_when_the_percentages_allow_nothing() {
    let rig = Rig::new();
    rig.create(&json!({ "minimumHealthyPercent": 100, "maximumPercent": 150 }));
    rig.deploy("v2", Mode::Works);
    let expected = "(service web) was unable to stop or start tasks during a deployment because of the service deployment \
                    configuration. Update the minimumHealthyPercent or maximumPercent value and try again.";
    until("the complaint", || {
        let events = rig.events();
        if events.iter().any(|event| event == expected) {
            Ok(())
        } else {
            Err(format!("{events:#?}"))
        }
    });
    assert_eq!(rig.visits(80), only("v1"));
}
