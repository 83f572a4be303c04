//! One probe of one target.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::matcher::Matcher;
use super::state::Outcome;

/// As much of an answer's body is read, so that a target does not see its answer cut off.
const READ_BYTES: usize = 64 * 1024;

/// What to ask, and what to make of the answer.
pub(in crate::elb) struct Probe {
    pub(in crate::elb) address: SocketAddr,
    /// Path and query.
    pub(in crate::elb) path: String,
    pub(in crate::elb) timeout: Duration,
    pub(in crate::elb) matcher: Matcher,
}

impl Probe {
    /// Asks once, on a connection of its own.
    pub(in crate::elb) async fn run(&self) -> Outcome {
        match tokio::time::timeout(self.timeout, self.ask()).await {
            Ok(Ok(status)) if self.matcher.takes(status.as_u16()) => Outcome::Success,
            Ok(Ok(status)) => Outcome::Mismatch(status.as_u16()),
            Ok(Err(_unreachable_or_not_http)) => Outcome::Failed,
            Err(_elapsed) => Outcome::Timeout,
        }
    }

    async fn ask(&self) -> anyhow::Result<StatusCode> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with this function.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = Request::get(self.path.as_str())
            .header(HOST, self.address.to_string())
            .header(USER_AGENT, "ELB-HealthChecker/2.0")
            .header(ACCEPT_ENCODING, "gzip, compressed")
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        read(response.into_body()).await;
        Ok(status)
    }
}

/// Reads what comes, within bounds; only the status counts, so it may break off.
async fn read(mut body: Incoming) {
    let mut rest = READ_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let count = frame.data_ref().map_or(0, Bytes::len);
        match rest.checked_sub(count) {
            Some(less) => rest = less,
            None => return,
        }
    }
}
