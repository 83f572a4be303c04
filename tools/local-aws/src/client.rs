//! A client of a local AWS's own HTTP front, for the commands that speak to a server. Loopback only.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use toolkit::Fault;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where to ask.
pub(crate) struct Client {
    address: String,
}

/// An answer other than success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Client {
    /// `endpoint` is `http://HOST:PORT`.
    pub(crate) fn new(endpoint: &str) -> anyhow::Result<Self> {
        let address = endpoint
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/'));
        match address {
            Some(address) if !address.is_empty() && !address.contains('/') => Ok(Self {
                address: address.to_owned(),
            }),
            _ => Err(
                Fault::usage(format!("{endpoint} is not the address of a local AWS"))
                    .with_hint("it looks like http://127.0.0.1:PORT; `local-aws status` says it")
                    .into(),
            ),
        }
    }

    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json(&self.exchange("GET", path, &[], b"")?)
    }

    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.json(&self.exchange("DELETE", path, &[], b"")?)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(&self.exchange(
            "POST",
            path,
            &[("Content-Type", "application/json")],
            body.to_string().as_bytes(),
        )?)
    }

    /// An operation of a service that speaks awsJson1.1; `target` is `PREFIX.Operation`.
    pub(crate) fn call(&self, target: &str, input: &Value) -> anyhow::Result<Value> {
        let headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target),
        ];
        self.json(&self.exchange("POST", "/", &headers, input.to_string().as_bytes())?)
            .with_context(|| format!("{target} was refused"))
    }

    /// An operation of a service that speaks the query dialect, by form fields; the answer is XML.
    pub(crate) fn query(
        &self,
        version: &str,
        action: &str,
        fields: &[(String, String)],
    ) -> anyhow::Result<String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action)
            .append_pair("Version", version);
        for (name, value) in fields {
            form.append_pair(name, value);
        }
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let answer = self.exchange("POST", "/", &headers, form.finish().as_bytes())?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let part = |name: &str| element(&answer.body, name).unwrap_or_default().to_owned();
        Err(Refusal {
            code: part("Code"),
            message: part("Message"),
        })
        .with_context(|| format!("{action} was refused"))
    }

    fn json(&self, answer: &Answer) -> anyhow::Result<Value> {
        let body: Value = if answer.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&answer.body).context("the answer is not JSON")?
        };
        if (200..300).contains(&answer.status) {
            return Ok(body);
        }
        let part = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Err(Refusal {
            code: part("__type"),
            message: part("message"),
        }
        .into())
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(&self.address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut request = format!(
                "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
                self.address,
                body.len()
            );
            for (name, value) in headers {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
            request.push_str("\r\n");
            stream.write_all(request.as_bytes())?;
            stream.write_all(body)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let text = exchange()
            .with_context(|| format!("cannot reach the local AWS at http://{}", self.address))?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            bail!("http://{} does not speak HTTP", self.address)
        };
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .context("the answer has no status")?;
        Ok(Answer {
            status,
            body: body.to_owned(),
        })
    }
}

struct Answer {
    status: u16,
    body: String,
}

/// The text of the first element called `name` in an answer of our own server.
pub(crate) fn element<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_an_element() {
        assert_eq!(element("<a><b>x</b><b>y</b></a>", "b"), Some("x"));
        assert_eq!(element("<a/>", "b"), None);
    }

    #[test]
    fn takes_only_addresses_of_its_own_kind() {
        assert!(Client::new("http://127.0.0.1:4510").is_ok());
        assert!(Client::new("https://example.com/x").is_err());
    }
}
