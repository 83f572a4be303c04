//! Carrying a plan out.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use anyhow::Context as _;
use contract::config::{Aws, Environment};
use contract::deployment::{Deployment, Verdict};
use contract::exit;
use contract::image::{Image, ImageOutcome};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use toolkit::ci::Dialect;
use toolkit::output::Lines;
use toolkit::process::Invocation;
use toolkit::{Console, Fault};

use super::memory::Memory;
use super::plan::{self, Parts, Plan, Release};
use super::{Span, Step, child, fingerprint};
use crate::local_aws::{self, Access, LocalAws};
use crate::project::{Project, document};
use crate::tools::Tools;
use crate::{git, report};

/// The name of the look at the environment before anything is built, which is no step of its own.
const CHECK: &str = "check";

/// What a run is asked to do.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) span: Span,
    pub(crate) dry_run: bool,
    pub(crate) yes: bool,
    pub(crate) allow_dirty: bool,
}

/// A step that ended with something else than success.
#[derive(Debug)]
struct Stopped {
    code: u8,
}

type Outcome = anyhow::Result<Result<(), Stopped>>;

struct Run<'a> {
    console: &'a Console,
    project: &'a Project,
    environment: &'a Environment,
    access: Access,
    plan: Plan,
    bars: MultiProgress,
    interrupted: &'a AtomicBool,
}

/// Runs the steps of the request; gives the first failing step's exit code, or 0.
pub(crate) fn run(
    console: &Console,
    project: &Project,
    environment: &Environment,
    request: &Request,
) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let tree = git::tree(&project.directory);
    permit(environment, tree.as_ref(), request)?;
    let tools = Tools::ready(console)?;
    let build_number = git::build_number();
    let parts = Parts {
        tools: &tools,
        project,
        environment,
        tree: tree.as_ref(),
        build_number: &build_number,
    };
    let plan = Plan::new(&parts)?;
    if request.dry_run {
        show(&plan, request.span)?;
        return Ok(exit::DONE);
    }
    let access = local_aws::access(console, &tools, project, environment)?;
    if environment.aws == Aws::Local && request.span.until >= Step::Push {
        LocalAws::of(project).seed(&tools, project, environment)?;
    }
    let interrupted = child::interruption()?;
    let run = Run {
        console,
        project,
        environment,
        access,
        plan,
        bars: bars(console),
        interrupted: &interrupted,
    };
    let outcome = run.steps(request.span)?;
    if request.span.includes(Step::Deploy) {
        report::write(console, project, environment, &run.plan.tag)?;
    }
    match outcome {
        Ok(()) => {
            run.conclude(request.span, begun)?;
            Ok(exit::DONE)
        }
        Err(Stopped { code }) => Ok(code),
    }
}

/// Refuses what must not be released like this.
fn permit(
    environment: &Environment,
    tree: Option<&git::Tree>,
    request: &Request,
) -> anyhow::Result<()> {
    if environment.confirm && !request.yes && !request.dry_run {
        return Err(Fault::usage(format!(
            "a release to {} must be confirmed",
            environment.name
        ))
        .with_hint("add --yes, or see with --dry-run what it would do")
        .into());
    }
    let is_dirty = tree.is_some_and(|tree| tree.is_dirty);
    if is_dirty && environment.aws == Aws::Cloud && !request.allow_dirty && !request.dry_run {
        return Err(Fault::usage("the working tree has changes that are not committed, so nobody could tell later what was released")
            .with_hint("commit them, or add --allow-dirty")
            .into());
    }
    Ok(())
}

