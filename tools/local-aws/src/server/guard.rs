//! Who may speak to a server that listens on loopback: programs of this machine, not a web page that a
//! browser on this machine happens to show.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Why a request is not answered.
///
/// A page of a hostile site reaches this port in two ways: by a name that its owner lets point to 127.0.0.1
/// (the `Host` header then says that name), or by a plain form post (the browser then says its `Origin`).
pub(crate) fn refusal(headers: &HeaderMap) -> Option<String> {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return Some("the request has no Host header".to_owned());
    };
    if !is_own_name(host) {
        return Some(format!(
            "the host '{host}' is not a name of this server; use 127.0.0.1 or localhost"
        ));
    }
    let origin = headers.get(ORIGIN)?;
    if origin
        .to_str()
        .ok()
        .and_then(|origin| origin.strip_prefix("http://"))
        == Some(host)
    {
        None
    } else {
        Some("requests from pages of another origin are not answered".to_owned())
    }
}

/// A name that only means this machine, or one of AWS's own, which a client may have been told to resolve to it.
fn is_own_name(host: &str) -> bool {
    let name = without_port(host)
        .trim_end_matches('.')
        .to_ascii_lowercase();
    let is_loopback = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    let is_below = |parent: &str| name == parent || name.ends_with(&format!(".{parent}"));
    is_loopback || is_below("localhost") || is_below("amazonaws.com") || is_below("api.aws")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: Option<&str>, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(HOST, host), (ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        headers
    }

    #[test]
    fn answers_own_names_only() {
        let table = [
            ("127.0.0.1:4566", true),
            ("127.9.9.9", true),
            ("[::1]:80", true),
            ("localhost:1", true),
            ("LOCALHOST.:1", true),
            ("x.localhost", true),
            ("ecr.us-east-1.amazonaws.com", true),
            ("10.0.0.1", false),
            ("evil.example", false),
            ("localhost.evil.example:80", false),
            ("127.0.0.1.evil.example", false),
            ("notlocalhost", false),
            ("evilamazonaws.com", false),
        ];
        for (host, is_answered) in table {
            assert_eq!(
                refusal(&headers(Some(host), None)).is_none(),
                is_answered,
                "{host}"
            );
        }
        assert_eq!(
            refusal(&headers(None, None)),
            Some("the request has no Host header".to_owned())
        );
    }

    #[test]
    fn answers_pages_of_its_own_origin_only() {
        let table = [
            ("http://127.0.0.1:80", true),
            ("http://127.0.0.1:81", false),
            ("http://evil.example", false),
            ("null", false),
        ];
        for (origin, is_answered) in table {
            assert_eq!(
                refusal(&headers(Some("127.0.0.1:80"), Some(origin))).is_none(),
                is_answered,
                "{origin}"
            );
        }
    }
}
