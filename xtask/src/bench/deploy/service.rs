//! The service that is released: the template's, behind a load balancer, on a local AWS.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::Edit;
use crate::bench::stand::{Server, Stand};

pub(super) const CLUSTER: &str = "ludlow";
pub(super) const SERVICE: &str = "ludlow-local-api";
pub(super) const CONTAINER: &str = "api";

/// A release that is prepared.
const DEPLOY: [&str; 5] = ["deploy", "--cluster", CLUSTER, "--service", SERVICE];
/// For the service to settle between two measurements.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

const PROJECT: &str = "\
[app]
name = \"ludlow\"
region = \"us-east-1\"

[services.api]
port = 8080
health-path = \"/healthz\"

[environments.local]
aws = \"local\"
";

/// The service, as it should be between two measurements.
pub(super) struct Service {
    /// With its digest.
    image: String,
}

impl Service {
    /// Makes the image, the load balancer and the service.
    pub(super) fn create(stand: &Stand, server: &Server<'_>) -> anyhow::Result<Self> {
        stand.file("longshore.toml", PROJECT)?;
        let directory = stand.path().display().to_string();
        let seed = ["seed", "--env", "local", "--project", &directory];
        server.prepare(
            "local-aws",
            &[&seed[..], &["--endpoint", &server.endpoint]].concat(),
        )?;
        let service = Self {
            image: push_image(stand, server)?,
        };
        let file = stand.file("good.json", &service.definition(None).to_string())?;
        let target = [
            "--target-group",
            SERVICE,
            "--container",
            CONTAINER,
            "--port",
            "8080",
        ];
        let new = ["--create", "--desired-count", "2", "--task-definition"];
        server.prepare(
            "deployer",
            &[&DEPLOY[..], &target, &new, &[&file.display().to_string()]].concat(),
        )?;
        Ok(service)
    }

    /// Puts the service on the version that works, with the circuit breaker as the case wants it.
    pub(super) fn make_good(
        &self,
        stand: &Stand,
        server: &Server<'_>,
        breaker: bool,
    ) -> anyhow::Result<()> {
        let configuration = json!({
            "deploymentCircuitBreaker": { "enable": breaker, "rollback": breaker },
            "minimumHealthyPercent": 100, "maximumPercent": 200,
        });
        server.ecs(
            "UpdateService",
            &json!({ "cluster": CLUSTER, "service": SERVICE, "deploymentConfiguration": configuration }),
        )?;
        let file = stand.file("good.json", &self.definition(None).to_string())?;
        let file = file.display().to_string();
        let more = ["--supersede", "--no-lock", "--task-definition", &file];
        server.prepare("deployer", &[&DEPLOY[..], &more].concat())?;
        let input = json!({ "cluster": CLUSTER, "services": [SERVICE] });
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let service = server.ecs("DescribeServices", &input)?;
            let service = &service["services"][0];
            let deployments = service["deployments"].as_array();
            let is_alone = deployments.is_some_and(|all| all.len() == 1);
            if is_alone && service["runningCount"] == service["desiredCount"] {
                return Ok(());
            }
            std::thread::park_timeout(PAUSE);
        }
        bail!("the service {SERVICE} does not settle")
    }

    /// The task definition with this changed.
    pub(super) fn definition(&self, change: Option<Edit>) -> Value {
        let (name, value) = match change {
            Some(Edit::Variable(name, value)) => (name, value),
            _ => ("APP_VERSION", "good"),
        };
        let mut environment = vec![json!({ "name": "APP_VERSION", "value": "good" })];
        if name == "APP_VERSION" {
            environment[0]["value"] = value.into();
        } else {
            environment.push(json!({ "name": name, "value": value }));
        }
        let image = match change {
            Some(Edit::Tag(tag)) => {
                let repository = self.image.split('@').next().unwrap_or_default();
                format!("{repository}:{tag}")
            }
            _ => self.image.clone(),
        };
        json!({
            "family": SERVICE,
            "networkMode": "bridge",
            "containerDefinitions": [{
                "name": CONTAINER, "image": image, "cpu": 10, "memory": 32, "essential": true,
                "portMappings": [{ "containerPort": 8080, "hostPort": 0, "protocol": "tcp" }],
                "environment": environment,
                "stopTimeout": 2,
            }],
        })
    }

    /// When ECS called the newest deployment finished; seconds since the epoch.
    pub(super) fn completed_at(&self, server: &Server<'_>) -> anyhow::Result<Option<f64>> {
        let input = json!({ "cluster": CLUSTER, "service": SERVICE, "maxResults": 1 });
        let records = server.ecs("ListServiceDeployments", &input)?;
        Ok(records["serviceDeployments"][0]["finishedAt"].as_f64())
    }

    /// When the first task ended that was begun since then; seconds since the epoch.
    pub(super) fn first_failure(
        &self,
        server: &Server<'_>,
        since: f64,
    ) -> anyhow::Result<Option<f64>> {
        let listed = server.ecs(
            "ListTasks",
            &json!({ "cluster": CLUSTER, "family": SERVICE, "desiredStatus": "STOPPED" }),
        )?;
        let described = server.ecs(
            "DescribeTasks",
            &json!({ "cluster": CLUSTER, "tasks": listed["taskArns"] }),
        )?;
        let tasks = described["tasks"].as_array().cloned().unwrap_or_default();
        let begun_since = tasks
            .iter()
            .filter(|task| task["createdAt"].as_f64().is_some_and(|at| at >= since))
            .filter(|task| task["stopCode"] != "ServiceSchedulerInitiated");
        Ok(begun_since
            .filter_map(|task| task["stoppingAt"].as_f64().or(task["stoppedAt"].as_f64()))
            .reduce(f64::min))
    }
}

/// Builds the image and pushes it; gives repository and digest.
fn push_image(stand: &Stand, server: &Server<'_>) -> anyhow::Result<String> {
    stand.file(
        "Dockerfile",
        "FROM scratch\nCOPY ludlow /ludlow\nENTRYPOINT [\"/ludlow\"]\n",
    )?;
    std::fs::copy(sample(stand)?, stand.path().join("ludlow"))
        .context("cannot copy the sample service")?;
    let directory = stand.path().display().to_string();
    let (layout, document) = (
        format!("{directory}/image"),
        format!("{directory}/image.json"),
    );
    let image = [
        "--repository",
        CLUSTER,
        "--tag",
        "1",
        "--layout",
        &layout,
        "--output",
        &document,
    ];
    let context = [
        "build",
        "--context",
        &directory,
        "--platform",
        "linux/amd64",
    ];
    server.prepare("image-builder", &[&context[..], &image].concat())?;
    server.prepare("image-builder", &[&["push"][..], &image].concat())?;
    let pushed: Value = serde_json::from_slice(&std::fs::read(&document)?)?;
    let digest = pushed["digest"]
        .as_str()
        .context("the image has no digest")?;
    let host = server.endpoint.trim_start_matches("http://");
    Ok(format!("{host}/{CLUSTER}@{digest}"))
}

/// Seconds since the epoch.
pub(super) fn now() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// The template's program, built as its project builds it.
fn sample(stand: &Stand) -> anyhow::Result<PathBuf> {
    let template = stand.workspace.join("templates/rust-api");
    crate::cargo::call(&template)
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--target-dir",
            "target",
        ])
        .must_succeed()
        .context("cannot build the sample service")?;
    let targets = std::fs::read_dir(template.join("target"))?;
    targets
        .filter_map(Result::ok)
        .map(|target| target.path().join("release/ludlow"))
        .find(|program| program.is_file())
        .context("the sample service's program is not where cargo puts it")
}
