//! One request to one target, and its answer back.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::answers;
use super::backend::Backend;
use super::body::{Download, Progress, Upload};
use super::group::Group;
use super::headers;
use super::pool::{ConnectError, Connection};
use super::upgrade::tunnel;
use crate::elb::attributes::Settings;
use crate::elb::metrics::BalancerCounters;

/// What a request's way depends on besides its target group.
pub(super) struct Passage<'a> {
    pub(super) peer: SocketAddr,
    /// The port that the client called.
    pub(super) port: &'a HeaderValue,
    pub(super) settings: &'a Settings,
    pub(super) counters: &'a BalancerCounters,
}

/// Sends a request to the group's next target; what goes wrong is answered as AWS does.
pub(super) async fn forward(
    group: &Group,
    mut request: Request<Incoming>,
    passage: &Passage<'_>,
) -> Response<Download> {
    let Some(lease) = group.choose() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, passage);
    };
    passage.counters.count_request();
    group.counters.count_request();
    let upgrade = headers::upgrade(request.headers())
        .map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
    let outgoing = outgoing(request, upgrade.as_ref(), passage);
    let started = Instant::now();
    let idle_timeout = passage.settings.idle_timeout;
    let (mut response, connection) = match exchange(lease.backend(), outgoing, idle_timeout).await {
        Ok(answered) => answered,
        Err(status) => return refuse(status, passage),
    };
    group
        .counters
        .count_answer(response.status(), started.elapsed());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some((_, client)) = upgrade else {
            return refuse(StatusCode::BAD_GATEWAY, passage);
        };
        let protocol = headers::upgrade(response.headers());
        let target = hyper::upgrade::on(&mut response);
        tokio::spawn(tunnel(client, target, lease, idle_timeout));
        let mut response = response.map(|_| Download::whole(bytes::Bytes::new()));
        headers::end_hop(response.headers_mut());
        if let Some(protocol) = protocol {
            headers::set_upgrade(response.headers_mut(), protocol);
        }
        return response;
    }
    headers::end_hop(response.headers_mut());
    // Whatever HTTP/1 version the target speaks, the client is answered in its own.
    *response.version_mut() = Version::HTTP_11;
    response.map(|incoming| Download::streamed(incoming, connection, lease, idle_timeout))
}

/// The load balancer's own error.
pub(super) fn refuse(status: StatusCode, passage: &Passage<'_>) -> Response<Download> {
    passage.counters.count_error(status);
    answers::error(status)
}

fn outgoing(
    request: Request<Incoming>,
    upgrade: Option<&(HeaderValue, OnUpgrade)>,
    passage: &Passage<'_>,
) -> Request<Upload> {
    let (mut head, body) = request.into_parts();
    if let Some(authority) = head.uri.authority() {
        // A request in absolute form names its host there; the target gets it in the usual place.
        if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
            head.headers.insert(http::header::HOST, host);
        }
        head.uri = head
            .uri
            .path_and_query()
            .map_or_else(http::Uri::default, |path| path.clone().into());
    }
    head.version = Version::HTTP_11;
    headers::to_target(
        &mut head.headers,
        passage.peer,
        passage.port,
        passage.settings,
    );
    if let Some((protocol, _)) = upgrade {
        headers::set_upgrade(&mut head.headers, protocol.clone());
    }
    Request::from_parts(head, Upload::new(body))
}

/// Sends a request and waits for the head of its answer. Errors are the status that the client gets.
async fn exchange(
    backend: &Arc<Backend>,
    mut request: Request<Upload>,
    idle_timeout: Duration,
) -> Result<(Response<Incoming>, Connection), StatusCode> {
    let mut connection = match backend.pool.take() {
        Some(connection) => connection,
        None => connect(backend).await?,
    };
    loop {
        // A connection that was idle may be closed by the target just while the request is on its way. Then
        // nobody has seen the request, or nobody minds seeing it twice.
        let replay =
            (connection.reused && request.body().is_empty() && request.method().is_idempotent())
                .then(|| copied(&request));
        let progress = request.body().progress();
        let sending = connection.send(request);
        let mut error = match answered(sending, progress, idle_timeout).await? {
            Ok(response) => return Ok((response, connection)),
            Err(error) => error,
        };
        request = error
            .take_message()
            .or(replay.filter(|_| !error.into_error().is_parse()))
            .filter(|_| connection.reused)
            .ok_or(StatusCode::BAD_GATEWAY)?;
        connection = connect(backend).await?;
    }
}

async fn connect(backend: &Arc<Backend>) -> Result<Connection, StatusCode> {
    backend
        .pool
        .connect(backend.address())
        .await
        .map_err(|error| match error {
            ConnectError::Refused => StatusCode::BAD_GATEWAY,
            ConnectError::Timeout => StatusCode::GATEWAY_TIMEOUT,
        })
}

/// The same request once more, without a body.
fn copied(request: &Request<Upload>) -> Request<Upload> {
    let mut copy = Request::new(Upload::Empty);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

/// Waits as long as something moves: the idle time-out begins anew with each part of the upload.
async fn answered<F: Future>(
    sending: F,
    progress: Option<Arc<Progress>>,
    idle_timeout: Duration,
) -> Result<F::Output, StatusCode> {
    let mut sending = pin!(sending);
    let mut wait = idle_timeout;
    loop {
        if let Ok(output) = tokio::time::timeout(wait, sending.as_mut()).await {
            return Ok(output);
        }
        match &progress {
            Some(progress) if progress.idle() < idle_timeout => {
                wait = idle_timeout.saturating_sub(progress.idle());
            }
            Some(progress) if progress.is_starving() => return Err(StatusCode::REQUEST_TIMEOUT),
            _ => return Err(StatusCode::GATEWAY_TIMEOUT),
        }
    }
}
