//! The same command lines through `ecs deploy`'s own code, where it is installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{live, patched};

/// Reads [live, command line …] and writes what that tool would register for each.
const PEER: &str = r#"
import copy, json, sys
from ecs_deploy import cli
from ecs_deploy.ecs import EcsTaskDefinition
live, lines = json.load(sys.stdin)
out = []
class Stop(Exception): pass
def get_td(action, task): return EcsTaskDefinition(**copy.deepcopy(live))
def create(action, td):
    d = dict(td.additional_properties, family=td.family, containerDefinitions=td.containers, volumes=td.volumes)
    for k, v in (("taskRoleArn", td.role_arn), ("executionRoleArn", td.execution_role_arn),
                 ("cpu", td.cpu), ("memory", td.memory), ("runtimePlatform", td.runtime_platform)):
        if v: d[k] = v
    out.append(json.loads(json.dumps(d)))
    raise Stop()
cli.get_client = lambda *a, **k: None
cli.DeployAction = lambda *a, **k: None
cli.get_task_definition = get_td
cli.create_task_definition = create
cli.print_diff = lambda *a, **k: None
for line in lines:
    try: cli.deploy.main(["prod", "api"] + line, standalone_mode=False)
    except Stop: pass
json.dump(out, sys.stdout)
"#;

/// Differences on purpose, which are not in this list: a registry's port is no tag, a digest goes with the
/// tag, udp mappings stay, all --s3-env-file count, a secret takes a variable's place, `aws:` tags go,
/// a placeholder image and an unknown container of --s3-env-file are refused, empty values are refused.
const LINES: [&[&str]; 32] = [
    &[],
    &["-t", "v2"],
    &["--tag", " v2 "],
    &["-i", "web", "r/web:9"],
    &["-i", "web", "a", "--image", "proxy", "b"],
    &["-t", "v2", "-i", "proxy", "p:1"],
    &["-c", "web", "run -x  --y"],
    &["-c", "web", r#"["a b", "c"]"#],
    &["-c", "proxy", "sh -c 'a b'"],
    &["-h", "web", "curl x", "30", "5", "3", "10"],
    &["--cpu", "web", "5", "--cpu", "proxy", "6"],
    &["--memory", "web", "64"],
    &["--memoryreservation", "web", "32"],
    &["--task-cpu", "1024", "--task-memory", "2048"],
    &["--privileged", "web", "true"],
    &["--essential", "proxy", "yes"],
    &[
        "-e", "web", "A", "2", "-e", "web", "N", "-x", "-e", "proxy", "P", "",
    ],
    &["-e", "web", "C", "3", "--exclusive-env"],
    &["-s", "web", "S", "arn:n", "--secret", "proxy", "T", "arn:t"],
    &["-s", "web", "T", "arn:t", "--exclusive-secrets"],
    &["-d", "web", "l", "2", "-d", "proxy", "m", "1"],
    &["-d", "web", "n", "2", "--exclusive-docker-labels"],
    &[
        "-u", "web", "nofile", "8", "9", "-u", "web", "core", "0", "0",
    ],
    &["-u", "web", "core", "0", "0", "--exclusive-ulimits"],
    &["--system-control", "web", "net.a", "5"],
    &[
        "--system-control",
        "web",
        "net.b",
        "5",
        "--exclusive-system-controls",
    ],
    &["-p", "web", "80", "8080", "-p", "web", "90", "0"],
    &["-p", "web", "81", "0", "--exclusive-ports"],
    &["-m", "web", "data", "/d", "-m", "proxy", "data", "/e"],
    &[
        "-l", "web", "fluentd", "a", "1", "-l", "web", "fluentd", "b", "2",
    ],
    &[
        "-r",
        "arn:r",
        "-x",
        "arn:x",
        "--runtime-platform",
        "ARM64",
        "LINUX",
    ],
    &[
        "--volume",
        "data",
        "/x",
        "--volume",
        "tmp",
        "/tmp",
        "--remove-container",
        "proxy",
    ],
];

#[test]
fn agrees_with_ecs_deploy() {
    let python = std::env::var_os("LONGSHORE_AWS_CLIENTS")
        .map(|bin| std::path::Path::new(&bin).join("python"))
        .filter(|python| python.is_file());
    let Some(python) = python else {
        println!("SKIPPED: LONGSHORE_AWS_CLIENTS names no directory with python and ecs-deploy");
        return;
    };
    let mut child = Command::new(python)
        .args(["-c", PEER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let request = json!([live(), LINES]).to_string();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(request.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let start = text.find("[{").unwrap();
    let theirs: Vec<Value> = serde_json::from_str(&text[start..]).unwrap();
    assert_eq!(theirs.len(), LINES.len());
    for (line, theirs) in LINES.iter().zip(theirs) {
        let mut ours = patched(line).unwrap().definition;
        ours.as_object_mut().unwrap().remove("tags");
        assert_eq!(normal(&ours), normal(&theirs), "{line:?}");
    }
}

/// Without what is empty, and with lists of objects in one order: that tool takes them from sets.
fn normal(value: &Value) -> Value {
    let is_something = |value: &Value| !matches!(value.to_string().as_str(), "[]" | "{}" | "null");
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(normal).collect();
            if items.iter().all(Value::is_object) {
                items.sort_by_key(Value::to_string);
            }
            items.into()
        }
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members
                .iter()
                .map(|(name, value)| (name.clone(), normal(value)))
                .filter(|(_, value)| is_something(value))
                .collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        other => other.clone(),
    }
}
