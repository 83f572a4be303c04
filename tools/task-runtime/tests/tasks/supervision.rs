//! What happens when servers and supervisors die.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use task_runtime::{Capability, EventKind, Exit, Lease, Lock, Stream, Task};

use crate::bench::{benches, events, executable, text, until};

const LONG: Duration = Duration::from_secs(600);

#[test]
fn outlives_its_server_and_loses_no_line() {
    for bench in benches() {
        let spec = bench.spec(vec![bench.container(&["count"])]);
        // A server in a process of its own, which finds the same runtime.
        let is_plain = matches!(bench.runtime.capability(), Capability::Process { .. });
        let mut server = Command::new(executable())
            .args(is_plain.then_some("plain"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        serde_json::to_writer(server.stdin.take().unwrap(), &spec).unwrap();
        let task = until(|| {
            let task = Task::attach(&spec.directory).ok()?;
            (!text(&task, "app", Stream::Stdout).is_empty()).then_some(task)
        })
        .unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
        drop(task);
        // The next server: it knows the directory, and from its own records how far it had read.
        let task = Task::attach(&spec.directory).unwrap();
        assert!(task.is_alive().unwrap());
        let seen = text(&task, "app", Stream::Stdout).lines().count();
        until(|| (text(&task, "app", Stream::Stdout).lines().count() > seen + 1000).then_some(()))
            .unwrap();
        task.kill().unwrap();
        task.wait().unwrap();
        let lines: Vec<String> = text(&task, "app", Stream::Stdout)
            .lines()
            .map(str::to_owned)
            .collect();
        // The last line may have been cut by the kill.
        for (number, line) in lines[..lines.len() - 1].iter().enumerate() {
            assert_eq!(*line, format!("line {number}"));
        }
        assert!(events(&task).contains(&EventKind::Exited {
            container: "app".to_owned(),
            exit: Exit::Signal(9)
        }));
    }
}

#[test]
fn continues_logs_and_events_from_an_offset() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["say"]));
        trial.task().wait().unwrap();
        let all = trial.task().logs("app", 0).unwrap();
        assert_eq!(trial.task().logs("app", all.next).unwrap().records, []);
        let events = trial.task().events(0).unwrap();
        assert_eq!(trial.task().events(events.next).unwrap().events, []);
        let mut first_length = 0;
        for (index, byte) in std::fs::read(trial.task().directory().join("app.log"))
            .unwrap()
            .iter()
            .enumerate()
        {
            if *byte == b'\n' {
                first_length = index as u64 + 1;
                break;
            }
        }
        assert_eq!(
            trial.task().logs("app", first_length).unwrap().records,
            all.records[1..]
        );
        assert_eq!(trial.task().logs("never", 0).unwrap().records, []);
    }
}

#[test]
fn a_task_dies_with_its_supervisor() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["stubborn"]));
        trial.said("app", "ready");
        let first_process = trial.started("app");
        let supervisor = trial
            .events()
            .into_iter()
            .find_map(|event| match event {
                EventKind::Created { supervisor, .. } => Pid::from_raw(supervisor),
                _ => None,
            })
            .unwrap();
        kill_process(supervisor, Signal::KILL).unwrap();
        trial.task().wait().unwrap();
        let process = PathBuf::from(format!("/proc/{first_process}"));
        until(|| (!process.exists()).then_some(())).unwrap();
        assert!(!trial.events().contains(&EventKind::Finished));
        let directory = trial.task().directory().to_owned();
        until(|| trial.task().clone().remove().ok()).unwrap();
        assert!(!directory.exists());
    }
}

#[test]
fn stops_when_asked_by_a_signal() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["wait", "9"]));
        trial.said("app", "ready");
        let EventKind::Created { supervisor, .. } = trial.events()[0] else {
            panic!("{}", trial.story())
        };
        kill_process(Pid::from_raw(supervisor).unwrap(), Signal::TERM).unwrap();
        assert_eq!(trial.exit("app"), Exit::Code(9));
    }
}

#[test]
fn stops_itself_when_nobody_holds_its_lease() {
    for bench in benches() {
        let file = bench.directory.path().join("server.lock");
        let held = Lock::try_hold(&file).unwrap().unwrap();
        let mut spec = bench.spec(vec![bench.container(&["wait", "9"])]);
        spec.lease = Some(Lease {
            file,
            timeout_seconds: 0,
        });
        let trial = bench.start_spec(&spec);
        trial.said("app", "ready");
        assert!(!trial.events().contains(&EventKind::LeaseExpired));
        drop(held);
        assert_eq!(trial.exit("app"), Exit::Code(9));
        trial.task().wait().unwrap();
        let end = [
            EventKind::LeaseExpired,
            EventKind::Exited {
                container: "app".to_owned(),
                exit: Exit::Code(9),
            },
            EventKind::Finished,
        ];
        assert!(trial.events().ends_with(&end), "{}", trial.story());
    }
}

#[test]
fn refuses_to_answer_for_a_task_that_has_ended() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["exit", "0"]));
        trial.task().wait().unwrap();
        let message = format!(
            "the task in {} has ended",
            trial.task().directory().display()
        );
        assert_eq!(
            trial.task().stop(None, LONG).unwrap_err().to_string(),
            message
        );
    }
}
