use contract::config::{self, Environment};

use super::*;

/// What a subject borrows from.
pub(crate) struct Parts {
    environment: Environment,
    names: Names,
}

pub(crate) fn with_subject<T>(service: &str, alarms: &str, work: impl FnOnce(&Parts) -> T) -> T {
    let source = format!(
        "[app]\nname = \"ludlow\"\nregion = \"us-east-1\"\n[services.api]\n{service}\n\
         [environments.prod]\n{alarms}\n"
    );
    let project = config::parse(&source, "longshore.toml").unwrap();
    work(&Parts {
        environment: project.environment("prod").unwrap().clone(),
        names: Names::new("ludlow", "prod"),
    })
}

pub(crate) fn subject(parts: &Parts, balancer: Option<Balancer>) -> Subject<'_> {
    Subject {
        service: "api",
        settings: &parts.environment.services["api"],
        thresholds: &parts.environment.alarms,
        names: &parts.names,
        balancer,
        has_insights: true,
        has_lifecycle: true,
        learned: Learned::default(),
    }
}

pub(crate) fn balancer() -> Balancer {
    Balancer {
        load_balancer: "app/ludlow/1".to_owned(),
        target_group: "targetgroup/ludlow-prod-api/2".to_owned(),
    }
}

fn summary(alarms: &[Wanted]) -> Vec<String> {
    let line = |alarm: &Wanted| {
        let definition = &alarm.definition;
        format!(
            "{} {} {} {} {}",
            alarm.kind,
            definition.comparison,
            definition.threshold,
            definition.span(),
            definition.missing.as_str()
        )
    };
    alarms.iter().map(line).collect()
}

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:ops";

#[test]
fn watches_everything_of_a_service_behind_a_load_balancer() {
    let alarms =
        "alarms.error-percent = 2\nalarms.busy-hours = \"7-19\"\nalarms.logs.panics = \"panicked\"";
    with_subject("port = 8080", alarms, |parts| {
        let set = set(&subject(parts, Some(balancer())), &[TOPIC.to_owned()]);
        assert_eq!(
            summary(&set.alarms),
            [
                "target-5xx GreaterThanThreshold 2 5 of 5 × 60 s notBreaching",
                "balancer-5xx GreaterThanThreshold 2 5 of 5 × 60 s notBreaching",
                "latency-p99 GreaterThanThreshold 1 5 of 5 × 60 s notBreaching",
                "latency-p50 GreaterThanThreshold 0.5 5 of 5 × 60 s notBreaching",
                "unhealthy-hosts GreaterThanOrEqualToThreshold 1 5 of 5 × 60 s notBreaching",
                "no-healthy-host LessThanThreshold 1 2 of 2 × 60 s breaching",
                "no-traffic LessThanThreshold 1 15 of 15 × 60 s notBreaching",
                "cpu GreaterThanThreshold 80 5 of 5 × 60 s notBreaching",
                "memory GreaterThanThreshold 80 5 of 5 × 60 s notBreaching",
                "running LessThanThreshold 100 5 of 5 × 60 s breaching",
                "cpu-reservation GreaterThanThreshold 80 5 of 5 × 60 s missing",
                "memory-reservation GreaterThanThreshold 80 5 of 5 × 60 s missing",
                "restarts GreaterThanOrEqualToThreshold 3 1 of 1 × 300 s notBreaching",
                "log-panics GreaterThanOrEqualToThreshold 1 1 of 1 × 60 s notBreaching",
            ]
        );
        assert_eq!(
            set.alarms[1].definition.measured(),
            "IF(FILL(requests, 0)+FILL(unserved, 0)>10, 100*FILL(errors, 0)/(FILL(requests, 0)+FILL(unserved, 0)), 0) \
             with errors: Sum of AWS/ApplicationELB HTTPCode_ELB_5XX_Count {LoadBalancer=app/ludlow/1}, \
             requests: Sum of AWS/ApplicationELB RequestCount {LoadBalancer=app/ludlow/1}, \
             unserved: Sum of AWS/ApplicationELB HTTPCode_ELB_503_Count {LoadBalancer=app/ludlow/1}"
        );
        let sources: Vec<&str> = set
            .alarms
            .iter()
            .map(|alarm| alarm.source.as_str())
            .take(5)
            .collect();
        assert_eq!(
            sources,
            [
                "longshore.toml: alarms.error-percent",
                "longshore.toml: alarms.error-percent",
                "default",
                "default",
                "fixed"
            ]
        );
    });
}

