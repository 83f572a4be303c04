//! What proves to a registry who asks. None of it is ever shown.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The value of an `Authorization` header.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Authorization(String);

impl Authorization {
    /// User and password, already in base64, as ECR's token is.
    pub(crate) fn basic(encoded: &str) -> Self {
        Self(format!("Basic {encoded}"))
    }

    /// A token of the registry's own token service.
    pub(crate) fn bearer(token: &str) -> Self {
        Self(format!("Bearer {token}"))
    }

    /// For the header.
    pub(crate) fn header(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(hidden)")
    }
}

/// What a registry answers to somebody who has not proven anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password.
    Basic,
    /// A token, to be fetched from another service.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

impl Challenge {
    /// From a `WWW-Authenticate` header.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        Some(Self::Bearer {
            realm: parameter(rest, "realm")?,
            service: parameter(rest, "service"),
        })
    }
}

/// The value of `name="value"` in a list of them.
fn parameter(list: &str, name: &str) -> Option<String> {
    let mut rest = list;
    loop {
        let (key, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        if key.trim_matches([' ', ',']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = after;
    }
}

/// The token that a token service gives.
#[derive(Deserialize)]
pub(crate) struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    pub(crate) fn into_authorization(self) -> Option<Authorization> {
        let token = self.token.or(self.access_token)?;
        Some(Authorization::bearer(&token))
    }
}

/// The password for a host in `config.json` of the docker command, if it stands there in the clear.
pub(crate) fn of_docker_config(config: &str, host: &str) -> Option<Authorization> {
    let config: serde_json::Value = serde_json::from_str(config).ok()?;
    let names = match host {
        "docker.io" => ["https://index.docker.io/v1/", "docker.io"],
        host => [host, host],
    };
    names.into_iter().find_map(|name| {
        let encoded = config.get("auths")?.get(name)?.get("auth")?.as_str()?;
        // What is no base64 cannot stand in a header.
        STANDARD.decode(encoded).ok()?;
        Some(Authorization::basic(encoded))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_never_shown() {
        let shown = format!("{:?}", Authorization::basic("QVdTOnMzY3JldA=="));
        assert_eq!(shown, "Authorization(hidden)");
    }

    #[test]
    fn reads_challenges() {
        let bearer = |realm: &str, service: Option<&str>| Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        };
        for (header, expected) in [
            (
                "Basic realm=\"https://x/\",service=\"ecr.amazonaws.com\"",
                Some(Challenge::Basic),
            ),
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"a,b\"",
                Some(bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                )),
            ),
            (
                "bearer service=\"s\", realm=\"r\"",
                Some(bearer("r", Some("s"))),
            ),
            ("Bearer service=\"s\"", None),
            ("Negotiate", None),
        ] {
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
    }

    #[test]
    fn finds_a_password_of_the_docker_command() {
        let config = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"x.io":{},"y.io":{"auth":"\n"}}}"#;
        assert_eq!(
            of_docker_config(config, "docker.io"),
            Some(Authorization::basic("YTpi"))
        );
        for host in ["x.io", "y.io", "z.io"] {
            assert_eq!(of_docker_config(config, host), None, "{host}");
        }
    }
}
