//! What is refused before a build: build arguments that look like secrets.

use toolkit::Fault;

use super::Request;

/// Parts of names that secrets have.
const NAMES: [&str; 9] = [
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "CREDENTIAL",
];
/// How values begin that are secrets whatever their name: keys, and tokens of AWS, GitHub, GitLab, Slack and npm.
const VALUES: [&str; 9] = [
    "-----BEGIN ",
    "AKIA",
    "ASIA",
    "ghp_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "npm_",
];

/// An argument is in the image's history, or in the environment of what it is copied to: no place for a secret.
pub(super) fn arguments(request: &Request) -> anyhow::Result<()> {
    if request.allow_secret_arguments {
        return Ok(());
    }
    let found: Vec<String> = request
        .settings
        .arguments
        .iter()
        .filter(|(name, value)| is_secret(name, value))
        .map(|(name, _)| {
            format!("the build argument {name} looks like a secret, and everybody who has the image could read it")
        })
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Fault::usage(found.join("\n"))
        .with_hint(
            "pass it by --secret, and use it with RUN --mount=type=secret; or pass --allow-secret-args if it is none",
        )
        .into())
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.iter().any(|part| name.contains(part))
        || VALUES.iter().any(|begin| value.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_secrets_by_name_and_value() {
        for (name, value, expected) in [
            ("VERSION", "1.2.3", false),
            ("npm_token", "x", true),
            ("KEY", "AKIAIOSFODNN7EXAMPLE", true),
            ("X", "-----BEGIN RSA PRIVATE KEY-----", true),
            ("SECRETARY", "x", true),
            ("KEYS", "a,b", false),
        ] {
            assert_eq!(is_secret(name, value), expected, "{name}={value}");
        }
    }
}
