//! Puts together what a project's containers find in their environment: plain variables with their values,
//! secrets as references that ECS resolves when a task starts.
//!
//! The document never holds a secret's value, and making it reads none: AWS is only asked whether the secrets
//! exist, and without secrets it is not asked at all. Values are read on request alone, into a file that
//! nobody else may read. This tool must not know what a service or a task definition is.

pub mod cli;
mod document;
mod env_file;
mod missing;
mod reference;
mod secret_text;
mod vault;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contract::config::{Secret, Variable};
use contract::document::labelled;
use contract::environment::Environment;
use contract::exit;
use toolkit::console::{Verbosity, counted};
use toolkit::file::{Secrecy, write_atomic};
use toolkit::{Console, Fault, output};

use reference::Reference;
use vault::Vault;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Name of the environment.
    pub environment: String,
    /// Where the tasks run, for example `us-east-1`.
    pub region: String,
    /// Name of the project's file, which origins begin with.
    pub file: String,
    /// Plain variables.
    pub variables: BTreeMap<String, Variable>,
    /// References to secrets.
    pub secrets: BTreeMap<String, Secret>,
    /// Whether to leave AWS alone.
    pub offline: bool,
    /// Where to write all values, secrets included.
    pub env_file: Option<PathBuf>,
    /// Where the document goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside the document.
    pub verbosity: Verbosity,
}

/// Makes the document, checks that its secrets exist, and writes what was asked for.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let references =
        reference::read(request).map_err(|problems| Fault::usage(problems.to_string()))?;
    let environment = document::environment(request, &references);
    let mut values = BTreeMap::new();
    if !references.is_empty() && !request.offline {
        values = aws::block_on(consult(request, &references))?;
    }
    if let Some(path) = &request.env_file {
        write_env_file(path, &environment, &values)?;
        console.status(&format!(
            "{} holds the values of {}; only its owner can read it",
            path.display(),
            counted(values.len() as u64, "secret")
        ));
    }
    output::document(
        &labelled(&environment),
        request.output.as_deref(),
        Secrecy::Public,
    )?;
    console.status(&format!(
        "environment {}: {}, {}{}",
        request.environment,
        counted(environment.variables.len() as u64, "variable"),
        counted(environment.secrets.len() as u64, "secret"),
        if references.is_empty() {
            ""
        } else if request.offline {
            " (not looked up)"
        } else {
            " (all there)"
        }
    ));
    Ok(exit::DONE)
}

/// Asks AWS for every secret: whether it is there, and for its value only if a file is to hold it.
async fn consult(request: &Request, references: &[Reference]) -> anyhow::Result<vault::Values> {
    let vault = Vault::new(&request.region).await;
    let missing = vault.missing(references).await?;
    if !missing.is_empty() {
        return Err(missing::fault(request, &missing).into());
    }
    match request.env_file {
        Some(_) => vault.values(references).await,
        None => Ok(BTreeMap::new()),
    }
}

fn write_env_file(
    path: &Path,
    environment: &Environment,
    secrets: &vault::Values,
) -> anyhow::Result<()> {
    let plain = environment
        .variables
        .iter()
        .map(|(name, variable)| (name.as_str(), variable.value.as_str()));
    let secret = secrets
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()));
    let text = env_file::encode(plain.chain(secret))
        .map_err(|refusal| Fault::new(exit::FAILED, refusal.to_string()))?;
    write_atomic(path, text.as_bytes(), Secrecy::Secret)
}
