//! What happened to a task, as its supervisor writes it to `events.jsonl`: one JSON document a line, oldest first.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    pub what: EventKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The supervisor runs and every host port accepts. Always the first event.
    Created {
        supervisor: i32,
        ports: Vec<PortBinding>,
    },
    /// Something is not as the spec asked; the task goes on.
    Warned {
        container: Option<String>,
        message: String,
    },
    /// The container's program was executed. `pid` is that of the container's first process on the host.
    Started {
        container: String,
        pid: i32,
        ports: Vec<PortBinding>,
    },
    /// The container ended; every line that it wrote is in its log.
    Exited { container: String, exit: Exit },
    /// The container never ran (or, without a container, the task as a whole failed).
    Failed {
        container: Option<String>,
        stage: Stage,
        message: String,
    },
    /// Nobody held the lease for so long that the supervisor stops the task.
    LeaseExpired,
    /// Nothing runs any more and nothing will. Always the last event. Where it is missing although
    /// `Task::is_alive` says no, the supervisor was killed, and its containers with it.
    Finished,
}

/// A port mapping with the host port that it really got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBinding {
    pub container: String,
    pub container_port: u16,
    pub host: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl Exit {
    /// The exit code as container engines show it: 128 + n for a death by signal n (137 for SIGKILL).
    pub fn code(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        }
    }
}

/// Where a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The supervisor process, its directory or its control socket.
    Supervisor,
    /// Namespaces and id maps.
    Isolation,
    /// Listeners, loopback interface, relays.
    Network,
    /// The container's file system and mounts.
    FileSystem,
    /// User, limits, working directory.
    Process,
    /// The program itself: missing, not executable, wrong format.
    Exec,
}
