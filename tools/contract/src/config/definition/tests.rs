use super::*;
use crate::config::{self, Project, SecretSource};

fn project(keys: &str) -> Result<Project, String> {
    let source = format!(
        "[app]\nname = \"ludlow\"\nregion = \"us-east-1\"\n[environments.local]\naws = \"local\"\n[services.api]\n{keys}"
    );
    config::parse(&source, "longshore.toml").map_err(|problems| problems.to_string())
}

#[test]
fn leaves_everything_to_ecs_unless_it_is_asked_for() {
    let project = project("").unwrap();
    let service = &project.environments["local"].services["api"];
    assert_eq!(service.definition, Definition::default());
}

const DEEP: &str = r#"
entry-point = ["/bin/sh"]
working-directory = "/srv"
user = "1000:1000"
init = true
read-only = true
tmpfs = ["/tmp:64"]
ulimits = ["nofile=1024:65536", "core=-1"]
mounts = ["data:/var/data", "data:/srv/data:ro"]
depends-on = ["settings:success", "proxy"]
ephemeral-storage = 50
network = "awsvpc"
health-check = { command = ["/ludlow", "health"], interval = 10 }
[services.api.logging]
driver = "firelens"
options.Name = "http"
secrets.Http_Passwd = "ssm:/ludlow/log"
[services.api.volumes.data]
efs = "fs-0123456789abcdef0"
iam = true
"#;

#[test]
fn reads_a_container_in_depth() {
    let project = project(DEEP).unwrap();
    let definition = &project.environments["local"].services["api"].definition;
    let container = &definition.container;
    assert_eq!(
        (container.init, container.read_only, definition.network),
        (true, true, Some(Network::Awsvpc))
    );
    assert_eq!(definition.ephemeral_storage, Some(50));
    assert_eq!(
        container.ulimits,
        [("nofile", 1_024, 65_536), ("core", -1, -1)].map(|(name, soft, hard)| Ulimit {
            name: name.to_owned(),
            soft,
            hard
        })
    );
    assert_eq!(
        container.mounts,
        [("/var/data", false), ("/srv/data", true)].map(|(path, read_only)| Mount {
            volume: "data".to_owned(),
            path: path.to_owned(),
            read_only
        })
    );
    assert_eq!(
        container.depends_on,
        [
            ("settings", Condition::Success),
            ("proxy", Condition::Start)
        ]
        .map(|(name, condition)| Dependency {
            container: name.to_owned(),
            condition
        })
    );
    assert_eq!(
        container.health_check.as_ref().unwrap().command,
        ["CMD", "/ludlow", "health"]
    );
    assert_eq!(container.logging.driver, LogDriver::Firelens);
    assert_eq!(
        container.logging.secrets["Http_Passwd"].source,
        SecretSource::Parameter("/ludlow/log".to_owned())
    );
    assert_eq!(
        definition.volumes["data"],
        Volume::Efs {
            file_system: "fs-0123456789abcdef0".to_owned(),
            root: None,
            access_point: None,
            iam: true
        }
    );
}

#[test]
fn reads_sidecars_with_variables_of_their_own() {
    let project = project(
        r#"
[services.api.sidecars.log-router]
image = "public.ecr.aws/aws-observability/aws-for-fluent-bit:2.32"
firelens = "fluentbit"
firelens-options.enable-ecs-log-metadata = "true"
essential = false
memory = 64
variables.LEVEL = "warn"
"#,
    )
    .unwrap();
    let definition = &project.environments["local"].services["api"].definition;
    let sidecar = &definition.sidecars["log-router"];
    assert_eq!((sidecar.essential, sidecar.memory), (false, Some(64)));
    assert_eq!(sidecar.variables["LEVEL"].value, "warn");
    assert_eq!(sidecar.firelens.as_ref().unwrap().router, Router::Fluentbit);
}

#[test]
fn reports_what_it_cannot_read_in_one_pass() {
    assert_eq!(
        project(
            r#"tmpfs = ["/tmp"]
ulimits = ["nofile"]
mounts = ["dat:/x"]
depends-on = ["a:ready"]
health-check = { interval = 1 }
[services.api.sidecars.proxy]
imge = "x"
[services.api.volumes.data]
efs = "fs-1"
host = "/x"
[services.api.volumes.other]
iam = true
"#
        )
        .unwrap_err(),
        "\
10 mistakes in longshore.toml
  longshore.toml:6:11: [services.api] mounts \"dat\", which is no volume; did you mean \"data\"?
  longshore.toml:7:10: tmpfs cannot have \"/tmp\"; write \"/tmp:64\" (path and MiB)
  longshore.toml:8:12: ulimits cannot have \"nofile\"; write \"nofile=65536\"
  longshore.toml:10:15: depends-on cannot have \"a:ready\"; write \"CONTAINER:start\", or with complete, success or healthy
  longshore.toml:11:1: [services.api.health-check] lacks the key \"command\"; write command = [\"CMD-SHELL\", \"curl -f http://localhost/\"]
  longshore.toml:11:29: services.api.health-check.interval cannot be 1; write a number from 5 to 300
  longshore.toml:12:24: [services.api.sidecars.proxy] lacks the key \"image\"; write image = \"public.ecr.aws/NAME@sha256:…\"
  longshore.toml:13:1: unknown key \"imge\" in [services.api.sidecars.proxy]; did you mean \"image\"?
  longshore.toml:14:23: [services.api.volumes.data] is of two kinds; write one of host, docker and efs
  longshore.toml:17:23: [services.api.volumes.other] has keys of a kind that it does not have; scope and options go with docker; root, access-point and iam with efs"
    );
}