#[test]
fn one_alarm_tells_for_all_of_the_service() {
    with_subject("port = 8080", "", |parts| {
        let set = set(&subject(parts, Some(balancer())), &[TOPIC.to_owned()]);
        let telling: Vec<(&str, usize)> = set
            .alarms
            .iter()
            .filter(|alarm| !alarm.definition.actions.is_empty())
            .map(|alarm| {
                (
                    alarm.kind.as_str(),
                    alarm.definition.actions.insufficient.len(),
                )
            })
            .collect();
        // A cluster that reports nothing has lost its instances.
        assert_eq!(telling, [("cpu-reservation", 1), ("memory-reservation", 1)]);
        assert_eq!(set.composite.actions.alarm, [TOPIC]);
        assert_eq!(set.composite.actions.ok, [TOPIC]);
        assert!(
            set.composite
                .rule
                .starts_with("ALARM(\"ludlow-prod-api-target-5xx\") OR ALARM(\"ludlow-prod-api-balancer-5xx\") OR "),
            "{}",
            set.composite.rule
        );
        assert!(!set.composite.rule.contains("reservation"));
    });
    with_subject("port = 8080", "alarms.notify-by = \"alarm\"", |parts| {
        let set = set(&subject(parts, Some(balancer())), &[TOPIC.to_owned()]);
        assert!(set.composite.actions.is_empty());
        assert!(
            set.alarms
                .iter()
                .all(|alarm| alarm.definition.actions.alarm == [TOPIC])
        );
    });
}

#[test]
fn asks_no_instances_of_fargate_and_no_load_balancer_of_a_worker() {
    let worker = "launch = \"fargate\"\nminimum-healthy-percent = 50\ncount = 4";
    with_subject(worker, "", |parts| {
        let subject = Subject {
            has_insights: false,
            has_lifecycle: false,
            ..subject(parts, None)
        };
        let set = set(&subject, &[]);
        assert_eq!(
            summary(&set.alarms),
            [
                "cpu GreaterThanThreshold 80 5 of 5 × 60 s notBreaching",
                "memory GreaterThanThreshold 80 5 of 5 × 60 s notBreaching",
                "running LessThanThreshold 4 15 of 15 × 60 s breaching",
            ]
        );
        assert_eq!(
            set.alarms[2].definition.measured(),
            "SampleCount of AWS/ECS MemoryUtilization {ClusterName=ludlow, ServiceName=ludlow-prod-api}"
        );
    });
}

#[test]
fn expects_traffic_when_there_always_is_some() {
    let expression = |hours: &str| {
        with_subject(
            "port = 8080",
            &format!("alarms.busy-hours = {hours}"),
            |parts| {
                let set = set(&subject(parts, Some(balancer())), &[]);
                let alarm = set
                    .alarms
                    .iter()
                    .find(|alarm| alarm.kind == "no-traffic")
                    .unwrap();
                (
                    alarm.math.as_ref().unwrap().to_string(),
                    alarm.definition.description.clone(),
                )
            },
        )
    };
    assert_eq!(
        expression("\"7-19\"\nalarms.busy-days = \"mon-fri\""),
        (
            "IF(HOUR(hosts)>=7 AND HOUR(hosts)<19 AND DAY(hosts)>=1 AND DAY(hosts)<=5, FILL(requests, 0), 1)".to_owned(),
            "ludlow-prod-api: no request for 15 min, between 7:00 and 19:00 UTC on Monday to Friday".to_owned()
        )
    );
    assert_eq!(
        expression("\"20-4\"\nalarms.busy-days = \"sat-sun\"").0,
        "IF((HOUR(hosts)>=20 OR HOUR(hosts)<4) AND DAY(hosts)>=6 AND DAY(hosts)<=7, FILL(requests, 0), 1)"
    );
}

#[test]
fn counts_ends_of_tasks_that_nobody_asked_for() {
    with_subject("port = 8080", "", |parts| {
        let filters = set(&subject(parts, Some(balancer())), &[]).filters;
        assert_eq!(
            filters,
            [Filter {
                name: "ludlow-prod-api-restarts".to_owned(),
                group: "/aws/events/ecs/containerinsights/ludlow/performance".to_owned(),
                pattern: "{ ($.detail.group = \"service:ludlow-prod-api\") && ($.detail.lastStatus = \"STOPPED\") && \
                          (($.detail.stopCode = \"EssentialContainerExited\") || ($.detail.stopCode = \"TaskFailedToStart\")) }"
                    .to_owned(),
                kind: "restarts".to_owned(),
            }]
        );
    });
}
