//! The HTTP front: one port on loopback for every service's API, for the registry and for this server's own
//! control endpoints. It knows wire formats and nothing of what operations do.

mod api;
mod calls;
mod guard;
mod intake;
mod local;
mod objects;
mod registry;
mod reply;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use toolkit::Console;

use crate::cloud::{Cloud, Service};
use crate::faults::rules::{Outcome, Verdict};
use crate::faults::{Faults, errors};
use crate::protocol::{Answer, AwsError};
use reply::Reply;

/// Clients keep connections open between requests; a head that takes longer is no client's.
const HEAD_TIME: Duration = Duration::from_secs(120);
/// How long requests may go on after the server was told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// More than a thousand tools at once is a mistake, and file descriptors are few.
const CONNECTIONS: usize = 1000;
/// Before the next attempt when the machine has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What becomes of running tasks when the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tasks {
    /// They run on; the next server finds them.
    Keep,
    /// They are stopped.
    Stop,
}

/// The front of one local AWS.
pub struct Front {
    cloud: Arc<Cloud>,
    console: Arc<Console>,
    endpoint: String,
    started: Instant,
    ending: watch::Sender<Option<Tasks>>,
    faults: Faults,
    calls: calls::Calls,
}

/// A fault was asked for: the connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault rule cut it off")]
struct Cut;

impl Front {
    /// The front of `cloud`, which answers at `endpoint` (`http://127.0.0.1:PORT`).
    #[must_use]
    pub fn new(cloud: Arc<Cloud>, console: Arc<Console>, endpoint: String) -> Arc<Self> {
        Arc::new(Self {
            cloud,
            console,
            endpoint,
            started: Instant::now(),
            ending: watch::Sender::new(None),
            faults: Faults::none(),
            calls: calls::Calls::default(),
        })
    }

    /// Tells the server to stop; the first word counts.
    pub fn stop(&self, tasks: Tasks) {
        self.ending.send_if_modified(|ending| {
            let is_first = ending.is_none();
            ending.get_or_insert(tasks);
            is_first
        });
    }

    /// Answers connections until the server is told to stop, then lets running requests end, for a while.
    /// Gives what is to become of the tasks.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> Tasks {
        let mut ending = self.ending.subscribe();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        let tasks = loop {
            tokio::select! {
                tasks = told_to_stop(&mut ending) => break tasks,
                stream = accept(&listener, &self.console, &places) => {
                    connections.spawn(Arc::clone(&self).converse(stream));
                }
                // Ended ones are forgotten as they end.
                Some(_ended) = connections.join_next() => {}
            }
        };
        drop(listener);
        let drained = tokio::time::timeout(DRAIN_TIME, async {
            while connections.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            self.console.warning(&format!(
                "{} requests were cut off, as they took more than {} seconds to end",
                connections.len(),
                DRAIN_TIME.as_secs()
            ));
        }
        tasks
    }

