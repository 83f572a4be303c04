//! What to answer: a request and what the service knows about itself in, an [`Answer`] out. No I/O, no clock.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};

use crate::json::{self, Value};

/// What `/slow` takes at most, in milliseconds.
const SLOWEST: u64 = 30_000;

/// What the service knows about itself.
pub struct About {
    pub name: &'static str,
    pub version: String,
    pub commit: String,
    pub host: String,
    pub unhealthy: bool,
}

#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub content_type: &'static str,
    /// For the header Allow, of a 405.
    pub allow: Option<&'static str>,
    pub body: String,
    /// How long to wait before it is sent.
    pub delay: Duration,
}

impl Answer {
    /// One line of plain text.
    pub fn text(status: StatusCode, line: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            allow: None,
            body: format!("{line}\n"),
            delay: Duration::ZERO,
        }
    }
}

/// HEAD is answered like GET: the server leaves the body out.
pub fn answer(about: &About, request: &Request<Bytes>) -> Answer {
    let route = match request.uri().path() {
        "/" => index,
        "/healthz" => health,
        "/version" => version,
        "/slow" => slow,
        _ => return Answer::text(StatusCode::NOT_FOUND, "no such path"),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Answer {
            allow: Some("GET, HEAD"),
            ..Answer::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD")
        };
    }
    route(about, request)
}

fn index(about: &About, _request: &Request<Bytes>) -> Answer {
    let line = format!("{} {} on {}", about.name, about.version, about.host);
    Answer::text(StatusCode::OK, &line)
}

fn health(about: &About, _request: &Request<Bytes>) -> Answer {
    if about.unhealthy {
        let reason = "unhealthy, as LUDLOW_UNHEALTHY=1 asks";
        return Answer::text(StatusCode::INTERNAL_SERVER_ERROR, reason);
    }
    Answer::text(StatusCode::OK, "ok")
}

fn version(about: &About, _request: &Request<Bytes>) -> Answer {
    let json = json::object([
        ("name", Value::Text(about.name)),
        ("version", Value::Text(&about.version)),
        ("commit", Value::Text(&about.commit)),
    ]);
    Answer {
        content_type: "application/json",
        ..Answer::text(StatusCode::OK, &json)
    }
}

fn slow(_about: &About, request: &Request<Bytes>) -> Answer {
    let millis = match query_value(request, "ms") {
        Some(text) => text.parse().ok().filter(|millis| *millis <= SLOWEST),
        None => Some(2_000),
    };
    let Some(millis) = millis else {
        let reason = format!("ms must be a whole number of milliseconds, at most {SLOWEST}");
        return Answer::text(StatusCode::BAD_REQUEST, &reason);
    };
    Answer {
        delay: Duration::from_millis(millis),
        ..Answer::text(StatusCode::OK, &format!("answered after {millis} ms"))
    }
}

/// The first value of that name, as sent: percent-encoding is left alone.
fn query_value<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            name: "example",
            version: "1.2.3".to_owned(),
            commit: "abc123".to_owned(),
            host: "task-1".to_owned(),
            unhealthy: false,
        }
    }

    fn ask(about: &About, method: Method, target: &str) -> Answer {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().expect("the test's own target");
        answer(about, &request)
    }

    fn get(target: &str) -> Answer {
        ask(&about(), Method::GET, target)
    }

    #[test]
    fn names_version_and_host() {
        assert_eq!(
            get("/"),
            Answer::text(StatusCode::OK, "example 1.2.3 on task-1")
        );
    }

    #[test]
    fn gives_the_version_as_json() {
        let expected = Answer {
            status: StatusCode::OK,
            content_type: "application/json",
            allow: None,
            body: "{\"name\":\"example\",\"version\":\"1.2.3\",\"commit\":\"abc123\"}\n".to_owned(),
            delay: Duration::ZERO,
        };
        assert_eq!(get("/version"), expected);
    }

    #[test]
    fn is_unhealthy_only_on_demand_and_only_there() {
        let unhealthy = About {
            unhealthy: true,
            ..about()
        };
        let reason = "unhealthy, as LUDLOW_UNHEALTHY=1 asks";
        assert_eq!(get("/healthz"), Answer::text(StatusCode::OK, "ok"));
        assert_eq!(
            ask(&unhealthy, Method::GET, "/healthz"),
            Answer::text(StatusCode::INTERNAL_SERVER_ERROR, reason)
        );
        assert_eq!(ask(&unhealthy, Method::GET, "/"), get("/"));
    }

    #[test]
    fn waits_as_long_as_asked() {
        let cases = [
            ("/slow", 2_000),
            ("/slow?ms=0", 0),
            ("/slow?x&ms=30000&ms=1", 30_000),
        ];
        for (target, millis) in cases {
            let expected = Answer {
                delay: Duration::from_millis(millis),
                ..Answer::text(StatusCode::OK, &format!("answered after {millis} ms"))
            };
            assert_eq!(get(target), expected, "{target}");
        }
    }

    #[test]
    fn refuses_a_wait_it_cannot_make() {
        let reason = "ms must be a whole number of milliseconds, at most 30000";
        for target in [
            "/slow?ms=30001",
            "/slow?ms=-1",
            "/slow?ms=",
            "/slow?ms=soon",
        ] {
            assert_eq!(
                get(target),
                Answer::text(StatusCode::BAD_REQUEST, reason),
                "{target}"
            );
        }
    }

    #[test]
    fn knows_no_other_path() {
        for target in ["/nothing", "/healthz/", "//"] {
            let expected = Answer::text(StatusCode::NOT_FOUND, "no such path");
            assert_eq!(get(target), expected, "{target}");
        }
    }

    #[test]
    fn takes_get_and_head_alone() {
        let refusal = Answer {
            allow: Some("GET, HEAD"),
            ..Answer::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD")
        };
        for target in ["/", "/healthz", "/version", "/slow?ms=1"] {
            assert_eq!(ask(&about(), Method::HEAD, target), get(target), "{target}");
            assert_eq!(ask(&about(), Method::POST, target), refusal, "{target}");
        }
    }
}
