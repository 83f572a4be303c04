//! Runs the file system of an unpacked container image as a task on this machine.
//!
//! Where the kernel allows it (as root and as an ordinary user alike) a task has namespaces of its own: users,
//! network, processes, mounts, host name, IPC. Elsewhere it is a plain process, and [`Capability`] says so, so that
//! the caller can say it aloud. Each task is kept by a supervisor process that outlives whoever started it; all that
//! passes between the two is files in the task's directory, so a server that restarts attaches by path and misses
//! nothing. [`layers`] unpacks image layers into the file systems that tasks run from.
//!
//! The supervisor, each container's first process and the step before a container's program are the calling
//! executable itself, started again: its `main` must call [`entry`] before anything else.
//!
//! This crate must not know about AWS, HTTP or JSON APIs: a task is argv, environment, ports and a directory.

mod changes;
mod control;
mod event;
mod failure;
mod ids;
pub mod layers;
mod lock;
mod log;
mod remove;
mod root;
mod runtime;
mod spec;
mod stage;
mod task;
mod user;

pub use changes::{Change, ChangeKind, Kept, changes};
pub use control::ExecOutcome;
pub use event::{Event, EventKind, Exit, PortBinding, Stage};
pub use ids::Ids;
pub use lock::Lock;
pub use log::{LINE_LIMIT, LogPage, LogRecord, Stream};
pub use runtime::{Capability, Runtime, StartError, Started, THIS_EXECUTABLE};
pub use spec::{
    ContainerSpec, HostService, Lease, LimitedResource, Mount, MountSource, PortMapping,
    ResourceLimit, SpecError, StopSignal, TaskSpec, Variables,
};
pub use stage::entry;
pub use task::{EventPage, Task, TaskError};
