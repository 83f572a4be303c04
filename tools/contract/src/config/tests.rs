use super::*;

const LUDLOW: &str = r#"
[app]
name = "ludlow"
region = "us-east-1"

[test]
command = "cargo test"

[services.api]
port = 8080
health-path = "/healthz"
count = 2
after = ["migrate"]

[tasks.migrate]
command = ["/ludlow", "migrate"]

[variables]
LOG_LEVEL = "info"

[environments.local]
aws = "local"

[environments.qa]
branches = ["release/*"]

[environments.prod]
branches = ["main"]
host = "ludlow.io"
confirm = true
services.api.count = 4
variables.LOG_LEVEL = "warn"
secrets.DATABASE_URL = "ssm:/ludlow/prod/DATABASE_URL"
alarms.notify = ["ops@ludlow.io"]
"#;

fn mistakes(source: &str) -> String {
    parse(source, "longshore.toml").unwrap_err().to_string()
}

#[test]
fn lays_an_environment_over_the_common_part() {
    let project = parse(LUDLOW, "longshore.toml").unwrap();
    let local = project.environment("local").unwrap();
    let prod = project.environment("prod").unwrap();
    assert_eq!((local.aws, prod.aws), (Aws::Local, Aws::Cloud));
    assert_eq!(
        (local.services["api"].count, prod.services["api"].count),
        (2, 4)
    );
    assert_eq!(prod.services["api"].port, Some(8080));
    assert_eq!(
        local.variables["LOG_LEVEL"],
        Variable {
            value: "info".to_owned(),
            line: 19
        }
    );
    assert_eq!(
        prod.variables["LOG_LEVEL"],
        Variable {
            value: "warn".to_owned(),
            line: 32
        }
    );
    assert_eq!(
        prod.secrets["DATABASE_URL"],
        Secret {
            source: SecretSource::Parameter("/ludlow/prod/DATABASE_URL".to_owned()),
            line: 33
        }
    );
    assert_eq!(local.secrets, BTreeMap::new());
}

