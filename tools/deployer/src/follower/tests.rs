use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration};

use super::*;

fn rollout(id: &str, status: &str, state: State, reason: &str) -> Rollout {
    Rollout {
        id: id.to_owned(),
        is_primary: status == "PRIMARY",
        status: status.to_owned(),
        state,
        reason: reason.to_owned(),
        task_definition: format!("arn:aws:ecs:r:1:task-definition/web:{id}"),
        desired: 2,
        running: 1,
        pending: 1,
        failed: 0,
    }
}

fn event(id: &str, text: &str) -> Event {
    Event {
        id: id.to_owned(),
        at: String::new(),
        text: text.to_owned(),
    }
}

fn service(rollouts: Vec<Rollout>) -> Service {
    Service {
        name: "web".to_owned(),
        status: "ACTIVE".to_owned(),
        rollouts,
        configuration: Some(
            DeploymentConfiguration::builder()
                .deployment_circuit_breaker(
                    DeploymentCircuitBreaker::builder()
                        .enable(true)
                        .rollback(true)
                        .build(),
                )
                .build(),
        ),
        ..Service::default()
    }
}

const BREAKER: &str = "ECS deployment circuit breaker: tasks failed to start.";
const BACK: &str = "ECS deployment circuit breaker: rolling back to deploymentId 3.";

/// Feeds the descriptions and gives how it ended after each.
fn ends(descriptions: Vec<Vec<Rollout>>) -> Vec<Option<End>> {
    let mut follower = Follower::new("2", None, &[]);
    descriptions
        .into_iter()
        .map(|rollouts| follower.observe(&service(rollouts), None).end)
        .collect()
}

#[test]
fn completes_only_by_its_own_id() {
    let old = || rollout("1", "ACTIVE", State::Completed, "");
    assert_eq!(
        ends(vec![
            vec![rollout("2", "PRIMARY", State::InProgress, ""), old()],
            vec![rollout("2", "PRIMARY", State::Completed, ""), old()],
        ]),
        [None, Some(End::Completed)]
    );
}

#[test]
fn is_superseded_by_another_deployment_even_a_completed_one() {
    let expected = [Some(End::Superseded("7".to_owned()))];
    for state in [State::InProgress, State::Completed] {
        let other = || rollout("7", "PRIMARY", state, "ECS deployment ecs-svc/7");
        let ours = rollout("2", "ACTIVE", State::InProgress, "");
        assert_eq!(ends(vec![vec![other(), ours]]), expected);
        assert_eq!(ends(vec![vec![other()]]), expected);
    }
}

#[test]
fn follows_the_return_until_it_completed() {
    assert_eq!(
        ends(vec![
            vec![rollout("2", "PRIMARY", State::Failed, BREAKER)],
            vec![
                rollout("3", "PRIMARY", State::InProgress, BACK),
                rollout("2", "DRAINING", State::Failed, BREAKER),
            ],
            vec![rollout("3", "PRIMARY", State::Completed, "completed.")],
        ]),
        [None, None, Some(End::RolledBack(BREAKER.to_owned()))]
    );
}

#[test]
fn sees_a_return_that_is_over_before_it_was_looked_at() {
    let mut follower = Follower::new("2", None, &[]);
    let mut described = service(vec![rollout(
        "3",
        "PRIMARY",
        State::Completed,
        "completed.",
    )]);
    described.events = vec![event("e", "(service web) rolling back to deployment 3.")];
    assert_eq!(
        follower.observe(&described, None).end,
        Some(End::RolledBack("ECS rolled the deployment back".to_owned()))
    );
    let mut follower = Follower::new("2", None, &[]);
    let failed = "(service web) (deployment 2) deployment failed: tasks failed to start.";
    described.events.insert(0, event("f", failed));
    assert_eq!(
        follower.observe(&described, None).end,
        Some(End::RolledBack("ECS: tasks failed to start".to_owned()))
    );
}

