//! From the command line to what it asks for: numbers, commands and files of variables. Nobody is called,
//! and every problem is found in one pass.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use toolkit::Fault;

use super::args::{
    ContainerArgs, ExclusiveArgs, ListArgs, Patience, ReleaseArgs, TaskArgs, UpdateArgs,
};
use super::lists::List;
use super::private::Private;
use super::{Changes, Edit, Options, Patch, Update, image, variables};

/// Whole numbers as ECS has them.
const COUNT: RangeInclusive<i32> = 0..=i32::MAX;
const PORT: RangeInclusive<i32> = 0..=65_535;
/// -1 is no limit.
const LIMIT: RangeInclusive<i32> = -1..=i32::MAX;
/// Seconds and counts of a health check, from the API reference.
const INTERVAL: RangeInclusive<i32> = 5..=300;
const TIMEOUT: RangeInclusive<i32> = 2..=60;
const RETRIES: RangeInclusive<i32> = 1..=10;
const START_PERIOD: RangeInclusive<i32> = 0..=300;

impl UpdateArgs {
    /// The validated request. Files of variables are read here.
    ///
    /// # Errors
    ///
    /// One usage error with all that is wrong and all flags that are refused.
    pub(crate) fn into_update(self) -> Result<Update, Fault> {
        let mut reader = Reader {
            problems: self.refused.problems(),
            ..Reader::default()
        };
        for (argument, text) in [("CLUSTER", &self.cluster), ("SERVICE", &self.service)] {
            if text.is_empty() {
                reader.problems.push(format!("{argument} is empty"));
            }
        }
        let task = reader.given("task", self.task.task.clone());
        reader.containers(&self.containers);
        reader.lists(&self.lists);
        reader.exclusive(&self.exclusive);
        reader.task(self.task);
        let shows_changes = self.release.diff || !self.release.no_diff;
        let options = options(self.release);
        if !reader.problems.is_empty() {
            return Err(Fault::usage(reader.problems.join("; ")));
        }
        Ok(Update {
            cluster: self.cluster,
            service: self.service,
            patch: Patch {
                task,
                changes: reader.changes,
                user: options.user.clone(),
                shows_changes,
            },
            options,
        })
    }
}

#[derive(Default)]
struct Reader {
    changes: Changes,
    problems: Vec<String>,
}

impl Reader {
    fn containers(&mut self, args: &ContainerArgs) {
        self.changes.added = args.add_container.clone();
        self.changes.removed = args.remove_container.clone();
        if let Some(tag) = self.given("tag", args.tag.clone()) {
            let tag = tag.trim();
            if image::is_tag(tag) {
                self.changes.tag = Some(tag.to_owned());
            } else {
                self.problems.push(format!(
                    "--tag: {tag:?} is not a tag; --image CONTAINER IMAGE takes a digest"
                ));
            }
        }
        for [container, image] in groups(&args.image) {
            if image.is_empty() || image.contains(char::is_whitespace) {
                self.problems
                    .push(format!("--image {container}: {image:?} is not an image"));
            }
            self.set(container, "image", image.as_str().into());
        }
        for [container, command] in groups(&args.command) {
            if let Some(words) = self.command(container, command) {
                self.set(container, "command", words);
            }
        }
        self.health_checks(&args.health_check);
        for (flag, member, values) in [
            ("cpu", "cpu", &args.cpu),
            ("memory", "memory", &args.memory),
            (
                "memoryreservation",
                "memoryReservation",
                &args.memoryreservation,
            ),
        ] {
            for [container, text] in groups(values) {
                if let Some(number) = self.number(format_args!("--{flag} {container}"), text, COUNT)
                {
                    self.set(container, member, number.into());
                }
            }
        }
        for (member, values) in [
            ("privileged", &args.privileged),
            ("essential", &args.essential),
        ] {
            for [container, text] in groups(values) {
                match truth(text) {
                    Some(value) => self.set(container, member, value.into()),
                    None => self.problems.push(format!(
                        "--{member} {container}: {text:?} is neither true nor false"
                    )),
                }
            }
        }
        self.logs(&args.log);
    }

    fn logs(&mut self, values: &[Private]) {
        for [container, driver, name, value] in groups(values) {
            let edit = Edit::LogOption {
                driver: driver.reveal().to_owned(),
                name: name.reveal().to_owned(),
                value: value.clone(),
            };
            self.edit(container.reveal(), edit);
        }
    }

