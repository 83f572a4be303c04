//! References to secrets, as longshore.toml writes them, as ECS takes them, and as AWS is asked for them.

use contract::config::SecretSource;

use crate::problem::Problem;
use crate::settings::Origin;
use crate::sources::Scope;

/// A variable whose value is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The variable's name.
    pub(crate) variable: String,
    /// Where it was written.
    pub(crate) origin: Origin,
    /// Where the value is.
    pub(crate) place: Place,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In Parameter Store.
    Parameter {
        /// Name or ARN, with the version or label if one was given.
        id: String,
        region: String,
    },
    /// In Secrets Manager.
    Secret {
        /// Without the parts below.
        arn: String,
        region: String,
        /// Member of the JSON object that the secret is; none takes the whole text.
        json_key: Option<String>,
        version: Version,
    },
}

/// Which version of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// `AWSCURRENT`.
    Current,
    Stage(String),
    Id(String),
}

/// The references of the project's file, and everything that is wrong with the others.
pub(crate) fn read(scope: &Scope) -> (Vec<Reference>, Vec<Problem>) {
    let mut references = Vec::new();
    let mut problems = Vec::new();
    for (variable, secret) in &scope.secrets {
        match place(&secret.source, &scope.region) {
            Ok(place) => references.push(Reference {
                variable: variable.clone(),
                origin: Origin {
                    source: scope.file.clone(),
                    line: secret.line,
                },
                place,
            }),
            Err(message) => problems.push(Problem::new(
                &scope.file,
                secret.line,
                format!("secrets.{variable} {message}"),
            )),
        }
    }
    (references, problems)
}

fn place(source: &SecretSource, region: &str) -> Result<Place, &'static str> {
    match source {
        SecretSource::Parameter(id) => parameter(id, region),
        SecretSource::SecretsManager(text) => secret(text),
    }
}

/// A name stands for the task's own region; only an ARN reaches another.
fn parameter(id: &str, region: &str) -> Result<Place, &'static str> {
    if !id.starts_with("arn:") {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/:".contains(c);
        if !id.chars().all(is_allowed) {
            return Err(
                "names a parameter with characters that Parameter Store does not know; letters, digits and _.-/ are allowed",
            );
        }
        if id.contains('/') && !id.starts_with('/') {
            return Err(
                "names a parameter in a path; write it from the slash on, \"ssm:/PATH/NAME\"",
            );
        }
        return Ok(Place::Parameter {
            id: id.to_owned(),
            region: region.to_owned(),
        });
    }
    match id.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "ssm", region, _, name] if name.starts_with("parameter/") => {
            Ok(Place::Parameter {
                id: id.to_owned(),
                region: (*region).to_owned(),
            })
        }
        _ => Err("is not a parameter's ARN; write arn:aws:ssm:REGION:ACCOUNT:parameter/PATH/NAME"),
    }
}

/// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME[:json-key[:stage[:version]]]`.
fn secret(text: &str) -> Result<Place, &'static str> {
    let parts: Vec<&str> = text.split(':').collect();
    let (["arn", _, "secretsmanager", region, _, "secret", _name], rest) =
        parts.split_at_checked(7).unwrap_or((&parts, &[]))
    else {
        return Err(
            "is not a secret's ARN; write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
        );
    };
    if rest.len() > 3 {
        return Err("has more parts than json-key, stage and version");
    }
    let part = |at: usize| {
        rest.get(at)
            .filter(|part| !part.is_empty())
            .map(|part| (*part).to_owned())
    };
    let version = match (part(1), part(2)) {
        (None, None) => Version::Current,
        (Some(stage), None) => Version::Stage(stage),
        (None, Some(id)) => Version::Id(id),
        (Some(_), Some(_)) => return Err("has both a stage and a version; ECS takes one of them"),
    };
    Ok(Place::Secret {
        arn: parts[..7].join(":"),
        region: (*region).to_owned(),
        json_key: part(0),
        version,
    })
}

impl Place {
    /// As ECS takes it. After a secret's ARN, either all three colons are there or none.
    pub(crate) fn value_from(&self) -> String {
        let (arn, json_key, version) = match self {
            Self::Parameter { id, .. } => return id.clone(),
            Self::Secret {
                arn,
                json_key,
                version,
                ..
            } => (arn, json_key.as_deref().unwrap_or_default(), version),
        };
        let (stage, id) = match version {
            Version::Current => ("", ""),
            Version::Stage(stage) => (stage.as_str(), ""),
            Version::Id(id) => ("", id.as_str()),
        };
        if json_key.is_empty() && *version == Version::Current {
            arn.clone()
        } else {
            format!("{arn}:{json_key}:{stage}:{id}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ludlow/db-AbCdEf";

    #[test]
    fn writes_references_as_ecs_takes_them() {
        let written = |suffix: &str| secret(&format!("{ARN}{suffix}")).unwrap().value_from();
        assert_eq!(written(""), ARN);
        assert_eq!(written(":password"), format!("{ARN}:password::"));
        assert_eq!(written("::AWSPREVIOUS"), format!("{ARN}::AWSPREVIOUS:"));
        assert_eq!(written(":password::4f2c"), format!("{ARN}:password::4f2c"));
        assert_eq!(
            parameter("/ludlow/prod/TOKEN:3", "us-east-1")
                .unwrap()
                .value_from(),
            "/ludlow/prod/TOKEN:3"
        );
    }

    #[test]
    fn looks_where_the_reference_points() {
        let region = |place: Place| match place {
            Place::Parameter { region, .. } | Place::Secret { region, .. } => region,
        };
        assert_eq!(region(secret(ARN).unwrap()), "eu-west-1");
        assert_eq!(region(parameter("/a", "us-east-1").unwrap()), "us-east-1");
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/a";
        assert_eq!(region(parameter(arn, "us-east-1").unwrap()), "eu-west-1");
    }

    #[test]
    fn refuses_what_ecs_would_not_understand() {
        for (text, message) in [
            (
                "a/b",
                "names a parameter in a path; write it from the slash on, \"ssm:/PATH/NAME\"",
            ),
            (
                "/a b",
                "names a parameter with characters that Parameter Store does not know; letters, digits and _.-/ are allowed",
            ),
            (
                "arn:aws:s3:::bucket",
                "is not a parameter's ARN; write arn:aws:ssm:REGION:ACCOUNT:parameter/PATH/NAME",
            ),
        ] {
            assert_eq!(parameter(text, "us-east-1"), Err(message));
        }
        for (text, message) in [
            (
                "arn:aws:ssm:eu-west-1:1:parameter/a".to_owned(),
                "is not a secret's ARN; write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
            ),
            (
                "arn:aws".to_owned(),
                "is not a secret's ARN; write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
            ),
            (
                format!("{ARN}:k:AWSCURRENT:4f2c"),
                "has both a stage and a version; ECS takes one of them",
            ),
            (
                format!("{ARN}:k:::x"),
                "has more parts than json-key, stage and version",
            ),
        ] {
            assert_eq!(secret(&text), Err(message));
        }
    }
}
