//! Operations on log groups and their retention.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::catalogue::{Entry, Group};
use super::journal;
use super::{INVALID, Logs, constraint, invalid_token, limit, limit_or, nothing};
use crate::protocol::{Answer, AwsError, Input};
use crate::state::{delete_in, put_in};

const RETENTION_DAYS: [i64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];
const CLASSES: [&str; 4] = ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS"];
const MOST_PER_PAGE: usize = 50;
/// Of ListLogGroups, which returns less of each.
const MOST_LISTED: usize = 1000;

impl Logs {
    /// Makes a log group with no retention limit.
    pub fn create_group(&self, name: &str) -> Result<(), AwsError> {
        self.create_log_group(Input::new(&json!({ "logGroupName": name }), INVALID))
            .map(|_| ())
    }

    pub(super) fn create_log_group(&self, input: Input<'_>) -> Answer {
        let name = checked_name(input.required_text("logGroupName")?)?;
        let class = input.text("logGroupClass")?.unwrap_or(CLASSES[0]);
        if !CLASSES.contains(&class) {
            return Err(constraint(
                "logGroupClass",
                class,
                &format!("Member must satisfy enum value set: {CLASSES:?}"),
            ));
        }
        let mut catalogue = self.catalogue();
        if catalogue.contains(name) {
            return Err(AwsError::new(
                "ResourceAlreadyExistsException",
                "The specified log group already exists",
            ));
        }
        let group = Group {
            id: catalogue.next_id(),
            name: name.to_owned(),
            created_ms: self.clock.now_ms(),
            retention_days: None,
            class: class.to_owned(),
            deletion_protected: input.flag("deletionProtectionEnabled")?.unwrap_or(false),
            kms_key: input.text("kmsKeyId")?.map(str::to_owned),
            tags: super::tags::tags(input)?,
        };
        self.store.put(&group)?;
        catalogue.insert(group);
        Ok(nothing())
    }

    pub(super) fn delete_log_group(&self, input: Input<'_>) -> Answer {
        let name = input.required_text("logGroupName")?;
        let id = {
            let mut catalogue = self.catalogue();
            let entry = catalogue.entry(name)?;
            if entry.group.deletion_protected {
                return Err(AwsError::new(
                    "ValidationException",
                    format!("The log group '{name}' is protected from deletion."),
                ));
            }
            let id = entry.group.id;
            self.store.transaction(|transaction| {
                delete_in::<Group>(transaction, name)?;
                entry.streams.values().try_for_each(|stream| {
                    delete_in::<super::catalogue::Stream>(
                        transaction,
                        &super::catalogue::stream_key(name, &stream.name),
                    )
                })
            })?;
            catalogue.remove(name);
            self.forget_filters(name)?;
            id
        };
        // The group is gone for everybody; its events go in pieces, and at the next start if this is interrupted.
        journal::delete_group(&self.store, id)?;
        Ok(nothing())
    }

    pub(super) fn describe_log_groups(&self, input: Input<'_>) -> Answer {
        let limit = limit(input, MOST_PER_PAGE)?;
        let prefix = input.text("logGroupNamePrefix")?;
        let part = input.text("logGroupNamePattern")?;
        if prefix.is_some() && part.is_some() {
            return Err(input.refuse(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
            ));
        }
        let class = input.text("logGroupClass")?;
        let named = input
            .texts("logGroupIdentifiers")?
            .into_iter()
            .map(|identifier| self.group_of_identifier(input, identifier))
            .collect::<Result<Vec<_>, _>>()?;
        let after = input.text("nextToken")?.map(name_of_token).transpose()?;
        let now = self.clock.now_ms();
        let mut catalogue = self.catalogue();
        for name in catalogue.names() {
            self.prune(catalogue.entry_mut(&name)?, now)?;
        }
        let mut matching = catalogue.entries().filter(|entry| {
            let name = &entry.group.name;
            prefix.is_none_or(|prefix| name.starts_with(prefix))
                && part.is_none_or(|part| name.contains(part))
                && class.is_none_or(|class| entry.group.class == class)
                && (named.is_empty() || named.contains(&name.as_str()))
                && after.as_ref().is_none_or(|after| name > after)
        });
        let page: Vec<&Entry> = matching.by_ref().take(limit).collect();
        let groups: Vec<Value> = page.iter().map(|entry| self.description(entry)).collect();
        let mut answer = json!({ "logGroups": groups });
        if let (Some(last), Some(_)) = (page.last(), matching.next()) {
            answer["nextToken"] = token_of_name(&last.group.name).into();
        }
        Ok(answer)
    }

