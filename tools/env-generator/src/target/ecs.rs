//! The members `environment` and `secrets` of a container definition: secrets by reference only.

use contract::environment::Environment;
use serde_json::{Value, json};

/// The two lists, sorted by name.
pub(crate) fn encode(environment: &Environment) -> Value {
    let variables: Vec<Value> = environment
        .variables
        .iter()
        .map(|(name, variable)| json!({ "name": name, "value": variable.value }))
        .collect();
    let secrets: Vec<Value> = environment
        .secrets
        .iter()
        .map(|(name, secret)| json!({ "name": name, "valueFrom": secret.value_from }))
        .collect();
    json!({ "environment": variables, "secrets": secrets })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use contract::environment::{Secret, Variable};

    use super::*;

    #[test]
    fn writes_values_and_references() {
        let environment = Environment {
            variables: BTreeMap::from([(
                "A".to_owned(),
                Variable {
                    value: "1\n$x".to_owned(),
                    origin: "longshore.toml:1".to_owned(),
                },
            )]),
            secrets: BTreeMap::from([(
                "T".to_owned(),
                Secret {
                    value_from: "/ludlow/T".to_owned(),
                    origin: "longshore.toml:2".to_owned(),
                },
            )]),
        };
        assert_eq!(
            encode(&environment),
            json!({
                "environment": [{ "name": "A", "value": "1\n$x" }],
                "secrets": [{ "name": "T", "valueFrom": "/ludlow/T" }],
            })
        );
    }
}