    async fn converse(
        self: Arc<Self>,
        (stream, _place): (TcpStream, tokio::sync::OwnedSemaphorePermit),
    ) {
        let mut ending = self.ending.subscribe();
        let front = Arc::clone(&self);
        let service = service_fn(move |request| {
            let front = Arc::clone(&front);
            async move { front.answer(request).await }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            _tasks = told_to_stop(&mut ending) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            self.console.detail(&format!("a connection broke: {error}"));
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Cut> {
        let begun = Instant::now();
        let request_id = uuid::Uuid::new_v4().to_string();
        let (title, mut reply) = self.route(request, &request_id).await?;
        let id = HeaderValue::from_str(&request_id).expect("a UUID is a header's value");
        reply.headers_mut().insert("x-amzn-requestid", id);
        let line = format!(
            "{title} {} {} ms",
            reply.status().as_u16(),
            begun.elapsed().as_millis()
        );
        if reply.status() == StatusCode::INTERNAL_SERVER_ERROR {
            self.console.error(&line);
        } else {
            self.console.detail(&line);
        }
        Ok(reply)
    }

    /// The answer, and what was asked in a word or two.
    async fn route(
        &self,
        request: Request<Incoming>,
        request_id: &str,
    ) -> Result<(String, Reply), Cut> {
        let path = request.uri().path();
        let title = format!("{} {path}", request.method());
        if let Some(reason) = guard::refusal(request.headers()) {
            let reply = refused(StatusCode::FORBIDDEN, "Forbidden", &reason);
            return Ok((title, reply));
        }
        if path == "/v2" || path.starts_with("/v2/") {
            return Ok((title, registry::answer(&self.cloud.ecr, request).await));
        }
        if let Some(place) = path.strip_prefix("/_local/") {
            let place = place.to_owned();
            return Ok((title, self.local(&place, request).await));
        }
        if api::signed_for(request.headers()) == Some(Service::S3.name()) {
            return self.objects(request, request_id).await;
        }
        if request.method() == Method::POST || api::is_link(request.method(), request.uri()) {
            return self.operate(request, request_id).await;
        }
        let reason = "POST an operation of AWS's API to /, or look at /_local/state";
        Ok((title, refused(StatusCode::NOT_FOUND, "NotFound", reason)))
    }

    /// Runs an operation of a service's API, or does what a fault rule has it do instead.
    async fn operate(
        &self,
        request: Request<Incoming>,
        request_id: &str,
    ) -> Result<(String, Reply), Cut> {
        let (head, body) = request.into_parts();
        let body = match intake::whole(&head.headers, body, api::limit(&head.headers)).await {
            Ok(body) => body,
            Err(error) => {
                let reply = refused(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    &error.to_string(),
                );
                return Ok(("POST /".to_owned(), reply));
            }
        };
        let call = match api::read(&head, &body) {
            Ok(call) => call,
            Err(api::Misdirected { dialect, error }) => {
                self.console.warning(&error.to_string());
                let reply = api::write(dialect, "", Err(error), request_id);
                return Ok(("POST /".to_owned(), reply));
            }
        };
        let (service, dialect) = (call.service, call.dialect);
        let operation = call.operation.clone();
        let Verdict { delay_ms, outcome } = self.faults.decide(service, &operation);
        let answer = self.carry_out(call, outcome).await;
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        self.calls
            .record(service, &operation, !matches!(answer, Ok(Ok(_))));
        let title = format!("{}.{operation}", service.name());
        let answer = answer?;
        if let Err(error) = &answer {
            if error.status >= 500 {
                self.console.warning(&format!("{title}: {error}"));
            } else {
                self.console.detail(&format!("{title}: {error}"));
            }
        }
        let reply = api::write(dialect, &operation, answer, request_id);
        Ok((title, reply))
    }

    /// The operation's answer, or the fault's.
    async fn carry_out(&self, call: api::Call, outcome: Outcome) -> Result<Answer, Cut> {
        match outcome {
            Outcome::CutBefore => return Err(Cut),
            Outcome::Refused(kind) => {
                if let Some(error) = errors::error(kind, call.service) {
                    return Ok(Err(error));
                }
            }
            Outcome::Right | Outcome::CutAfter => {}
        }
        let api::Call {
            service,
            operation,
            input,
            ..
        } = call;
        let cloud = Arc::clone(&self.cloud);
        let asked = operation.clone();
        // Operations write to the database before they answer; connections must not wait for that.
        let answer: Answer =
            tokio::task::spawn_blocking(move || cloud.call(service, &asked, &input))
                .await
                .unwrap_or_else(|panic| Err(AwsError::internal(format!("{operation} {panic}"))));
        if outcome == Outcome::CutAfter {
            return Err(Cut);
        }
        Ok(answer)
    }
}

/// Waits for the word to stop.
async fn told_to_stop(ending: &mut watch::Receiver<Option<Tasks>>) -> Tasks {
    match ending.wait_for(Option::is_some).await {
        Ok(tasks) => tasks.unwrap_or(Tasks::Keep),
        // The front, which would say it, is gone.
        Err(_gone) => Tasks::Keep,
    }
}

/// The next connection, and its place among those that may be open.
async fn accept(
    listener: &TcpListener,
    console: &Console,
    places: &Arc<Semaphore>,
) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => return (stream, place),
            Err(error) => {
                console.warning(&format!("cannot take a connection: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A refusal outside of any dialect; every client shows at least its message.
fn refused(status: StatusCode, code: &str, message: &str) -> Reply {
    reply::json(status, &json!({ "__type": code, "message": message }))
}
