//! Every call of a release, before the first one is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contract::config::{Environment, Launch, Service, Task};
use contract::names::Names;
use toolkit::Fault;
use toolkit::process::Invocation;

use crate::git::{self, Tree};
use crate::project::Project;
use crate::tools::Tools;

/// What a release of one environment runs.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Whether the environment is as it should be, before time is spent on it.
    pub(crate) check: Invocation,
    pub(crate) test: Option<Invocation>,
    /// The project's own command before the image.
    pub(crate) before: Option<Invocation>,
    pub(crate) build: Invocation,
    pub(crate) push: Invocation,
    pub(crate) env: Invocation,
    pub(crate) render: Vec<Invocation>,
    pub(crate) alarms: Vec<Invocation>,
    /// Waves of releases: all of a wave side by side, then the next.
    pub(crate) deploy: Vec<Vec<Release>>,
    /// What every task definition was made from, for people.
    pub(crate) tag: String,
}

/// The release of one service, or one run of a task.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) call: Invocation,
    pub(crate) document: PathBuf,
}

/// What the calls are made of.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) project: &'a Project,
    pub(crate) environment: &'a Environment,
    pub(crate) tree: Option<&'a Tree>,
    pub(crate) build_number: &'a str,
}

impl Plan {
    /// Plans a release.
    pub(crate) fn new(parts: &Parts<'_>) -> anyhow::Result<Self> {
        let environment = parts.environment;
        let tag = git::image_tag(&environment.name, parts.build_number, parts.tree);
        let before = environment
            .image
            .before
            .as_deref()
            .map(|line| parts.command(line))
            .transpose()?;
        Ok(Self {
            check: parts.check(),
            test: environment
                .test
                .as_ref()
                .map(|test| parts.test(test))
                .transpose()?,
            before,
            build: parts.build(&tag),
            push: parts.push(&tag),
            env: parts.env(),
            render: parts.rendered(|name| parts.render(name)),
            alarms: environment
                .services
                .keys()
                .map(|service| parts.alarms(service))
                .collect(),
            deploy: parts.waves(),
            tag,
        })
    }
}

