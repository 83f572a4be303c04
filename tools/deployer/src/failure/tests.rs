use aws_sdk_ecs::types::Container;
use serde_json::json;

use super::*;

fn streams() -> Streams {
    Streams::of(&json!({"containerDefinitions": [{
        "name": "api",
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": "/ecs/web", "awslogs-stream-prefix": "api"}},
    }]}))
}

fn task(id: &str, code: TaskStopCode, reason: &str) -> aws_sdk_ecs::types::builders::TaskBuilder {
    Task::builder()
        .task_arn(format!("arn:aws:ecs:r:1:task/c/{id}"))
        .last_status("STOPPED")
        .stop_code(code)
        .stopped_reason(reason)
}

fn container(name: &str, exit: Option<i32>, reason: Option<&str>) -> Container {
    Container::builder()
        .name(name)
        .set_exit_code(exit)
        .set_reason(reason.map(str::to_owned))
        .build()
}

fn essential() -> [String; 2] {
    ["api".to_owned(), "proxy".to_owned()]
}

fn failed(task: &Task) -> Failed {
    match judge(task, &essential()) {
        Judgement::Failed(failed) => failed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tells_failures_from_other_ends() {
    let table = [
        (
            TaskStopCode::TaskFailedToStart,
            "CannotPullContainerError",
            true,
        ),
        (
            TaskStopCode::EssentialContainerExited,
            "Essential container in task exited",
            true,
        ),
        (
            TaskStopCode::ServiceSchedulerInitiated,
            "Task failed ELB health checks in (target-group x)",
            true,
        ),
        (
            TaskStopCode::ServiceSchedulerInitiated,
            "Task failed container health checks",
            true,
        ),
        (
            TaskStopCode::ServiceSchedulerInitiated,
            "Scaling activity initiated by (deployment ecs-svc/1)",
            false,
        ),
        (TaskStopCode::UserInitiated, "Task stopped by user", false),
        (TaskStopCode::SpotInterruption, "Spot", false),
    ];
    for (code, reason, expected) in table {
        let judgement = judge(&task("1", code, reason).build(), &essential());
        assert_eq!(
            matches!(judgement, Judgement::Failed(_)),
            expected,
            "{reason}"
        );
    }
}

#[test]
fn waits_for_the_exit_code() {
    let stopping = task("1", TaskStopCode::EssentialContainerExited, "x")
        .last_status("DEPROVISIONING")
        .build();
    assert_eq!(judge(&stopping, &essential()), Judgement::Undecided);
    let draining = task(
        "1",
        TaskStopCode::ServiceSchedulerInitiated,
        "Task failed ELB health checks",
    )
    .last_status("DEACTIVATING")
    .build();
    assert!(matches!(
        judge(&draining, &essential()),
        Judgement::Failed(_)
    ));
}

#[test]
fn finds_the_container_that_ended_the_task() {
    let exited = |containers: Vec<Container>| {
        let task = task(
            "1",
            TaskStopCode::EssentialContainerExited,
            "Essential container in task exited",
        );
        failed(&task.set_containers(Some(containers)).build()).cause
    };
    let cause = exited(vec![
        container("helper", Some(2), None),
        container("proxy", Some(143), None),
        container("api", Some(1), None),
    ]);
    assert_eq!(
        (cause.container.as_deref(), cause.exit_code),
        (Some("api"), Some(1))
    );
    let killed = exited(vec![
        container("proxy", Some(143), None),
        container(
            "api",
            Some(137),
            Some("OutOfMemoryError: Container killed due to memory usage"),
        ),
    ]);
    assert_eq!(killed.container.as_deref(), Some("api"));
    assert_eq!(
        killed.reason,
        "Essential container in task exited: OutOfMemoryError: Container killed due to memory usage"
    );
}

#[test]
fn groups_tasks_that_failed_of_the_same() {
    let mut failures = Failures::default();
    for (id, host, first) in [
        ("a1", "10.0.0.12ab34cd", true),
        ("a2", "10.0.0.98ef76aa", false),
    ] {
        let reason = format!("CannotPullContainerError: host {host} is away");
        let failed = failed(&task(id, TaskStopCode::TaskFailedToStart, &reason).build());
        assert_eq!(failures.record(failed.clone(), &streams()), first);
        assert!(!failures.record(failed, &streams()), "a task counts once");
    }
    assert_eq!(failures.reached(3), None);
    let exited = task(
        "a3",
        TaskStopCode::EssentialContainerExited,
        "Essential container in task exited",
    )
    .containers(container("api", Some(1), None))
    .build();
    assert!(failures.record(failed(&exited), &streams()));
    assert_eq!(failures.reached(2).map(|failure| failure.count), Some(2));
    let document = failures.into_document();
    assert_eq!(document.iter().map(|f| f.count).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(
        sentence(&document[1]),
        "1 task failed: Essential container in task exited (container api, exit code 1)"
    );
    assert_eq!(
        document[1].log,
        Some(LogPlace {
            group: "/ecs/web".to_owned(),
            stream: "api/api/a3".to_owned()
        })
    );
}

#[test]
fn keeps_the_targets_words_for_tasks_that_ecs_then_stops() {
    let mut failures = Failures::default();
    let target = |id: &str| Failed {
        task: format!("arn:aws:ecs:r:1:task/c/{id}"),
        cause: Cause {
            stop_code: None,
            reason: "Health checks failed with these codes: [500]".to_owned(),
            container: Some("api".to_owned()),
            exit_code: None,
            is_target_health: true,
        },
    };
    assert!(failures.record(target("1"), &streams()));
    let reason = "Task failed ELB health checks in (target-group x)";
    for id in ["1", "2"] {
        let stopped = task(id, TaskStopCode::ServiceSchedulerInitiated, reason).build();
        assert!(!failures.record(failed(&stopped), &streams()));
    }
    let document = failures.into_document();
    assert_eq!(document.len(), 1);
    assert_eq!(
        (document[0].count, document[0].reason.as_str()),
        (2, "Health checks failed with these codes: [500]")
    );
}

#[test]
fn leaves_words_and_codes_in_a_signature() {
    let table = [
        ("codes: [500]", "codes: [500]"),
        ("task 0123456789abcdef failed", "task * failed"),
        ("deadbeef feedface", "deadbeef feedface"),
        ("i-0a1b2c3d4e5f", "i*"),
    ];
    for (text, expected) in table {
        assert_eq!(without_ids(text), expected);
    }
}
