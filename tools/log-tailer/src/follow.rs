//! Going on with events as they are written.

use std::time::Duration;

use contract::exit;
use tokio::signal::ctrl_c;
use tokio::time::sleep;
use toolkit::Console;

use crate::event::Printer;
use crate::fetch::{FetchError, Source};
use crate::window::Window;

/// Two calls a second at most: the account has five, and others follow logs too.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause after throttling or a cut connection.
const LONGEST: Duration = Duration::from_secs(10);

/// Shows events until it is interrupted.
pub(crate) async fn follow(
    console: &Console,
    source: &Source,
    since: i64,
    printer: &mut Printer,
) -> anyhow::Result<u8> {
    tokio::select! {
        ended = show(console, source, since, printer) => ended.map(|()| exit::DONE),
        pressed = ctrl_c() => {
            pressed?;
            Ok(exit::INTERRUPTED)
        }
    }
}

async fn show(
    console: &Console,
    source: &Source,
    since: i64,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let mut window = Window::new(since);
    let mut trouble = Trouble::default();
    loop {
        match round(source, &mut window, printer).await? {
            Ok(()) => trouble.is_over(console),
            Err(error) => trouble.goes_on(console, source.group(), error)?,
        }
        sleep(trouble.pause()).await;
    }
}

/// Reads everything that the window asks for, once. Pages are shown as they come, each in order.
async fn round(
    source: &Source,
    window: &mut Window,
    printer: &mut Printer,
) -> anyhow::Result<Result<(), FetchError>> {
    let mut pages = source.pages(window.since(), None);
    loop {
        match pages.next().await {
            Ok(Some(events)) => {
                for fresh in window.admit(events) {
                    printer.print(&fresh.event, fresh.late)?;
                }
            }
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// What keeps events from being read, said once and not at every attempt.
#[derive(Default)]
struct Trouble {
    attempts: u32,
}

impl Trouble {
    fn goes_on(&mut self, console: &Console, group: &str, error: FetchError) -> anyhow::Result<()> {
        match error {
            FetchError::Final(error) => return Err(error),
            FetchError::NotThere(_) if self.attempts == 0 => {
                console.status(&format!(
                    "the log group {group} does not exist yet; waiting for it"
                ));
            }
            FetchError::Passing(error) if self.attempts == 0 => {
                console.warning(&format!("{error:#}; trying again"));
            }
            FetchError::NotThere(_) | FetchError::Passing(_) => {}
        }
        self.attempts += 1;
        Ok(())
    }

    fn is_over(&mut self, console: &Console) {
        if self.attempts > 0 {
            console.detail("log events can be read again");
        }
        self.attempts = 0;
    }

    fn pause(&self) -> Duration {
        PAUSE
            .saturating_mul(2_u32.saturating_pow(self.attempts.min(8)))
            .min(LONGEST)
    }
}
