//! Checking environments before anything is built.

use std::path::PathBuf;

use contract::exit;
use serde_json::json;
use toolkit::console::{Verbosity, counted};
use toolkit::file::Secrecy;
use toolkit::{Console, output};

use crate::document;
use crate::generate::read_values;
use crate::problem::{Problem, report};
use crate::sources::{Gathered, Scope};
use crate::vault::{Values, Vault};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Check {
    /// The environments.
    pub scopes: Vec<Scope>,
    /// Whether secrets are read and their values checked.
    pub values: bool,
    /// Where the verdict goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside the verdict.
    pub verbosity: Verbosity,
}

/// Checks all of them and reports all that is wrong.
pub(crate) fn run(request: &Check) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let mut verdicts = Vec::new();
    let mut is_good = true;
    for scope in &request.scopes {
        let mut problems = aws::block_on(problems(request, scope))?;
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            console.status(&format!(
                "environment {}: nothing is wrong",
                scope.environment
            ));
        } else {
            is_good = false;
            console.error(&report(&scope.environment, &problems));
        }
        if !scope.is_complete() {
            let paths = counted(scope.sources.paths.len() as u64, "path");
            console.warning(&format!(
                "environment {}: {paths} of Parameter Store not looked at (--offline), so nothing is called missing",
                scope.environment
            ));
        }
        let list: Vec<_> = problems
            .iter()
            .map(|problem| json!({ "file": problem.file, "line": problem.line, "message": problem.message }))
            .collect();
        verdicts.push(json!({ "environment": scope.environment, "problems": list }));
    }
    let document = json!({ "kind": "environment-check", "schema": 1, "environments": verdicts });
    output::document(&document, request.output.as_deref(), Secrecy::Public)?;
    Ok(if is_good { exit::DONE } else { exit::NEGATIVE })
}

async fn problems(request: &Check, scope: &Scope) -> anyhow::Result<Vec<Problem>> {
    let vault = if request.values {
        Vault::for_values(&scope.region).await
    } else {
        Vault::new(&scope.region).await
    };
    let Gathered {
        settings,
        mut problems,
    } = scope.gather(&vault).await?;
    let references = settings.references();
    let mut values = Values::new();
    if !scope.offline {
        let missing = vault.missing(&references).await?;
        problems.extend(missing.iter().map(|missing| missing.problem()));
        if request.values && missing.is_empty() {
            values = read_values(scope, &vault, &settings).await?;
        }
    }
    problems.extend(scope.schema.check(&settings, &values, scope.is_complete()));
    if let Err(without_reference) = document::environment(&settings) {
        problems.extend(without_reference);
    }
    Ok(problems)
}
