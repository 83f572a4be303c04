//! A listener's port: accepts connections, and decides what becomes of each request.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::answers;
use super::body::Download;
use super::forward::{Passage, forward, refuse};
use super::group::Group;
use crate::elb::attributes::Settings;
use crate::elb::metrics::BalancerCounters;
use crate::elb::model::Redirect;
use crate::elb::routing::{Asked, Table, location, without_port};

/// How long to wait when the process has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a listener does at one moment.
pub(in crate::elb) struct Routes {
    pub(in crate::elb) table: Table<Reaction>,
    pub(in crate::elb) settings: Settings,
    pub(in crate::elb) counters: Arc<BalancerCounters>,
}

/// What becomes of a request.
pub(in crate::elb) enum Reaction {
    Forward(Weighted),
    Fixed {
        status: StatusCode,
        content_type: Option<HeaderValue>,
        body: Bytes,
    },
    Redirect(Redirect),
}

/// Target groups with weights.
pub(in crate::elb) struct Weighted {
    groups: Vec<(u32, Arc<Group>)>,
    total: u32,
    turn: AtomicU32,
}

impl Weighted {
    pub(in crate::elb) fn new(groups: Vec<(u32, Arc<Group>)>) -> Self {
        Self {
            total: groups.iter().map(|(weight, _)| weight).sum(),
            groups,
            turn: AtomicU32::new(0),
        }
    }

    /// A group by weight; none if all weigh nothing.
    fn choose(&self) -> Option<&Group> {
        if let [(1.., only)] = &self.groups[..] {
            return Some(only);
        }
        // Multiples of the golden ratio fill a circle evenly: over any stretch of requests each group gets its share.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let point = u64::from(turn.wrapping_mul(0x9e37_79b9));
        let mut place = (point * u64::from(self.total)) >> 32;
        for (weight, group) in &self.groups {
            let weight = u64::from(*weight);
            if place < weight {
                return Some(group);
            }
            place -= weight;
        }
        None
    }
}

/// A bound listener. When it is dropped it takes no more connections; those that are open end with the
/// request they carry.
pub(in crate::elb) struct Front(Arc<Shared>);

struct Shared {
    address: SocketAddr,
    port: HeaderValue,
    routes: RwLock<Arc<Routes>>,
    closing: watch::Sender<bool>,
}

impl Front {
    /// Serves `listener` on the current tokio runtime.
    pub(in crate::elb) fn open(
        listener: std::net::TcpListener,
        routes: Arc<Routes>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let shared = Arc::new(Shared {
            address,
            port: HeaderValue::from(address.port()),
            routes: RwLock::new(routes),
            closing: watch::Sender::new(false),
        });
        tokio::spawn(Arc::clone(&shared).accept(listener));
        Ok(Self(shared))
    }

    pub(in crate::elb) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// From now on requests are routed so.
    pub(in crate::elb) fn set_routes(&self, routes: Arc<Routes>) {
        *self
            .0
            .routes
            .write()
            .unwrap_or_else(PoisonError::into_inner) = routes;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.0.closing.send_replace(true);
    }
}

impl Shared {
    fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut closing = self.closing.subscribe();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _closed = closing.wait_for(|closing| *closing) => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(Arc::clone(&self).serve(stream, peer));
                }
                // Only this connection is lost, or the process is out of descriptors for a while.
                Err(_lost) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if stream.set_nodelay(true).is_err() {
            // The client has gone already.
            return;
        }
        let settings = self.routes().settings;
        let mut closing = self.closing.subscribe();
        let service = service_fn(move |request| {
            let shared = Arc::clone(&self);
            async move { Ok::<_, Infallible>(shared.answer(request, peer).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.idle_timeout)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut age = pin!(tokio::time::sleep(settings.client_keep_alive));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            () = age.as_mut() => None,
            _closed = closing.wait_for(|closing| *closing) => None,
        };
        if ended.is_none() {
            connection.as_mut().graceful_shutdown();
            // An error here is the client's leaving, or a target's in the middle of an answer: both sides know.
            drop(connection.await);
        }
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Download> {
        let routes = self.routes();
        let passage = Passage {
            peer,
            port: &self.port,
            settings: &routes.settings,
            counters: &routes.counters,
        };
        match *request.method() {
            Method::CONNECT => return refuse(StatusCode::BAD_REQUEST, &passage),
            Method::TRACE => return refuse(StatusCode::METHOD_NOT_ALLOWED, &passage),
            _ => {}
        }
        let Some(host) = host(&request) else {
            return refuse(StatusCode::BAD_REQUEST, &passage);
        };
        let asked = Asked {
            method: request.method(),
            host: without_port(host),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or(""),
            headers: request.headers(),
            client: peer.ip(),
        };
        match routes.table.choose(&asked) {
            Reaction::Fixed {
                status,
                content_type,
                body,
            } => {
                routes.counters.count_fixed();
                answers::fixed(*status, content_type.as_ref(), body)
            }
            Reaction::Redirect(redirect) => {
                routes.counters.count_redirect();
                let status = StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::FOUND);
                answers::redirect(status, &location(redirect, &asked, self.address.port()))
            }
            Reaction::Forward(weighted) => match weighted.choose() {
                Some(group) => forward(group, request, &passage).await,
                None => refuse(StatusCode::SERVICE_UNAVAILABLE, &passage),
            },
        }
    }
}

/// Whom the request is for; none if it does not say so though it must, or unreadably.
fn host(request: &Request<Incoming>) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok(),
        None => (request.version() < Version::HTTP_11).then_some(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_requests_by_weight() {
        let groups: [Arc<Group>; 3] = std::array::from_fn(|_| Arc::default());
        let weighted = Weighted::new(
            [90, 0, 10]
                .into_iter()
                .zip(groups.iter().cloned())
                .collect(),
        );
        let mut counts = [0; 3];
        for _ in 0..1000 {
            let chosen = weighted.choose().unwrap();
            let at = groups
                .iter()
                .position(|group| std::ptr::eq(&raw const **group, chosen))
                .unwrap();
            counts[at] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((895..=905).contains(&counts[0]), "{counts:?}");
        assert!(Weighted::new(vec![(0, Arc::default())]).choose().is_none());
    }
}
