//! Starts and stops the containers of a task, one message at a time.

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

pub(super) use super::container::Member;
use super::events::EventLog;
use super::exec;
use crate::control::{Answer, Request, send};
use crate::event::{EventKind, Exit, Stage};
use crate::failure::Failure;
use crate::lock::LockProbe;
use crate::runtime::Order;
use crate::stage::wire::{FromInit, ToInit};

/// How often the lease is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Between stop signal and kill when the lease has run out: ECS's default stop time-out.
const LEASE_GRACE: Duration = Duration::from_secs(30);

/// What the conductor hears.
pub(super) enum Message {
    /// From a server.
    Asked(Request, Sender<Answer>),
    /// A container's first process is there, and this leads to it.
    Spawned(usize, i32, UnixStream),
    /// From a container's first process.
    Told(usize, FromInit),
    /// A container is over, and its log is complete.
    Ended(usize, Option<Exit>),
}

pub(super) struct Conductor {
    members: Vec<Playing>,
    events: EventLog,
    lease: Option<Watch>,
    /// No container starts any more.
    stopping: bool,
}

/// A container and how far it is.
struct Playing {
    member: Member,
    state: State,
    pid: Option<i32>,
    channel: Option<UnixStream>,
    /// Asked to stop, and when to kill it.
    kill_at: Option<Instant>,
    failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Starting,
    Running,
    Over,
}

/// The lease, and since when nobody holds it.
struct Watch {
    probe: LockProbe,
    timeout: Duration,
    abandoned: Option<Instant>,
}

impl Conductor {
    pub(super) fn new(
        order: Order,
        members: Vec<Member>,
        events: EventLog,
        lease: Option<LockProbe>,
    ) -> Conductor {
        let timeout = order.spec.lease.map_or(Duration::MAX, |lease| {
            Duration::from_secs(lease.timeout_seconds)
        });
        let playing = |member| Playing {
            member,
            state: State::Waiting,
            pid: None,
            channel: None,
            kill_at: None,
            failed: false,
        };
        Conductor {
            members: members.into_iter().map(playing).collect(),
            events,
            lease: lease.map(|probe| Watch {
                probe,
                timeout,
                abandoned: None,
            }),
            stopping: false,
        }
    }

