//! Runs the test command: its output line by line, a time limit, and nothing left behind.

use std::io::{BufRead as _, BufReader, PipeReader, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use toolkit::process::Invocation;

/// Between the request to stop and the kill: a runner writes its report meanwhile.
const STOPPING: Duration = Duration::from_secs(5);
/// How long processes that the command left behind may hold its output open.
const LEFTOVERS: Duration = Duration::from_secs(1);
/// Bytes of a line; what is longer comes in pieces.
const LONGEST_LINE: u64 = 1 << 16;
/// Lines that wait while one is shown.
const WAITING: usize = 1_024;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, with this code.
    Code(i32),
    /// By a signal of this number.
    Signal(i32),
    /// By us, at the time limit.
    TimedOut,
    /// By us, because somebody interrupted us.
    Interrupted,
}

enum Event {
    Line(String),
    EndOfOutput,
    Exited(std::io::Result<ExitStatus>),
    Interrupted,
}

/// Runs the command in a process group of its own and gives every line to `show` as it comes, stdout and
/// stderr in the order in which they were written.
pub(crate) fn run(
    invocation: &Invocation,
    limit: Duration,
    show: impl FnMut(&str),
) -> anyhow::Result<End> {
    // One pipe for both, since cargo names the binary on stderr whose results follow on stdout.
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    let mut command = invocation.command();
    command
        .stdout(writer.try_clone().context("cannot make a pipe")?)
        .stderr(writer)
        .process_group(0);
    let child = command
        .spawn()
        .with_context(|| format!("cannot start `{invocation}`"))?;
    // The pipe is at its end when nobody but the child can write to it.
    drop(command);
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (sender, events) = sync_channel(WAITING);
    watch(child, reader, &sender)?;
    Follower {
        group,
        events,
        show,
        status: None,
        forced: None,
        is_silent: false,
    }
    .follow(Instant::now() + limit)
}

/// Starts the threads that turn output, end and signals into events. They end with the process.
fn watch(mut child: Child, reader: PipeReader, events: &SyncSender<Event>) -> anyhow::Result<()> {
    let lines = events.clone();
    thread::spawn(move || read_lines(reader, &lines));
    let exit = events.clone();
    thread::spawn(move || send(&exit, Event::Exited(child.wait())));
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot watch for signals")?;
    let interruptions = events.clone();
    thread::spawn(move || {
        for _signal in signals.forever() {
            if !send(&interruptions, Event::Interrupted) {
                return;
            }
        }
    });
    Ok(())
}

/// False when nobody listens any more.
fn send(events: &SyncSender<Event>, event: Event) -> bool {
    events.send(event).is_ok()
}

fn read_lines(reader: PipeReader, events: &SyncSender<Event>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
        {
            // A pipe that cannot be read has nothing more to say.
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches('\n').trim_end_matches('\r');
        if !send(events, Event::Line(text.to_owned())) {
            return;
        }
    }
    send(events, Event::EndOfOutput);
}

struct Follower<S> {
    group: Option<Pid>,
    events: Receiver<Event>,
    show: S,
    status: Option<ExitStatus>,
    /// Why we end it, if we do.
    forced: Option<End>,
    /// Whether the output is at its end.
    is_silent: bool,
}

impl<S: FnMut(&str)> Follower<S> {
    fn follow(mut self, limit: Instant) -> anyhow::Result<End> {
        let mut deadline = limit;
        // After the second deadline nothing is waited for any more.
        let mut was_killed = false;
        loop {
            match (self.status, self.is_silent) {
                (Some(status), true) => return Ok(self.end(status)),
                (Some(status), false) if was_killed && Instant::now() >= deadline => {
                    return Ok(self.end(status));
                }
                _ => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // A deadline also holds for a command that never stops talking.
            let event = if left.is_zero() {
                Err(RecvTimeoutError::Timeout)
            } else {
                self.events.recv_timeout(left)
            };
            match event {
                Ok(Event::Line(line)) => (self.show)(&line),
                Ok(Event::EndOfOutput) => self.is_silent = true,
                Ok(Event::Exited(status)) => {
                    self.status = Some(status.context("cannot wait for the test command")?);
                    deadline = Instant::now() + LEFTOVERS;
                }
                Ok(Event::Interrupted) => {
                    // Whoever asks twice does not want to wait.
                    let is_again = self.forced.replace(End::Interrupted).is_some();
                    self.signal(if is_again { Signal::KILL } else { Signal::TERM });
                    deadline = Instant::now() + STOPPING;
                }
                Err(RecvTimeoutError::Timeout)
                    if self.status.is_none() && self.forced.is_none() =>
                {
                    self.forced = Some(End::TimedOut);
                    self.signal(Signal::TERM);
                    deadline = Instant::now() + STOPPING;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.signal(Signal::KILL);
                    was_killed = true;
                    deadline = Instant::now() + LEFTOVERS;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    anyhow::bail!("lost sight of the test command")
                }
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It fails only when the whole group is gone already, which is what is wanted.
            kill_process_group(group, signal).unwrap_or_default();
        }
    }

    fn end(&self, status: ExitStatus) -> End {
        // Whatever the command left running ends with it.
        self.signal(Signal::KILL);
        if let Some(forced) = self.forced {
            return forced;
        }
        match (status.code(), status.signal()) {
            (Some(code), _) => End::Code(code),
            (None, signal) => End::Signal(signal.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> (End, Vec<String>) {
        let mut lines = Vec::new();
        let call = Invocation::new("sh").args(["-c", script]);
        let end = run(&call, limit, |line| lines.push(line.to_owned())).unwrap();
        (end, lines)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn keeps_the_order_of_both_streams() {
        let (end, lines) = shell("echo 1; echo 2 >&2; echo 3; printf 4; exit 7", LONG);
        assert_eq!(end, End::Code(7));
        assert_eq!(lines, ["1", "2", "3", "4"]);
    }

    #[test]
    fn tells_a_signal_from_a_code() {
        assert_eq!(shell("kill -9 $$", LONG), (End::Signal(9), Vec::new()));
    }

    #[test]
    fn stops_the_whole_group_at_the_limit_and_keeps_what_was_read() {
        let (end, lines) = shell(
            "trap 'echo stopping; exit 0' TERM; sleep 600 & echo begun; wait",
            Duration::from_secs(2),
        );
        assert_eq!(end, End::TimedOut);
        assert_eq!(lines, ["begun", "stopping"]);
    }

    #[test]
    fn does_not_wait_for_what_the_command_left_behind() {
        let (end, lines) = shell("sleep 600 & echo done", LONG);
        assert_eq!(end, End::Code(0));
        assert_eq!(lines, ["done"]);
    }

    #[test]
    fn cuts_lines_without_end() {
        let (_, lines) = shell("head -c 70000 /dev/zero | tr '\\0' x", LONG);
        assert_eq!(
            lines.iter().map(String::len).collect::<Vec<_>>(),
            [65_536, 4_464]
        );
    }
}
