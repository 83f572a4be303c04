//! The document, from the settings: plain variables, and secrets by reference only.

use contract::environment::{Environment, Secret, Variable};

use crate::problem::Problem;
use crate::settings::{Content, Settings};

/// Variables and references with their origins, or the secrets that have no reference.
pub(crate) fn environment(settings: &Settings) -> Result<Environment, Vec<Problem>> {
    let mut environment = Environment {
        variables: Default::default(),
        secrets: Default::default(),
    };
    let mut problems = Vec::new();
    for (name, entry) in settings.iter() {
        let origin = entry.origin.to_string();
        match &entry.content {
            Content::Plain(value) => {
                let value = value.clone();
                environment
                    .variables
                    .insert(name.to_owned(), Variable { value, origin });
            }
            Content::Reference(place) => {
                let value_from = place.value_from();
                environment
                    .secrets
                    .insert(name.to_owned(), Secret { value_from, origin });
            }
            Content::Sealed(_) => problems.push(Problem::new(
                &entry.origin.source,
                entry.origin.line,
                format!(
                    "{name} is secret and has no reference, which is all that a task definition may hold; bring it to \
                     Parameter Store with env-generator push, and write the reference under secrets in longshore.toml"
                ),
            )),
        }
    }
    if problems.is_empty() {
        Ok(environment)
    } else {
        Err(problems)
    }
}