    /// Until nothing runs any more and nothing will. `listening` is whether servers can be heard.
    pub(super) fn run(
        mut self,
        listening: std::io::Result<()>,
        mailbox: Sender<Message>,
        inbox: &Receiver<Message>,
    ) -> i32 {
        if let Err(error) = listening {
            let message = format!("no server can reach this task: {error}");
            self.events.write(EventKind::Failed {
                container: None,
                stage: Stage::Supervisor,
                message,
            });
            self.stopping = true;
        }
        for index in 0..self.members.len() {
            if self.members[index].member.starts_with_task && !self.stopping {
                self.start(index, &mailbox);
            }
        }
        while !self.is_over() {
            match inbox.recv_timeout(self.patience()) {
                Ok(message) => self.hear(message, &mailbox),
                Err(RecvTimeoutError::Timeout) => {}
                // This function holds a sender itself.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.kill_late();
            self.look_at_lease();
        }
        self.events.write(EventKind::Finished);
        0
    }

    fn is_over(&self) -> bool {
        let may_start = |playing: &Playing| playing.state == State::Waiting && !self.stopping;
        let runs = |playing: &Playing| matches!(playing.state, State::Starting | State::Running);
        !self
            .members
            .iter()
            .any(|playing| runs(playing) || may_start(playing))
    }

    fn patience(&self) -> Duration {
        let now = Instant::now();
        let deadlines = self.members.iter().filter_map(|playing| playing.kill_at);
        deadlines
            .map(|deadline| deadline.saturating_duration_since(now))
            .min()
            .unwrap_or(LOOK)
            .min(LOOK)
    }

    fn start(&mut self, index: usize, mailbox: &Sender<Message>) {
        let playing = &mut self.members[index];
        playing.state = State::Starting;
        if let Err(error) = playing.member.start(index, mailbox.clone()) {
            self.fail(
                index,
                Failure {
                    stage: Stage::Supervisor,
                    message: format!("start a thread: {error}"),
                },
            );
            self.members[index].state = State::Over;
        }
    }

    fn hear(&mut self, message: Message, mailbox: &Sender<Message>) {
        match message {
            Message::Asked(request, reply) => self.answer(request, reply, mailbox),
            Message::Spawned(index, pid, channel) => {
                let playing = &mut self.members[index];
                playing.pid = Some(pid);
                playing.channel = Some(channel);
            }
            Message::Told(index, FromInit::Started) => self.started(index),
            Message::Told(index, FromInit::Warned(message)) => {
                let container = Some(self.members[index].member.name.clone());
                self.events.write(EventKind::Warned { container, message });
            }
            Message::Told(index, FromInit::Failed(failure)) => self.fail(index, failure),
            // Held back by the container's thread until its log is complete.
            Message::Told(_, FromInit::Exited(_)) => {}
            Message::Ended(index, exit) => self.ended(index, exit),
        }
    }

    fn started(&mut self, index: usize) {
        let playing = &mut self.members[index];
        playing.state = State::Running;
        self.events.write(EventKind::Started {
            container: playing.member.name.clone(),
            pid: playing.pid.unwrap_or_default(),
            ports: playing.member.ports.clone(),
        });
        if playing.kill_at.is_some() {
            playing.tell(&ToInit::Signal(playing.member.stop_signal.0 as i32));
        }
    }

    fn fail(&mut self, index: usize, failure: Failure) {
        let playing = &mut self.members[index];
        playing.failed = true;
        self.events.write(EventKind::Failed {
            container: Some(playing.member.name.clone()),
            stage: failure.stage,
            message: failure.message,
        });
    }

    fn ended(&mut self, index: usize, exit: Option<Exit>) {
        let playing = &mut self.members[index];
        let container = playing.member.name.clone();
        playing.state = State::Over;
        playing.channel = None;
        playing.kill_at = None;
        if let (Some(exit), false) = (exit, playing.failed) {
            self.events.write(EventKind::Exited { container, exit });
        } else if !playing.failed {
            let message = "its first process ended without a word".to_owned();
            self.events.write(EventKind::Failed {
                container: Some(container),
                stage: Stage::Supervisor,
                message,
            });
        }
    }

    fn answer(&mut self, request: Request, reply: Sender<Answer>, mailbox: &Sender<Message>) {
        let answer = match request {
            Request::Start { container } => self.start_one(&container, mailbox),
            Request::Stop {
                container,
                grace_ms,
            } => self.stop(container.as_deref(), Duration::from_millis(grace_ms)),
            Request::Exec {
                container,
                argv,
                timeout_ms,
            } => {
                match self.command(&container, argv, Duration::from_millis(timeout_ms)) {
                    Ok(command) => {
                        // Without a thread the reply is dropped, and the server sees that it got no answer.
                        thread::Builder::new()
                            .spawn(move || reply.send(command.run()).ok())
                            .ok();
                        return;
                    }
                    Err(reason) => Answer::Refused(reason),
                }
            }
        };
        // Fails only if the server has gone, and then nobody waits for it.
        reply.send(answer).ok();
    }

    fn find(&self, container: &str) -> Result<usize, String> {
        let found = self
            .members
            .iter()
            .position(|playing| playing.member.name == container);
        found.ok_or_else(|| format!("there is no container `{container}`"))
    }

    fn start_one(&mut self, container: &str, mailbox: &Sender<Message>) -> Answer {
        match self.find(container) {
            Err(reason) => Answer::Refused(reason),
            Ok(_) if self.stopping => Answer::Refused("the task is being stopped".to_owned()),
            Ok(index) if self.members[index].state == State::Waiting => {
                self.start(index, mailbox);
                Answer::Done
            }
            Ok(_) => Answer::Refused(format!("the container `{container}` was started already")),
        }
    }

    fn stop(&mut self, container: Option<&str>, grace: Duration) -> Answer {
        let chosen: Vec<usize> = match container {
            None => {
                self.stopping = true;
                (0..self.members.len()).collect()
            }
            Some(container) => match self.find(container) {
                Ok(index) => vec![index],
                Err(reason) => return Answer::Refused(reason),
            },
        };
        for index in chosen {
            self.members[index].stop(grace);
        }
        self.kill_late();
        Answer::Done
    }

    fn command(
        &self,
        container: &str,
        argv: Vec<String>,
        timeout: Duration,
    ) -> Result<exec::Command, String> {
        let playing = &self.members[self.find(container)?];
        match (playing.state, playing.pid) {
            (State::Running, Some(pid)) if !argv.is_empty() => {
                let mut program = playing.member.program.clone();
                program.argv = argv;
                Ok(exec::Command {
                    program,
                    pid,
                    becomes_root: playing.member.becomes_root,
                    timeout,
                })
            }
            (State::Running, Some(_)) => Err("there is no command".to_owned()),
            _ => Err(format!("the container `{container}` is not running")),
        }
    }

    fn kill_late(&mut self) {
        let now = Instant::now();
        for playing in &mut self.members {
            if playing.kill_at.is_some_and(|deadline| deadline <= now) && playing.channel.is_some()
            {
                playing.tell(&ToInit::Kill);
                // Once told, its end is only a matter of time.
                playing.kill_at = None;
            }
        }
    }

    fn look_at_lease(&mut self) {
        let Some(lease) = &mut self.lease else { return };
        // A lease that cannot be looked at is taken as held: the task must not suffer.
        if self.stopping || lease.probe.is_held().unwrap_or(true) {
            lease.abandoned = None;
            return;
        }
        let since = *lease.abandoned.get_or_insert_with(Instant::now);
        if since.elapsed() >= lease.timeout {
            self.events.write(EventKind::LeaseExpired);
            self.stop(None, LEASE_GRACE);
        }
    }
}

impl Playing {
    fn stop(&mut self, grace: Duration) {
        let deadline = Instant::now() + grace;
        match self.state {
            State::Waiting => self.state = State::Over,
            State::Over => {}
            State::Starting | State::Running => {
                let is_first = self.kill_at.is_none();
                // A second request can only shorten the time.
                self.kill_at = Some(
                    self.kill_at
                        .map_or(deadline, |earlier| earlier.min(deadline)),
                );
                if is_first && self.state == State::Running {
                    self.tell(&ToInit::Signal(self.member.stop_signal.0 as i32));
                }
            }
        }
    }

    /// A first process that does not listen any more is about to end.
    fn tell(&self, order: &ToInit) {
        if let Some(channel) = &self.channel {
            send(channel, order).ok();
        }
    }
}
