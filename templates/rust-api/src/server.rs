//! Sockets: accepts, hands requests to [`routes`], and on SIGTERM or SIGINT stops without dropping one.
//!
//! The stop relies on what ECS does: the load balancer stops sending before the signal comes. So the listener
//! closes at once, idle connections close, requests in flight are answered with `Connection: close`.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};

use crate::json::Value;
use crate::log::{Level, Log};
use crate::routes::{self, About, Answer};

/// hyper has one clock for a connection that idles and for a head that trickles in. It must outlast the load
/// balancer's idle time-out (ALB: 60 s), otherwise the balancer now and then picks a connection that is just
/// closing, and its client sees a 502.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Head of a request, in bytes: as much as an ALB lets through.
const HEAD_LIMIT: usize = 64 * 1024;
/// Body of a request, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after an accept that failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until a signal comes, then waits for requests in flight, at most `grace`.
///
/// # Errors
/// If the port cannot be had or signals cannot be caught.
pub async fn serve(port: u16, grace: Duration, about: About, log: Log) -> io::Result<()> {
    let mut signals = StopSignals::new()?;
    let listener = listen(port).await?;
    let address = listener.local_addr()?.to_string();
    log.line(
        Level::Quiet,
        "listening",
        [
            ("address", Value::Text(&address)),
            ("name", Value::Text(about.name)),
            ("version", Value::Text(&about.version)),
            ("commit", Value::Text(&about.commit)),
            ("host", Value::Text(&about.host)),
        ],
    );
    let connections = GracefulShutdown::new();
    let signal = accept(&listener, &mut signals, &connections, &Arc::new(about), log).await;
    drop(listener);
    log.line(
        Level::Quiet,
        "stopping",
        [
            ("signal", Value::Text(signal)),
            ("connections", Value::Number(connections.count() as u64)),
        ],
    );
    let drained = timeout(grace, connections.shutdown()).await.is_ok();
    log.line(Level::Quiet, "stopped", [("drained", Value::Flag(drained))]);
    Ok(())
}

async fn listen(port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    TcpListener::bind(address).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}

/// Starts a task for each connection, until a signal comes; returns the signal's name.
async fn accept(
    listener: &TcpListener,
    signals: &mut StopSignals,
    connections: &GracefulShutdown,
    about: &Arc<About>,
    log: Log,
) -> &'static str {
    loop {
        let next = poll_fn(|cx| match signals.poll(cx) {
            Poll::Ready(signal) => Poll::Ready(Err(signal)),
            Poll::Pending => listener.poll_accept(cx).map(Ok),
        });
        match next.await {
            Ok(Ok((stream, _peer))) => open(stream, connections, Arc::clone(about), log),
            Ok(Err(error)) => {
                let error = error.to_string();
                log.line(
                    Level::Quiet,
                    "accept-failed",
                    [("error", Value::Text(&error))],
                );
                sleep(ACCEPT_PAUSE).await;
            }
            Err(signal) => return signal,
        }
    }
}

fn open(stream: TcpStream, connections: &GracefulShutdown, about: Arc<About>, log: Log) {
    let service = service_fn(move |request| respond(Arc::clone(&about), log, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let watched = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            let error = error.to_string();
            log.line(
                Level::Debug,
                "connection-broken",
                [("error", Value::Text(&error))],
            );
        }
    });
}

async fn respond(
    about: Arc<About>,
    log: Log,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let start = Instant::now();
    let (head, body) = request.into_parts();
    let method = head.method.clone();
    // Without the query, which may hold what no log should.
    let path = head.uri.path().to_owned();
    log.line(
        Level::Debug,
        "received",
        [
            ("method", Value::Text(method.as_str())),
            ("path", Value::Text(&path)),
        ],
    );
    let answer = match read_body(body).await {
        Ok(body) => routes::answer(&about, &Request::from_parts(head, body)),
        Err(refusal) => refusal,
    };
    // Even a wait for nothing would take until the timer's next millisecond.
    if !answer.delay.is_zero() {
        sleep(answer.delay).await;
    }
    log.line(
        Level::Info,
        "request",
        [
            ("method", Value::Text(method.as_str())),
            ("path", Value::Text(&path)),
            ("status", Value::Number(answer.status.as_u16().into())),
            ("ms", Value::Number(start.elapsed().as_millis() as u64)),
        ],
    );
    Ok(response(answer))
}

/// The whole body, so that the connection is ready for the next request; or the answer that refuses it.
async fn read_body(body: Incoming) -> Result<Bytes, Answer> {
    let refusal = |status, reason: &str| Err(Answer::text(status, reason));
    match timeout(BODY_TIMEOUT, Limited::new(body, BODY_LIMIT).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
        }
        Ok(Err(_broken)) => refusal(StatusCode::BAD_REQUEST, "the body is broken"),
        Err(_elapsed) => refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    if let Some(methods) = answer.allow {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    response
}

/// What asks the service to stop: SIGTERM from ECS, SIGINT from a terminal. Catching them also matters because
/// process 1 of a container ignores both otherwise.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        if self.terminate.poll_recv(cx).is_ready() {
            Poll::Ready("SIGTERM")
        } else {
            self.interrupt.poll_recv(cx).map(|_| "SIGINT")
        }
    }
}
