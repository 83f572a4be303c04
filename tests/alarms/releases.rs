//! Alarms and deployments: the wiring, what protects and what does not, the way back.

use serde_json::json;

use crate::ends::Visitors;
use crate::stage::{SERVICE, Stage};

#[test]
fn an_alarm_rolls_a_bad_release_back_until_it_is_detached() {
    let stage = Stage::new();
    let applied = stage.watch("alarms.deployment = [\"target-5xx\"]");
    let name = format!("{SERVICE}-target-5xx");
    assert_eq!(
        stage.service()["deploymentConfiguration"]["alarms"],
        json!({ "alarmNames": [name], "enable": true, "rollback": true })
    );
    assert_eq!(applied.document["protection"]["watched"], json!([name]));
    let preflight = stage.alarms(&["preflight"]);
    assert_eq!(preflight.code, 0, "{preflight:#?}");
    let good = stage.service()["taskDefinition"].clone();

    let visitors = Visitors::of(&stage.url);
    let bad = std::thread::scope(|scope| {
        let release = scope.spawn(|| stage.deploy("bad", &[]));
        stage.wait_for("a second deployment", || {
            (stage.service()["deployments"].as_array().unwrap().len() > 1).then_some(())
        });
        stage.control.be("fail");
        release.join().unwrap()
    });
    assert_eq!(bad.code, 4, "{bad:#?}");
    stage.control.be("");
    assert_eq!(stage.service()["taskDefinition"], good);
    stage.all_quiet();

    // What rings already protects nothing, and that is said loudly.
    stage.control.be("fail");
    stage.until(&["target-5xx"], "ALARM");
    let preflight = stage.alarms(&["preflight"]);
    assert_eq!(preflight.code, 3, "{preflight:#?}");
    let warning = format!(
        "warning: {name} is in ALARM already: ECS will not watch it for the whole of the next deployment. \
         No alarm will stop it, and none will roll it back\n\
         warning: ALARMS DO NOT PROTECT the next deployment of {SERVICE}: only failing tasks would stop it\n"
    );
    assert_eq!(preflight.stderr, warning);
    assert_eq!(preflight.document["protection"]["on"], false);
    // The step before a release says it as well, and does not keep anybody from releasing the fix.
    let step = stage.alarms(&[]);
    assert_eq!(step.code, 0, "{step:#?}");
    assert!(step.stderr.contains(&warning), "{}", step.stderr);
    let fix = stage.deploy("fix", &[]);
    assert_eq!(fix.code, 0, "{fix:#?}");
    stage.control.be("");
    stage.all_quiet();

    let detached = stage.alarms(&["detach"]);
    assert_eq!(detached.code, 0, "{detached:#?}");
    assert_eq!(
        stage.service()["deploymentConfiguration"]["alarms"],
        json!({ "alarmNames": [], "enable": false, "rollback": false })
    );
    // Ringing from the start on or not: nothing stops this one.
    stage.control.be("fail");
    let unwatched = stage.deploy("unwatched", &[]);
    assert_eq!(unwatched.code, 0, "{unwatched:#?}");
    let preflight = stage.alarms(&["preflight"]);
    assert_eq!(preflight.code, 3, "{preflight:#?}");
    drop(visitors);
}

#[test]
fn leaves_the_rest_of_the_deployment_configuration_and_alarms_of_others() {
    let stage = Stage::new();
    stage.watch("");
    let other = json!({
        "AlarmName": "theirs", "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    });
    stage.cloudwatch("PutMetricAlarm", &other);
    let mut configuration = stage.service()["deploymentConfiguration"].clone();
    configuration["minimumHealthyPercent"] = json!(50);
    configuration["alarms"] = json!({ "alarmNames": ["theirs"], "enable": true, "rollback": true });
    let input = json!({
        "cluster": crate::stage::CLUSTER, "service": SERVICE, "deploymentConfiguration": configuration,
    });
    stage.call("AmazonEC2ContainerServiceV20141113.UpdateService", &input);
    let before = stage.service();

    let attached = stage.alarms(&["attach", "no-healthy-host", "running"]);
    assert_eq!(attached.code, 0, "{attached:#?}");
    let live = stage.service();
    let own = ["no-healthy-host", "running"].map(|kind| format!("{SERVICE}-{kind}"));
    configuration["alarms"]["alarmNames"] = json!(["theirs", own[0], own[1]]);
    assert_eq!(live["deploymentConfiguration"], configuration);
    // Nothing was deployed by that.
    assert_eq!(live["deployments"], before["deployments"]);

    let again = stage.alarms(&["attach", "no-healthy-host", "running"]);
    assert_eq!(
        (again.code, &again.document["applied"]),
        (0, &json!(false)),
        "{again:#?}"
    );
    let detached = stage.alarms(&["detach"]);
    assert_eq!(detached.code, 0, "{detached:#?}");
    configuration["alarms"]["alarmNames"] = json!(["theirs"]);
    assert_eq!(stage.service()["deploymentConfiguration"], configuration);
}

#[test]
fn a_service_that_is_not_there_yet_is_no_obstacle() {
    let stage = Stage::empty();
    stage.project("alarms.deployment = [\"no-healthy-host\"]");
    let outcome = stage.alarms(&[]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(
        outcome.stderr.contains(&format!(
            "there is no service {SERVICE} yet: no alarm stops its first deployment, which has nothing to go back to either\n"
        )),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.document["alarms"][0]["change"], "create");
    let attach = stage.alarms(&["attach"]);
    assert_eq!(attach.code, 1, "{attach:#?}");
}
