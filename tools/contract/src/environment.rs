//! `environment.json`: what the containers find in their environment, with references instead of secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Document;

/// The environment of a project's containers in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Variables that may be read by anybody who may read the task definition.
    pub variables: BTreeMap<String, Variable>,
    /// Variables whose values only the running task gets to see.
    pub secrets: BTreeMap<String, Secret>,
}

/// A plain variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its value as the process sees it.
    pub value: String,
    /// Where it was set, for example `longshore.toml:31`.
    pub origin: String,
}

/// A secret variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// What ECS takes as `valueFrom`: a Parameter Store name or ARN, or a Secrets Manager ARN with its suffix.
    pub value_from: String,
    /// Where the reference was set, for example `longshore.toml:44`.
    pub origin: String,
}

impl Document for Environment {
    const KIND: &'static str = "environment";
    const SCHEMA: u32 = 1;
}
