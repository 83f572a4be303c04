//! Which action a request gets. Pure.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, Method};
use percent_encoding::percent_decode_str;

use super::model::{Condition, Redirect};
use super::pattern::Pattern;

/// What rules look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    /// Without the port.
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    /// Without the question mark.
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) client: IpAddr,
}

/// The rules of a listener, compiled, in the order in which they are tried.
#[derive(Debug)]
pub(super) struct Table<A> {
    rules: Vec<(Vec<Test>, A)>,
    default: A,
}

impl<A> Table<A> {
    /// `rules` in the order of their priority.
    pub(super) fn new<'a>(
        rules: impl IntoIterator<Item = (&'a [Condition], A)>,
        default: A,
    ) -> Self {
        Self {
            rules: rules
                .into_iter()
                .map(|(conditions, action)| (conditions.iter().map(Test::of).collect(), action))
                .collect(),
            default,
        }
    }

    pub(super) fn choose(&self, asked: &Asked<'_>) -> &A {
        self.rules
            .iter()
            .find(|(tests, _)| tests.iter().all(|test| test.holds(asked)))
            .map_or(&self.default, |(_, action)| action)
    }
}

#[derive(Debug)]
enum Test {
    Host(Vec<Pattern>),
    Path(Vec<Pattern>),
    Method(Vec<String>),
    // None: not the name of any header, so it never holds.
    Header(Option<HeaderName>, Vec<Pattern>),
    Query(Vec<(Option<Pattern>, Pattern)>),
    Source(Vec<Block>),
}

impl Test {
    fn of(condition: &Condition) -> Self {
        let any_case = |values: &[String]| values.iter().map(|v| Pattern::any_case(v)).collect();
        match condition {
            Condition::HostHeader(values) => Self::Host(any_case(values)),
            Condition::PathPattern(values) => {
                Self::Path(values.iter().map(|v| Pattern::exact_case(v)).collect())
            }
            Condition::HttpRequestMethod(values) => Self::Method(values.clone()),
            Condition::HttpHeader { name, values } => {
                Self::Header(name.parse().ok(), any_case(values))
            }
            Condition::QueryString(pairs) => Self::Query(
                pairs
                    .iter()
                    .map(|(key, value)| {
                        (
                            key.as_deref().map(Pattern::any_case_escaped),
                            Pattern::any_case_escaped(value),
                        )
                    })
                    .collect(),
            ),
            Condition::SourceIp(blocks) => Self::Source(
                blocks
                    .iter()
                    .filter_map(|text| Block::parse(text))
                    .collect(),
            ),
        }
    }

    fn holds(&self, asked: &Asked<'_>) -> bool {
        let any = |patterns: &[Pattern], text: &[u8]| patterns.iter().any(|p| p.matches(text));
        match self {
            Self::Host(patterns) => any(patterns, asked.host.as_bytes()),
            Self::Path(patterns) => any(patterns, asked.path.as_bytes()),
            Self::Method(methods) => methods.iter().any(|method| method == asked.method.as_str()),
            Self::Header(name, patterns) => name.as_ref().is_some_and(|name| {
                asked
                    .headers
                    .get_all(name)
                    .iter()
                    .any(|value| any(patterns, value.as_bytes()))
            }),
            Self::Query(tests) => pairs(asked.query).any(|(key, value)| {
                tests.iter().any(|(key_pattern, value_pattern)| {
                    value_pattern.matches(&value)
                        && key_pattern.as_ref().is_none_or(|p| p.matches(&key))
                })
            }),
            Self::Source(blocks) => blocks.iter().any(|block| block.contains(asked.client)),
        }
    }
}

fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    let decoded = |text| Cow::from(percent_decode_str(text));
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(move |pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
}

/// A block of addresses, for example `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    base: IpAddr,
    bits: u8,
}

impl Block {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (base, bits) = text.split_once('/')?;
        let base: IpAddr = base.parse().ok()?;
        let bits = bits.parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Self { base, bits })
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let differ = match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (base.to_bits() ^ address.to_bits()).leading_zeros()
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (base.to_bits() ^ address.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        differ >= u32::from(self.bits)
    }
}

/// The host of a Host header or authority, without its port.
pub(super) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Where a redirect sends a request that came to the listener's `port` by HTTP.
pub(super) fn location(redirect: &Redirect, asked: &Asked<'_>, port: u16) -> String {
    let port = port.to_string();
    let keywords = [
        ("#{protocol}", "http"),
        ("#{host}", asked.host),
        ("#{port}", port.as_str()),
        (
            "#{path}",
            asked.path.strip_prefix('/').unwrap_or(asked.path),
        ),
        ("#{query}", asked.query),
    ];
    let expand = |template: &str| expanded(template, &keywords);
    let query = expand(&redirect.query);
    format!(
        "{}://{}:{}{}{}{query}",
        expand(&redirect.protocol).to_ascii_lowercase(),
        expand(&redirect.host),
        expand(&redirect.port),
        expand(&redirect.path),
        if query.is_empty() { "" } else { "?" },
    )
}

