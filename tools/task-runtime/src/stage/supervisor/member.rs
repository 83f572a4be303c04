//! One container of a task, before, while and after it runs.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::container::{Launch, Running};
use super::scratch::Scratch;
use crate::event::{PortBinding, Stage};
use crate::failure::{Failure, failed};
use crate::ids::Ids;
use crate::runtime::Order;
use crate::spec::ContainerSpec;
use crate::stage::Isolation;
use crate::stage::wire::{ContainerOrder, Place, Program};
use crate::task::log_file;

/// One container of the task.
pub(super) struct Member {
    pub(super) spec: ContainerSpec,
    scratch: Scratch,
    log: File,
    pub(super) ports: Vec<PortBinding>,
    pub(super) state: State,
    /// When its grace is over.
    pub(super) kill_at: Option<Instant>,
}

pub(super) enum State {
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

    pub(super) fn running(&self) -> Option<&Running> {
        match &self.state {
            State::Starting(running) | State::Running(running) => Some(running),
            State::Waiting | State::Over => None,
        }
    }

    /// A container that has not started never will.
    pub(super) fn stop(&mut self, grace: Duration, now: Instant) {
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

    pub(super) fn kill_if_overdue(&mut self, now: Instant) {
        if self.kill_at.is_some_and(|kill_at| kill_at <= now) {
            self.kill_at = None;
            if let Some(running) = self.running() {
                running.kill();
            }
        }
    }

    /// What it takes to start it; its messages will name it by `index`.
    pub(super) fn launch(&self, index: usize, order: &Order) -> io::Result<Launch> {
        Ok(Launch {
            index,
            name: self.spec.name.clone(),
            order: ContainerOrder {
                hostname: self.hostname(order),
                read_only_root: self.spec.read_only_root,
                host_network: order.host_network,
                mounts: self.scratch.mounts.clone(),
                program: self.program(order, None),
            },
            scratch: self.scratch.directory.try_clone()?,
            log: self.log.try_clone()?,
            namespaces: matches!(order.isolation, Isolation::Namespaces(_)),
        })
    }

    fn hostname(&self, order: &Order) -> String {
        let from_id = || order.spec.id.chars().take(12).collect();
        self.spec.hostname.clone().unwrap_or_else(from_id)
    }

    /// Its program, to run in namespaces of its own or in those of the process `join`.
    pub(super) fn program(&self, order: &Order, join: Option<i32>) -> Program {
        let spec = &self.spec;
        let mut env = spec.env.clone();
        let place = match order.isolation {
            Isolation::Namespaces(ids) => Place::Namespaces {
                single_id: ids == Ids::Single,
                join,
            },
            Isolation::Process { change_root } => {
                // It shares the host's ports, so it has to listen on the host's own.
                if let Some(first) = self.ports.first() {
                    env.set("PORT", &first.host.port().to_string());
                }
                Place::Process {
                    root: self.scratch.path.join("root"),
                    change_root,
                }
            }
        };
        Program {
            argv: spec.argv.clone(),
            env,
            usual_variables: spec.usual_variables,
            hostname: self.hostname(order),
            workdir: PathBuf::from(&spec.workdir),
            user: spec.user.clone(),
            limits: spec.limits.clone(),
            no_new_privileges: spec.no_new_privileges,
            place,
            probe: order.probe,
        }
    }
}
