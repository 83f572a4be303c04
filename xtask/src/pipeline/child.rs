//! Running a tool: its lines prefixed by its step, its end awaited also through Ctrl-C.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context as _;
use contract::exit;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use toolkit::process::Invocation;

/// Starts the command, waits for its end, and passes SIGTERM on to it.
///
/// Ctrl-C reaches the child by the terminal; this process only has to outlive it, because the child says
/// what it leaves running.
pub(crate) fn wait(command: &mut Command, call: &Invocation) -> anyhow::Result<ExitStatus> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for signals")?;
    let listener = signals.handle();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{call}`"))?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let passing_on = thread::spawn(move || {
        for signal in &mut signals {
            if signal == SIGTERM {
                // The child may just have ended by itself.
                kill(pid, Signal::SIGTERM).unwrap_or_default();
            }
        }
    });
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for `{call}`"));
    listener.close();
    passing_on.join().ok();
    status
}

/// Runs the call and gives every line of its stdout and stderr to `show`, as it comes.
pub(crate) fn run(call: &Invocation, show: &(impl Fn(&str) + Sync)) -> anyhow::Result<ExitStatus> {
    let (stdout, stdout_end) = std::io::pipe().context("cannot make a pipe")?;
    let (stderr, stderr_end) = std::io::pipe().context("cannot make a pipe")?;
    let mut command = call.command();
    command
        .stdout(Stdio::from(stdout_end))
        .stderr(Stdio::from(stderr_end));
    thread::scope(|scope| {
        scope.spawn(|| lines(stdout, show));
        scope.spawn(|| lines(stderr, show));
        let status = wait(&mut command, call);
        // The command holds the writing ends; without them the readers come to their end.
        drop(command);
        status
    })
}

/// The code that this process ends with for a child's end.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let of_signal = |signal: i32| {
        if signal == SIGINT {
            exit::INTERRUPTED
        } else {
            exit::FAILED
        }
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(exit::FAILED),
        (None, Some(signal)) => of_signal(signal),
        (None, None) => exit::FAILED,
    }
}

/// Whether a person has pressed Ctrl-C, from now on.
pub(crate) fn interruption() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, Arc::clone(&flag)).context("cannot listen for signals")?;
    Ok(flag)
}

/// Whether the flag of [`interruption`] is up.
pub(crate) fn is_interrupted(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}

fn lines(stream: impl Read, show: &impl Fn(&str)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    // A read error on a pipe means that there is nothing more to show.
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        show(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn shows_every_line_and_gives_the_code() {
        let seen = Mutex::new(Vec::new());
        let call =
            Invocation::new("sh").args(["-c", "echo one; echo two >&2; printf three; exit 4"]);
        let status = run(&call, &|line| seen.lock().unwrap().push(line.to_owned())).unwrap();
        let mut seen = seen.into_inner().unwrap();
        seen.sort();
        assert_eq!(seen, ["one", "three", "two"]);
        assert_eq!(exit_code(status), 4);
    }
}