#[test]
fn finds_the_environment_of_a_branch() {
    let project = parse(LUDLOW, "longshore.toml").unwrap();
    let names = |branch| {
        let found = project.environments_of_branch(branch);
        found
            .into_iter()
            .map(|environment| environment.name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("main"), ["prod"]);
    assert_eq!(names("release/1.2"), ["qa"]);
    assert_eq!(names("mainly"), [""; 0]);
}

#[test]
fn names_the_environments_that_exist() {
    let project = parse(LUDLOW, "longshore.toml").unwrap();
    assert_eq!(
        project.environment("live").unwrap_err().to_string(),
        "longshore.toml has no environment \"live\"; it has local, prod, qa"
    );
}

#[test]
fn reports_every_mistake_in_one_pass() {
    let source = r#"[app]
name = "Ludlow"
region = "us-east-1"

[services.api]
prot = 8080
count = "two"
launch = "lambda"
after = ["migrat"]

[tasks.migrate]
command = ["/ludlow"]

[environments.local]
aws = "locale"
secrets.TOKEN = "hunter2"
"#;
    assert_eq!(
        mistakes(source),
        "7 mistakes in longshore.toml
  longshore.toml:2:8: app.name may only have lower-case letters, digits and hyphens, from a letter on; write \"ludlow\"
  longshore.toml:6:1: unknown key \"prot\" in [services.api]; did you mean \"port\"?
  longshore.toml:7:9: services.api.count must be a whole number, not a text; write count = 1
  longshore.toml:8:10: services.api.launch cannot be \"lambda\"; write \"ec2\" or \"fargate\"
  longshore.toml:9:1: services.api.after names \"migrat\", which is neither a service nor a task; did you mean \"migrate\"?
  longshore.toml:15:7: aws cannot be \"locale\"; write \"local\" or \"cloud\"
  longshore.toml:16:17: secrets.TOKEN must be a reference, never the secret itself; write \"ssm:/PATH/NAME\" or \"secretsmanager:ARN\""
    );
}

#[test]
fn reports_what_is_missing() {
    assert_eq!(
        mistakes("[app]\nname = \"ludlow\"\n"),
        "2 mistakes in longshore.toml
  longshore.toml:1:1: the file has no environment; write [environments.local] with aws = \"local\"
  longshore.toml:1:2: [app] lacks the key \"region\"; write region = \"us-east-1\""
    );
}

#[test]
fn reports_broken_syntax_with_its_place() {
    let text = mistakes("[app]\nname = \"ludlow\nregion = \"x\"\n");
    assert!(text.contains("\n  longshore.toml:2:"), "{text}");
}

#[test]
fn refuses_a_circle_of_services() {
    let source = LUDLOW.replace("after = [\"migrate\"]", "after = [\"web\"]")
        + "[services.web]\nafter = [\"api\"]\n";
    let text = mistakes(&source);
    assert!(
        text.contains(
            "services.api.after leads back to api; take one of the services out of the circle"
        ),
        "{text}"
    );
}

#[test]
fn refuses_a_target_group_name_that_aws_would_refuse() {
    let source = LUDLOW
        .replace("[services.api]", "[services.a-service-with-a-long-name]")
        .replace(
            "services.api.count",
            "services.a-service-with-a-long-name.count",
        );
    let text = mistakes(&source);
    assert!(
        text.contains("longshore.toml:9:11: the target group ludlow-local-a-service-with-a-long-name would have 39 characters; AWS allows 32"),
        "{text}"
    );
}

#[test]
fn refuses_a_branch_of_two_environments() {
    let source = LUDLOW.replace("branches = [\"release/*\"]", "branches = [\"main\"]");
    let text = mistakes(&source);
    assert!(
        text.contains("the branch \"main\" belongs to two environments, prod and qa"),
        "{text}"
    );
}

#[test]
fn reads_the_roles_of_an_environment() {
    let source = LUDLOW.to_owned()
        + "execution-role = \"arn:aws:iam::123456789012:role/service/ludlow-execution\"\n\
           task-role = \"ludlow-task\"\n";
    let project = parse(&source, "longshore.toml").unwrap();
    let prod = project.environment("prod").unwrap();
    assert_eq!(
        prod.execution_role.as_deref(),
        Some("arn:aws:iam::123456789012:role/service/ludlow-execution")
    );
    assert_eq!(prod.task_role.as_deref(), Some("ludlow-task"));
    let local = project.environment("local").unwrap();
    assert_eq!((&local.execution_role, &local.task_role), (&None, &None));
}

#[test]
fn refuses_roles_that_ecs_would_refuse() {
    let source = LUDLOW.to_owned()
        + "execution-role = \"ludlow-execution\"\n\
           task-role = \"arn:aws:iam::123456789012:user/ludlow\"\n";
    assert_eq!(
        mistakes(&source),
        "2 mistakes in longshore.toml
  longshore.toml:35:18: execution-role must be the ARN of a role, not \"ludlow-execution\"; write execution-role = \"arn:aws:iam::ACCOUNT:role/NAME\"
  longshore.toml:36:13: task-role must be the name or ARN of a role, not \"arn:aws:iam::123456789012:user/ludlow\"; write task-role = \"arn:aws:iam::ACCOUNT:role/NAME\""
    );
}

#[test]
fn reads_schema_and_sources_of_an_environment() {
    let source = LUDLOW.to_owned()
        + "sources.files = [\"env/prod.env\"]\n\
           sources.paths = [\"/ludlow/prod/\"]\n\
           sources.process = [\"GIT_SHA\"]\n\
           [schema.LOG_LEVEL]\n\
           type = \"text\"\n\
           values = [\"info\", \"warn\"]\n\
           required = true\n\
           min = 1\n\
           max = 8.5\n";
    let project = parse(&source, "longshore.toml").unwrap();
    let prod = project.environment("prod").unwrap();
    assert_eq!(
        prod.sources,
        Sources {
            files: vec!["env/prod.env".to_owned()],
            paths: vec!["/ludlow/prod/".to_owned()],
            process: vec!["GIT_SHA".to_owned()],
        }
    );
    let local = project.environment("local").unwrap();
    assert_eq!(local.sources, Sources::default());
    let line = source
        .lines()
        .position(|line| line == "[schema.LOG_LEVEL]")
        .unwrap()
        + 1;
    for environment in [prod, local] {
        assert_eq!(
            environment.schema["LOG_LEVEL"],
            Rule {
                kind: Kind::Text,
                pattern: None,
                required: true,
                secret: false,
                default: None,
                description: None,
                values: vec!["info".to_owned(), "warn".to_owned()],
                min: Some(1.0),
                max: Some(8.5),
                line,
            }
        );
    }
}

#[test]
fn reports_every_mistake_of_a_schema_file() {
    let source = "[schema.A-B]\ntype = \"int\"\n[schema.KEY]\nsecret = true\ndefault = \"hunter2\"\nmin = 2\nmax = 1\npatern = \"x\"\n";
    assert_eq!(
        parse_schema(source, "schema.toml").unwrap_err().to_string(),
        "5 mistakes in schema.toml
  schema.toml:1:9: \"A-B\" in [schema] is not a variable name; write A_B
  schema.toml:2:8: schema.A-B.type cannot be \"int\"; write \"text\", \"integer\", \"number\", \"boolean\", \"url\" or \"json\"
  schema.toml:3:9: [schema.KEY] has a min above its max; write the smaller one as min
  schema.toml:3:9: [schema.KEY] is secret and has a default; take the default out: this file is in git
  schema.toml:8:1: unknown key \"patern\" in [schema.KEY]; did you mean \"pattern\"?"
    );
}