#[test]
fn knows_a_return_by_what_ran_before_and_a_newcomer_by_what_did_not() {
    let ours = rollout("2", "INACTIVE", State::Failed, BREAKER);
    let done = rollout("3", "PRIMARY", State::Completed, "completed.");
    let described = service(vec![done, ours]);
    let mut follower = Follower::new("2", Some("arn:aws:ecs:r:1:task-definition/web:3"), &[]);
    assert_eq!(
        follower.observe(&described, None).end,
        Some(End::RolledBack(BREAKER.to_owned()))
    );
    let mut follower = Follower::new("2", Some("arn:aws:ecs:r:1:task-definition/web:1"), &[]);
    assert_eq!(
        follower.observe(&described, None).end,
        Some(End::Superseded("3".to_owned()))
    );
}

#[test]
fn fails_when_nothing_brings_it_back() {
    let failed = || vec![rollout("2", "PRIMARY", State::Failed, BREAKER)];
    let expected = Some(End::Failed(BREAKER.to_owned()));
    let mut alone = service(failed());
    alone.configuration = None;
    assert_eq!(
        Follower::new("2", None, &[]).observe(&alone, None).end,
        expected
    );
    // With a breaker that rolls back, ECS is given a moment to do so.
    let seen = ends((0..6).map(|_| failed()).collect());
    assert_eq!(seen, [None, None, None, None, None, expected]);
}

#[test]
fn notices_that_the_return_fails_or_is_taken_over() {
    let mut follower = Follower::new("2", None, &[]);
    follower.returns_by("3", "3 tasks failed");
    let failed = service(vec![rollout("3", "PRIMARY", State::Failed, "no room")]);
    assert_eq!(
        follower.observe(&failed, None).end,
        Some(End::Failed(
            "3 tasks failed; the return to web:3 failed too: no room".to_owned()
        ))
    );
    let other = service(vec![rollout("4", "PRIMARY", State::InProgress, "")]);
    assert_eq!(
        follower.observe(&other, None).end,
        Some(End::Superseded("4".to_owned()))
    );
}

#[test]
fn ends_with_a_service_that_is_being_deleted() {
    let mut described = service(vec![rollout("2", "PRIMARY", State::InProgress, "")]);
    described.status = "DRAINING".to_owned();
    assert_eq!(
        Follower::new("2", None, &[]).observe(&described, None).end,
        Some(End::Failed("the service web is DRAINING".to_owned()))
    );
}

#[test]
fn tells_each_event_once_and_counts_when_they_change() {
    let mut described = service(vec![rollout("2", "PRIMARY", State::InProgress, "")]);
    described.events = vec![event("old", "before"), event("new", "after")];
    let mut follower = Follower::new("2", None, &[event("old", "before")]);
    let first = follower.observe(&described, None);
    assert_eq!(first.events, [event("new", "after")]);
    assert_eq!(
        first.counts.as_deref(),
        Some("web:2: 1 of 2 running, 1 pending")
    );
    assert_eq!(follower.observe(&described, None), Observation::default());
    described.rollouts[0].failed = 1;
    assert_eq!(
        follower.observe(&described, None).counts.as_deref(),
        Some("web:2: 1 of 2 running, 1 pending, 1 failed")
    );
}

fn record(state: Course, reason: &str) -> Record {
    Record {
        state,
        reason: reason.to_owned(),
        status: "STATUS".to_owned(),
        ..Record::default()
    }
}

/// Feeds descriptions with the record beside them.
fn judged(descriptions: Vec<(Vec<Rollout>, Record)>) -> Vec<Option<End>> {
    let mut follower = Follower::new("2", None, &[]);
    descriptions
        .into_iter()
        .map(|(rollouts, record)| follower.observe(&service(rollouts), Some(&record)).end)
        .collect()
}

