//! Variables and secrets: names that collide, references of the wrong form, and secrets in plain sight.

use serde_json::Value;

use super::Settings;
use super::view::{Container, Task, is_set, text, twice};
use crate::Problem;
use crate::problem::Severity;

const SECRETS: &str = "specifying-sensitive-data";
const FILES: &str = "API_EnvironmentFile";
const PAIR: &str = "API_KeyValuePair";

/// What the name of a secret ends with.
const TELLING: [&str; 16] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "SECRET_KEY",
    "PRIVATE_KEY",
    "SIGNING_KEY",
    "ENCRYPTION_KEY",
    "AUTH_KEY",
    "MASTER_KEY",
];

pub(super) fn problems(task: &Task<'_>, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for container in &task.containers {
        problems.extend(names(container));
        for (index, variable) in container.list("environment").iter().enumerate() {
            let place = container.at(&format!("environment[{index}]"));
            problems.extend(plain(variable, place, settings));
        }
        problems.extend(references(task, container));
        problems.extend(files(container));
    }
    problems
}

fn names(container: &Container<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let named = |list: &'static str| {
        let items = container.list(list).iter().enumerate();
        items
            .map(|(index, item)| (format!("{list}[{index}]"), text(&item["name"])))
            .collect::<Vec<_>>()
    };
    for (list, rule) in [("environment", PAIR), ("secrets", SECRETS)] {
        for (place, name) in named(list) {
            if name.is_empty() || name.contains(['=', '\0']) {
                problems.push(
                    Problem::new(
                        container.at(&format!("{place}.name")),
                        "no process can have a variable of this name",
                        "write letters, digits and underscores",
                    )
                    .by(rule),
                );
            }
        }
    }
    let all = named("environment").into_iter().chain(named("secrets"));
    problems.extend(twice(
        all.filter(|(_, name)| !name.is_empty())
            .map(|(place, name)| (container.at(&format!("{place}.name")), name)),
        "the variable",
        SECRETS,
    ));
    problems
}

/// A secret that anybody may read who may read task definitions. Its value is never repeated.
fn plain(variable: &Value, place: String, settings: &Settings) -> Option<Problem> {
    let (name, value) = (text(&variable["name"]), text(&variable["value"]));
    if value.is_empty() || settings.plain.iter().any(|plain| plain == name) {
        return None;
    }
    let why = if is_telling(name) {
        "by its name"
    } else if is_secret(value) {
        "by its value"
    } else {
        return None;
    };
    Some(
        Problem::new(
            format!("{place}.value"),
            format!(
                "{} is a secret {why}, and stands here for everybody to read",
                name.escape_debug()
            ),
            format!("keep it in Parameter Store or Secrets Manager and name it in secrets; if it is none, give --plain {}", name.escape_debug()),
        )
        .by(SECRETS)
        .weighing(Severity::Warning),
    )
}

/// Whether a variable's value is better not shown.
pub(crate) fn is_hidden(name: &str, value: &str) -> bool {
    is_telling(name) || is_secret(value)
}

fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
    TELLING.iter().any(|word| {
        name.strip_suffix(word)
            .is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

/// A key of AWS, a private key, or an address with a password.
fn is_secret(value: &str) -> bool {
    let is_access_key = ["AKIA", "ASIA"]
        .iter()
        .any(|start| value.starts_with(start))
        && value.len() == 20
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_private_key = value.contains("-----BEGIN") && value.contains("PRIVATE KEY-----");
    let has_password = value.split_once("://").is_some_and(|(_, rest)| {
        rest.split(['/', '?', '#'])
            .next()
            .and_then(|authority| authority.rsplit_once('@'))
            .and_then(|(user, _)| user.split_once(':'))
            .is_some_and(|(_, password)| !password.is_empty())
    });
    is_access_key || is_private_key || has_password
}

fn references(task: &Task<'_>, container: &Container<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let options = &container.value["logConfiguration"]["secretOptions"];
    let lists = [
        ("secrets", container.list("secrets")),
        (
            "logConfiguration.secretOptions",
            super::view::items(options),
        ),
    ];
    let mut has_some = false;
    for (list, items) in lists {
        for (index, secret) in items.iter().enumerate() {
            has_some = true;
            let from = text(&secret["valueFrom"]);
            if let Some((message, remedy)) = mistake(from) {
                problems.push(
                    Problem::new(
                        container.at(&format!("{list}[{index}].valueFrom")),
                        message,
                        remedy,
                    )
                    .by(SECRETS),
                );
            }
        }
    }
    if has_some && !is_set(&task.root["executionRoleArn"]) {
        problems.push(
            Problem::new(
                "executionRoleArn",
                format!(
                    "ECS reads the secrets of {} under the task's execution role, and none is named",
                    container.name
                ),
                "write \"arn:aws:iam::ACCOUNT:role/NAME\"",
            )
            .by(SECRETS)
            .weighing(Severity::Warning),
        );
    }
    problems
}

/// What is wrong with a reference. It is not repeated: it may be the secret itself.
fn mistake(from: &str) -> Option<(&'static str, &'static str)> {
    const FORM: &str =
        "write a parameter's name or ARN, or ARN[:JSON-KEY:STAGE:VERSION] of Secrets Manager";
    if from.is_empty() {
        return Some(("the reference is empty", FORM));
    }
    if !from.starts_with("arn:") {
        let (name, _) = from.split_once(':').unwrap_or((from, ""));
        let is_parameter = from.len() <= 2_048
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
        return (!is_parameter).then_some(("it is no reference to a secret", FORM));
    }
    let parts: Vec<&str> = from.split(':').collect();
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let start = (parts.len() >= 6).then(|| (parts[2], is_account(parts[4])));
    match start {
        Some(("ssm", true)) if parts[5].starts_with("parameter/") && parts.len() <= 7 => None,
        Some(("secretsmanager", true)) if parts[5] == "secret" => {
            let suffix = parts.get(7..).unwrap_or_default();
            if parts.len() < 7 || parts[6].is_empty() {
                return Some(("the ARN names no secret", FORM));
            }
            match suffix {
                [] => None,
                [_, stage, version] if !stage.is_empty() && !version.is_empty() => Some((
                    "it names a stage and a version, and Secrets Manager takes one of them",
                    "leave one of them empty, and its colon",
                )),
                [_, _, _] => None,
                _ => Some((
                    "after the secret's ARN go a JSON key, a stage and a version, with all three colons",
                    "write for example ARN:KEY::",
                )),
            }
        }
        _ => Some((
            "the ARN is neither of Parameter Store nor of Secrets Manager",
            FORM,
        )),
    }
}

fn files(container: &Container<'_>) -> Vec<Problem> {
    let files = container.list("environmentFiles");
    let mut problems = Vec::new();
    if files.len() > 10 {
        problems.push(
            Problem::new(
                container.at("environmentFiles"),
                format!("there are {} files, and ECS takes 10", files.len()),
                "join some",
            )
            .by(FILES),
        );
    }
    for (index, file) in files.iter().enumerate() {
        let Some(arn) = file["value"].as_str() else {
            continue;
        };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let is_object =
            matches!(parts.as_slice(), ["arn", _, "s3", "", "", path] if path.contains('/'));
        if !is_object || !arn.ends_with(".env") {
            problems.push(
                Problem::new(
                    container.at(&format!("environmentFiles[{index}].value")),
                    "it is not the ARN of an object that ends with .env",
                    "write arn:aws:s3:::BUCKET/KEY.env",
                )
                .by(FILES),
            );
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_secrets_by_the_end_of_their_names() {
        for name in [
            "DB_PASSWORD",
            "token",
            "Stripe-Api-Key",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(is_telling(name), "{name}");
        }
        for name in [
            "TOKEN_LIFETIME",
            "PASSWORD_FILE",
            "COMPASSWORD",
            "KEY",
            "MONKEY",
        ] {
            assert!(!is_telling(name), "{name}");
        }
    }

    #[test]
    fn tells_secrets_by_their_values() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN RSA PRIVATE KEY-----\nx",
            "postgres://ludlow:pass@db/ludlow",
        ] {
            assert!(is_secret(value), "{value}");
        }
        for value in [
            "https://example.org/a:b@c",
            "redis://user@host",
            "AKIA",
            "a://:@x",
        ] {
            assert!(!is_secret(value), "{value}");
        }
    }
}
