//! A server of its own for each test, and a client that hides nothing of HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use crate::program::serve;

/// A running server. It is killed, not stopped, when the test ends.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Server {
    /// A server on this state, once it has said that it is ready.
    pub(crate) fn start(state: &Path) -> Self {
        let (child, _ready, address) = serve(state, &["--speed", "200"]);
        Self { child, address }
    }

    /// What a request is answered, on a connection of its own; none if the connection ends without an answer.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Reply> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // A test that hangs must fail.
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream
            .write_all(format!("{request}\r\n{body}").as_bytes())
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        if text.is_empty() {
            return None;
        }
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Some(Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        })
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        self.try_send(method, path, headers, body).unwrap()
    }

    /// An operation in JSON 1.1.
    pub(crate) fn json(&self, target: &str, input: &Value) -> Reply {
        self.send("POST", "/", &json_headers(target), &input.to_string())
    }

    /// An operation in the query dialect.
    pub(crate) fn query(&self, form: &str) -> Reply {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        self.send("POST", "/", &headers, form)
    }
}

/// The head of an operation in JSON 1.1.
pub(crate) fn json_headers(target: &str) -> [(&str, &str); 2] {
    [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", target),
    ]
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The status and the code of an error in JSON.
    pub(crate) fn fault(&self) -> (u16, String) {
        let code = self.json()["__type"].as_str().unwrap().to_owned();
        (self.status, code)
    }

    /// The text of the first element of that name.
    pub(crate) fn element(&self, name: &str) -> &str {
        let (_, rest) = self.body.split_once(&format!("<{name}>")).unwrap();
        rest.split_once(&format!("</{name}>")).unwrap().0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}
