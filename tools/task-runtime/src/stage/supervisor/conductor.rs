//! Decides when containers start, are told to stop, and are killed, and when the task is over.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::events::EventLog;
use super::exec;
use super::member::{Member, State};
use super::relay;
use super::requests::reply;
use crate::control::{Answer, Request};
use crate::event::{EventKind, Exit, Stage};
use crate::failure::{Failure, failed};
use crate::lock::LockProbe;
use crate::runtime::Order;
use crate::stage::wire::{FromInit, Program};

/// How often to look whether the lease is held.
const LEASE_PACE: Duration = Duration::from_secs(1);
/// What containers get to end by themselves if nobody says how long: ECS's own default.
const OWN_GRACE: Duration = Duration::from_secs(30);
/// What clients get to take the last answers of a task that has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

pub(super) enum Message {
    Asked(Request, UnixStream),
    Heard(usize, FromInit),
    /// Everything that the container wrote is in its log.
    Ended(usize, Result<Exit, Failure>),
    /// This process was asked to end.
    Terminated,
}

pub(super) struct Conductor {
    order: Order,
    members: Vec<Member>,
    events: EventLog,
    lease: Option<Lease>,
}

struct Lease {
    probe: LockProbe,
    timeout: Duration,
    last_held: Instant,
}

impl Conductor {
    pub(super) fn new(
        order: Order,
        members: Vec<Member>,
        events: EventLog,
        probe: Option<LockProbe>,
    ) -> Conductor {
        let lease = order
            .spec
            .lease
            .as_ref()
            .zip(probe)
            .map(|(lease, probe)| Lease {
                probe,
                timeout: Duration::from_secs(lease.timeout_seconds),
                last_held: Instant::now(),
            });
        Conductor {
            order,
            members,
            events,
            lease,
        }
    }

    /// Returns this process's exit code once the task is over. `listening` is how it went to listen for requests.
    pub(super) fn run(
        mut self,
        listening: io::Result<()>,
        mailbox: Sender<Message>,
        inbox: &Receiver<Message>,
    ) -> i32 {
        match listening.and_then(|()| forward_signals(mailbox.clone())) {
            Ok(()) => {
                for index in 0..self.members.len() {
                    if self.members[index].spec.starts_with_task {
                        self.start(index, &mailbox);
                    }
                }
            }
            Err(error) => {
                let message = format!("start a thread: {error}");
                self.events.write(EventKind::Failed {
                    container: None,
                    stage: Stage::Supervisor,
                    message,
                });
                self.stop_all(Duration::ZERO);
            }
        }
        while !self.is_over() {
            if let Ok(message) = inbox.recv_timeout(self.patience(Instant::now())) {
                self.take(message, &mailbox);
            }
            let now = Instant::now();
            self.members
                .iter_mut()
                .for_each(|member| member.kill_if_overdue(now));
            self.watch_lease(now);
        }
        relay::drain(LAST_ANSWERS);
        self.events.write(EventKind::Finished);
        0
    }

    /// A container that waits to be started keeps the task alive, until the task is stopped.
    fn is_over(&self) -> bool {
        self.members
            .iter()
            .all(|member| matches!(member.state, State::Over))
    }

    fn patience(&self, now: Instant) -> Duration {
        let kills = self.members.iter().filter_map(|member| member.kill_at);
        let next_kill = kills
            .min()
            .map(|kill_at| kill_at.saturating_duration_since(now));
        next_kill.unwrap_or(LEASE_PACE).min(LEASE_PACE)
    }

    fn take(&mut self, message: Message, mailbox: &Sender<Message>) {
        match message {
            Message::Asked(request, server) => self.answer(request, server, mailbox),
            Message::Heard(index, report) => self.hear(index, report),
            Message::Ended(index, ended) => self.end(index, ended),
            Message::Terminated => self.stop_all(OWN_GRACE),
        }
    }

