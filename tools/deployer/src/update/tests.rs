//! Command lines of `ecs deploy` and what becomes of a task definition.

mod peer;

use clap::{Args as _, FromArgMatches as _};
use serde_json::{Value, json};

use super::args::UpdateArgs;
use super::{Patched, Update};

fn parsed(arguments: &[&str]) -> Result<Update, String> {
    let command = UpdateArgs::augment_args(clap::Command::new("update"));
    let line = ["update", "prod", "api"].iter().chain(arguments);
    let matches = command
        .try_get_matches_from(line)
        .map_err(|error| error.to_string())?;
    let arguments = UpdateArgs::from_arg_matches(&matches).map_err(|error| error.to_string())?;
    arguments.into_update().map_err(|fault| fault.to_string())
}

fn patched(arguments: &[&str]) -> Result<Patched, String> {
    let tags = [("team", "a"), ("aws:cloudformation:stack-name", "s")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    parsed(arguments)?
        .patch
        .changes
        .apply(&live(), &tags)
        .map_err(|fault| fault.to_string())
}

/// As DescribeTaskDefinition gives it.
fn live() -> Value {
    json!({
        "taskDefinitionArn": "arn:aws:ecs:r:1:task-definition/web:7", "family": "web", "revision": 7,
        "status": "ACTIVE", "registeredAt": 1.0, "registeredBy": "arn:x", "compatibilities": ["EC2"],
        "requiresAttributes": [{"name": "x"}],
        "taskRoleArn": "arn:old", "executionRoleArn": "arn:exec", "networkMode": "bridge",
        "cpu": "256", "memory": "512",
        "volumes": [{"name": "data", "host": {"sourcePath": "/data"}}],
        "containerDefinitions": [
            {"name": "web", "image": "host/web:v1", "cpu": 10, "memory": 128, "essential": true,
             "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "hush"}],
             "secrets": [{"name": "S", "valueFrom": "arn:s"}],
             "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp", "name": "http"}],
             "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": true}],
             "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}],
             "systemControls": [{"namespace": "net.a", "value": "1"}],
             "dockerLabels": {"l": "1"},
             "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/g"}}},
            {"name": "proxy", "image": "nginx", "cpu": 0, "essential": false,
             "environment": [{"name": "P", "value": "1"}]}
        ]
    })
}

/// The live definition as it is registered again, with these members of the container web.
fn with_web(members: Value) -> Value {
    let mut definition = again();
    for (name, value) in members.as_object().unwrap() {
        definition["containerDefinitions"][0][name] = value.clone();
    }
    definition
}

fn again() -> Value {
    let mut definition = live();
    let members = definition.as_object_mut().unwrap();
    for name in [
        "taskDefinitionArn",
        "revision",
        "status",
        "registeredAt",
        "registeredBy",
        "compatibilities",
        "requiresAttributes",
    ] {
        members.remove(name);
    }
    members.insert("tags".to_owned(), json!([{"key": "team", "value": "a"}]));
    definition
}

fn with(members: Value) -> Value {
    let mut definition = again();
    for (name, value) in members.as_object().unwrap() {
        definition[name] = value.clone();
    }
    definition
}

fn check_web(table: &[(&[&str], Value)]) {
    for (arguments, members) in table {
        let patched = patched(arguments).unwrap();
        assert_eq!(
            patched.definition,
            with_web(members.clone()),
            "{arguments:?}"
        );
    }
}

