//! From TOML to a project.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::alarms;
use super::check;
use super::definition;
use super::reader::{Located, Reader, Table};
use super::schema;
use super::{
    App, Aws, Environment, Image, Launch, Problems, Project, Secret, SecretSource, Service, Task,
    Test, Variable,
};

/// The parts of the file that an environment may override.
const OVERRIDABLE: [&str; 9] = [
    "image",
    "test",
    "services",
    "tasks",
    "variables",
    "secrets",
    "schema",
    "sources",
    "alarms",
];

const LAUNCHES: [(&str, Launch); 2] = [("ec2", Launch::Ec2), ("fargate", Launch::Fargate)];

/// Reads a project file. `file` is the name that mistakes are reported under.
pub fn parse(source: &str, file: &str) -> Result<Project, Problems> {
    let reader = Reader::new(source);
    let (document, syntax) = DeTable::parse_recoverable(source);
    for error in &syntax {
        reader.problem(&error.span().unwrap_or(0..0), error.message(), None);
    }
    // A file that is not TOML would only produce mistakes that follow from the first.
    let project = if syntax.is_empty() {
        read(&reader, &document)
    } else {
        None
    };
    match project {
        Some(project) if !reader.has_problems() => Ok(project),
        _ => Err(Problems {
            file: file.to_owned(),
            list: reader.into_problems(),
        }),
    }
}

fn read<'s>(reader: &Reader<'s>, document: &Spanned<DeTable<'s>>) -> Option<Project> {
    let root = document.get_ref();
    let top = Table::new(reader, "", 0..0, root);
    let app = match top.table("app") {
        Some(table) => app(table),
        None => {
            reader.problem(
                &(0..0),
                "the file lacks the section [app]",
                Some("write [app] with name and region".to_owned()),
            );
            None
        }
    };
    let names = environment_names(&top);
    for key in OVERRIDABLE {
        top.table(key);
    }
    top.finish();
    let mut environments = BTreeMap::new();
    for (name, span) in names {
        let merged = overlaid(root, &name);
        if let Some(environment) = environment(reader, &name, span, &merged) {
            if let Some(app) = &app {
                check::environment(reader, app, &environment, &merged);
            }
            environments.insert(name, environment);
        }
    }
    check::branches(reader, &environments);
    Some(Project {
        app: app?,
        environments,
    })
}

fn app(table: Table<'_, '_>) -> Option<App> {
    let name = table.required_text("name", "ludlow");
    let region = table.required_text("region", "us-east-1");
    if let Some(name) = &name {
        check::name(&table, "app.name", name);
    }
    table.finish();
    Some(App {
        name: name?.value,
        region: region?.value,
    })
}

fn environment_names(top: &Table<'_, '_>) -> Vec<(String, Range<usize>)> {
    let Some(environments) = top.table("environments") else {
        top.problem(
            &(0..0),
            "the file has no environment",
            Some("write [environments.local] with aws = \"local\"".to_owned()),
        );
        return Vec::new();
    };
    environments
        .tables()
        .into_iter()
        .map(|(name, table)| {
            check::name(
                &environments,
                &format!("the environment {}", name.value),
                &name,
            );
            (name.value, table.span().clone())
        })
        .collect()
}

/// The file's own tables with those of one environment laid over them.
fn overlaid<'s>(root: &DeTable<'s>, name: &str) -> DeTable<'s> {
    let own = root
        .get("environments")
        .and_then(|all| all.get_ref().as_table()?.get(name)?.get_ref().as_table());
    let mut merged: DeTable<'s> = root
        .iter()
        .filter(|(key, _)| OVERRIDABLE.contains(&key.get_ref().as_ref()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (key, value) in own.into_iter().flatten() {
        lay_over(&mut merged, key, value);
    }
    merged
}

fn lay_over<'s>(
    below: &mut DeTable<'s>,
    key: &Spanned<std::borrow::Cow<'s, str>>,
    value: &Spanned<DeValue<'s>>,
) {
    match (
        below.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut),
        value.get_ref(),
    ) {
        (Some(DeValue::Table(lower)), DeValue::Table(upper)) => {
            for (key, value) in upper {
                lay_over(lower, key, value);
            }
        }
        _ => {
            below.insert(key.clone(), value.clone());
        }
    }
}

