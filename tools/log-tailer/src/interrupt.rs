//! Being asked to end.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C, or for what CI systems send when they cancel.
pub(crate) async fn asked() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
