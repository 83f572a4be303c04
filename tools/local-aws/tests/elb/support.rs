//! A load balancer in this process, applications for its targets, and clients.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use local_aws::account::Account;
use local_aws::clock::Clock;
use local_aws::cloudwatch::CloudWatch;
use local_aws::elb::{Elb, Target, TargetState};
use local_aws::protocol::AwsError;
use local_aws::state::Store;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Long enough for a loaded machine; reached only when something is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// The load balancer under test, its store in `directory`.
pub(crate) struct Local {
    pub(crate) elb: Arc<Elb>,
}

impl Local {
    /// Opened, not started.
    pub(crate) fn open(directory: &Path, speed: f64) -> Self {
        let store = Arc::new(Store::open(&directory.join("state.db")).unwrap());
        let account = Account {
            id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let clock = Clock::new(speed);
        let metrics = CloudWatch::open(Arc::clone(&store), account.clone(), clock).unwrap();
        let elb = Elb::open(store, account, clock, metrics).unwrap();
        Self { elb }
    }

    pub(crate) fn start(directory: &Path, speed: f64) -> Self {
        let local = Self::open(directory, speed);
        local.elb.start();
        local
    }

    pub(crate) fn call(&self, operation: &str, input: &Value) -> Value {
        self.try_call(operation, input)
            .unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
    }

    pub(crate) fn try_call(&self, operation: &str, input: &Value) -> Result<Value, AwsError> {
        self.elb.call(operation, input)
    }

    pub(crate) fn balancer(&self, name: &str) -> String {
        let input = json!({ "Name": name, "Subnets": ["subnet-a", "subnet-b"] });
        text(&self.call("CreateLoadBalancer", &input)["LoadBalancers"][0]["LoadBalancerArn"])
    }

    /// A target group of addresses, probed at `/healthz` every 5 seconds of AWS's time.
    pub(crate) fn group(&self, name: &str) -> String {
        let input = json!({
            "Name": name, "Protocol": "HTTP", "Port": 80, "TargetType": "ip",
            "HealthCheckPath": "/healthz", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 4,
        });
        text(&self.call("CreateTargetGroup", &input)["TargetGroups"][0]["TargetGroupArn"])
    }

    /// A listener on a port that was free just now; its ARN and address.
    pub(crate) fn listener(&self, balancer: &str, actions: &Value) -> (String, SocketAddr) {
        for _ in 0..20 {
            let input = json!({
                "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": free_port(), "DefaultActions": actions,
            });
            // Somebody else may take the port in between.
            if let Ok(answer) = self.try_call("CreateListener", &input) {
                let arn = text(&answer["Listeners"][0]["ListenerArn"]);
                let address = self.address(&arn);
                return (arn, address);
            }
        }
        panic!("no port stayed free long enough")
    }

    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        let addresses = self.elb.listener_addresses();
        let found = addresses
            .iter()
            .find(|it| it.listener_arn == listener)
            .unwrap();
        found
            .address
            .unwrap_or_else(|| panic!("not bound: {:?}", found.problem))
    }

    /// A load balancer that sends everything to one group; the group's ARN and the listener's address.
    pub(crate) fn simple(&self) -> (String, SocketAddr) {
        let group = self.group("web");
        let balancer = self.balancer("web");
        let (_, address) = self.listener(&balancer, &json!([forward(&group)]));
        (group, address)
    }

    pub(crate) fn set_delay(&self, group: &str, seconds: u32) {
        let input = json!({
            "TargetGroupArn": group,
            "Attributes": [{ "Key": "deregistration_delay.timeout_seconds", "Value": seconds.to_string() }],
        });
        self.call("ModifyTargetGroupAttributes", &input);
    }

    pub(crate) fn register(&self, group: &str, app: &App) {
        self.elb.register(group, &app.target()).unwrap();
    }

    /// Registers an application, and waits until it is healthy.
    pub(crate) async fn bring_in(&self, group: &str, app: &App) {
        self.register(group, app);
        self.until(group, &app.target(), Some(TargetState::Healthy))
            .await;
    }

    /// Waits until a target is in a state; none is `unused`.
    pub(crate) async fn until(&self, group: &str, target: &Target, state: Option<TargetState>) {
        let mut changes = self.elb.changes();
        let wait = async {
            loop {
                let found = self.elb.target_health(group, target);
                if found.as_ref().map(|health| health.state) == state {
                    return;
                }
                changes.changed().await.unwrap();
            }
        };
        within(&format!("{target} becomes {state:?}"), wait).await;
    }
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

pub(crate) fn forward(group: &str) -> Value {
    json!({ "Type": "forward", "TargetGroupArn": group })
}

/// Reads once; whether anything came.
pub(crate) async fn hears(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 4096]).await, Ok(1..))
}

pub(crate) fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// An application: answers with its name, tells what it got, ends gracefully.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl App {
    /// Answers `name` to everything with status 200.
    pub(crate) async fn start(name: &'static str) -> Self {
        Self::serve(move |_request| async move { answer(200, name) }).await
    }

    pub(crate) async fn serve<F, A>(respond: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, mut stopped) = oneshot::channel::<()>();
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let ended = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let ending = watch::Sender::new(false);
            loop {
                let (stream, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    _ = &mut stopped => break,
                };
                let (respond, count) = (respond.clone(), Arc::clone(&count));
                let service = service_fn(move |request: Request<Incoming>| {
                    if request.uri().path() != "/healthz" {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    let responding = respond(request);
                    async move { Ok::<_, Infallible>(responding.await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                let mut ending = ending.subscribe();
                connections.spawn(async move {
                    let mut connection = std::pin::pin!(connection);
                    tokio::select! {
                        ended = connection.as_mut() => return drop(ended),
                        _ = ending.wait_for(|ending| *ending) => {}
                    }
                    connection.as_mut().graceful_shutdown();
                    drop(connection.await);
                });
            }
            // As a server does on SIGTERM: no new connections, no further request on those that are open.
            drop(listener);
            ending.send_replace(true);
            while connections.join_next().await.is_some() {}
        });
        Self {
            address,
            seen,
            stop,
            ended,
        }
    }

    pub(crate) fn target(&self) -> Target {
        target(self.address)
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        within("the application ends", self.ended).await.unwrap();
    }
}

pub(crate) fn target(address: SocketAddr) -> Target {
    Target {
        id: address.ip().to_string(),
        port: address.port(),
    }
}

pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A client with one connection, kept alive.
pub(crate) struct Client {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection.with_upgrades());
        Self {
            sender,
            host: address.to_string(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answered {
        self.send(Request::get(path).body(Full::default()).unwrap())
            .await
            .unwrap()
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answered, hyper::Error> {
        let response = self.raw(request).await?;
        let (head, body) = response.into_parts();
        let body = within("a body ends", body.collect()).await?.to_bytes();
        Ok(Answered {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    pub(crate) async fn raw(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        self.sender.ready().await?;
        if !request.headers().contains_key("host") {
            let host = self.host.parse().unwrap();
            request.headers_mut().insert("host", host);
        }
        within("an answer comes", self.sender.send_request(request)).await
    }
}

#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// One request on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answered {
    Client::connect(address).await.get(path).await
}