fn environment<'s>(
    reader: &Reader<'s>,
    name: &str,
    span: Range<usize>,
    merged: &DeTable<'s>,
) -> Option<Environment> {
    let table = Table::new(reader, "", span, merged);
    let aws = table
        .word("aws", &[("local", Aws::Local), ("cloud", Aws::Cloud)])
        .unwrap_or(Aws::Cloud);
    let branches = table
        .texts("branches")
        .into_iter()
        .map(|branch| branch.value)
        .collect();
    let host = table.text("host").map(|host| host.value);
    let confirm = table.flag("confirm").unwrap_or(false);
    let execution_role = table.text("execution-role");
    let task_role = table.text("task-role");
    check::roles(&table, execution_role.as_ref(), task_role.as_ref());
    let image = image(table.table("image"));
    let test = table.table("test").and_then(test);
    let services = named(table.table("services"), |table| service(reader, table));
    let tasks = named(table.table("tasks"), |table| task(reader, table));
    let variables = variables(reader, table.table("variables"));
    let secrets = secrets(reader, table.table("secrets"));
    let schema = schema::schema(reader, table.table("schema"));
    let sources = schema::sources(table.table("sources"));
    let alarms = alarms::alarms(table.table("alarms"));
    table.finish();
    Some(Environment {
        name: name.to_owned(),
        aws,
        branches,
        host,
        confirm,
        execution_role: execution_role.map(|role| role.value),
        task_role: task_role.map(|role| role.value),
        image,
        test,
        services,
        tasks,
        variables,
        secrets,
        schema,
        sources,
        alarms,
    })
}

fn image(table: Option<Table<'_, '_>>) -> Image {
    let mut image = Image {
        context: ".".to_owned(),
        dockerfile: "Dockerfile".to_owned(),
        platform: "linux/amd64".to_owned(),
        before: None,
        arguments: BTreeMap::new(),
    };
    let Some(table) = table else { return image };
    if let Some(context) = table.text("context") {
        image.context = context.value;
    }
    if let Some(dockerfile) = table.text("dockerfile") {
        image.dockerfile = dockerfile.value;
    }
    if let Some(platform) = table.word(
        "platform",
        &[
            ("linux/amd64", "linux/amd64"),
            ("linux/arm64", "linux/arm64"),
        ],
    ) {
        platform.clone_into(&mut image.platform);
    }
    image.before = table.text("before").map(|before| before.value);
    if let Some(arguments) = table.table("arguments") {
        image.arguments = arguments
            .named_texts()
            .into_iter()
            .map(|(name, text)| (name.value, text.value))
            .collect();
    }
    table.finish();
    image
}

fn test(table: Table<'_, '_>) -> Option<Test> {
    let command = table.required_text("command", "cargo test");
    let reports = table
        .texts("reports")
        .into_iter()
        .map(|report| report.value)
        .collect();
    let coverage = table.text("coverage").map(|coverage| coverage.value);
    let minimum = table
        .integer::<u32>("minimum", 0..=1_000_000)
        .unwrap_or(1)
        .into();
    let timeout = table
        .integer::<u32>("timeout", 1..=86_400)
        .unwrap_or(3_600)
        .into();
    table.finish();
    Some(Test {
        command: command?.value,
        reports,
        coverage,
        minimum,
        timeout,
    })
}

fn named<T>(
    table: Option<Table<'_, '_>>,
    read: impl Fn(Table<'_, '_>) -> T,
) -> BTreeMap<String, T> {
    let Some(table) = table else {
        return BTreeMap::new();
    };
    table
        .tables()
        .into_iter()
        .map(|(name, below)| {
            check::name(&table, &format!("the name {}", name.value), &name);
            (name.value, read(below))
        })
        .collect()
}

