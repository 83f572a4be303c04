use std::collections::BTreeMap;

use contract::environment::{Environment, Secret, Variable};
use contract::image::{Image, ImageOutcome};
use contract::names::Names;

use contract::config::definition::Definition;

use super::*;
use crate::{Overlay, Render, Settings, Source, Workload};

/// The canonical definition, or what is wrong with it.
fn render(parts: &Parts) -> Result<Value, String> {
    let request = Render {
        source: Source::Project(Box::new(parts.clone())),
        overlay: Overlay::default(),
        overrides: Vec::new(),
        settings: Settings::default(),
    };
    match crate::render::render(&request) {
        Ok(rendered) => Ok(rendered.definition),
        Err(error) => Err(error.to_string()),
    }
}

fn parts() -> Parts {
    let repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/ludlow";
    let digest = format!("sha256:{}", "0a".repeat(32));
    Parts {
        names: Names::new("ludlow", "prod"),
        environment_name: "prod".to_owned(),
        aws: Aws::Cloud,
        region: "us-east-1".to_owned(),
        execution_role: None,
        task_role: None,
        workload: Workload {
            section: "services.api".to_owned(),
            name: "api".to_owned(),
            command: Vec::new(),
            cpu: 256,
            memory: 512,
            launch: Launch::Ec2,
            port: Some(8080),
            stop_timeout: Some(30),
            definition: Definition::default(),
        },
        image: Image {
            repository: repository.to_owned(),
            tag: "7".to_owned(),
            reference: format!("{repository}@{digest}"),
            digest,
            platform: "linux/amd64".to_owned(),
            size: 1,
            layers: Vec::new(),
            engine: "embedded".to_owned(),
            outcome: ImageOutcome::Built,
            pushed: true,
        },
        environment: Environment {
            variables: BTreeMap::new(),
            secrets: BTreeMap::new(),
        },
        tags: Vec::new(),
    }
}

fn variable(value: &str) -> Variable {
    Variable {
        value: value.to_owned(),
        origin: "longshore.toml:9".to_owned(),
    }
}

fn secret() -> Secret {
    Secret {
        value_from: "/ludlow/prod/TOKEN".to_owned(),
        origin: "longshore.toml:12".to_owned(),
    }
}

#[test]
fn is_the_same_bytes_whatever_the_order_of_its_parts() {
    let mut one = parts();
    one.tags = vec!["b=1".parse().unwrap(), "a=2".parse().unwrap()];
    let mut other = one.clone();
    other.tags.reverse();
    assert_eq!(
        render(&one).unwrap().to_string(),
        render(&other).unwrap().to_string()
    );
}

#[test]
fn leaves_the_size_of_a_container_on_fargate_to_the_task() {
    let mut parts = parts();
    parts.workload.launch = Launch::Fargate;
    parts.execution_role = Some("arn:aws:iam::123456789012:role/x".to_owned());
    let definition = render(&parts).unwrap();
    assert_eq!(
        (&definition["cpu"], &definition["memory"]),
        (&json!("256"), &json!("512"))
    );
    assert_eq!(definition["containerDefinitions"][0].get("cpu"), None);
    assert_eq!(
        definition["containerDefinitions"][0]["portMappings"],
        json!([{ "containerPort": 8080, "hostPort": 8080, "protocol": "tcp" }])
    );
}

#[test]
fn reports_every_problem_in_one_pass() {
    let mut parts = parts();
    parts.workload.launch = Launch::Fargate;
    parts.workload.memory = 4_096;
    parts.workload.stop_timeout = Some(300);
    parts.image.pushed = false;
    "ludlow:7".clone_into(&mut parts.image.reference);
    "linux/riscv64".clone_into(&mut parts.image.platform);
    parts.tags = vec!["aws:x=1".parse().unwrap()];
    let environment = &mut parts.environment;
    environment
        .variables
        .insert("TOKEN".to_owned(), variable("1"));
    environment.secrets.insert("TOKEN".to_owned(), secret());
    assert_eq!(
        render(&parts).unwrap_err(),
        "9 problems in the task definition ludlow-prod-api
  image.pushed: ludlow:7 was built but not pushed; push it first (image-builder push)
  image.reference: ludlow:7 does not name its digest; write REPOSITORY@sha256:DIGEST, so that what was tested is what runs
  image.platform: Fargate does not run images for linux/riscv64; build for linux/amd64 or linux/arm64
  environments.prod.execution-role: ECS reads the secrets of a task under its execution role, and none is named; write execution-role = \"arn:aws:iam::ACCOUNT:role/NAME\"
  secrets.TOKEN: TOKEN is a secret (longshore.toml:12) and a variable (longshore.toml:9); leave one of them
  --tag aws:x: keys that begin with aws: belong to AWS; choose another
  services.api.memory: Fargate has no size of 256 CPU units with 4096 MiB; write 512, 1024 or 2048 [AWS: fargate-tasks-services]
  services.api.stop-timeout: Fargate does not wait 300 s for a container to stop; write 2 to 120 [AWS: API_ContainerDefinition]
  warning: variables.TOKEN: TOKEN is a secret by its name, and stands here for everybody to read; keep it in Parameter Store or Secrets Manager and name it in secrets; if it is none, give --plain TOKEN [AWS: specifying-sensitive-data]"
    );
}

#[test]
fn needs_no_role_for_an_instance_without_secrets_nor_for_the_local_aws() {
    assert!(render(&parts()).unwrap().get("executionRoleArn").is_none());
    let mut local = parts();
    local.aws = Aws::Local;
    local.workload.launch = Launch::Fargate;
    local
        .environment
        .secrets
        .insert("TOKEN".to_owned(), secret());
    assert_eq!(
        render(&local).unwrap()["containerDefinitions"][0]["secrets"],
        json!([{ "name": "TOKEN", "valueFrom": "/ludlow/prod/TOKEN" }])
    );
}

#[test]
fn refuses_what_is_larger_than_ecs_takes() {
    let mut parts = parts();
    let size = render(&parts).unwrap().to_string().len();
    // `"environment":[{"name":"A","value":""}],` around the value.
    let room = crate::rules::LARGEST - size - 40;
    parts
        .environment
        .variables
        .insert("A".to_owned(), variable(&"x".repeat(room)));
    assert_eq!(
        render(&parts).unwrap().to_string().len(),
        crate::rules::LARGEST
    );
    parts
        .environment
        .variables
        .insert("A".to_owned(), variable(&"x".repeat(room + 1)));
    assert_eq!(
        render(&parts).unwrap_err(),
        "1 problem in the task definition ludlow-prod-api
  variables: the definition has 65537 bytes, and ECS takes 65536; keep large values in Parameter Store and name them as secrets [AWS: service-quotas]"
    );
}
