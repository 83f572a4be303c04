//! Secrets that are not there, and how to make them.

use std::ffi::OsStr;

use toolkit::Fault;
use toolkit::process::quoted;

use crate::problem::Problem;
use crate::reference::{Place, Reference};

/// A secret that a task could not start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing<'r> {
    pub(crate) reference: &'r Reference,
    pub(crate) why: Why,
}

impl Missing<'_> {
    /// For a list of mistakes.
    pub(crate) fn problem(&self) -> Problem {
        let Reference {
            variable, origin, ..
        } = self.reference;
        let what = self.reference.place.value_from();
        let why = match self.why {
            Why::Absent => "does not exist",
            Why::Deleted => "is scheduled for deletion",
            Why::Version => "has no such version",
        };
        Problem::new(
            &origin.source,
            origin.line,
            format!("{variable} is missing: {what} {why}"),
        )
    }
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is none.
    Absent,
    /// It is scheduled for deletion, and cannot be read any more.
    Deleted,
    /// It is there, without the version that is asked for.
    Version,
}

/// One error for all of them. Nothing is wrong with AWS: the configuration names what does not exist.
pub(crate) fn fault(environment: &str, missing: &[Missing<'_>]) -> Fault {
    let (noun, verb) = match missing.len() {
        1 => ("secret", "does"),
        _ => ("secrets", "do"),
    };
    let mut message = format!(
        "{} {noun} of the environment {environment} {verb} not exist",
        missing.len()
    );
    for missing in missing {
        let Missing { reference, .. } = missing;
        message.push_str(&format!(
            "\n  {} ({}): {}",
            reference.variable,
            reference.origin,
            remedy(missing)
        ));
    }
    Fault::usage(message).with_hint(
        "these commands read the value from standard input to its last byte, so that it is in no command line: \
         type it and press Ctrl-D twice; --offline leaves the check out",
    )
}

fn remedy(missing: &Missing<'_>) -> String {
    match (&missing.reference.place, missing.why) {
        (Place::Parameter { id, region }, _) => absent_parameter(id, region),
        (Place::Secret { arn, region, .. }, Why::Absent) => format!(
            "no secret {arn}; make it with the command below, and write the ARN that it answers into longshore.toml\n    aws secretsmanager create-secret --region {} --name {} --secret-string file:///dev/stdin",
            word(region),
            word(secret_name(arn))
        ),
        (Place::Secret { arn, region, .. }, Why::Deleted) => format!(
            "the secret {arn} is scheduled for deletion; bring it back with\n    aws secretsmanager restore-secret --region {} --secret-id {}",
            word(region),
            word(arn)
        ),
        (Place::Secret { arn, region, .. }, Why::Version) => format!(
            "the secret {arn} has no such version; see those that it has with\n    aws secretsmanager list-secret-version-ids --region {} --secret-id {}",
            word(region),
            word(arn)
        ),
    }
}

fn absent_parameter(id: &str, region: &str) -> String {
    let name = id.split_once(":parameter").map_or(id, |(_, name)| name);
    match name.split_once(':') {
        // Parameter Store does not tell a missing version from a missing parameter.
        Some((name, version)) => format!(
            "no parameter {name} with the version {version} in {region}; see those that it has with\n    aws ssm get-parameter-history --region {} --name {} --query 'Parameters[].[Version,Labels]'",
            word(region),
            word(name)
        ),
        None => format!(
            "no parameter {id} in {region}; make it with\n    aws ssm put-parameter --region {} --type SecureString --name {} --value file:///dev/stdin",
            word(region),
            word(name)
        ),
    }
}

fn word(text: &str) -> String {
    quoted(OsStr::new(text))
}

/// The name in a secret's ARN, which ends in a hyphen and six characters of AWS's own choice.
fn secret_name(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    match resource.rsplit_once('-') {
        Some((name, suffix)) if suffix.len() == 6 && !name.is_empty() => name,
        _ => resource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_to_see_the_versions_of_a_parameter() {
        assert_eq!(
            absent_parameter("arn:aws:ssm:eu-west-1:1:parameter/a:7", "eu-west-1"),
            "no parameter /a with the version 7 in eu-west-1; see those that it has with\n    \
             aws ssm get-parameter-history --region eu-west-1 --name /a --query 'Parameters[].[Version,Labels]'"
        );
    }

    #[test]
    fn takes_the_name_out_of_an_arn() {
        let prefix = "arn:aws:secretsmanager:us-east-1:1:secret:";
        assert_eq!(
            secret_name(&format!("{prefix}ludlow/db-AbCdEf")),
            "ludlow/db"
        );
        assert_eq!(secret_name(&format!("{prefix}db-url")), "db-url");
    }
}