impl Run<'_> {
    fn steps(&self, span: Span) -> Outcome {
        let documents = self.project.documents(self.environment);
        std::fs::create_dir_all(&documents)
            .with_context(|| format!("cannot make the directory {}", documents.display()))?;
        if let Some(check) = check(&self.plan, span)
            && let Err(stopped) = self.labelled(CHECK, &check)?
        {
            return Ok(Err(stopped));
        }
        if let Err(stopped) = self.test_and_build(span, &documents)? {
            return Ok(Err(stopped));
        }
        for (step, calls) in [
            (Step::Push, vec![&self.plan.push]),
            (Step::Env, vec![&self.plan.env]),
            (Step::Render, self.plan.render.iter().collect()),
            (Step::Alarms, self.plan.alarms.iter().collect()),
        ] {
            if span.includes(step)
                && let Err(stopped) = self.all(step, &calls)?
            {
                return Ok(Err(stopped));
            }
        }
        if span.includes(Step::Deploy) {
            self.deploy()
        } else {
            Ok(Ok(()))
        }
    }

    /// Tests and build side by side; both ends are awaited.
    fn test_and_build(&self, span: Span, documents: &Path) -> Outcome {
        let sources = fingerprint::of(
            &self.project.directory,
            &plan::outputs(self.environment),
            &[],
        )?;
        let mut memory = Memory::recall(documents);
        let key = |call: &Invocation| format!("{call} {sources}");
        let test = self
            .plan
            .test
            .as_ref()
            .filter(|_| span.includes(Step::Test));
        let (tested, built) = thread::scope(|scope| {
            let testing = scope.spawn(|| match test {
                Some(call) if memory.tested.as_deref() == Some(&key(call)) => {
                    self.line(Step::Test, "unchanged since the tests passed");
                    Ok(Ok(()))
                }
                Some(call) => self.one(Step::Test, call),
                None => Ok(Ok(())),
            });
            let built = if span.includes(Step::Build) {
                self.build(&memory, &key)
            } else {
                Ok(Ok(()))
            };
            let tested = testing
                .join()
                .unwrap_or_else(|_panic| Err(anyhow::anyhow!("the test step was cut short")));
            (tested, built)
        });
        let (tested, built) = (tested?, built?);
        if let (Ok(()), Some(call)) = (&tested, test) {
            memory.tested = Some(key(call));
        }
        if let (Ok(()), Some(call), true) = (&built, &self.plan.before, span.includes(Step::Build))
        {
            memory.prepared = Some(key(call));
        }
        memory.keep(documents)?;
        Ok(tested.and(built))
    }

    fn build(&self, memory: &Memory, key: &dyn Fn(&Invocation) -> String) -> Outcome {
        let Some(before) = &self.plan.before else {
            return self.one(Step::Build, &self.plan.build);
        };
        if memory.prepared.as_deref() == Some(&key(before)) {
            let built = self.one(Step::Build, &self.plan.build)?;
            if built.is_ok() {
                return Ok(built);
            }
            // What it made may have been removed since.
            self.line(Step::Build, "once more, with the command before it");
        }
        match self.one(Step::Build, before)? {
            Ok(()) => self.one(Step::Build, &self.plan.build),
            stopped => Ok(stopped),
        }
    }

    fn deploy(&self) -> Outcome {
        for wave in &self.plan.deploy {
            let ends: Vec<Outcome> = thread::scope(|scope| {
                let running: Vec<_> = wave
                    .iter()
                    .map(|release| scope.spawn(|| self.release(release)))
                    .collect();
                let join = |release: thread::ScopedJoinHandle<'_, Outcome>| {
                    release
                        .join()
                        .unwrap_or_else(|_panic| Err(anyhow::anyhow!("a release was cut short")))
                };
                running.into_iter().map(join).collect()
            });
            for end in ends {
                if let Err(stopped) = end? {
                    return Ok(Err(stopped));
                }
            }
        }
        Ok(Ok(()))
    }

    fn release(&self, release: &Release) -> Outcome {
        // A document of an earlier release must not speak for this one.
        match std::fs::remove_file(&release.document) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("cannot remove {}", release.document.display()));
            }
            _ => {}
        }
        let label = if self.plan.deploy.iter().flatten().count() > 1 {
            release.name.as_str()
        } else {
            "deploy"
        };
        self.labelled(label, &release.call)
    }

    fn all(&self, step: Step, calls: &[&Invocation]) -> Outcome {
        for call in calls {
            if let Err(stopped) = self.one(step, call)? {
                return Ok(Err(stopped));
            }
        }
        Ok(Ok(()))
    }

    fn one(&self, step: Step, call: &Invocation) -> Outcome {
        self.labelled(&step.to_string(), call)
    }

    fn labelled(&self, label: &str, call: &Invocation) -> Outcome {
        let call = self.access.grant(call.clone());
        let bar = self.bar(label);
        self.console.detail(&format!("{label:>7} $ {call}"));
        let status = child::run(&call, &|line| self.say(label, line));
        bar.finish_and_clear();
        let status = status?;
        if child::is_interrupted(self.interrupted) {
            return Ok(Err(Stopped {
                code: exit::INTERRUPTED,
            }));
        }
        if status.success() {
            return Ok(Ok(()));
        }
        let code = child::exit_code(status);
        self.bars.suspend(|| {
            self.console.error(&format!(
                "the step {label} ended with exit code {code}: {}",
                meaning(label, code)
            ));
            self.console.hint(&format!("by hand: {call}"));
        });
        Ok(Err(Stopped { code }))
    }

    fn line(&self, step: Step, text: &str) {
        self.say(&step.to_string(), text);
    }

    fn say(&self, label: &str, text: &str) {
        // A message to the CI system counts only from the beginning of its line on.
        let is_command = match self.console.dialect() {
            Dialect::TeamCity => text.starts_with("##teamcity["),
            Dialect::GitHub => text.starts_with("::"),
            Dialect::GitLab | Dialect::None => false,
        };
        let line = if is_command {
            text.to_owned()
        } else {
            format!("{label:>7} │ {text}")
        };
        self.bars.suspend(|| self.console.status(&line));
    }

    fn bar(&self, label: &str) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
        bar.set_style(style.unwrap_or_else(|_invalid| ProgressStyle::default_spinner()));
        bar.set_message(label.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        bar
    }

    /// Says what became of everything; the addresses go to stdout.
    fn conclude(&self, span: Span, begun: Instant) -> anyhow::Result<()> {
        let seconds = begun.elapsed().as_secs_f64();
        let documents = self.project.documents(self.environment);
        let image: Option<Image> = document(&documents.join("image.json"));
        let mut lines = Lines::default();
        if !span.includes(Step::Deploy) {
            self.console.success(&format!(
                "{} to {} done in {seconds:.1} s",
                span.from, span.until
            ));
            return Ok(());
        }
        for service in self.environment.services.keys() {
            let file = self
                .project
                .service_documents(self.environment, service)
                .join("deployment.json");
            let Some(deployment) = document::<Deployment>(&file) else {
                continue;
            };
            let image = image
                .as_ref()
                .map(|image| summary(image, &deployment))
                .unwrap_or_default();
            let text = format!(
                "{} {}{image} in {seconds:.1} s",
                deployment.service,
                verdict(&deployment)
            );
            self.console.success(&text);
            if let Some(url) = &deployment.url {
                lines.line(url)?;
            }
        }
        Ok(())
    }
}

