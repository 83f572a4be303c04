//! One registry, and the requests that it is sent.

use std::io::Read;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{anyhow, bail};
use ureq::http::{Method, Request, Response, StatusCode, Uri, header};
use ureq::{Agent, Body, SendBody};

use super::answer::{Failure, Head, refusal};
use super::authorization::{Authorization, Challenge, Token};
use super::retry::Retries;

/// A connection that takes longer goes nowhere.
const CONNECT: Duration = Duration::from_secs(10);
/// A registry may have to check gigabytes before it answers; a connection on which nothing moves for longer is dead.
const STALLED: Duration = Duration::from_secs(120);
/// A manifest or an index is never larger: 4 MiB, as registries have it.
const MOST_DOCUMENT: u64 = 4 << 20;

/// Finds what proves who asks, if the registry wants user and password.
pub(crate) type Credentials<'a> =
    &'a (dyn Fn(&str) -> anyhow::Result<Option<Authorization>> + Sync);

/// What is done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// A registry, for one repository of it.
pub(crate) struct Registry<'a> {
    agent: Agent,
    /// `https://host`, or `http://host` on this machine.
    base: String,
    host: String,
    repository: String,
    access: Access,
    credentials: Credentials<'a>,
    authorization: Mutex<Option<Authorization>>,
    pub(crate) retries: Retries,
}