    fn answer(&mut self, request: Request, server: UnixStream, mailbox: &Sender<Message>) {
        let answer = match request {
            Request::Start { container } => {
                self.find(&container)
                    .and_then(|index| match self.members[index].state {
                        State::Waiting => {
                            self.start(index, mailbox);
                            Ok(Answer::Done)
                        }
                        _ => Err(format!("container `{container}` has started already")),
                    })
            }
            Request::Stop {
                container: None,
                grace_ms,
            } => {
                self.stop_all(Duration::from_millis(grace_ms));
                Ok(Answer::Done)
            }
            Request::Stop {
                container: Some(container),
                grace_ms,
            } => self.find(&container).map(|index| {
                self.members[index].stop(Duration::from_millis(grace_ms), Instant::now());
                Answer::Done
            }),
            Request::Exec {
                container,
                argv,
                timeout_ms,
            } => {
                match self
                    .find(&container)
                    .and_then(|index| self.exec_program(index, argv))
                {
                    Ok(program) => {
                        return exec::answer(program, Duration::from_millis(timeout_ms), server);
                    }
                    Err(refusal) => Err(refusal),
                }
            }
        };
        reply(&server, &answer.unwrap_or_else(Answer::Refused));
    }

    fn find(&self, container: &str) -> Result<usize, String> {
        let position = self
            .members
            .iter()
            .position(|member| member.spec.name == container);
        position.ok_or_else(|| format!("the task has no container `{container}`"))
    }

    fn start(&mut self, index: usize, mailbox: &Sender<Message>) {
        let launch = self.members[index].launch(index, &self.order);
        let started = launch.and_then(|launch| launch.start(mailbox.clone()));
        match started {
            Ok(running) => self.members[index].state = State::Starting(running),
            Err(error) => self.end(
                index,
                Err(failed(Stage::Supervisor, "start the container")(error)),
            ),
        }
    }

    fn exec_program(&self, index: usize, argv: Vec<String>) -> Result<Program, String> {
        let member = &self.members[index];
        let State::Running(running) = &member.state else {
            return Err(format!("container `{}` is not running", member.spec.name));
        };
        if argv.first().is_none_or(String::is_empty) {
            return Err("there is no command to run".to_owned());
        }
        Ok(Program {
            argv,
            ..member.program(&self.order, running.pid())
        })
    }

    fn hear(&mut self, index: usize, report: FromInit) {
        let member = &mut self.members[index];
        let container = member.spec.name.clone();
        match report {
            FromInit::Started => {
                member.state = match std::mem::replace(&mut member.state, State::Over) {
                    State::Starting(running) => {
                        let (pid, ports) =
                            (running.pid().unwrap_or_default(), member.ports.clone());
                        self.events.write(EventKind::Started {
                            container,
                            pid,
                            ports,
                        });
                        State::Running(running)
                    }
                    other => other,
                };
            }
            FromInit::Warned(message) => self.events.write(EventKind::Warned {
                container: Some(container),
                message,
            }),
            // How a container ends comes as one message, once its output is complete.
            FromInit::Failed(_) | FromInit::Exited(_) => {}
        }
    }

    fn end(&mut self, index: usize, ended: Result<Exit, Failure>) {
        let member = &mut self.members[index];
        member.state = State::Over;
        member.kill_at = None;
        let container = member.spec.name.clone();
        self.events.write(match ended {
            Ok(exit) => EventKind::Exited { container, exit },
            Err(Failure { stage, message }) => EventKind::Failed {
                container: Some(container),
                stage,
                message,
            },
        });
    }

    fn stop_all(&mut self, grace: Duration) {
        let now = Instant::now();
        self.members
            .iter_mut()
            .for_each(|member| member.stop(grace, now));
    }

    fn watch_lease(&mut self, now: Instant) {
        let Some(lease) = &mut self.lease else { return };
        match lease.probe.is_held() {
            Ok(true) => lease.last_held = now,
            // A lease that cannot be looked at counts as not held: the task must not run for ever.
            Ok(false) | Err(_) if now.duration_since(lease.last_held) >= lease.timeout => {
                self.lease = None;
                self.events.write(EventKind::LeaseExpired);
                self.stop_all(OWN_GRACE);
            }
            Ok(false) | Err(_) => {}
        }
    }
}

fn forward_signals(mailbox: Sender<Message>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::Builder::new().spawn(move || {
        for _ in signals.forever() {
            if mailbox.send(Message::Terminated).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}