    /// The names only. The pattern is up to five parts between bars, each anywhere in a name or, after `^`, at its start.
    pub(super) fn list_log_groups(&self, input: Input<'_>) -> Answer {
        let limit = limit_or(input, MOST_PER_PAGE, MOST_LISTED)?;
        for member in ["dataSources", "fieldIndexNames", "logGroupTags"] {
            if !input.list(member)?.is_empty() {
                return Err(input.refuse(format!(
                    "local-aws does not offer the parameter {member} of ListLogGroups."
                )));
            }
        }
        let pattern = input.text("logGroupNamePattern")?;
        let matches = |name: &str| {
            pattern.is_none_or(|pattern| {
                pattern.split('|').any(|part| match part.strip_prefix('^') {
                    Some(start) => name.starts_with(start),
                    None => name.contains(part),
                })
            })
        };
        let class = input.text("logGroupClass")?;
        let after = input.text("nextToken")?.map(name_of_token).transpose()?;
        let catalogue = self.catalogue();
        let mut matching = catalogue
            .entries()
            .map(|entry| &entry.group)
            .filter(|group| {
                matches(&group.name)
                    && class.is_none_or(|class| group.class == class)
                    && after.as_ref().is_none_or(|after| group.name > *after)
            });
        let page: Vec<&Group> = matching.by_ref().take(limit).collect();
        let groups: Vec<Value> = page
            .iter()
            .map(|group| {
                json!({
                    "logGroupName": group.name,
                    "logGroupArn": self.group_arn(&group.name),
                    "logGroupClass": group.class,
                })
            })
            .collect();
        let mut answer = json!({ "logGroups": groups });
        if let (Some(last), Some(_)) = (page.last(), matching.next()) {
            answer["nextToken"] = token_of_name(&last.name).into();
        }
        Ok(answer)
    }

    fn description(&self, entry: &Entry) -> Value {
        let group = &entry.group;
        let arn = self.group_arn(&group.name);
        let stored: i64 = entry.streams.values().map(|stream| stream.bytes).sum();
        let mut description = json!({
            "logGroupName": group.name,
            "creationTime": group.created_ms,
            "metricFilterCount": 0,
            "arn": format!("{arn}:*"),
            "storedBytes": stored,
            "logGroupClass": group.class,
            "logGroupArn": arn,
            "deletionProtectionEnabled": group.deletion_protected,
        });
        if let Some(days) = group.retention_days {
            description["retentionInDays"] = days.into();
        }
        if let Some(key) = &group.kms_key {
            description["kmsKeyId"] = key.clone().into();
        }
        description
    }

    pub(super) fn put_retention_policy(&self, input: Input<'_>) -> Answer {
        let days = input
            .integer("retentionInDays")?
            .ok_or_else(|| AwsError::invalid_member(INVALID, "retentionInDays", "given"))?;
        if !RETENTION_DAYS.contains(&days) {
            return Err(constraint(
                "retentionInDays",
                &days.to_string(),
                &format!("Member must satisfy enum value set: {RETENTION_DAYS:?}"),
            ));
        }
        self.change_retention(input, Some(days))
    }

    pub(super) fn delete_retention_policy(&self, input: Input<'_>) -> Answer {
        self.change_retention(input, None)
    }

    fn change_retention(&self, input: Input<'_>, days: Option<i64>) -> Answer {
        let mut catalogue = self.catalogue();
        let entry = catalogue.entry_mut(input.required_text("logGroupName")?)?;
        let mut group = entry.group.clone();
        group.retention_days = days;
        self.store.put(&group)?;
        entry.group = group;
        self.prune(entry, self.clock.now_ms())?;
        Ok(nothing())
    }

    /// Removes what the group's retention no longer keeps. Called when a group is written to or described:
    /// reads leave such events out by themselves.
    pub(super) fn prune(&self, entry: &mut Entry, now_ms: i64) -> Result<(), AwsError> {
        entry.pruned_ms = now_ms;
        if entry.group.retention_days.is_none() {
            return Ok(());
        }
        let earliest = entry.earliest_kept(now_ms);
        let changed = self.store.transaction(|transaction| {
            let pruned: BTreeMap<i64, _> =
                journal::prune_in(transaction, entry.group.id, earliest)?
                    .into_iter()
                    .map(|pruned| (pruned.stream_id, pruned))
                    .collect();
            let mut changed = Vec::new();
            for stream in entry.streams.values() {
                if let Some(lost) = pruned.get(&stream.id) {
                    let mut stream = stream.clone();
                    stream.bytes -= lost.bytes;
                    stream.first_event_ms = lost.first_event_ms;
                    put_in(transaction, &stream)?;
                    changed.push(stream);
                }
            }
            Ok(changed)
        })?;
        for stream in changed {
            entry.streams.insert(stream.name.clone(), stream);
        }
        Ok(())
    }
}

fn checked_name(name: &str) -> Result<&str, AwsError> {
    let is_allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '#');
    if name.len() > 512 {
        return Err(constraint(
            "logGroupName",
            name,
            "Member must have length less than or equal to 512",
        ));
    }
    if !name.chars().all(is_allowed) {
        return Err(constraint(
            "logGroupName",
            name,
            "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
        ));
    }
    Ok(name)
}

/// Tokens of listings hold the last name of the page before.
pub(super) fn token_of_name(name: &str) -> String {
    hex::encode(name)
}

pub(super) fn name_of_token(token: &str) -> Result<String, AwsError> {
    hex::decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(invalid_token)
}
