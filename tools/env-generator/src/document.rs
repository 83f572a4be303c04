//! The document, from what the project's file says.

use contract::environment::{Environment, Secret, Variable};

use crate::Request;
use crate::reference::Reference;

/// Variables and references with the lines that set them.
pub(crate) fn environment(request: &Request, references: &[Reference]) -> Environment {
    let origin = |line: usize| format!("{}:{line}", request.file);
    Environment {
        variables: request
            .variables
            .iter()
            .map(|(name, variable)| {
                let variable = Variable {
                    value: variable.value.clone(),
                    origin: origin(variable.line),
                };
                (name.clone(), variable)
            })
            .collect(),
        secrets: references
            .iter()
            .map(|reference| {
                let secret = Secret {
                    value_from: reference.place.value_from(),
                    origin: origin(reference.line),
                };
                (reference.variable.clone(), secret)
            })
            .collect(),
    }
}
