//! Rules that hold between the parts of a project file.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeTable;

use super::reader::{Located, Reader, Table, alternatives, nearest};
use super::{App, Environment};
use crate::names::{Names, TARGET_GROUP_LIMIT};

/// Lower-case letters, digits and hyphens, from a letter on: what every AWS resource's name allows.
pub(super) fn name(table: &Table<'_, '_>, what: &str, name: &Located<String>) {
    let text = &name.value;
    let is_valid = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_valid {
        let better: String = text
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .skip_while(|c| !c.is_ascii_lowercase())
            .collect();
        let better = if better.is_empty() {
            "ludlow".to_owned()
        } else {
            better
        };
        table.problem(
            &name.span,
            format!(
                "{what} may only have lower-case letters, digits and hyphens, from a letter on"
            ),
            Some(format!("write \"{better}\"")),
        );
    }
}

/// Letters, digits and underscores, not from a digit on: what every shell and runtime can read.
pub(super) fn variable_name(table: &Table<'_, '_>, name: &Located<String>) {
    let text = &name.value;
    let is_valid = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_valid {
        let better: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        table.problem(
            &name.span,
            format!("\"{text}\" in {} is not a variable name", table.name()),
            Some(format!("write {}", better.to_uppercase())),
        );
    }
}

/// ECS takes the execution role by its ARN only, the task's role by its name as well.
pub(super) fn roles(
    table: &Table<'_, '_>,
    execution_role: Option<&Located<String>>,
    task_role: Option<&Located<String>>,
) {
    let refuse = |key: &str, role: &Located<String>, what: &str| {
        table.problem(
            &role.span,
            format!("{key} must be {what}, not \"{}\"", role.value),
            Some(format!("write {key} = \"arn:aws:iam::ACCOUNT:role/NAME\"")),
        );
    };
    if let Some(role) = execution_role.filter(|role| !is_role_arn(&role.value)) {
        refuse("execution-role", role, "the ARN of a role");
    }
    if let Some(role) =
        task_role.filter(|role| !is_role_arn(&role.value) && !is_role_name(&role.value))
    {
        refuse("task-role", role, "the name or ARN of a role");
    }
}

/// `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`, the account being 12 digits.
fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, role] = parts.as_slice() else {
        return false;
    };
    let name = role
        .strip_prefix("role/")
        .and_then(|path| path.rsplit('/').next());
    partition.starts_with("aws")
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && name.is_some_and(is_role_name)
}

/// Up to 64 letters, digits and `+=,.@-_` (IAM's rule).
fn is_role_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c))
}

/// A branch released to two environments would be released to neither.
pub(super) fn branches(reader: &Reader<'_>, environments: &BTreeMap<String, Environment>) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for environment in environments.values() {
        for branch in &environment.branches {
            if let Some(other) = owners.insert(branch, &environment.name) {
                reader.problem(
                    &(0..0),
                    format!(
                        "the branch \"{branch}\" belongs to two environments, {other} and {}",
                        environment.name
                    ),
                    Some("leave it in one of them; the other can be named with --env".to_owned()),
                );
            }
        }
    }
}

/// What must hold for one environment as a whole.
pub(super) fn environment(
    reader: &Reader<'_>,
    app: &App,
    environment: &Environment,
    merged: &DeTable<'_>,
) {
    if environment.services.is_empty() {
        reader.problem(
            &(0..0),
            format!("the environment {} has no service", environment.name),
            Some("write [services.api] with port = 8080".to_owned()),
        );
    }
    let names = Names::new(&app.name, &environment.name);
    for (service, settings) in &environment.services {
        let group = names.target_group(service);
        if settings.port.is_some() && group.len() > TARGET_GROUP_LIMIT {
            reader.problem(
                &span_of(merged, &["services", service]),
                format!("the target group {group} would have {} characters", group.len()),
                Some(format!("AWS allows {TARGET_GROUP_LIMIT}: shorten the name of app, environment or service")),
            );
        }
    }
    order(reader, environment, merged);
    for name in environment
        .secrets
        .keys()
        .filter(|name| environment.variables.contains_key(*name))
    {
        reader.problem(
            &span_of(merged, &["secrets", name]),
            format!(
                "{name} is both a variable and a secret in the environment {}",
                environment.name
            ),
            Some("leave one of them".to_owned()),
        );
    }
}

/// `after` must name what exists, and must not go round in a circle.
fn order(reader: &Reader<'_>, environment: &Environment, merged: &DeTable<'_>) {
    let known: Vec<&str> = environment
        .services
        .keys()
        .chain(environment.tasks.keys())
        .map(String::as_str)
        .collect();
    for (service, settings) in &environment.services {
        let span = span_of(merged, &["services", service, "after"]);
        for before in &settings.after {
            if !known.contains(&before.as_str()) {
                let others: Vec<&str> = known
                    .iter()
                    .copied()
                    .filter(|name| name != service)
                    .collect();
                reader.problem(
                    &span,
                    format!("services.{service}.after names \"{before}\", which is neither a service nor a task"),
                    match nearest(before, &others) {
                        Some(near) => Some(format!("did you mean \"{near}\"?")),
                        None if others.is_empty() => Some(format!("add [tasks.{before}] or leave it out")),
                        None => Some(format!("write {}", alternatives(&others))),
                    },
                );
            }
        }
        if reaches(environment, service, service, &mut Vec::new()) {
            reader.problem(
                &span,
                format!("services.{service}.after leads back to {service}"),
                Some("take one of the services out of the circle".to_owned()),
            );
        }
    }
}

fn reaches<'e>(
    environment: &'e Environment,
    from: &'e str,
    to: &str,
    seen: &mut Vec<&'e str>,
) -> bool {
    let Some(service) = environment.services.get(from) else {
        return false;
    };
    service.after.iter().any(|next| {
        if next == to {
            return true;
        }
        if seen.contains(&next.as_str()) {
            return false;
        }
        seen.push(next);
        reaches(environment, next, to, seen)
    })
}

/// Where a key stands, or the nearest table above it that is written down.
fn span_of(table: &DeTable<'_>, path: &[&str]) -> Range<usize> {
    let Some((key, rest)) = path.split_first() else {
        return 0..0;
    };
    let Some((name, value)) = table.get_key_value(*key) else {
        return 0..0;
    };
    match value.get_ref().as_table() {
        Some(below) if !rest.is_empty() => {
            let deeper = span_of(below, rest);
            if deeper == (0..0) {
                name.span()
            } else {
                deeper
            }
        }
        _ => name.span(),
    }
}
