//! Connections that stop being HTTP, such as WebSockets: bytes pass both ways until one side is done.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::backend::Lease;

const BUFFER: usize = 16 * 1024;

/// Joins both sides. Ends when both have ended, when nothing moved for the idle time-out, or when the target is cut.
pub(super) async fn tunnel(
    client: OnUpgrade,
    target: OnUpgrade,
    lease: Lease,
    idle_timeout: Duration,
) {
    // Either side may be gone before it was upgraded; then there is nobody left to tell.
    let Ok((client, target)) = tokio::try_join!(client, target) else {
        return;
    };
    let clock = Activity::new();
    let (client_read, client_write) = tokio::io::split(TokioIo::new(client));
    let (target_read, target_write) = tokio::io::split(TokioIo::new(target));
    let both = async {
        tokio::try_join!(
            pump(client_read, target_write, &clock),
            pump(target_read, client_write, &clock)
        )
    };
    tokio::select! {
        _ended = both => {}
        () = clock.silence(idle_timeout) => {}
        () = lease.backend().ended() => {}
    }
}

type Side = TokioIo<Upgraded>;

async fn pump(
    mut from: ReadHalf<Side>,
    mut to: WriteHalf<Side>,
    clock: &Activity,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        clock.note();
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
        clock.note();
    }
}

/// When something moved last.
struct Activity {
    started: Instant,
    /// Milliseconds after `started`.
    moved: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            moved: AtomicU64::new(0),
        }
    }

    fn note(&self) {
        let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(since, Ordering::Relaxed);
    }

    /// Waits until nothing has moved for as long as `limit`.
    async fn silence(&self, limit: Duration) {
        loop {
            let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
            let silent = self.started.elapsed().saturating_sub(moved);
            let Some(rest) = limit.checked_sub(silent).filter(|rest| !rest.is_zero()) else {
                return;
            };
            let mut sleep = pin!(tokio::time::sleep(rest));
            sleep.as_mut().await;
        }
    }
}