#[test]
fn patches_members_of_a_container() {
    check_web(&[
        (&[], json!({})),
        (
            &["-i", "web", "r/web@sha256:aa"],
            json!({"image": "r/web@sha256:aa"}),
        ),
        (
            &["-c", "web", "run -x  --y"],
            json!({"command": ["run", "-x", "--y"]}),
        ),
        (
            &["-c", "web", r#"["a b", "c"]"#],
            json!({"command": ["a b", "c"]}),
        ),
        (
            &["-h", "web", "curl x", "30", "5", "3", "10"],
            json!({"healthCheck": {"command": ["CMD-SHELL", "curl x"], "interval": 30, "timeout": 5, "retries": 3, "startPeriod": 10}}),
        ),
        (
            &[
                "--cpu",
                "web",
                "5",
                "--memory",
                "web",
                "64",
                "--memoryreservation",
                "web",
                "32",
            ],
            json!({"cpu": 5, "memory": 64, "memoryReservation": 32}),
        ),
        (
            &["--privileged", "web", "yes", "--essential", "web", "True"],
            json!({"privileged": true, "essential": true}),
        ),
    ]);
}

#[test]
fn patches_lists_of_a_container() {
    check_web(&[
        (
            &["-e", "web", "B", "-Xmx1m", "-e", "web", "C", ""],
            json!({"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "-Xmx1m"}, {"name": "C", "value": ""}]}),
        ),
        (
            &["-s", "web", "T", "arn:t"],
            json!({"secrets": [{"name": "S", "valueFrom": "arn:s"}, {"name": "T", "valueFrom": "arn:t"}]}),
        ),
        (
            &[
                "-u",
                "web",
                "nofile",
                "8",
                "9",
                "--system-control",
                "web",
                "net.b",
                "2",
                "-d",
                "web",
                "m",
                "2",
            ],
            json!({
                "ulimits": [{"name": "nofile", "softLimit": 8, "hardLimit": 9}],
                "systemControls": [{"namespace": "net.a", "value": "1"}, {"namespace": "net.b", "value": "2"}],
                "dockerLabels": {"l": "1", "m": "2"},
            }),
        ),
        (
            &["-p", "web", "80", "8080"],
            json!({"portMappings": [{"containerPort": 80, "hostPort": 8080, "protocol": "tcp", "name": "http"}]}),
        ),
        (
            &["-m", "web", "data", "/d"],
            json!({"mountPoints": [{"sourceVolume": "data", "containerPath": "/d", "readOnly": false}]}),
        ),
        (
            &[
                "-l", "web", "fluentd", "a", "1", "-l", "web", "fluentd", "b", "2",
            ],
            json!({"logConfiguration": {"logDriver": "fluentd", "options": {"a": "1", "b": "2"}}}),
        ),
        (
            &[
                "--s3-env-file",
                "web",
                "arn:aws:s3:::b/1",
                "--s3-env-file",
                "web",
                "arn:aws:s3:::b/2",
            ],
            json!({"environmentFiles": [{"value": "arn:aws:s3:::b/1", "type": "s3"}, {"value": "arn:aws:s3:::b/2", "type": "s3"}]}),
        ),
    ]);
}

#[test]
fn patches_the_task() {
    let table: [(&[&str], Value); 4] = [
        (
            &["--task-cpu", "1024", "--task-memory", "2048"],
            json!({"cpu": "1024", "memory": "2048"}),
        ),
        (
            &["-r", "arn:r", "-x", "arn:x"],
            json!({"taskRoleArn": "arn:r", "executionRoleArn": "arn:x"}),
        ),
        (
            &["--runtime-platform", "ARM64", "LINUX"],
            json!({"runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}}),
        ),
        (
            &["--volume", "data", "/x"],
            json!({"volumes": [{"name": "data", "host": {"sourcePath": "/x"}}]}),
        ),
    ];
    for (arguments, members) in table {
        let patched = patched(arguments).unwrap();
        assert_eq!(patched.definition, with(members), "{arguments:?}");
    }
}

#[test]
fn tags_every_container_but_the_one_with_an_image() {
    let images = |arguments: &[&str]| {
        let definition = patched(arguments).unwrap().definition;
        [0, 1].map(|place| definition["containerDefinitions"][place]["image"].clone())
    };
    assert_eq!(images(&["-t", "v2"]), ["host/web:v2", "nginx:v2"]);
    assert_eq!(
        images(&["-t", "v2", "-i", "proxy", "p:1"]),
        ["host/web:v2", "p:1"]
    );
    assert_eq!(
        images(&["--tag=v2", "-t", "v3"]),
        ["host/web:v3", "nginx:v3"]
    );
}

#[test]
fn keeps_nothing_else_where_a_list_is_exclusive() {
    let all = [
        "--exclusive-env",
        "--exclusive-secrets",
        "--exclusive-docker-labels",
        "--exclusive-ulimits",
        "--exclusive-system-controls",
        "--exclusive-ports",
        "--exclusive-mounts",
        "--exclusive-s3-env-file",
        "-e",
        "web",
        "C",
        "3",
    ];
    let mut expected = with_web(json!({"environment": [{"name": "C", "value": "3"}]}));
    let containers = expected["containerDefinitions"].as_array_mut().unwrap();
    for name in [
        "secrets",
        "dockerLabels",
        "ulimits",
        "systemControls",
        "portMappings",
        "mountPoints",
    ] {
        containers[0].as_object_mut().unwrap().remove(name);
    }
    containers[1].as_object_mut().unwrap().remove("environment");
    assert_eq!(patched(&all).unwrap().definition, expected);
}

#[test]
fn adds_and_removes_containers() {
    let patched = patched(&[
        "--add-container",
        "x",
        "-i",
        "x",
        "x:1",
        "--remove-container",
        "proxy",
        "--remove-container",
        "q",
    ])
    .unwrap();
    let mut expected = again();
    expected["containerDefinitions"][1] =
        json!({"name": "x", "image": "x:1", "cpu": 0, "memoryReservation": 128, "essential": true});
    assert_eq!(patched.definition, expected);
    assert_eq!(patched.notes, ["there is no container q to remove"]);
}

#[test]
fn a_secret_takes_the_place_of_a_variable() {
    let patched = patched(&["-s", "web", "B", "arn:b"]).unwrap();
    let web = &patched.definition["containerDefinitions"][0];
    assert_eq!(web["environment"], json!([{"name": "A", "value": "1"}]));
    assert_eq!(
        patched.notes,
        ["the container web: B was a variable and becomes a secret"]
    );
}

#[test]
fn reads_files_of_variables() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, two) = (file("1", "A=one\nC=one\n"), file("2", "A=two\nD=two\n"));
    let patched = patched(&[
        "--env-file",
        "web",
        &one,
        "--env-file",
        "web",
        &two,
        "-e",
        "web",
        "C",
        "3",
    ])
    .unwrap();
    assert_eq!(
        patched.definition["containerDefinitions"][0]["environment"],
        json!([{"name": "A", "value": "one"}, {"name": "B", "value": "hush"},
            {"name": "D", "value": "two"}, {"name": "C", "value": "3"}])
    );
}

#[test]
fn says_what_changed_and_hides_values() {
    let patched = patched(&[
        "-t", "v2", "-e", "web", "B", "new", "-s", "web", "S", "arn:n",
    ])
    .unwrap();
    let lines = |reveals| {
        patched
            .changed
            .iter()
            .map(|change| change.line(reveals))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        lines(false),
        [
            r#"containerDefinitions.web.image: "host/web:v1" -> "host/web:v2""#,
            "containerDefinitions.web.environment.B: changed",
            r#"containerDefinitions.web.secrets.S: "arn:s" -> "arn:n""#,
            r#"containerDefinitions.proxy.image: "nginx" -> "nginx:v2""#,
        ]
    );
    assert_eq!(
        lines(true)[1],
        r#"containerDefinitions.web.environment.B: "hush" -> "new""#
    );
    assert!(!format!("{:?}", patched.changed).contains("hush"));
    assert!(!format!("{:?}", parsed(&["-e", "web", "B", "hush"]).unwrap()).contains("hush"));
}

#[test]
fn refuses_with_every_problem_at_once() {
    let table: [(&[&str], &str); 12] = [
        (
            &["-i", "wbe", "x", "-e", "wbe", "A", "1"],
            "--env, --image: there is no container \"wbe\"; the task definition has web, proxy",
        ),
        (
            &["--cpu", "web", "many"],
            "--cpu web: \"many\" is not a whole number from 0 to 2147483647",
        ),
        (&["-t", ""], "--tag is empty"),
        (
            &["-t", "a b"],
            "--tag: \"a b\" is not a tag; --image CONTAINER IMAGE takes a digest",
        ),
        (
            &["--privileged", "web", "maybe"],
            "--privileged web: \"maybe\" is neither true nor false",
        ),
        (
            &["--add-container", "x"],
            "the container x: it needs an image: --image x IMAGE",
        ),
        (
            &["--remove-container", "web"],
            "no container is essential; one must be",
        ),
        (
            &["-m", "web", "v", "/v"],
            "the container web: it mounts the volume v, which the task has not; --volume replaces all volumes",
        ),
        (
            &["--secret-access-key", "hush", "--access-key-id", "A"],
            "--access-key-id is refused: a command line can be read by every process of the machine; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or use --profile; --secret-access-key is refused: a command line can be read by every process of the machine; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or use --profile",
        ),
        (
            &["--deregister"],
            "--deregister is refused: an update never deregisters, because a rollback needs the old revision; leave it out, and remove old revisions with `deployer prune`",
        ),
        (
            &["--assume-role", "r"],
            "--assume-role is refused: put role_arn and source_profile into a profile of ~/.aws/config and use --profile",
        ),
        (
            &["--slack-url", "x"],
            "--slack-url is refused: let the next step of the pipeline post what --output deployment.json says",
        ),
    ];
    for (arguments, expected) in table {
        assert_eq!(patched(arguments).unwrap_err(), expected, "{arguments:?}");
    }
}

#[test]
fn takes_the_options_of_a_release() {
    let update = parsed(&[
        "--timeout",
        "-1",
        "--no-rollback",
        "--no-diff",
        "--no-deregister",
        "--force-new-deployment",
    ])
    .unwrap();
    let options = update.options;
    assert!(!options.waits && !options.rolls_back && !update.patch.shows_changes);
    assert!(options.forces_new_deployment);
    assert!(
        parsed(&["--timeout", "9"])
            .unwrap()
            .patch
            .changes
            .is_empty()
    );
    assert!(!parsed(&["-t", "v"]).unwrap().patch.changes.is_empty());
}
