//! A task's network: nothing but a loopback interface, with relays to the host for what the spec names.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::{interface, relay};
use crate::event::{PortBinding, Stage};
use crate::failure::{Failure, failed};
use crate::runtime::{Notice, Order};
use crate::spec::HostService;
use crate::stage::Isolation;

/// The address that the outside reaches a task by, inside the task; link-local, as ECS's own are. Not 127.0.0.1: a
/// program that listens only there is not reachable on ECS, and must not seem to be here.
pub(in crate::stage) const TASK_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 172, 2);

/// Lets a container's user listen on any port, as Docker and Fargate do.
const FIRST_FREE_PORT: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

pub(super) struct Network {
    listening: Vec<(PortBinding, TcpListener)>,
    services: Vec<HostService>,
}

impl Network {
    /// Opens every host port, while the host's network is this process's own.
    pub(super) fn listen(order: &Order, warnings: &mut Vec<String>) -> Result<Network, Notice> {
        let mut listening = Vec::new();
        for container in &order.spec.containers {
            for port in &container.ports {
                let address = SocketAddr::new(port.host_address, port.host_port);
                let taken = |error: io::Error| Notice::PortTaken {
                    address,
                    reason: error.to_string(),
                };
                let listener = TcpListener::bind(address).map_err(taken)?;
                let host = listener.local_addr().map_err(taken)?;
                let container = container.name.clone();
                listening.push((
                    PortBinding {
                        container,
                        container_port: port.container_port,
                        host,
                    },
                    listener,
                ));
            }
            if let (Isolation::Process { .. }, [first, _, ..]) =
                (order.isolation, container.ports.as_slice())
            {
                warnings.push(format!(
                    "container `{}`: a plain process is told one port, PORT for {}; its others lead nowhere",
                    container.name, first.container_port
                ));
            }
        }
        Ok(Network {
            listening,
            services: order.spec.host_services.clone(),
        })
    }

    pub(super) fn bindings(&self) -> Vec<PortBinding> {
        self.listening
            .iter()
            .map(|(binding, _)| binding.clone())
            .collect()
    }

    /// Moves this process and all that it starts to a network of their own.
    pub(super) fn enter(self) -> Result<(), Failure> {
        let at = Stage::Network;
        // These threads stay in the host's network, and connect there for the task.
        let mut waiting = Vec::new();
        for service in self.services {
            let (hand_over, listener) = mpsc::channel::<TcpListener>();
            start(move || {
                if let Ok(listener) = listener.recv() {
                    relay::serve(&listener, service.target);
                }
            })?;
            waiting.push((service.port, hand_over));
        }
        unshare(CloneFlags::CLONE_NEWNET).map_err(failed(at, "create a network namespace"))?;
        interface::bring_up(TASK_ADDRESS).map_err(failed(at, "bring up the loopback interface"))?;
        std::fs::write(FIRST_FREE_PORT, "0")
            .map_err(failed(at, format!("write {FIRST_FREE_PORT}")))?;
        for (binding, listener) in self.listening {
            let target = SocketAddr::from((TASK_ADDRESS, binding.container_port));
            start(move || relay::serve(&listener, target))?;
        }
        for (port, hand_over) in waiting {
            let problem = || format!("listen on 127.0.0.1:{port} in the task");
            let listener =
                TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed(at, problem()))?;
            hand_over.send(listener).map_err(failed(at, problem()))?;
        }
        Ok(())
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    thread::Builder::new()
        .spawn(work)
        .map(drop)
        .map_err(failed(Stage::Network, "start a relay"))
}