fn service(reader: &Reader<'_>, table: Table<'_, '_>) -> Service {
    let service = Service {
        port: table.integer::<u16>("port", 1..=65_535),
        health_path: path(&table, "health-path").unwrap_or_else(|| "/".to_owned()),
        health_grace: table.integer("health-grace", 0..=86_400).unwrap_or(0),
        path: path(&table, "path").unwrap_or_else(|| "/*".to_owned()),
        cpu: table.integer("cpu", 128..=16_384).unwrap_or(256),
        memory: table.integer("memory", 6..=122_880).unwrap_or(512),
        count: table.integer("count", 0..=5_000).unwrap_or(1),
        launch: table.word("launch", &LAUNCHES).unwrap_or(Launch::Ec2),
        command: plain(table.texts("command")),
        after: plain(table.texts("after")),
        stop_timeout: table.integer("stop-timeout", 1..=3_600).unwrap_or(30),
        minimum_healthy_percent: table
            .integer("minimum-healthy-percent", 0..=100)
            .unwrap_or(100),
        maximum_percent: table.integer("maximum-percent", 100..=200).unwrap_or(200),
        definition: definition::read(reader, &table),
    };
    table.finish();
    service
}

fn task(reader: &Reader<'_>, table: Table<'_, '_>) -> Task {
    let task = Task {
        command: plain(table.texts("command")),
        cpu: table.integer("cpu", 128..=16_384).unwrap_or(256),
        memory: table.integer("memory", 6..=122_880).unwrap_or(512),
        launch: table.word("launch", &LAUNCHES).unwrap_or(Launch::Ec2),
        timeout: table
            .integer::<u32>("timeout", 1..=86_400)
            .unwrap_or(600)
            .into(),
        definition: definition::read(reader, &table),
    };
    table.finish();
    task
}

fn path(table: &Table<'_, '_>, key: &str) -> Option<String> {
    let text = table.text(key)?;
    if !text.value.starts_with('/') {
        table.problem(
            &text.span,
            format!("{key} must begin with a slash, not \"{}\"", text.value),
            Some(format!("write {key} = \"/{}\"", text.value)),
        );
    }
    Some(text.value)
}

pub(super) fn variables(
    reader: &Reader<'_>,
    table: Option<Table<'_, '_>>,
) -> BTreeMap<String, Variable> {
    let Some(table) = table else {
        return BTreeMap::new();
    };
    table
        .named_texts()
        .into_iter()
        .map(|(name, text)| {
            check::variable_name(&table, &name);
            (
                name.value,
                Variable {
                    value: text.value,
                    line: reader.place(text.span.start).0,
                },
            )
        })
        .collect()
}

pub(super) fn secrets(
    reader: &Reader<'_>,
    table: Option<Table<'_, '_>>,
) -> BTreeMap<String, Secret> {
    let Some(table) = table else {
        return BTreeMap::new();
    };
    for (name, _) in table.named_texts() {
        check::variable_name(&table, &name);
    }
    references(reader, &table)
}

/// References to secrets under names of any form.
pub(super) fn references(reader: &Reader<'_>, table: &Table<'_, '_>) -> BTreeMap<String, Secret> {
    table
        .named_texts()
        .into_iter()
        .filter_map(|(name, text)| {
            let line = reader.place(text.span.start).0;
            Some((
                name.value.clone(),
                Secret {
                    source: secret_source(table, &name.value, &text)?,
                    line,
                },
            ))
        })
        .collect()
}

fn secret_source(
    table: &Table<'_, '_>,
    name: &str,
    text: &Located<String>,
) -> Option<SecretSource> {
    let source = match text.value.split_once(':') {
        Some(("ssm", parameter)) if !parameter.is_empty() => {
            Some(SecretSource::Parameter(parameter.to_owned()))
        }
        Some(("secretsmanager", arn)) if arn.starts_with("arn:") => {
            Some(SecretSource::SecretsManager(arn.to_owned()))
        }
        _ => None,
    };
    if source.is_none() {
        // The text itself is not repeated: it may be the secret.
        table.problem(
            &text.span,
            format!("secrets.{name} must be a reference, never the secret itself"),
            Some("write \"ssm:/PATH/NAME\" or \"secretsmanager:ARN\"".to_owned()),
        );
    }
    source
}

pub(super) fn plain(texts: Vec<Located<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}
