//! Headers on their way: what ends at the load balancer, what it adds.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{
    CONNECTION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};

use crate::elb::attributes::{ForwardedFor, Settings};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Headers that concern one connection only, besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The protocol that a message wants to change to, if it does.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted = connection_options(headers).any(|option| option.eq_ignore_ascii_case("upgrade"));
    headers.get(UPGRADE).filter(|_| wanted).cloned()
}

/// Says that the connection changes to `protocol`.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Removes what concerns the connection from which the message came.
pub(super) fn end_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = connection_options(headers)
        .filter(|option| {
            !["close", "keep-alive", "upgrade"]
                .iter()
                .any(|usual| option.eq_ignore_ascii_case(usual))
        })
        .filter_map(|option| option.parse().ok())
        // Without it the target could not tell whom the request is for.
        .filter(|name| *name != HOST)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Makes a client's headers a target's.
pub(super) fn to_target(
    headers: &mut HeaderMap,
    peer: SocketAddr,
    port: &HeaderValue,
    settings: &Settings,
) {
    end_hop(headers);
    // The load balancer has already promised to take the body.
    headers.remove(EXPECT);
    if settings.drop_invalid_headers {
        drop_invalid(headers);
    }
    match settings.forwarded_for {
        ForwardedFor::Preserve => {}
        ForwardedFor::Remove => {
            headers.remove(FORWARDED_FOR);
        }
        ForwardedFor::Append => {
            let client = if settings.forwarded_port {
                peer.to_string()
            } else {
                peer.ip().to_string()
            };
            append(headers, client);
        }
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    headers.insert(FORWARDED_PORT, port.clone());
    let trace = trace(headers.get(TRACE), &trace_id());
    headers.insert(TRACE, trace);
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(CONNECTION)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|option| !option.is_empty())
}

fn append(headers: &mut HeaderMap, client: String) {
    let mut hops: Vec<u8> = Vec::new();
    for value in headers.get_all(FORWARDED_FOR) {
        hops.extend_from_slice(value.as_bytes());
        hops.extend_from_slice(b", ");
    }
    hops.extend_from_slice(client.as_bytes());
    // An address is printable, and so is what came in a header.
    let hops = HeaderValue::from_maybe_shared(bytes::Bytes::from(hops))
        .expect("header values and addresses make a header value");
    headers.insert(FORWARDED_FOR, hops);
}

/// Drops headers with names of other characters than letters, digits and hyphens.
fn drop_invalid(headers: &mut HeaderMap) {
    let invalid: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            !name
                .as_str()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        .cloned()
        .collect();
    for name in invalid {
        headers.remove(name);
    }
}

/// The trace header: a request that has a root keeps it, and gets this load balancer's own id in front.
fn trace(given: Option<&HeaderValue>, id: &str) -> HeaderValue {
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or("");
    let fields = || {
        given
            .split(';')
            .map(str::trim)
            .filter(|field| !field.is_empty() && !field.starts_with("Self="))
    };
    let has_root = fields().any(|field| field.starts_with("Root="));
    let mut text = format!("{}={id}", if has_root { "Self" } else { "Root" });
    for field in fields() {
        text.push(';');
        text.push_str(field);
    }
    HeaderValue::try_from(text).expect("a part of a printable header value is one")
}

/// `1-67891233-abcdef012345678912345678`: seconds since 1970 and 96 bits that differ from request to request.
fn trace_id() -> String {
    static SEED: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = *SEED.get_or_init(|| {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("the operating system has a random source");
        u64::from_le_bytes(bytes)
    });
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let first = scattered(seed.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)));
    let second = scattered(first ^ seed) >> 32;
    format!("1-{seconds:08x}-{first:016x}{second:08x}")
}

