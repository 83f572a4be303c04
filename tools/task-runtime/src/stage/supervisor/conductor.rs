//! Decides when containers start, are told to stop, and are killed, and when the task is over.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::container::{Launch, Running};
use super::events::EventLog;
use super::exec;
use super::scratch::Scratch;
use crate::control::{Answer, Request};
use crate::event::{EventKind, Exit, PortBinding, Stage};
use crate::failure::{Failure, failed};
use crate::ids::Ids;
use crate::lock::LockProbe;
use crate::runtime::Order;
use crate::spec::{ContainerSpec, Variables};
use crate::stage::Isolation;
use crate::stage::wire::{ContainerOrder, FromInit, Place, Program};
use crate::task::log_file;

/// How often to look whether the lease is held.
const LEASE_PACE: Duration = Duration::from_secs(1);
/// What containers get to end by themselves if nobody says how long: ECS's own default.
const OWN_GRACE: Duration = Duration::from_secs(30);

pub(super) enum Message {
    Asked(Request, Sender<Answer>),
    Heard(usize, FromInit),
    /// Everything that the container wrote is in its log.
    Ended(usize, Result<Exit, Failure>),
    /// This process was asked to end.
    Terminated,
}

/// One container of the task.
pub(super) struct Member {
    spec: ContainerSpec,
    scratch: Scratch,
    log: File,
    ports: Vec<PortBinding>,
    state: State,
    kill_at: Option<Instant>,
}

enum State {
    Waiting,
    Starting(Running),
    Running(Running),
    Over,
}

impl Member {
    pub(super) fn new(
        spec: &ContainerSpec,
        scratch: Scratch,
        ports: &[PortBinding],
    ) -> Result<Member, Failure> {
        let path = scratch.path.join("../..").join(log_file(&spec.name));
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(failed(
                Stage::Supervisor,
                format!("open the log of container `{}`", spec.name),
            ))?;
        let ports = ports
            .iter()
            .filter(|port| port.container == spec.name)
            .cloned()
            .collect();
        Ok(Member {
            spec: spec.clone(),
            scratch,
            log,
            ports,
            state: State::Waiting,
            kill_at: None,
        })
    }

    fn running(&self) -> Option<&Running> {
        match &self.state {
            State::Starting(running) | State::Running(running) => Some(running),
            State::Waiting | State::Over => None,
        }
    }

    /// A container that has not started never will.
    fn stop(&mut self, grace: Duration, now: Instant) {
        let Some(running) = self.running() else {
            self.state = State::Over;
            return;
        };
        if !grace.is_zero() {
            running.signal(self.spec.stop_signal.0);
        }
        // A grace beyond what the clock can count is none that ends.
        let kill_at = now.checked_add(grace);
        self.kill_at = [self.kill_at, kill_at].into_iter().flatten().min();
    }

    fn kill_if_overdue(&mut self, now: Instant) {
        if self.kill_at.is_some_and(|kill_at| kill_at <= now) {
            self.kill_at = None;
            if let Some(running) = self.running() {
                running.kill();
            }
        }
    }
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
            Message::Asked(request, reply) => self.answer(request, reply, mailbox),
            Message::Heard(index, report) => self.hear(index, report),
            Message::Ended(index, ended) => self.end(index, ended),
            Message::Terminated => self.stop_all(OWN_GRACE),
        }
    }

    fn answer(&mut self, request: Request, reply: Sender<Answer>, mailbox: &Sender<Message>) {
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
                        return execute(program, Duration::from_millis(timeout_ms), reply);
                    }
                    Err(refusal) => Err(refusal),
                }
            }
        };
        // Fails only if the server has gone.
        reply.send(answer.unwrap_or_else(Answer::Refused)).ok();
    }

    fn find(&self, container: &str) -> Result<usize, String> {
        let position = self
            .members
            .iter()
            .position(|member| member.spec.name == container);
        position.ok_or_else(|| format!("the task has no container `{container}`"))
    }

    fn start(&mut self, index: usize, mailbox: &Sender<Message>) {
        let started = self
            .launch(index)
            .and_then(|launch| launch.start(mailbox.clone()));
        match started {
            Ok(running) => self.members[index].state = State::Starting(running),
            Err(error) => self.end(
                index,
                Err(failed(Stage::Supervisor, "start the container")(error)),
            ),
        }
    }

    fn launch(&self, index: usize) -> io::Result<Launch> {
        let member = &self.members[index];
        Ok(Launch {
            index,
            name: member.spec.name.clone(),
            order: ContainerOrder {
                hostname: self.hostname(member),
                read_only_root: member.spec.read_only_root,
                mounts: member.scratch.mounts.clone(),
                program: self.program(member, None),
            },
            scratch: member.scratch.directory.try_clone()?,
            log: member.log.try_clone()?,
            namespaces: matches!(self.order.isolation, Isolation::Namespaces(_)),
        })
    }

    fn hostname(&self, member: &Member) -> String {
        let from_id = || self.order.spec.id.chars().take(12).collect();
        member.spec.hostname.clone().unwrap_or_else(from_id)
    }

    fn program(&self, member: &Member, join: Option<i32>) -> Program {
        let spec = &member.spec;
        let mut env = spec.env.clone();
        let place = match self.order.isolation {
            Isolation::Namespaces(ids) => Place::Namespaces {
                single_id: ids == Ids::Single,
                join,
            },
            Isolation::Process { change_root } => {
                tell_port(&mut env, &member.ports);
                Place::Process {
                    root: member.scratch.path.join("root"),
                    change_root,
                }
            }
        };
        Program {
            argv: spec.argv.clone(),
            env,
            usual_variables: spec.usual_variables,
            hostname: self.hostname(member),
            workdir: PathBuf::from(&spec.workdir),
            user: spec.user.clone(),
            limits: spec.limits.clone(),
            no_new_privileges: spec.no_new_privileges,
            place,
            probe: self.order.probe,
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
            ..self.program(member, running.pid())
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

/// A plain process has to listen on the host's own port.
fn tell_port(env: &mut Variables, ports: &[PortBinding]) {
    if let Some(first) = ports.first() {
        env.set("PORT", &first.host.port().to_string());
    }
}

fn execute(program: Program, timeout: Duration, reply: Sender<Answer>) {
    let refused = reply.clone();
    let started = thread::Builder::new().spawn(move || {
        let answer = match exec::run(&program, timeout) {
            Ok(outcome) => Answer::Executed(outcome),
            Err(failure) => Answer::Refused(failure.to_string()),
        };
        // Fails only if the server has gone.
        reply.send(answer).ok();
    });
    if let Err(error) = started {
        refused
            .send(Answer::Refused(format!("start a thread: {error}")))
            .ok();
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
