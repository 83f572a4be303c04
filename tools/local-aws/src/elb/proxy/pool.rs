//! Connections to one target, kept open between requests.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Request;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::body::Upload;

/// AWS gives a target this long to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that is ready for a request.
pub(super) struct Connection {
    sender: http1::SendRequest<Upload>,
    /// Whether it carried a request before, so that its peer may be closing it just now.
    pub(super) reused: bool,
}

impl Connection {
    /// Sends a request; an error hands it back if not a byte of it was written.
    pub(super) fn send(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = Result<http::Response<Incoming>, TrySendError<Request<Upload>>>> + use<>
    {
        self.sender.try_send_request(request)
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectError {
    Refused,
    Timeout,
}

/// The connections of one target.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    idle: Vec<Idle>,
    /// The tasks that move the bytes of all connections, idle or not.
    drivers: JoinSet<()>,
}

struct Idle {
    sender: http1::SendRequest<Upload>,
    since: Instant,
}

impl Pool {
    /// The connection used last that is ready, if there is one.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut state = self.state();
        let mut at = state.idle.len();
        while at > 0 {
            at -= 1;
            if state.idle[at].sender.is_closed() {
                state.idle.remove(at);
            } else if state.idle[at].sender.is_ready() {
                let sender = state.idle.remove(at).sender;
                return Some(Connection {
                    sender,
                    reused: true,
                });
            }
            // Neither: its last exchange is just ending. It will be ready for somebody else.
        }
        None
    }

    /// Opens one more connection.
    pub(super) async fn connect(&self, address: SocketAddr) -> Result<Connection, ConnectError> {
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
            .await
            .map_err(|_elapsed| ConnectError::Timeout)?
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::TimedOut => ConnectError::Timeout,
                _ => ConnectError::Refused,
            })?;
        stream
            .set_nodelay(true)
            .map_err(|_broken| ConnectError::Refused)?;
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_broken| ConnectError::Refused)?;
        let driver = async move {
            // Whoever sends on the connection learns of its errors; an idle one is just gone.
            drop(connection.with_upgrades().await);
        };
        let mut state = self.state();
        while state.drivers.try_join_next().is_some() {}
        state.drivers.spawn(driver);
        Ok(Connection {
            sender,
            reused: false,
        })
    }

    /// Takes back a connection whose answer was read to its end.
    pub(super) fn put(&self, connection: Connection) {
        let mut state = self.state();
        if !state.closed && !connection.sender.is_closed() {
            state.idle.push(Idle {
                sender: connection.sender,
                since: Instant::now(),
            });
        }
    }

    /// Closes connections that are gone or were idle for as long as `idle`.
    pub(super) fn reap(&self, idle: Duration) {
        self.state()
            .idle
            .retain(|kept| !kept.sender.is_closed() && kept.since.elapsed() < idle);
    }

    /// Closes idle connections, now and whenever one is put back.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.idle.clear();
    }

    /// Ends all connections, whatever they carry.
    pub(super) fn cut(&self) {
        self.state().drivers.abort_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done by a panic: every change is one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