fn verdict(deployment: &Deployment) -> String {
    let revision = deployment
        .serving_task_definition
        .rsplit('/')
        .next()
        .unwrap_or_default();
    match deployment.verdict {
        Verdict::Unchanged => format!("unchanged: it already runs {revision}"),
        _ => format!("released: it runs {revision}"),
    }
}

fn summary(image: &Image, deployment: &Deployment) -> String {
    let what = if image.outcome == ImageOutcome::Reused || deployment.verdict == Verdict::Unchanged
    {
        "image"
    } else {
        "new image"
    };
    let digest = image.digest.trim_start_matches("sha256:");
    format!(", {what} {}", &digest[..digest.len().min(12)])
}

/// The look at the environment before anything is built. A build that goes no further needs no access to the
/// secrets.
fn check(plan: &Plan, span: Span) -> Option<Invocation> {
    let check = plan.check.clone();
    match (span.includes(Step::Build), span.includes(Step::Env)) {
        (true, true) => Some(check),
        (true, false) => Some(check.arg("--offline")),
        (false, _) => None,
    }
}

/// What an exit code of a step means, for people.
fn meaning(label: &str, code: u8) -> &'static str {
    match code {
        exit::USAGE => "wrong arguments or configuration; nothing was changed",
        exit::NEGATIVE if label == CHECK => {
            "the environment is not as it should be, so nothing was built"
        }
        exit::NEGATIVE if label == "test" => "the tests did not pass, so nothing was pushed",
        exit::NEGATIVE => "a negative verdict",
        exit::ROLLED_BACK => {
            "the release failed and the service is back on the revision that worked"
        }
        exit::SUPERSEDED => "another deployment took its place",
        exit::TIMED_OUT => "the time limit passed before there was a verdict",
        exit::INTERRUPTED => "interrupted",
        _ => "it failed; the reason is above",
    }
}

fn bars(console: &Console) -> MultiProgress {
    let target = if console.is_interactive() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    MultiProgress::with_draw_target(target)
}

/// A dry run: the calls of each step, as lines for a shell.
fn show(plan: &Plan, span: Span) -> anyhow::Result<()> {
    let mut lines = Lines::default();
    if let Some(check) = check(plan, span) {
        lines.line(&format!("{CHECK:>7} $ {check}"))?;
    }
    let steps: [(Step, Vec<&Invocation>); 7] = [
        (Step::Test, plan.test.iter().collect()),
        (
            Step::Build,
            plan.before.iter().chain([&plan.build]).collect(),
        ),
        (Step::Push, vec![&plan.push]),
        (Step::Env, vec![&plan.env]),
        (Step::Render, plan.render.iter().collect()),
        (Step::Alarms, plan.alarms.iter().collect()),
        (
            Step::Deploy,
            plan.deploy
                .iter()
                .flatten()
                .map(|release| &release.call)
                .collect(),
        ),
    ];
    for (step, calls) in steps.iter().filter(|(step, _)| span.includes(*step)) {
        for call in calls {
            lines.line(&format!("{step:>7} $ {call}"))?;
        }
    }
    Ok(())
}