    fn health_checks(&mut self, values: &[String]) {
        for [container, command, interval, timeout, retries, start_period] in groups(values) {
            let flag = format!("--health-check {container}");
            let numbers = (
                self.number(format_args!("{flag}, interval"), interval, INTERVAL),
                self.number(format_args!("{flag}, timeout"), timeout, TIMEOUT),
                self.number(format_args!("{flag}, retries"), retries, RETRIES),
                self.number(
                    format_args!("{flag}, start period"),
                    start_period,
                    START_PERIOD,
                ),
            );
            if let (Some(interval), Some(timeout), Some(retries), Some(start_period)) = numbers {
                let check = json!({
                    "command": ["CMD-SHELL", command],
                    "interval": interval,
                    "timeout": timeout,
                    "retries": retries,
                    "startPeriod": start_period,
                });
                self.set(container, "healthCheck", check);
            }
        }
    }

    /// A JSON list of words, or words split at white space: quotes mean nothing then.
    fn command(&mut self, container: &str, text: &str) -> Option<Value> {
        if text.starts_with('[') && text.ends_with(']') {
            return match serde_json::from_str::<Vec<String>>(text) {
                Ok(words) => Some(json!(words)),
                Err(error) => {
                    self.problems.push(format!(
                        "--command {container}: not a JSON list of strings: {error}"
                    ));
                    None
                }
            };
        }
        if text.contains(['"', '\'']) {
            self.changes.notes.push(format!(
                "the command of {container} is split at white space, and its quotes are part of the words; a JSON list says what is one word"
            ));
        }
        Some(json!(text.split_whitespace().collect::<Vec<_>>()))
    }

    fn lists(&mut self, args: &ListArgs) {
        // As `ecs deploy` has it: of two files the earlier one wins, and the command line over both.
        for [container, file] in groups(&args.env_file).rev() {
            for (name, value) in self.variables("env-file", file) {
                let value = value.as_str().into();
                self.edit(container, Edit::Variable { name, value });
            }
        }
        for [container, name, value] in groups(&args.env) {
            let (container, name) = (container.reveal(), name.reveal().to_owned());
            if self.is_name("env", container, &name) {
                let value = value.clone();
                self.edit(container, Edit::Variable { name, value });
            }
        }
        for [container, file] in groups(&args.secrets_env_file).rev() {
            for (name, from) in self.variables("secrets-env-file", file) {
                self.secret("secrets-env-file", container, &name, &from);
            }
        }
        for [container, name, from] in groups(&args.secret) {
            if self.is_name("secret", container, name) {
                self.secret("secret", container, name, from);
            }
        }
        for [container, arn] in groups(&args.s3_env_file) {
            if !arn.starts_with("arn:") {
                self.problems.push(format!(
                    "--s3-env-file {container}: {arn:?} is not an ARN such as arn:aws:s3:::bucket/file.env"
                ));
            }
            let file = json!({"value": arn, "type": "s3"});
            self.item(container, List::EnvironmentFiles, file);
        }
        for [container, name, value] in groups(&args.docker_label) {
            let (name, value) = (name.clone(), value.clone());
            self.edit(container, Edit::Label { name, value });
        }
        self.system_lists(args);
    }

    fn system_lists(&mut self, args: &ListArgs) {
        for [container, name, soft, hard] in groups(&args.ulimit) {
            let flag = format!("--ulimit {container} {name}");
            let limits = (
                self.number(format_args!("{flag}, soft limit"), soft, LIMIT),
                self.number(format_args!("{flag}, hard limit"), hard, LIMIT),
            );
            if let (Some(soft), Some(hard)) = limits {
                let limit = json!({"name": name, "softLimit": soft, "hardLimit": hard});
                self.item(container, List::Ulimits, limit);
            }
        }
        for [container, namespace, value] in groups(&args.system_control) {
            let control = json!({"namespace": namespace, "value": value});
            self.item(container, List::SystemControls, control);
        }
        for [container, inner, host] in groups(&args.port) {
            let flag = format!("--port {container}");
            let ports = (
                self.number(format_args!("{flag}, container port"), inner, PORT),
                self.number(format_args!("{flag}, host port"), host, PORT),
            );
            if let (Some(inner), Some(host)) = ports {
                let mapping = json!({"containerPort": inner, "hostPort": host, "protocol": "tcp"});
                self.item(container, List::PortMappings, mapping);
            }
        }
        for [container, volume, path] in groups(&args.mount) {
            let mount = json!({"sourceVolume": volume, "containerPath": path, "readOnly": false});
            self.item(container, List::MountPoints, mount);
        }
    }

    fn exclusive(&mut self, args: &ExclusiveArgs) {
        self.changes.exclusive = [
            (args.exclusive_env, List::Environment),
            (args.exclusive_s3_env_file, List::EnvironmentFiles),
            (args.exclusive_secrets, List::Secrets),
            (args.exclusive_docker_labels, List::DockerLabels),
            (args.exclusive_ulimits, List::Ulimits),
            (args.exclusive_system_controls, List::SystemControls),
            (args.exclusive_ports, List::PortMappings),
            (args.exclusive_mounts, List::MountPoints),
        ]
        .into_iter()
        .filter_map(|(is_given, list)| is_given.then_some(list))
        .collect();
    }

