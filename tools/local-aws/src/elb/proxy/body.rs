//! Bodies on their way: the client's to the target, the target's to the client.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use super::backend::Lease;
use super::pool::Connection;

type BoxError = Box<dyn Error + Send + Sync>;

/// How an upload goes, for the one who waits for the answer.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    /// Milliseconds after `started`.
    moved: AtomicU64,
    /// Whether the client is the one who is waited for.
    starving: AtomicBool,
}

impl Progress {
    /// How long ago something moved.
    pub(super) fn idle(&self) -> Duration {
        self.started
            .elapsed()
            .saturating_sub(Duration::from_millis(self.moved.load(Ordering::Relaxed)))
    }

    pub(super) fn is_starving(&self) -> bool {
        self.starving.load(Ordering::Relaxed)
    }

    fn note(&self, starving: bool) {
        self.starving.store(starving, Ordering::Relaxed);
        if !starving {
            let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.moved.store(since, Ordering::Relaxed);
        }
    }
}

/// The client's body.
pub(super) enum Upload {
    Empty,
    Streamed {
        incoming: Incoming,
        progress: Arc<Progress>,
    },
}

impl Upload {
    pub(super) fn new(incoming: Incoming) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        let progress = Arc::new(Progress {
            started: Instant::now(),
            moved: AtomicU64::new(0),
            starving: AtomicBool::new(false),
        });
        Self::Streamed { incoming, progress }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Empty => None,
            Self::Streamed { progress, .. } => Some(Arc::clone(progress)),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Streamed { incoming, progress } => {
                let polled = Pin::new(incoming).poll_frame(cx);
                progress.note(polled.is_pending());
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streamed { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streamed { incoming, .. } => incoming.size_hint(),
        }
    }
}

/// The answer's body.
pub(super) enum Download {
    /// The load balancer's own.
    Whole(Option<Bytes>),
    /// The target's.
    Streamed(Stream),
}

/// A target's body, with what is held until its end: the connection and the request's place in flight.
pub(super) struct Stream {
    incoming: Incoming,
    held: Option<(Connection, Lease)>,
    idle_timeout: Duration,
    /// Runs while nothing comes.
    silence: Option<Pin<Box<Sleep>>>,
}

impl Download {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    pub(super) fn streamed(
        incoming: Incoming,
        connection: Connection,
        lease: Lease,
        idle_timeout: Duration,
    ) -> Self {
        let mut stream = Stream {
            incoming,
            held: Some((connection, lease)),
            idle_timeout,
            silence: None,
        };
        stream.release_at_end();
        Self::Streamed(stream)
    }
}

impl Stream {
    /// Gives the connection back once the body was read to its end.
    fn release_at_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some((connection, lease)) = self.held.take()
        {
            lease.backend().pool.put(connection);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
            let silence = self
                .silence
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(self.idle_timeout)));
            ready!(silence.as_mut().poll(cx));
            self.held = None;
            return Poll::Ready(Some(Err(Box::new(Silence))));
        };
        self.silence = None;
        match &frame {
            // Without this a body of unknown length would keep its connection: it has no end but this one.
            None => {
                if let Some((connection, lease)) = self.held.take() {
                    lease.backend().pool.put(connection);
                }
            }
            Some(Ok(_)) => self.release_at_end(),
            Some(Err(_)) => self.held = None,
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed(stream) => stream.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streamed(stream) => stream.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Streamed(stream) => stream.incoming.size_hint(),
        }
    }
}

/// The target sent nothing for as long as the idle time-out.
#[derive(Debug)]
struct Silence;

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the target fell silent in the middle of its answer")
    }
}

impl Error for Silence {}
