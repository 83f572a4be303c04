//! Writing one environment in the form that was asked for.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws::objects::{Object, put_new};
use contract::document::labelled;
use contract::environment::Environment;
use contract::exit;
use toolkit::console::{Verbosity, counted};
use toolkit::file::{Secrecy, write_atomic};
use toolkit::{Console, Fault, output};

use crate::problem::report;
use crate::settings::{Content, Settings};
use crate::sources::Scope;
use crate::target::{self, Refusal, Text, Value};
use crate::vault::{Values, Vault};
use crate::{document, missing};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Generate {
    /// The environment.
    pub scope: Scope,
    /// Form of the result.
    pub target: Target,
    /// Where to write all values as well, secrets included.
    pub env_file: Option<PathBuf>,
    /// Where the result goes.
    pub destination: Destination,
    /// Whether targets that hold values go without the secret ones.
    pub without_secrets: bool,
    /// Where the file of [`Target::EcsFile`] will be.
    pub bucket: Option<String>,
    /// Whether to bring it there.
    pub upload: bool,
    /// Whether to say which source gave each variable.
    pub explain: bool,
    /// What is said beside the result.
    pub verbosity: Verbosity,
}

/// Where the result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Stdout, unless there are secrets in it.
    Unsaid,
    /// Stdout, secrets included.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// Form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The document that the other tools read.
    Document,
    /// `environment` and `secrets` of a container definition.
    Ecs,
    /// A file for `environmentFiles`.
    EcsFile,
    /// `docker run --env-file`.
    Docker,
    /// A Compose file.
    Compose,
    /// A script for bash's `.`.
    Bash,
    /// npm's dotenv.
    Npm,
    /// `node --env-file`.
    Node,
    /// python-dotenv.
    Python,
    /// systemd's EnvironmentFile.
    Systemd,
    /// A JSON object.
    Json,
    /// GitHub Actions.
    Github,
    /// TeamCity.
    Teamcity,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Document,
        Self::Ecs,
        Self::EcsFile,
        Self::Docker,
        Self::Compose,
        Self::Bash,
        Self::Npm,
        Self::Node,
        Self::Python,
        Self::Systemd,
        Self::Json,
        Self::Github,
        Self::Teamcity,
    ];

    /// As the command line writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Ecs => "ecs",
            Self::EcsFile => "ecs-file",
            Self::Docker => "docker",
            Self::Compose => "compose",
            Self::Bash => "bash",
            Self::Npm => "npm",
            Self::Node => "node",
            Self::Python => "python",
            Self::Systemd => "systemd",
            Self::Json => "json",
            Self::Github => "github",
            Self::Teamcity => "teamcity",
        }
    }
}

/// Puts the environment together, checks it, and writes it.
pub(crate) fn run(request: &Generate) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let (settings, values) = aws::block_on(consult(request))?;
    if request.explain {
        for line in settings.explained() {
            console.status(&line);
        }
    }
    match request.target {
        Target::Document | Target::Ecs => references(request, &settings, &values, &console)?,
        Target::EcsFile => ecs_file(request, &settings, &console)?,
        _ => write_values(request, &settings, &values, &console)?,
    }
    Ok(exit::DONE)
}

/// Reads the sources, and asks AWS whether the secrets are there, or for their values if they are to be written.
async fn consult(request: &Generate) -> anyhow::Result<(Settings, Values)> {
    let scope = &request.scope;
    let is_by_reference = matches!(
        request.target,
        Target::Document | Target::Ecs | Target::EcsFile
    );
    let needs_values = if is_by_reference {
        request.env_file.is_some()
    } else {
        !request.without_secrets
    };
    let vault = if needs_values {
        Vault::for_values(&scope.region).await
    } else {
        Vault::new(&scope.region).await
    };
    let settings = scope.gather(&vault).await?.accepted(scope)?;
    let values = if needs_values {
        read_values(scope, &vault, &settings).await?
    } else {
        if is_by_reference && !scope.offline {
            must_exist(scope, &vault, &settings).await?;
        }
        Values::new()
    };
    Ok((settings, values))
}

