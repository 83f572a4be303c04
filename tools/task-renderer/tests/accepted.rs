//! Forty configurations, rendered and then held against the model that AWS's own clients validate with.

use std::path::PathBuf;
use std::process::Command;

/// Asks botocore whether each file in a directory is what RegisterTaskDefinition takes.
const VALIDATE: &str = r#"
import json, pathlib, sys
import botocore.session
from botocore.validate import ParamValidator
shape = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
count = 0
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    report = ParamValidator().validate(json.loads(file.read_text()), shape)
    if report.has_errors():
        sys.exit(f"{file.name}: {report.generate_report()}")
    count += 1
print(count)
"#;

const COMMON: &str = r#"
[app]
name = "ludlow"
region = "us-east-1"
[environments.prod]
execution-role = "arn:aws:iam::123456789012:role/ludlow-execution"
task-role = "ludlow-task"
[services.api]
port = 8080
"#;

/// What is common to the kinds of launch, then keys of `[services.api]` in twenty forms.
const LAUNCHES: [(&str, &str); 2] = [
    (
        "fargate",
        "launch = \"fargate\"\ncpu = 1024\nmemory = 2048\n",
    ),
    ("ec2", "launch = \"ec2\"\n"),
];

const FORMS: [&str; 20] = [
    "",
    "command = [\"/ludlow\", \"serve\"]",
    "entry-point = [\"/bin/sh\", \"-c\"]\nworking-directory = \"/srv\"",
    "user = \"1000:1000\"",
    "init = true",
    "read-only = true\ntmpfs = [\"/tmp:64\", \"/run:8\"]",
    "ulimits = [\"nofile=1024:65536\", \"core=0\"]",
    "stop-timeout = 90",
    "health-check = { command = [\"CMD-SHELL\", \"curl -f http://localhost:8080/ || exit 1\"], interval = 10, timeout = 3, retries = 4, start-period = 60 }",
    "health-check = { command = [\"/ludlow\", \"health\"] }",
    "logging = { prefix = \"web\", buffer = \"8m\" }",
    "logging = { blocking = true, options = { awslogs-datetime-format = \"%Y\" } }",
    "logging = { driver = \"none\" }",
    "mounts = [\"scratch:/scratch\"]\nvolumes.scratch = {}",
    "mounts = [\"data:/data:ro\"]\nvolumes.data = { efs = \"fs-0123456789abcdef0\", access-point = \"fsap-0123456789abcdef0\", iam = true }",
    "mounts = [\"data:/data\"]\nvolumes.data = { efs = \"fs-0123456789abcdef0\", root = \"/ludlow\" }",
    "drop-capabilities = [\"ALL\"]\nlabels = { team = \"web\" }",
    "depends-on = [\"settings:success\"]\nmounts = [\"v:/v:ro\"]\nvolumes.v = {}\nsidecars.settings = { image = \"r/settings@sha256:DIGEST\", essential = false, memory = 64, command = [\"write\"], mounts = [\"v:/v\"] }",
    "depends-on = [\"proxy:healthy\"]\nsidecars.proxy = { image = \"r/proxy@sha256:DIGEST\", port = 9000, memory = 64, cpu = 128, health-check = { command = [\"check\"] }, variables = { LEVEL = \"warn\" }, secrets = { KEY = \"ssm:/ludlow/key\" } }",
    "logging = { driver = \"firelens\", options = { Name = \"http\" }, secrets = { Http_Passwd = \"ssm:/ludlow/log\" } }\nsidecars.log-router = { image = \"r/fluent-bit@sha256:DIGEST\", firelens = \"fluentbit\", firelens-options = { enable-ecs-log-metadata = \"true\" }, memory = 64 }",
];

#[test]
fn forty_configurations_are_what_register_task_definition_takes() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let directory = tempfile::tempdir().unwrap();
    let rendered = directory.path().join("rendered");
    for (launch, keys) in LAUNCHES {
        for (number, form) in FORMS.iter().enumerate() {
            let form = form.replace("DIGEST", &"0a".repeat(32));
            let project = directory.path().join("longshore.toml");
            std::fs::write(&project, format!("{COMMON}{keys}{form}\n")).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_task-renderer"))
                .arg("--project")
                .arg(&project)
                .args(["--env", "prod", "--service", "api"])
                .args(["--image", "image.json", "--environment", "environment.json"])
                .arg("--output")
                .arg(rendered.join(format!("{launch}-{number:02}.json")))
                .current_dir(&golden)
                .env_clear()
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{launch}, {form}: {said}");
        }
    }
    let Some(clients) = std::env::var_os("LONGSHORE_AWS_CLIENTS") else {
        eprintln!("SKIPPED: LONGSHORE_AWS_CLIENTS names no Python environment with boto3");
        return;
    };
    let output = Command::new(PathBuf::from(clients).join("python3"))
        .args(["-c", VALIDATE])
        .arg(&rendered)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "40\n", "{said}");
}
