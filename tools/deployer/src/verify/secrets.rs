//! Secrets that a task is started with: whether each can be found. Their values are of no interest here.

use super::found::Found;
use super::report::Check;

const ID: &str = "secret";

/// What `valueFrom` points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A parameter by name or ARN.
    Parameter(String),
    /// A secret by ARN.
    Secret {
        arn: String,
        key: Option<String>,
        stage: Option<String>,
        version: Option<String>,
    },
}

/// What is known of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) is_being_deleted: bool,
    /// Whether the wanted version or stage is there.
    pub(super) has_version: bool,
    /// Whether the wanted JSON key is there; none if no key is wanted.
    pub(super) has_key: Option<Found<bool>>,
}

/// A reference with what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) container: String,
    /// Of the variable.
    pub(super) name: String,
    pub(super) value_from: String,
    pub(super) found: Found<Seen>,
}

impl Place {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with("arn:") {
            return if text.is_empty() {
                Err("valueFrom is empty".to_owned())
            } else {
                Ok(Self::Parameter(text.to_owned()))
            };
        }
        let parts: Vec<_> = text.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "ssm", _, _, name] if name.starts_with("parameter/") => {
                Ok(Self::Parameter(text.to_owned()))
            }
            ["arn", _, "secretsmanager", _, _, "secret", _, more @ ..] if more.len() <= 3 => {
                let part = |at: usize| {
                    more.get(at)
                        .filter(|it| !it.is_empty())
                        .map(|it| (*it).to_owned())
                };
                let (key, stage, version) = (part(0), part(1), part(2));
                if stage.is_some() && version.is_some() {
                    return Err(
                        "it names a version stage and a version id: only one may be given"
                            .to_owned(),
                    );
                }
                Ok(Self::Secret {
                    arn: parts[..7].join(":"),
                    key,
                    stage,
                    version,
                })
            }
            _ => Err("it is an ARN of neither a parameter nor a secret".to_owned()),
        }
    }
}

pub(super) fn secret(used: &Used) -> Check {
    let subject = format!("{} of {}", used.name, used.container);
    let from = &used.value_from;
    let place = match Place::parse(from) {
        Ok(place) => place,
        Err(flaw) => return Check::problem(ID, &subject, format!("{from}: {flaw}")),
    };
    let seen = match &used.found {
        Found::Hidden(hidden) => return Check::unknown(ID, &subject, hidden),
        Found::Missing => {
            let noun = if matches!(place, Place::Parameter(_)) {
                "parameter"
            } else {
                "secret"
            };
            return Check::problem(ID, &subject, format!("there is no {noun} {from}"))
                .hint("create it, or check its name, account and region");
        }
        Found::Known(seen) => seen,
    };
    if seen.is_being_deleted {
        return Check::problem(ID, &subject, format!("{from} is scheduled for deletion"))
            .hint("aws secretsmanager restore-secret keeps it");
    }
    if !seen.has_version {
        return Check::problem(ID, &subject, format!("{from} has no such version or stage"));
    }
    match &seen.has_key {
        Some(Found::Hidden(hidden)) => Check::unknown(ID, &subject, hidden),
        Some(Found::Missing | Found::Known(false)) => {
            Check::problem(ID, &subject, format!("the JSON of {from} has no such key"))
        }
        Some(Found::Known(true)) | None => Check::ok(ID, &subject, format!("{from} is there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Outcome;

    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";

    #[test]
    fn reads_value_from() {
        let of = |key: Option<&str>, stage: Option<&str>, version: Option<&str>| {
            Ok(Place::Secret {
                arn: SECRET.to_owned(),
                key: key.map(str::to_owned),
                stage: stage.map(str::to_owned),
                version: version.map(str::to_owned),
            })
        };
        let parameter = |text: &str| Ok(Place::Parameter(text.to_owned()));
        let table = [
            ("/a/b", parameter("/a/b")),
            (
                "arn:aws:ssm:r:1:parameter/a",
                parameter("arn:aws:ssm:r:1:parameter/a"),
            ),
            (SECRET, of(None, None, None)),
            (&format!("{SECRET}:k::"), of(Some("k"), None, None)),
            (
                &format!("{SECRET}::AWSPREVIOUS:"),
                of(None, Some("AWSPREVIOUS"), None),
            ),
            (&format!("{SECRET}:k::v"), of(Some("k"), None, Some("v"))),
        ];
        for (text, expected) in table {
            assert_eq!(Place::parse(text), expected, "{text}");
        }
        for text in [
            "",
            "arn:aws:s3:::b",
            &format!("{SECRET}:k:s:v"),
            &format!("{SECRET}:k:::x"),
        ] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn judges_secrets() {
        let fine = Seen {
            is_being_deleted: false,
            has_version: true,
            has_key: None,
        };
        let table = [
            (Found::Known(fine.clone()), Outcome::Ok),
            (Found::Missing, Outcome::Problem),
            (
                Found::Known(Seen {
                    is_being_deleted: true,
                    ..fine.clone()
                }),
                Outcome::Problem,
            ),
            (
                Found::Known(Seen {
                    has_version: false,
                    ..fine.clone()
                }),
                Outcome::Problem,
            ),
            (
                Found::Known(Seen {
                    has_key: Some(Found::Known(false)),
                    ..fine.clone()
                }),
                Outcome::Problem,
            ),
            (
                Found::Known(Seen {
                    has_key: Some(Found::Known(true)),
                    ..fine
                }),
                Outcome::Ok,
            ),
        ];
        for (found, expected) in table {
            let used = Used {
                container: "c".to_owned(),
                name: "X".to_owned(),
                value_from: SECRET.to_owned(),
                found,
            };
            assert_eq!(secret(&used).outcome, expected, "{used:?}");
        }
    }
}