/// Replaces keywords from left to right, so that what a client sent is never itself expanded.
fn expanded(template: &str, keywords: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find("#{") {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        match keywords
            .iter()
            .find(|(keyword, _)| rest.starts_with(keyword))
        {
            Some((keyword, value)) => {
                text.push_str(value);
                rest = &rest[keyword.len()..];
            }
            None => {
                text.push_str("#{");
                rest = &rest[2..];
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// What of `METHOD HOST PATH?QUERY` with an `x-team: Blue` header the conditions take.
    fn takes(conditions: &[Condition], request: &str) -> bool {
        let [method, host, target] = request.split(' ').collect::<Vec<_>>()[..] else {
            panic!("a request has three words: {request}")
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = method.parse().unwrap();
        let headers =
            HeaderMap::from_iter([(HeaderName::from_static("x-team"), "Blue".parse().unwrap())]);
        let asked = Asked {
            method: &method,
            host,
            path,
            query,
            headers: &headers,
            client: IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)),
        };
        *Table::new([(conditions, true)], false).choose(&asked)
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn tests_each_part_of_a_request() {
        let check = |condition: Condition, request: &str, expected: bool| {
            assert_eq!(
                takes(std::slice::from_ref(&condition), request),
                expected,
                "{condition:?} on {request}"
            );
        };
        let hosts = Condition::HostHeader(texts(&["dev.ludlow.io", "*.example.com"]));
        check(hosts.clone(), "GET DEV.ludlow.io /", true);
        check(hosts.clone(), "GET a.example.com /", true);
        check(hosts, "GET example.com /", false);
        let paths = Condition::PathPattern(texts(&["/api/*"]));
        check(paths.clone(), "GET h /api/x?/other", true);
        check(paths.clone(), "GET h /API/x", false);
        check(paths, "GET h /x?y=/api/", false);
        let methods = Condition::HttpRequestMethod(texts(&["PUT", "POST"]));
        check(methods.clone(), "POST h /", true);
        check(methods, "GET h /", false);
        let header = |name: &str, value: &str| Condition::HttpHeader {
            name: name.to_owned(),
            values: texts(&[value]),
        };
        check(header("X-Team", "b*e"), "GET h /", true);
        check(header("X-Team", "red"), "GET h /", false);
        check(header("no header", "*"), "GET h /", false);
        let pair = |key: Option<&str>, value: &str| {
            Condition::QueryString(vec![(key.map(str::to_owned), value.to_owned())])
        };
        check(pair(Some("version"), "v1"), "GET h /?a=b&Version=V1", true);
        check(pair(Some("version"), "v1"), "GET h /?version=v11", false);
        check(pair(None, "*x y*"), "GET h /?a=1x%20y2", true);
        check(pair(Some("a"), "*"), "GET h /", false);
        let source = |block: &str| Condition::SourceIp(texts(&[block]));
        check(source("10.0.0.0/8"), "GET h /", true);
        check(source("10.1.2.3/32"), "GET h /", true);
        check(source("10.1.2.2/32"), "GET h /", false);
        check(source("0.0.0.0/0"), "GET h /", true);
        check(source("::/0"), "GET h /", false);
    }

    #[test]
    fn asks_for_all_conditions_and_takes_the_first_rule() {
        let path = |pattern: &str| Condition::PathPattern(texts(&[pattern]));
        let both = [path("/a*"), Condition::HttpRequestMethod(texts(&["GET"]))];
        assert!(takes(&both, "GET h /ab"));
        assert!(!takes(&both, "PUT h /ab"));
        let (first, second) = ([path("/a/*")], [path("/*")]);
        let table = Table::new([(&first[..], "first"), (&second[..], "second")], "default");
        let choose = |path| {
            *table.choose(&Asked {
                method: &Method::GET,
                host: "h",
                path,
                query: "",
                headers: &HeaderMap::new(),
                client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            })
        };
        assert_eq!(
            [choose("/a/b"), choose("/b"), choose("*")],
            ["first", "second", "default"]
        );
    }

    #[test]
    fn builds_the_location_of_a_redirect() {
        let check = |redirect: [&str; 5], expected: &str| {
            let [protocol, host, port, path, query] = redirect.map(str::to_owned);
            let redirect = Redirect {
                protocol,
                host,
                port,
                path,
                query,
                status: 301,
            };
            let asked = Asked {
                method: &Method::GET,
                host: "a.io",
                path: "/x/#{query}",
                query: "q=1",
                headers: &HeaderMap::new(),
                client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            };
            assert_eq!(location(&redirect, &asked, 8080), expected);
        };
        check(
            ["HTTPS", "#{host}", "443", "/#{path}", "#{query}"],
            "https://a.io:443/x/#{query}?q=1",
        );
        check(
            [
                "#{protocol}",
                "www.#{host}",
                "#{port}",
                "/new/#{path}#{",
                "",
            ],
            "http://www.a.io:8080/new/x/#{query}#{",
        );
    }

    #[test]
    fn takes_the_port_from_a_host() {
        let check = |authority, host| assert_eq!(without_port(authority), host);
        check("a.io:80", "a.io");
        check("a.io", "a.io");
        check("[::1]:8080", "[::1]");
        check("[::1]", "[::1]");
    }
}