/// The finaliser of SplitMix64: a bijection, so different counts give different ids.
fn scattered(mut value: u64) -> u64 {
    value = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elb::model::{LoadBalancer, Texts};

    fn settings(attributes: &[(&str, &str)]) -> Settings {
        Settings::of(&LoadBalancer {
            arn: String::new(),
            name: String::new(),
            scheme: String::new(),
            subnets: vec![],
            security_groups: vec![],
            created_ms: 0,
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<Texts>(),
            tags: Texts::new(),
        })
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    /// What the target gets of `given`, the trace left out.
    fn passed(given: &[(&str, &str)], attributes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut headers = headers(given);
        to_target(
            &mut headers,
            ([10, 0, 0, 9], 5000).into(),
            &HeaderValue::from_static("8080"),
            &settings(attributes),
        );
        headers.remove(TRACE).unwrap();
        let mut pairs: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        pairs.sort();
        pairs
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn ends_the_clients_hop_and_tells_who_it_was() {
        assert_eq!(
            passed(
                &[
                    ("host", "a.io:8080"),
                    ("connection", "keep-alive, X-Secret, Host"),
                    ("x-secret", "1"),
                    ("keep-alive", "timeout=5"),
                    ("transfer-encoding", "chunked"),
                    ("te", "trailers"),
                    ("upgrade", "h2c"),
                    ("expect", "100-continue"),
                    ("x-forwarded-for", "1.2.3.4"),
                    ("x-forwarded-for", "5.6.7.8"),
                    ("x-forwarded-proto", "https"),
                ],
                &[]
            ),
            owned(&[
                ("host", "a.io:8080"),
                ("x-forwarded-for", "1.2.3.4, 5.6.7.8, 10.0.0.9"),
                ("x-forwarded-port", "8080"),
                ("x-forwarded-proto", "http"),
            ])
        );
    }

    #[test]
    fn obeys_the_attributes() {
        let mode = "routing.http.xff_header_processing.mode";
        let fixed = [("x-forwarded-port", "8080"), ("x-forwarded-proto", "http")];
        let given = [("x-forwarded-for", "1.2.3.4"), ("x_odd", "1")];
        let check = |attributes: &[(&str, &str)], expected: &[(&str, &str)]| {
            let mut expected = owned(expected);
            expected.extend(owned(&fixed));
            expected.sort();
            assert_eq!(passed(&given, attributes), expected, "{attributes:?}");
        };
        check(
            &[(mode, "preserve")],
            &[("x-forwarded-for", "1.2.3.4"), ("x_odd", "1")],
        );
        check(&[(mode, "remove")], &[("x_odd", "1")]);
        check(
            &[
                ("routing.http.xff_client_port.enabled", "true"),
                ("routing.http.drop_invalid_header_fields.enabled", "true"),
            ],
            &[("x-forwarded-for", "1.2.3.4, 10.0.0.9:5000")],
        );
    }

    #[test]
    fn traces_a_request() {
        let check = |given: Option<&'static str>, expected: &str| {
            let given = given.map(HeaderValue::from_static);
            assert_eq!(trace(given.as_ref(), "1-a-b"), expected);
        };
        check(None, "Root=1-a-b");
        check(
            Some("Root=1-x-y;CalledFrom=app"),
            "Self=1-a-b;Root=1-x-y;CalledFrom=app",
        );
        check(Some("Self=1-old; Root=1-x-y"), "Self=1-a-b;Root=1-x-y");
        check(Some("CalledFrom=app"), "Root=1-a-b;CalledFrom=app");
        let (one, two) = (trace_id(), trace_id());
        assert_eq!(one.len(), 35);
        assert_ne!(one, two);
    }

    #[test]
    fn tells_an_upgrade() {
        let check = |pairs: &[(&str, &str)], expected: Option<&'static str>| {
            assert_eq!(
                upgrade(&headers(pairs)),
                expected.map(HeaderValue::from_static)
            );
        };
        check(
            &[
                ("connection", "keep-alive, Upgrade"),
                ("upgrade", "websocket"),
            ],
            Some("websocket"),
        );
        check(&[("connection", "keep-alive"), ("upgrade", "h2c")], None);
        check(&[("connection", "upgrade")], None);
    }
}