impl Parts<'_> {
    fn names(&self) -> Names {
        self.project.names(self.environment)
    }

    fn document(&self, name: &str) -> PathBuf {
        self.project.documents(self.environment).join(name)
    }

    fn service_document(&self, service: &str, name: &str) -> PathBuf {
        self.project
            .service_documents(self.environment, service)
            .join(name)
    }

    fn task_document(&self, task: &str, name: &str) -> PathBuf {
        self.project
            .documents(self.environment)
            .join(format!("{task}.{name}"))
    }

    /// A command line of the project's own, run in its directory. No shell takes part.
    fn command(&self, line: &str) -> anyhow::Result<Invocation> {
        let words = words(line)?;
        let (program, arguments) = words
            .split_first()
            .context("a command of longshore.toml is empty")?;
        Ok(Invocation::new(program)
            .args(arguments)
            .current_dir(&self.project.directory))
    }

    fn test(&self, test: &contract::config::Test) -> anyhow::Result<Invocation> {
        let mut call = self
            .tools
            .invocation("test-reporter")
            .arg("--output")
            .arg(self.document("test-report.json"))
            .arg("--junit")
            .arg(self.document("junit.xml"))
            .args([
                "--minimum",
                &test.minimum.to_string(),
                "--timeout",
                &test.timeout.to_string(),
            ]);
        for report in &test.reports {
            call = call.args(["--report", report]);
        }
        if let Some(coverage) = &test.coverage {
            call = call
                .args(["--coverage", coverage])
                .arg("--coverage-zip")
                .arg(self.document("coverage.zip"));
        }
        Ok(call
            .arg("--")
            .args(words(&test.command)?)
            .current_dir(&self.project.directory))
    }

    fn build(&self, tag: &str) -> Invocation {
        let image = &self.environment.image;
        let mut call = self
            .tools
            .invocation("image-builder")
            .args([
                "build",
                "--context",
                &image.context,
                "--dockerfile",
                &image.dockerfile,
            ])
            .args([
                "--platform",
                &image.platform,
                "--repository",
                &self.names().repository(),
                "--tag",
                tag,
            ])
            .arg("--layout")
            .arg(self.document("image"));
        for (name, value) in &image.arguments {
            call = call.args(["--build-arg", &format!("{name}={value}")]);
        }
        call.arg("--output")
            .arg(self.document("image.json"))
            .current_dir(&self.project.directory)
    }

    fn push(&self, tag: &str) -> Invocation {
        self.tools
            .invocation("image-builder")
            .args([
                "push",
                "--repository",
                &self.names().repository(),
                "--tag",
                tag,
            ])
            .arg("--layout")
            .arg(self.document("image"))
            .arg("--output")
            .arg(self.document("image.json"))
    }

    fn check(&self) -> Invocation {
        self.tools
            .invocation("env-generator")
            .arg("check")
            .arg("--project")
            .arg(self.project.file())
            .args(["--env", &self.environment.name])
            .arg("--output")
            .arg(self.document("environment-check.json"))
    }

    fn env(&self) -> Invocation {
        self.of_project("env-generator")
            .arg("--output")
            .arg(self.document("environment.json"))
    }

    fn rendered(&self, render: impl Fn(&str) -> Invocation) -> Vec<Invocation> {
        self.environment
            .services
            .keys()
            .chain(self.environment.tasks.keys())
            .map(|name| render(name))
            .collect()
    }

    fn render(&self, name: &str) -> Invocation {
        let is_service = self.environment.services.contains_key(name);
        let (kind, output) = if is_service {
            (
                "--service",
                self.service_document(name, "task-definition.json"),
            )
        } else {
            ("--task", self.task_document(name, "task-definition.json"))
        };
        let mut call = self
            .of_project("task-renderer")
            .args([kind, name])
            .arg("--image")
            .arg(self.document("image.json"))
            .arg("--environment")
            .arg(self.document("environment.json"))
            .args(["--tag", &format!("longshore:build={}", self.build_number)]);
        if let Some(tree) = self.tree {
            call = call.args(["--tag", &format!("longshore:commit={}", tree.commit)]);
        }
        if let Some(who) = git::who() {
            call = call.args(["--tag", &format!("longshore:who={who}")]);
        }
        call.arg("--output").arg(output)
    }

    fn alarms(&self, service: &str) -> Invocation {
        self.of_project("alarm-creator")
            .args(["--service", service])
            .arg("--output")
            .arg(self.service_document(service, "alarms.json"))
    }

    fn of_project(&self, tool: &str) -> Invocation {
        self.tools
            .invocation(tool)
            .arg("--project")
            .arg(self.project.file())
            .args(["--env", &self.environment.name])
    }

    /// One-off tasks first, then services, each after what its `after` names.
    fn waves(&self) -> Vec<Vec<Release>> {
        let mut levels: BTreeMap<usize, Vec<Release>> = BTreeMap::new();
        for (name, task) in &self.environment.tasks {
            if self
                .environment
                .services
                .values()
                .any(|service| service.after.contains(name))
            {
                levels.entry(0).or_default().push(self.one_off(name, task));
            }
        }
        for (name, service) in &self.environment.services {
            levels
                .entry(depth(self.environment, name))
                .or_default()
                .push(self.release(name, service));
        }
        levels.into_values().collect()
    }

    fn release(&self, name: &str, service: &Service) -> Release {
        let names = self.names();
        let document = self.service_document(name, "deployment.json");
        let mut call = self
            .tools
            .invocation("deployer")
            .args([
                "deploy",
                "--cluster",
                &names.cluster(),
                "--service",
                &names.service(name),
                "--task-definition",
            ])
            .arg(self.service_document(name, "task-definition.json"))
            .args(["--create", "--desired-count", &service.count.to_string()])
            .args(["--launch-type", launch_type(service.launch)])
            .args([
                "--minimum-healthy-percent",
                &service.minimum_healthy_percent.to_string(),
            ])
            .args(["--maximum-percent", &service.maximum_percent.to_string()])
            .arg("--url")
            .args(["--message", &format!("build {}", self.build_number)]);
        if let Some(port) = service.port {
            call = call.args([
                "--target-group",
                &names.target_group(name),
                "--container",
                name,
                "--port",
                &port.to_string(),
            ]);
            if service.health_grace > 0 {
                call = call.args(["--health-grace", &service.health_grace.to_string()]);
            }
        }
        Release {
            name: name.to_owned(),
            call: call.arg("--output").arg(&document),
            document,
        }
    }

    fn one_off(&self, name: &str, task: &Task) -> Release {
        let document = self.task_document(name, "run.json");
        let call = self
            .tools
            .invocation("deployer")
            .args([
                "run",
                "--cluster",
                &self.names().cluster(),
                "--task-definition",
            ])
            .arg(self.task_document(name, "task-definition.json"))
            .args([
                "--launch-type",
                launch_type(task.launch),
                "--timeout",
                &format!("{}s", task.timeout),
            ])
            .arg("--output")
            .arg(&document);
        Release {
            name: name.to_owned(),
            call,
            document,
        }
    }
}

/// How many services must be released before this one, counted along the longest way.
fn depth(environment: &Environment, service: &str) -> usize {
    let before = environment
        .services
        .get(service)
        .map(|settings| settings.after.as_slice())
        .unwrap_or_default();
    1 + before
        .iter()
        .map(|name| {
            if environment.services.contains_key(name) {
                depth(environment, name)
            } else {
                0
            }
        })
        .max()
        .unwrap_or(0)
}

fn launch_type(launch: Launch) -> &'static str {
    match launch {
        Launch::Ec2 => "EC2",
        Launch::Fargate => "FARGATE",
    }
}

fn words(line: &str) -> anyhow::Result<Vec<String>> {
    shlex::split(line).ok_or_else(|| {
        Fault::usage(format!(
            "the command `{line}` of longshore.toml has an open quotation mark"
        ))
        .with_hint(
            "it is split into words as a shell would; for more than one command write sh -c '…'",
        )
        .into()
    })
}

/// The directories and files below the project that its own steps write.
pub(crate) fn outputs(environment: &Environment) -> Vec<PathBuf> {
    let test = environment.test.iter();
    test.flat_map(|test| test.reports.iter().chain(&test.coverage))
        .map(|output| Path::new(output).to_owned())
        .collect()
}