async fn must_exist(scope: &Scope, vault: &Vault, settings: &Settings) -> anyhow::Result<()> {
    let references = settings.references();
    let absent = vault.missing(&references).await?;
    if absent.is_empty() {
        Ok(())
    } else {
        Err(missing::fault(&scope.environment, &absent).into())
    }
}

/// The values of all references, in as few calls as there can be; only if that fails is it asked which are missing.
pub(crate) async fn read_values(
    scope: &Scope,
    vault: &Vault,
    settings: &Settings,
) -> anyhow::Result<Values> {
    let references = settings.references();
    if references.is_empty() {
        return Ok(Values::new());
    }
    if scope.offline {
        return Err(Fault::usage(format!(
            "the environment {} has {}, whose values only AWS has; leave --offline out, or the secrets with --without-secrets",
            scope.environment,
            counted(references.len() as u64, "secret")
        ))
        .into());
    }
    match vault.values(&references).await {
        Ok(values) => Ok(values),
        Err(error) => match must_exist(scope, vault, settings).await {
            Err(missing) if toolkit::fault::exit_code(&missing) == exit::USAGE => Err(missing),
            _ => Err(error),
        },
    }
}

/// Every value that is known, by name.
pub(crate) fn known<'v>(settings: &'v Settings, values: &'v Values) -> Vec<Value<'v>> {
    settings
        .iter()
        .filter_map(|(name, entry)| {
            let (text, secret) = match &entry.content {
                Content::Plain(text) => (text.as_str(), false),
                Content::Sealed(text) => (text.expose(), true),
                Content::Reference(_) => (values.get(name)?.expose(), true),
            };
            Some(Value { name, text, secret })
        })
        .collect()
}

fn references(
    request: &Generate,
    settings: &Settings,
    values: &Values,
    console: &Console,
) -> anyhow::Result<()> {
    let scope = &request.scope;
    let environment = document::environment(settings)
        .map_err(|problems| Fault::usage(report(&scope.environment, &problems)))?;
    if let Some(path) = &request.env_file {
        let text = target::docker::encode(&known(settings, values)).map_err(refused)?;
        write_atomic(path, text.as_bytes(), Secrecy::Secret)?;
        console.status(&format!(
            "{} holds the values of {}; only its owner can read it",
            path.display(),
            counted(values.len() as u64, "secret")
        ));
    }
    let output = request.file();
    if request.target == Target::Ecs {
        output::document(&target::ecs::encode(&environment), output, Secrecy::Public)?;
    } else {
        output::document(&labelled(&environment), output, Secrecy::Public)?;
    }
    console.status(&summary(scope, &environment));
    Ok(())
}

fn summary(scope: &Scope, environment: &Environment) -> String {
    format!(
        "environment {}: {}, {}{}",
        scope.environment,
        counted(environment.variables.len() as u64, "variable"),
        counted(environment.secrets.len() as u64, "secret"),
        if environment.secrets.is_empty() {
            ""
        } else if scope.offline {
            " (not looked up)"
        } else {
            " (all there)"
        }
    )
}

fn ecs_file(request: &Generate, settings: &Settings, console: &Console) -> anyhow::Result<()> {
    let scope = &request.scope;
    let Destination::File(path) = &request.destination else {
        return Err(Fault::usage(
            "--target ecs-file needs --output FILE: its description is on stdout",
        )
        .into());
    };
    // Refuses secrets that have no reference, as for every task definition.
    document::environment(settings)
        .map_err(|problems| Fault::usage(report(&scope.environment, &problems)))?;
    let values = Values::new();
    let prefix = format!("{}/{}", scope.application, scope.environment);
    let file = target::ecs_file::encode(&known(settings, &values), &prefix).map_err(refused)?;
    write_atomic(path, file.text.as_bytes(), Secrecy::Secret)?;
    let bucket = request.bucket.as_deref();
    let place = format!("s3://{}/{}", bucket.unwrap_or("BUCKET"), file.key);
    let path = path.display();
    if let (Some(bucket), true) = (bucket, request.upload) {
        let what = if upload(scope, bucket, &file)? {
            "is written and uploaded to"
        } else {
            "is written; it is there already:"
        };
        console.status(&format!("{path} {what} {place}"));
    } else {
        console.status(&format!(
            "{path} is written and not uploaded: bring it to {place}"
        ));
    }
    let description = target::ecs_file::description(&file.key, bucket);
    output::document(&description, None, Secrecy::Public)
}

