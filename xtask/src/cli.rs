//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use toolkit::console::Verbosity;
use toolkit::{Console, Fault};

use crate::local_aws::{self, LocalAws};
use crate::pipeline::{self, Span, Step};
use crate::project::Project;
use crate::tools::{TOOLS, Tools};
use crate::{bench, check, new, view};

const EXAMPLES: &str = "\
EXAMPLES
  cargo xtask deploy --env local            the whole pipeline on this machine
  cargo xtask deploy --env prod --yes       a release to prod
  cargo xtask new shop --template node-api --ci github
  cargo xtask build --env qa                one step
  cargo xtask logs --env local --follow     lines of all tasks as they are written
  cargo xtask deployer deploy --help        a tool by itself, arguments passed on as they are";

/// Takes a containerised application from a git push to a zero-downtime release on Amazon ECS.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Test, build, push, render and release the project
    Deploy(Deploy),
    /// Run the project's tests and read their reports
    Test(Common),
    /// Build the image
    Build(Common),
    /// Push the image that was built
    Push(Common),
    /// Put the containers' environment together
    Env(Common),
    /// Render the task definitions
    Render(Common),
    /// Create or update the alarms
    Alarms(Common),
    /// Show services, tasks, targets and their health
    Status(Common),
    /// Show the log lines of the environment's tasks
    Logs(Logs),
    /// The local AWS of this project
    #[command(subcommand)]
    Local(Local),
    /// Make a project from a template, or say what the template has changed since
    New(new::New),
    /// Format, lints, tests, documentation: everything that must hold before a commit
    Check(check::Check),
    /// Measure a tool beside what others use for the same, in one run
    Bench(bench::Bench),
    /// One of the tools, by its name
    #[command(external_subcommand)]
    Tool(Vec<OsString>),
}

/// Which project, which environment, how much to say.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Environment; without it the git branch decides
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Directory of the project [default: the one above that holds longshore.toml, else templates/rust-api]
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// Only warnings and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Details too
    #[arg(long, short, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
struct Deploy {
    #[command(flatten)]
    common: Common,
    /// First step to run; what comes before it is taken from its documents
    #[arg(long, value_name = "STEP", default_value = "test")]
    from: Step,
    /// Last step to run
    #[arg(long, value_name = "STEP", default_value = "deploy")]
    until: Step,
    /// Show what each step would run, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Confirm a release to an environment that asks for it
    #[arg(long, short)]
    yes: bool,
    /// Release a working tree with uncommitted changes
    #[arg(long)]
    allow_dirty: bool,
}

