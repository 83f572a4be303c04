//! Becoming another program that has the environment.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use contract::exit;
use toolkit::Fault;

use crate::generate::{known, read_values};
use crate::sources::Scope;
use crate::vault::Vault;

/// What a command needs of this process though it is to have nothing of it.
const BASIC: [&str; 4] = ["PATH", "HOME", "TERM", "LANG"];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Run {
    /// The environment.
    pub scope: Scope,
    /// The command and its arguments; not empty.
    pub command: Vec<OsString>,
    /// Whether it gets nothing of this process's environment.
    pub clean: bool,
}

/// Becomes the command; comes back only if that fails.
pub(crate) fn run(request: &Run) -> anyhow::Result<u8> {
    let scope = &request.scope;
    let (settings, values) = aws::block_on(async {
        let vault = Vault::for_values(&scope.region).await;
        let settings = scope.gather(&vault).await?.accepted(scope)?;
        let values = read_values(scope, &vault, &settings).await?;
        Ok((settings, values))
    })?;
    let (program, arguments) = request
        .command
        .split_first()
        .ok_or_else(|| Fault::usage("run needs a command after --"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    if request.clean {
        command.env_clear();
        command.envs(
            BASIC
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        );
    }
    for value in known(&settings, &values) {
        if value.text.contains('\0') {
            return Err(Fault::new(
                exit::FAILED,
                format!(
                    "a process cannot have {} (its value has a zero byte)",
                    value.name
                ),
            )
            .into());
        }
        command.env(value.name, value.text);
    }
    let error = command.exec();
    Err(Fault::new(
        exit::FAILED,
        format!("cannot start {}: {error}", program.to_string_lossy()),
    )
    .into())
}
