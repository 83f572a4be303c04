//! A server of its own for each test, and calls of its services.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::serve;

/// AWS's waits are divided by this.
pub(crate) const SPEED: &str = "100";
/// Long enough for a loaded machine; reached only when something is broken.
const DEADLINE: Duration = Duration::from_secs(90);
const PACE: Duration = Duration::from_millis(15);

/// A running server. It is stopped, and its tasks with it, when the test ends.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Asks until there is something; says what was last seen if that never happens.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() > end => panic!("{what}: not within {DEADLINE:?}; {seen}"),
            Err(_) => std::thread::park_timeout(PACE),
        }
    }
}

impl Server {
    /// A server on this state, once it has said that it is ready.
    pub(crate) fn start(state: &Path) -> Self {
        let (child, _ready, address) = serve(state, &["--speed", SPEED]);
        Self { child, address }
    }

    /// Ends the server as `kill -9` does; its tasks run on.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        request(&self.address, method, path, headers, body).unwrap()
    }

    pub(crate) fn ecs(&self, operation: &str, input: &Value) -> Value {
        self.must("AmazonEC2ContainerServiceV20141113", operation, input)
    }

    /// The code and the message of a call that is refused.
    pub(crate) fn ecs_refusal(&self, operation: &str, input: &Value) -> (String, String) {
        let reply = self.call("AmazonEC2ContainerServiceV20141113", operation, input);
        assert_eq!(reply.status, 400, "{operation}: {}", reply.text());
        let fault: Value = serde_json::from_slice(&reply.body).unwrap();
        let text = |name: &str| fault[name].as_str().unwrap().to_owned();
        (text("__type"), text("message"))
    }

    pub(crate) fn ecr(&self, operation: &str, input: &Value) -> Value {
        self.must("AmazonEC2ContainerRegistry_V20150921", operation, input)
    }

    pub(crate) fn elb(&self, operation: &str, input: &Value) -> Value {
        self.must("ElasticLoadBalancing_v10", operation, input)
    }

    pub(crate) fn cloudwatch(&self, operation: &str, input: &Value) {
        let reply = self.call("GraniteServiceVersion20100801", operation, input);
        assert_eq!(reply.status, 200, "{operation}: {}", reply.text());
    }

    /// The address where a load balancer's listener really listens.
    pub(crate) fn listener(&self, balancer: &str, port: u16) -> String {
        let reply = self.send("GET", "/_local/state", &[], b"");
        let state: Value = serde_json::from_slice(&reply.body).unwrap();
        let mut listeners = state["listeners"].as_array().unwrap().iter();
        let found = listeners.find(|it| it["loadBalancer"] == balancer && it["port"] == port);
        found.unwrap()["address"].as_str().unwrap().to_owned()
    }

    fn must(&self, service: &str, operation: &str, input: &Value) -> Value {
        let reply = self.call(service, operation, input);
        assert_eq!(reply.status, 200, "{operation}: {}", reply.text());
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn call(&self, service: &str, operation: &str, input: &Value) -> Reply {
        let target = format!("{service}.{operation}");
        let media_type = if service.starts_with("Granite") {
            "application/x-amz-json-1.0"
        } else {
            "application/x-amz-json-1.1"
        };
        let headers = [
            ("Content-Type", media_type),
            ("X-Amz-Target", target.as_str()),
        ];
        self.send("POST", "/", &headers, input.to_string().as_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_some() {
            return;
        }
        let wish = json!({ "tasks": "stop" }).to_string();
        let headers = [("Content-Type", "application/json")];
        let sent = request(
            &self.address,
            "POST",
            "/_local/shutdown",
            &headers,
            wish.as_bytes(),
        );
        if sent.is_err() {
            self.child.kill().unwrap();
        }
        self.child.wait().unwrap();
    }
}

/// One request on a connection of its own.
pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    // A test that hangs must fail.
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| std::io::Error::other("no answer"))?;
    let status = String::from_utf8_lossy(&bytes[..end])
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    Ok(Reply {
        status,
        body: bytes[end + 4..].to_vec(),
    })
}
