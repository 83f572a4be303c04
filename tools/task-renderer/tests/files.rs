//! Files as sources, `check` and `diff`, as their users call them.

use std::path::Path;
use std::process::{Command, Output};

fn task_renderer(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_task-renderer"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("BUILD_NUMBER", "7")
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the output is text")
}

const DIGEST: &str = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/// A directory with a definition that has references.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory is made");
    let definition = r#"{
  "family": "web-${STAGE}",
  "containerDefinitions": [
    {
      "name": "api",
      "image": "${IMAGE}",
      "memory": "${MEMORY}",
      "environment": [
        {"name": "BUILD", "value": "${BUILD_NUMBER}"},
        {"name": "LITERAL", "value": "$${HOME} $HOME"}
      ]
    }
  ]
}
"#;
    std::fs::write(directory.path().join("web.json"), definition).expect("the file is written");
    directory
}

#[test]
fn renders_a_file_with_references() {
    let directory = directory();
    std::fs::write(
        directory.path().join("more.json"),
        r#"{"containerDefinitions": [{"name": "api", "cpu": 64}]}"#,
    )
    .unwrap();
    let image = format!("IMAGE=r/web@sha256:{DIGEST}");
    let arguments = [
        "--file",
        "web.json",
        "--set",
        "STAGE=qa",
        "--set",
        "MEMORY=256",
        "--set",
        &image,
        "--allow-env",
        "BUILD_NUMBER",
        "--override",
        "more.json",
        "--tag",
        "commit=4f2c1e9",
    ];
    let output = task_renderer(directory.path(), &arguments);
    assert_eq!(
        text(&output.stderr),
        format!("task definition web-qa: r/web@sha256:{DIGEST}, 2 variables, 0 secrets\n")
    );
    let rendered: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        rendered,
        serde_json::json!({
            "containerDefinitions": [{
                "cpu": 64,
                "environment": [
                    {"name": "BUILD", "value": "7"},
                    {"name": "LITERAL", "value": "${HOME} $HOME"},
                ],
                "image": format!("r/web@sha256:{DIGEST}"),
                "memory": 256,
                "name": "api",
            }],
            "family": "web-qa",
            "tags": [{"key": "commit", "value": "4f2c1e9"}],
        })
    );
}

#[test]
fn says_every_mistake_of_a_file_with_its_line() {
    let directory = directory();
    let arguments = [
        "--file",
        "web.json",
        "--set",
        "STAG=qa",
        "--set",
        "MEMORY=much",
    ];
    let output = task_renderer(directory.path(), &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    for line in [
        "\n  line 2: family: nothing is known of ${STAGE}; did you mean ${STAG}?\n",
        "\n  line 6: containerDefinitions[0].image: nothing is known of ${IMAGE}; give --set IMAGE=VALUE, or --allow-env IMAGE\n",
        "\n  line 9: containerDefinitions[0].environment[0].value: nothing is known of ${BUILD_NUMBER}; give --set BUILD_NUMBER=VALUE, or --allow-env BUILD_NUMBER\n",
        "\n  --set STAG: web.json does not refer to it; leave it out, or correct its name\n",
        "\n  line 7: containerDefinitions[0].memory: ECS takes a whole number of 32 bits here, not a text; write a whole number of 32 bits [AWS: API_RegisterTaskDefinition]\n",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}

#[test]
fn lays_image_and_environment_over_a_file() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let arguments = [
        "--file",
        "ec2-service.json",
        "--image",
        "image.json",
        "--environment",
        "environment-empty.json",
        "--replace-environment",
        "--family",
        "other",
    ];
    let output = task_renderer(&golden, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let rendered: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rendered["family"], "other");
    let container = &rendered["containerDefinitions"][0];
    assert_eq!(
        (container.get("environment"), container.get("secrets")),
        (None, None)
    );
}

#[test]
fn checks_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("web.json");
    let good = format!(
        "{{\"family\": \"web\",\n\"containerDefinitions\": [\n{{\"name\": \"api\", \"image\": \"r/web@sha256:{DIGEST}\", \"memory\": 64}}]}}"
    );
    std::fs::write(&file, &good).unwrap();
    let output = task_renderer(directory.path(), &["check", "web.json"]);
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), "web.json: ECS takes it\n")
    );
    std::fs::write(&file, good.replace("family", "famly")).unwrap();
    let output = task_renderer(directory.path(), &["check", "web.json", "--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        text(&output.stderr),
        "error: 2 problems in the task definition web.json\n  \
         line 1: famly: RegisterTaskDefinitionRequest has no such member; did you mean \"family\"? [AWS: API_RegisterTaskDefinition]\n  \
         line 1: family: the member is required in RegisterTaskDefinitionRequest; add it [AWS: API_RegisterTaskDefinition]\n"
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (
            &report["kind"],
            &report["accepted"],
            &report["problems"][0]["line"]
        ),
        (&"task-definition-check".into(), &false.into(), &1.into())
    );
}

#[test]
fn compares_files() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let same = task_renderer(&golden, &["diff", "ec2-task.json", "ec2-task.json"]);
    assert_eq!(
        (same.status.code(), text(&same.stdout)),
        (Some(0), "ec2-task.json → ec2-task.json\nno difference\n")
    );
    let json = [
        "diff",
        "ec2-service.json",
        "fargate-service.json",
        "--format",
        "json",
    ];
    let other = task_renderer(&golden, &json);
    assert_eq!(other.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!(report["equal"], false);
    assert_eq!(
        report["changes"][0],
        serde_json::json!({"part": "task", "name": "cpu", "kind": "added", "after": "256"})
    );
    let none = task_renderer(&golden, &["diff", "a/b/c", "ec2-task.json"]);
    assert_eq!(
        (none.status.code(), text(&none.stderr)),
        (Some(2), "error: there is no file a/b/c\n")
    );
}

#[test]
fn survives_hostile_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.json");
    let texts = [
        "[".repeat(200_000),
        "{\"family\": 1e999}".to_owned(),
        "{\"family\": \"a\", \"family\": \"b\"}".to_owned(),
        "{\"family\": \"\\ud800\"}".to_owned(),
        "null".to_owned(),
        "[1]".to_owned(),
        "{\"containerDefinitions\": [null, 7, [], {\"cpu\": 123456789012345678901234567890, \"portMappings\": [0], \"environment\": {\"a\": 1}, \"dependsOn\": \"x\"}], \"tags\": 3, \"volumes\": {\"0\": 1}, \"cpu\": \"99999999999999999999\"}".to_owned(),
        format!("{{\"{}\": 1}}", "f".repeat(100_000)),
    ];
    for text_ in texts {
        std::fs::write(&file, &text_).unwrap();
        for arguments in [
            &["check", "x.json"][..],
            &[
                "--file",
                "x.json",
                "--set-image",
                "i",
                "--tag",
                "a=b",
                "--family",
                "f",
            ],
        ] {
            let output = task_renderer(directory.path(), arguments);
            let start: String = text_.chars().take(60).collect();
            let said = text(&output.stderr);
            assert!(
                matches!(output.status.code(), Some(2 | 3)),
                "{start}: {said}"
            );
            assert!(said.starts_with("error: "), "{start}: {said}");
        }
    }
}
