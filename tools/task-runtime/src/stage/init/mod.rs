//! The first process of a container: makes its file system, starts its program, passes signals on, reaps what the
//! program leaves, and reports how it ended. With it ends everything else in the container.

mod file_system;
mod reaper;

use std::ffi::OsString;
use std::io::{self, BufReader};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};

use self::reaper::Reaper;
use super::again;
use super::wire::{ContainerOrder, FromInit, FromProgram, Place, Program, ToInit, take_channel};
use crate::control::{receive, send};
use crate::event::{Exit, Stage};
use crate::failure::{Failure, failed};

pub(super) fn run() -> i32 {
    let Ok(channel) = take_channel() else {
        return 1;
    };
    let report = match contain(&channel) {
        Ok(Some(exit)) => FromInit::Exited(exit),
        Ok(None) => return 0,
        Err(failure) => FromInit::Failed(failure),
    };
    i32::from(send(&channel, &report).is_err())
}

/// `None`: the supervisor is gone, and there is nobody to report to.
fn contain(channel: &UnixStream) -> Result<Option<Exit>, Failure> {
    umask(Mode::from_bits_truncate(0o022));
    let mut orders = BufReader::new(
        channel
            .try_clone()
            .map_err(failed(Stage::Supervisor, "clone the socket"))?,
    );
    let order: Option<ContainerOrder> =
        receive(&mut orders).map_err(failed(Stage::Supervisor, "read the order"))?;
    let Some(order) = order else { return Ok(None) };
    // The program's process is this executable at first, which only loads while the host's libraries are in reach.
    let mut starting =
        Starting::spawn().map_err(failed(Stage::Process, "start the program's process"))?;
    if let Place::Namespaces { .. } = order.program.place {
        prctl::set_pdeathsig(Signal::SIGKILL).map_err(failed(
            Stage::Supervisor,
            "tie the container to its supervisor",
        ))?;
        for warning in file_system::enter(&order)? {
            send(channel, &FromInit::Warned(warning))
                .map_err(failed(Stage::Supervisor, "report a warning"))?;
        }
        // Keeps the container from this executable of the host's by way of /proc/1/exe.
        prctl::set_dumpable(false).map_err(failed(Stage::Process, "close /proc/1 to others"))?;
    } else {
        prctl::set_child_subreaper(true)
            .map_err(failed(Stage::Process, "become the parent of orphans"))?;
    }
    for warning in starting.execute(&order.program)? {
        send(channel, &FromInit::Warned(warning))
            .map_err(failed(Stage::Supervisor, "report a warning"))?;
    }
    send(channel, &FromInit::Started).map_err(failed(Stage::Supervisor, "report the start"))?;
    let reaper = Reaper::new(starting.child.id());
    let alone = matches!(order.program.place, Place::Namespaces { .. });
    let listener = reaper.clone();
    std::thread::Builder::new()
        .spawn(move || listen(orders, &listener))
        .map_err(failed(Stage::Process, "start a thread"))?;
    let exit = reaper
        .wait()
        .map_err(failed(Stage::Process, "wait for the program"))?;
    if !alone {
        reaper::end_descendants().map_err(failed(Stage::Process, "end what the program left"))?;
    }
    Ok(Some(exit))
}

/// Carries out orders until the supervisor is gone, and then ends the container.
fn listen(mut orders: BufReader<UnixStream>, reaper: &Reaper) {
    loop {
        match receive(&mut orders) {
            Ok(Some(ToInit::Signal(signal))) => reaper.signal(signal),
            Ok(Some(ToInit::Kill)) | Ok(None) | Err(_) => {
                return reaper.signal(Signal::SIGKILL as i32);
            }
        }
    }
}

/// The process that will be the program.
struct Starting {
    child: Child,
    channel: UnixStream,
    reports: BufReader<UnixStream>,
}

impl Starting {
    fn spawn() -> io::Result<Starting> {
        let (channel, theirs) = UnixStream::pair()?;
        let child = again(&OsString::from("program"), "process")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()?;
        let mut reports = BufReader::new(channel.try_clone()?);
        match receive(&mut reports)? {
            Some(FromProgram::Loaded) => Ok(Starting {
                child,
                channel,
                reports,
            }),
            _ => Err(io::Error::other("it ended before it was loaded")),
        }
    }

    /// Returns once the program runs, with warnings.
    fn execute(&mut self, program: &Program) -> Result<Vec<String>, Failure> {
        let unheard = "start the program";
        send(&self.channel, program).map_err(failed(Stage::Process, unheard))?;
        self.channel
            .shutdown(Shutdown::Write)
            .map_err(failed(Stage::Process, unheard))?;
        let mut warnings = Vec::new();
        while let Some(report) =
            receive(&mut self.reports).map_err(failed(Stage::Process, unheard))?
        {
            match report {
                FromProgram::Loaded => {}
                FromProgram::Warned(warning) => warnings.push(warning),
                FromProgram::Failed(failure) => return Err(failure),
            }
        }
        Ok(warnings)
    }
}