#[test]
fn believes_the_record_before_the_rollouts() {
    let completed = || vec![rollout("2", "PRIMARY", State::Completed, "")];
    let other = || vec![rollout("3", "PRIMARY", State::Completed, "")];
    assert_eq!(
        judged(vec![
            (completed(), record(Course::Forward, "")),
            (completed(), record(Course::Successful, "")),
        ]),
        [None, Some(End::Completed)]
    );
    assert_eq!(
        judged(vec![
            (other(), record(Course::Back, "Alarm.")),
            (other(), record(Course::RolledBack, "Alarm.")),
        ]),
        [None, Some(End::RolledBack("Alarm".to_owned()))]
    );
    assert_eq!(
        judged(vec![(other(), record(Course::Stopped, ""))]),
        [Some(End::Superseded("3".to_owned()))]
    );
    assert_eq!(
        judged(vec![(
            completed(),
            record(Course::RollbackFailed, "No rollback candidate was found.")
        )]),
        [Some(End::Failed(
            "No rollback candidate was found; there is no release that worked to go back to"
                .to_owned()
        ))]
    );
}

#[test]
fn does_not_wait_for_ever_for_a_record_that_stays_behind() {
    let completed = || {
        (
            vec![rollout("2", "PRIMARY", State::Completed, "")],
            record(Course::Forward, ""),
        )
    };
    let seen = judged((0..6).map(|_| completed()).collect());
    assert_eq!(seen, [None, None, None, None, None, Some(End::Completed)]);
}

#[test]
fn leaves_the_verdict_to_the_record_where_traffic_is_shifted() {
    let mut described = service(vec![rollout("2", "PRIMARY", State::Completed, "")]);
    let configuration = DeploymentConfiguration::builder()
        .strategy(aws_sdk_ecs::types::DeploymentStrategy::BlueGreen);
    described.configuration = Some(configuration.build());
    let mut follower = Follower::new("2", None, &[]);
    assert!(follower.needs_record(&described));
    let baking = Record {
        stage: Some("BAKE_TIME".to_owned()),
        production: Some(100.0),
        ..record(Course::Forward, "")
    };
    let first = follower.observe(&described, Some(&baking));
    assert_eq!(
        first.counts.as_deref(),
        Some("stage BAKE_TIME, 100 % of the traffic is on the new ones")
    );
    for _ in 0..10 {
        assert_eq!(
            follower.observe(&described, Some(&baking)),
            Observation::default()
        );
    }
    let done = record(Course::Successful, "");
    assert_eq!(
        follower.observe(&described, Some(&done)).end,
        Some(End::Completed)
    );
}

#[test]
fn follows_a_stop_that_was_asked_for_to_its_end() {
    let mut follower = Follower::new("2", Some("arn:aws:ecs:r:1:task-definition/web:1"), &[]);
    follower.is_stopped("3 tasks failed");
    assert!(follower.is_returning());
    let ours = || rollout("2", "PRIMARY", State::InProgress, "");
    let seen = follower.observe(&service(vec![ours()]), Some(&record(Course::Back, "x")));
    assert_eq!((seen.turn, seen.end), (None, None));
    let back = rollout("1", "PRIMARY", State::Completed, "");
    let end = follower
        .observe(&service(vec![back]), Some(&record(Course::RolledBack, "x")))
        .end;
    assert_eq!(end, Some(End::RolledBack("3 tasks failed".to_owned())));
    assert_eq!(follower.way_back(), Some((RollbackBy::Stop, Some("1"))));
}

#[test]
fn names_the_alarms_that_sent_it_back() {
    let mut follower = Follower::new("2", None, &[]);
    let alarmed = Record {
        alarms: vec!["web-5xx".to_owned()],
        ..record(
            Course::Back,
            "Service deployment rolled back because of alarms.",
        )
    };
    let described = service(vec![rollout("2", "PRIMARY", State::InProgress, "")]);
    assert_eq!(
        follower.observe(&described, Some(&alarmed)).turn.as_deref(),
        Some(
            "ECS sends the service back: Service deployment rolled back because of alarms (in ALARM: web-5xx)"
        )
    );
}
