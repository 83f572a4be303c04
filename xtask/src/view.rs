//! Looking at what runs: status and logs, by the tools that know how.

use contract::config::Environment;
use toolkit::process::Invocation;

use crate::local_aws::Access;
use crate::project::Project;
use crate::tools::Tools;

/// What part of the logs to show.
#[derive(Debug)]
pub(crate) struct LogRequest<'a> {
    pub(crate) follow: bool,
    pub(crate) service: Option<&'a str>,
    pub(crate) since: &'a str,
    pub(crate) filter: Option<&'a str>,
}

/// Shows services, tasks, targets and their health.
pub(crate) fn status(
    tools: &Tools,
    access: &Access,
    project: &Project,
    environment: &Environment,
) -> anyhow::Result<u8> {
    let names = project.names(environment);
    let services = environment
        .services
        .keys()
        .flat_map(|service| ["--service".to_owned(), names.service(service)]);
    let call = tools
        .invocation("deployer")
        .args(["status", "--format", "text", "--cluster", &names.cluster()])
        .args(services);
    pass_through(&access.grant(call))
}

/// Shows log lines of the environment's tasks.
pub(crate) fn logs(
    tools: &Tools,
    access: &Access,
    project: &Project,
    environment: &Environment,
    request: &LogRequest<'_>,
) -> anyhow::Result<u8> {
    let mut call = tools.invocation("log-tailer").args([
        "--format",
        "text",
        "--group",
        &project.names(environment).log_group(),
        "--since",
        request.since,
    ]);
    if let Some(service) = request.service {
        call = call.args(["--prefix", &format!("{service}/")]);
    }
    if let Some(filter) = request.filter {
        call = call.args(["--filter", filter]);
    }
    if request.follow {
        call = call.arg("--follow");
    }
    pass_through(&access.grant(call))
}

/// Runs a tool in this process's place: its output is ours, and so is its exit code.
pub(crate) fn pass_through(call: &Invocation) -> anyhow::Result<u8> {
    let status = crate::pipeline::child::wait(&mut call.command(), call)?;
    Ok(crate::pipeline::child::exit_code(status))
}