#[derive(Debug, Args)]
struct Logs {
    #[command(flatten)]
    common: Common,
    /// Go on with lines as they are written
    #[arg(long, short)]
    follow: bool,
    /// Only this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// How far back to begin: 10m, 2h, 1d
    #[arg(long, value_name = "TIME", default_value = "10m")]
    since: String,
    /// CloudWatch filter pattern
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Local {
    /// Start it (if it does not run) and create the environment's resources
    Up(LocalArgs),
    /// Stop it and its tasks; its state stays
    Down(LocalArgs),
    /// Say whether it runs, and where
    Status(LocalArgs),
    /// Stop it and remove everything that it made
    Reset(LocalArgs),
}

#[derive(Debug, Args)]
struct LocalArgs {
    /// Directory of the project
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// How many times faster than AWS its waits pass (read when it starts)
    #[arg(long, value_name = "N", default_value_t = local_aws::SPEED)]
    speed: f64,
}

/// Runs the command and gives its exit code.
pub(crate) fn run(cli: Cli) -> anyhow::Result<u8> {
    let single = |step: Step, common: Common| {
        let deploy = Deploy {
            common,
            from: step,
            until: step,
            dry_run: false,
            yes: true,
            allow_dirty: true,
        };
        release(deploy)
    };
    match cli.command {
        Command::Deploy(deploy) => release(deploy),
        Command::Test(common) => single(Step::Test, common),
        Command::Build(common) => single(Step::Build, common),
        Command::Push(common) => single(Step::Push, common),
        Command::Env(common) => single(Step::Env, common),
        Command::Render(common) => single(Step::Render, common),
        Command::Alarms(common) => single(Step::Alarms, common),
        Command::Status(common) => status(&common),
        Command::Logs(logs) => follow_logs(&logs),
        Command::Local(local) => local_aws(local),
        Command::New(new) => new::run(&new),
        Command::Check(check) => check::run(&check),
        Command::Bench(bench) => bench::run(&bench),
        Command::Tool(words) => tool(&words),
    }
}

fn release(deploy: Deploy) -> anyhow::Result<u8> {
    let console = Console::new(Verbosity::from_flags(
        deploy.common.quiet,
        deploy.common.verbose,
    ));
    if deploy.from > deploy.until {
        return Err(Fault::usage(format!(
            "--from {} comes after --until {}",
            deploy.from, deploy.until
        ))
        .into());
    }
    let project = Project::find(deploy.common.project.as_deref())?;
    let environment = project.environment(deploy.common.env.as_deref())?;
    let request = pipeline::Request {
        span: Span {
            from: deploy.from,
            until: deploy.until,
        },
        dry_run: deploy.dry_run,
        yes: deploy.yes,
        allow_dirty: deploy.allow_dirty,
    };
    pipeline::run(&console, &project, environment, &request)
}

fn status(common: &Common) -> anyhow::Result<u8> {
    let console = Console::new(Verbosity::from_flags(common.quiet, common.verbose));
    let project = Project::find(common.project.as_deref())?;
    let environment = project.environment(common.env.as_deref())?;
    let tools = Tools::ready(&console)?;
    let access = local_aws::access(&console, &tools, &project, environment)?;
    view::status(&tools, &access, &project, environment)
}

fn follow_logs(logs: &Logs) -> anyhow::Result<u8> {
    let console = Console::new(Verbosity::from_flags(
        logs.common.quiet,
        logs.common.verbose,
    ));
    let project = Project::find(logs.common.project.as_deref())?;
    let environment = project.environment(logs.common.env.as_deref())?;
    let tools = Tools::ready(&console)?;
    let access = local_aws::access(&console, &tools, &project, environment)?;
    let request = view::LogRequest {
        follow: logs.follow,
        service: logs.service.as_deref(),
        since: &logs.since,
        filter: logs.filter.as_deref(),
    };
    view::logs(&tools, &access, &project, environment, &request)
}

fn local_aws(local: Local) -> anyhow::Result<u8> {
    let console = Console::from_environment();
    let (Local::Up(args) | Local::Down(args) | Local::Status(args) | Local::Reset(args)) = &local;
    let project = Project::find(args.project.as_deref())?;
    let tools = Tools::ready(&console)?;
    let aws = LocalAws::of(&project);
    match &local {
        Local::Up(args) => aws.up(&console, &tools, &project, args.speed),
        Local::Down(_) => aws.forward(&tools, "down"),
        Local::Status(_) => aws.forward(&tools, "status"),
        Local::Reset(_) => aws.forward(&tools, "reset"),
    }
}

fn tool(words: &[OsString]) -> anyhow::Result<u8> {
    let Some((name, arguments)) = words.split_first() else {
        return Err(Fault::usage("no tool was named").into());
    };
    let known = name
        .to_str()
        .and_then(|name| TOOLS.iter().find(|tool| **tool == name));
    let Some(tool) = known else {
        return Err(Fault::usage(format!(
            "there is no command or tool called \"{}\"",
            name.to_string_lossy()
        ))
        .with_hint(format!(
            "the tools are {}; `cargo xtask --help` lists the commands",
            TOOLS.join(", ")
        ))
        .into());
    };
    let tools = Tools::ready(&Console::from_environment())?;
    view::pass_through(&tools.invocation(tool).args(arguments))
}
