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
use crate::settings::Settings;
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

/// What was found in one environment: all that could be judged, and what kept the rest from being judged.
struct Found {
    problems: Vec<Problem>,
    error: Option<anyhow::Error>,
}

/// Checks all of them and reports all that is wrong, also after one of them could not be checked to the end.
pub(crate) fn run(request: &Check) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let mut verdicts = Vec::new();
    let (mut is_good, mut unfinished) = (true, None);
    for scope in &request.scopes {
        let Found {
            mut problems,
            error,
        } = aws::block_on(async { Ok(look(request, scope).await) })?;
        problems.sort();
        problems.dedup();
        if !problems.is_empty() {
            is_good = false;
            console.error(&report(&scope.environment, &problems));
        } else if error.is_none() {
            console.status(&format!(
                "environment {}: nothing is wrong",
                scope.environment
            ));
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
        let mut verdict = json!({ "environment": scope.environment, "problems": list });
        if let Some(error) = error {
            let error = error.context(format!(
                "the environment {} was not checked to the end",
                scope.environment
            ));
            toolkit::fault::report(&console, &error);
            verdict["unfinished"] = true.into();
            unfinished = unfinished.or(Some(toolkit::fault::exit_code(&error)));
        }
        verdicts.push(verdict);
    }
    let document = json!({ "kind": "environment-check", "schema": 1, "environments": verdicts });
    output::document(&document, request.output.as_deref(), Secrecy::Public)?;
    // Without an end there is no verdict, whatever was found.
    Ok(match unfinished {
        Some(code) => code,
        None if is_good => exit::DONE,
        None => exit::NEGATIVE,
    })
}

async fn look(request: &Check, scope: &Scope) -> Found {
    let vault = if request.values {
        Vault::for_values(&scope.region).await
    } else {
        Vault::new(&scope.region).await
    };
    let gathered = match scope.gather(&vault).await {
        Ok(gathered) => gathered,
        Err(error) => {
            return Found {
                problems: Vec::new(),
                error: Some(error),
            };
        }
    };
    let Gathered {
        settings,
        mut problems,
        is_complete,
    } = gathered;
    let (values, error) = match asked(request, scope, &vault, &settings, &mut problems).await {
        Ok(values) => (values, None),
        Err(error) => (Values::new(), Some(error)),
    };
    problems.extend(scope.schema.check(&settings, &values, is_complete));
    if let Err(without_reference) = document::environment(&settings) {
        problems.extend(without_reference);
    }
    Found { problems, error }
}

/// What AWS says: secrets that are not there become problems, and values are given if they are asked for.
async fn asked(
    request: &Check,
    scope: &Scope,
    vault: &Vault,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Values> {
    if scope.offline {
        return Ok(Values::new());
    }
    let references = settings.references();
    let missing = vault.missing(&references).await?;
    problems.extend(missing.iter().map(|missing| missing.problem()));
    if request.values && missing.is_empty() {
        return read_values(scope, vault, settings).await;
    }
    Ok(Values::new())
}