/// Gives whether it was not there yet.
fn upload(scope: &Scope, bucket: &str, file: &target::ecs_file::File) -> anyhow::Result<bool> {
    let object = Object {
        bucket,
        key: &file.key,
        media_type: "text/plain; charset=utf-8",
        bytes: file.text.as_bytes(),
    };
    aws::block_on(async {
        let config = aws::config_in(&scope.region).await;
        put_new(&config, object)
            .await
            .with_context(|| format!("cannot write s3://{bucket}/{}", file.key))
    })
}

fn write_values(
    request: &Generate,
    settings: &Settings,
    values: &Values,
    console: &Console,
) -> anyhow::Result<()> {
    let mut known = known(settings, values);
    if request.without_secrets {
        let all = settings.iter().count();
        known.retain(|value| !value.secret);
        let left_out = all - known.len();
        console.status(&format!("{} left out", counted(left_out as u64, "secret")));
    }
    if request.target == Target::Github {
        return write_github(request, &known, console);
    }
    let text = encoded(request, &known).map_err(refused)?;
    let has_secrets = known.iter().any(|value| value.secret);
    if has_secrets && request.destination == Destination::Unsaid {
        return Err(Fault::usage("the result holds secrets and would be on stdout")
            .with_hint("write --output FILE, which only its owner can read, or --output - if stdout is meant")
            .into());
    }
    output::artifact(text.as_bytes(), request.file(), Secrecy::Secret)?;
    console.status(&format!(
        "environment {}: {} for {}",
        request.scope.environment,
        counted(known.len() as u64, "variable"),
        request.target.word()
    ));
    Ok(())
}

fn encoded(request: &Generate, known: &[Value<'_>]) -> Result<Text, Refusal> {
    match request.target {
        Target::Compose => target::compose::encode(known, &request.scope.services),
        Target::Bash => target::bash::encode(known),
        Target::Npm => target::npm::encode(known),
        Target::Node => target::node::encode(known),
        Target::Python => target::python::encode(known),
        Target::Systemd => target::systemd::encode(known),
        Target::Json => target::json::encode(known),
        Target::Teamcity => target::teamcity::encode(known),
        _ => target::docker::encode(known),
    }
}

/// Masks on stdout, where the runner looks for them, and then the values for the later steps.
fn write_github(request: &Generate, known: &[Value<'_>], console: &Console) -> anyhow::Result<()> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).context("cannot get random bytes for the delimiter")?;
    let delimiter = format!("ghadelimiter_{}", hex::encode(random));
    let text = target::github::encode(known, &delimiter).map_err(refused)?;
    let path = match (&request.destination, std::env::var_os("GITHUB_ENV")) {
        (Destination::File(path), _) => path.clone(),
        (Destination::Unsaid, Some(path)) if !path.is_empty() => PathBuf::from(path),
        _ => {
            return Err(Fault::usage(
                "--target github writes to the file that GITHUB_ENV names, and it is not set",
            )
            .with_hint("run it in a workflow's step, or name a file with --output")
            .into());
        }
    };
    output::artifact(
        target::github::masks(known).as_bytes(),
        None,
        Secrecy::Secret,
    )?;
    append(&path, text.as_bytes())?;
    console.status(&format!(
        "environment {}: {} for the later steps",
        request.scope.environment,
        counted(known.len() as u64, "variable")
    ));
    Ok(())
}

/// Other steps have written to the file before.
fn append(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
fn refused(refusal: Refusal) -> Fault {
    Fault::new(exit::FAILED, refusal.to_string())
}

impl Generate {
    fn file(&self) -> Option<&Path> {
        match &self.destination {
            Destination::File(path) => Some(path),
            Destination::Unsaid | Destination::Stdout => None,
        }
    }
}