/// What a request carries.
pub(crate) enum Payload<'a> {
    None,
    Bytes(&'a [u8]),
    /// A stream of that many bytes: never chunked, which ECR drops parts of.
    Stream(&'a mut dyn Read, u64),
}

impl<'a> Registry<'a> {
    /// `host` may be `docker.io`, which is reached under another name.
    pub(crate) fn new(
        host: &str,
        repository: &str,
        access: Access,
        credentials: Credentials<'a>,
        retries: Retries,
    ) -> Self {
        let reached = if host == "docker.io" {
            "registry-1.docker.io"
        } else {
            host
        };
        let scheme = if is_loopback(reached) {
            "http"
        } else {
            "https"
        };
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(STALLED))
            .timeout_per_write(Some(STALLED))
            .user_agent(concat!("longshore/", env!("CARGO_PKG_VERSION")));
        if scheme == "http" {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().into(),
            base: format!("{scheme}://{reached}"),
            host: host.to_owned(),
            repository: repository.to_owned(),
            access,
            credentials,
            authorization: Mutex::new(None),
            retries,
        }
    }

    /// Proves who asks from the first request on.
    pub(crate) fn authorized(self, authorization: Option<Authorization>) -> Self {
        *self
            .authorization
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = authorization;
        self
    }

    /// The name that messages use.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// Whether it is one of ECR's, which keeps the first part of an upload only.
    pub(crate) fn takes_one_part_only(&self) -> bool {
        crate::ecr::is_ecr(&self.host)
    }

    /// The URL of something in the repository.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/v2/{}/{path}", self.base, self.repository)
    }

    /// The URL that a `Location` header means. It must be the registry's own: the authorization goes there.
    pub(crate) fn location(&self, head: &Head) -> anyhow::Result<String> {
        let Some(location) = head.header("location") else {
            bail!("the registry did not say where to upload to");
        };
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok(format!("{}{location}", self.base));
        }
        let own: Uri = self.base.parse()?;
        let other: Uri = location.parse()?;
        if (other.scheme(), other.authority()) != (own.scheme(), own.authority()) {
            bail!(
                "the registry sends uploads to another host, {}",
                other.authority().map_or("", |host| host.as_str())
            );
        }
        Ok(location.to_owned())
    }

    /// Sends a request, proves who asks if the registry wants to know, and gives the answer if it has the status.
    pub(crate) fn send(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&str, &str)],
        payload: Payload<'_>,
        expected: &[StatusCode],
    ) -> Result<Response<Body>, Failure> {
        let is_repeatable = !matches!(payload, Payload::Stream(..));
        let bytes = match &payload {
            Payload::Bytes(bytes) => Some(*bytes),
            _ => None,
        };
        let mut answer = self.send_once(method, url, headers, payload)?;
        if answer.status() == StatusCode::UNAUTHORIZED && is_repeatable && self.prove(&answer)? {
            let again = bytes.map_or(Payload::None, Payload::Bytes);
            answer = self.send_once(method, url, headers, again)?;
        }
        if expected.contains(&answer.status()) {
            Ok(answer)
        } else {
            Err(refusal(answer))
        }
    }

    /// As `send`, and reads a small document.
    pub(crate) fn document(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&str, &str)],
        payload: Payload<'_>,
        expected: &[StatusCode],
    ) -> Result<(Head, Vec<u8>), Failure> {
        let answer = self.send(method, url, headers, payload, expected)?;
        let (parts, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(MOST_DOCUMENT).read_to_vec()?;
        let head = Head {
            status: parts.status,
            headers: parts.headers,
        };
        Ok((head, bytes))
    }

    fn send_once(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&str, &str)],
        payload: Payload<'_>,
    ) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder().method(method.clone()).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = self
            .authorization
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
        {
            request = request.header(header::AUTHORIZATION, authorization.header());
        }
        let malformed =
            |error: ureq::http::Error| Failure::Final(anyhow!("cannot ask {}: {error}", self.host));
        let answer = match payload {
            Payload::None if [Method::GET, Method::HEAD].contains(method) => {
                self.agent.run(request.body(()).map_err(malformed)?)
            }
            Payload::None => self.agent.run(request.body(&b""[..]).map_err(malformed)?),
            Payload::Bytes(bytes) => self.agent.run(request.body(bytes).map_err(malformed)?),
            Payload::Stream(reader, size) => {
                let request = request.header(header::CONTENT_LENGTH, size);
                self.agent.run(
                    request
                        .body(SendBody::from_reader(reader))
                        .map_err(malformed)?,
                )
            }
        };
        Ok(answer?)
    }

    /// Answers a challenge; false if nothing can be proven.
    fn prove(&self, answer: &Response<Body>) -> Result<bool, Failure> {
        let challenge = answer
            .headers()
            .get(header::WWW_AUTHENTICATE)
            .and_then(|value| value.to_str().ok())
            .and_then(Challenge::parse);
        let found = match challenge {
            None => None,
            Some(Challenge::Basic) => (self.credentials)(&self.host)?,
            Some(Challenge::Bearer { realm, service }) => self.token(&realm, service.as_deref())?,
        };
        let is_new = found.is_some();
        if is_new {
            *self
                .authorization
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = found;
        }
        Ok(is_new)
    }

    /// Fetches a token, with user and password if there are any for this registry.
    fn token(&self, realm: &str, service: Option<&str>) -> Result<Option<Authorization>, Failure> {
        let uri: Uri = realm
            .parse()
            .map_err(|_malformed| anyhow!("{} names a malformed token service", self.host))?;
        let host = uri.host().unwrap_or_default();
        if uri.scheme_str() != Some("https") && !is_loopback(host) {
            return Err(
                anyhow!("{} wants a token from {host} without encryption", self.host).into(),
            );
        }
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let mut query = format!("scope=repository:{}:{actions}", self.repository);
        if let Some(service) = service {
            query.push_str("&service=");
            query.extend(
                service
                    .chars()
                    .filter(|c| c.is_ascii_alphanumeric() || "-._:/".contains(*c)),
            );
        }
        let separator = if realm.contains('?') { '&' } else { '?' };
        let mut request = Request::builder().uri(format!("{realm}{separator}{query}"));
        if let Some(authorization) = (self.credentials)(&self.host)? {
            request = request.header(header::AUTHORIZATION, authorization.header());
        }
        let request = request
            .body(())
            .map_err(|error| anyhow!("cannot ask {host} for a token: {error}"))?;
        let mut answer = self.agent.run(request)?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(answer));
        }
        let bytes = answer
            .body_mut()
            .with_config()
            .limit(MOST_DOCUMENT)
            .read_to_vec()?;
        let token: Token =
            serde_json::from_slice(&bytes).map_err(|_malformed| anyhow!("{host} gave no token"))?;
        Ok(token.into_authorization())
    }
}

/// Whether a host, with or without a port, is this machine: there, registries speak plain HTTP.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