    fn task(&mut self, args: TaskArgs) {
        for (member, size) in [("cpu", args.task_cpu), ("memory", args.task_memory)] {
            if let Some(size) = size {
                self.member(member, size.to_string().into());
            }
        }
        for (flag, member, role) in [
            ("role", "taskRoleArn", args.role),
            ("execution-role", "executionRoleArn", args.execution_role),
        ] {
            if let Some(role) = self.given(flag, role) {
                self.member(member, role.into());
            }
        }
        if let Some([cpu, system]) = args.runtime_platform.as_deref() {
            let platform = json!({"cpuArchitecture": cpu, "operatingSystemFamily": system});
            self.member("runtimePlatform", platform);
        }
        let mut volumes: Vec<Value> = Vec::new();
        for [name, path] in groups(&args.volume) {
            if volumes.iter().any(|volume| volume["name"] == name.as_str()) {
                self.problems.push(format!("--volume {name}: given twice"));
            }
            volumes.push(json!({"name": name, "host": {"sourcePath": path}}));
        }
        if !volumes.is_empty() {
            self.member("volumes", volumes.into());
        }
    }

    fn secret(&mut self, flag: &str, container: &str, name: &str, from: &str) {
        if from.is_empty() {
            self.problems
                .push(format!("--{flag} {container}: {name} refers to nothing"));
        }
        let secret = json!({"name": name, "valueFrom": from});
        self.item(container, List::Secrets, secret);
    }

    fn variables(&mut self, flag: &str, file: &str) -> Vec<(String, String)> {
        let text = match std::fs::read_to_string(Path::new(file)) {
            Ok(text) => text,
            Err(error) => {
                self.problems
                    .push(format!("--{flag}: cannot read {file}: {error}"));
                return Vec::new();
            }
        };
        let variables = variables::parse(&text);
        for line in variables.bad {
            self.problems.push(format!(
                "{file}:{line}: what stands before the = is not a name"
            ));
        }
        for line in variables.passed_over {
            self.changes
                .notes
                .push(format!("{file}:{line} has no = and is passed over"));
        }
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        variables.found.into_iter().map(own).collect()
    }

    fn is_name(&mut self, flag: &str, container: &str, name: &str) -> bool {
        let is_name = !name.is_empty() && !name.contains('=');
        if !is_name {
            // What stands here may be the value, in the wrong place.
            self.problems.push(format!(
                "--{flag} {container}: the second word is not a name"
            ));
        }
        is_name
    }

    fn number(
        &mut self,
        what: impl Display,
        text: &str,
        range: RangeInclusive<i32>,
    ) -> Option<i32> {
        let number = text
            .trim()
            .parse()
            .ok()
            .filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.problems.push(format!(
                "{what}: {text:?} is not a whole number from {least} to {most}"
            ));
        }
        number
    }

    /// An empty value is an unset variable of the caller's, not a wish.
    fn given(&mut self, flag: &str, value: Option<String>) -> Option<String> {
        if value
            .as_deref()
            .is_some_and(|value| value.trim().is_empty())
        {
            self.problems.push(format!("--{flag} is empty"));
            return None;
        }
        value
    }

    fn edit(&mut self, container: &str, edit: Edit) {
        self.changes.edits.push((container.to_owned(), edit));
    }

    fn set(&mut self, container: &str, member: &'static str, value: Value) {
        self.edit(container, Edit::Set(member, value));
    }

    fn item(&mut self, container: &str, list: List, item: Value) {
        self.edit(container, Edit::Item(list, item));
    }

    fn member(&mut self, member: &'static str, value: Value) {
        self.changes.members.push((member, value));
    }
}

fn options(args: ReleaseArgs) -> Options {
    const DEFAULT: Duration = Duration::from_secs(15 * 60);
    let (waits, timeout) = match args.timeout {
        Patience::None => (false, DEFAULT),
        Patience::For(timeout) => (!args.no_wait, timeout),
    };
    Options {
        desired_count: args.desired_count,
        waits,
        timeout,
        pace: args.sleep_time,
        rolls_back: args.rollback || !args.no_rollback,
        ignores_warnings: args.ignore_warnings,
        forces_new_deployment: args.force_new_deployment,
        comment: args.comment,
        user: args.user,
        dry_run: args.dry_run,
    }
}

/// The values of a flag that takes `N` each time.
fn groups<const N: usize, T>(values: &[T]) -> impl DoubleEndedIterator<Item = &[T; N]> {
    let (groups, _) = values.as_chunks::<N>();
    groups.iter()
}

/// As Python's click has it.
fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}
