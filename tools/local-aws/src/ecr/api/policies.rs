//! Policies of repositories: kept and checked. Expiry and access rules are not applied.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::repository;
use crate::ecr::Ecr;
use crate::protocol::{Answer, AwsError, Input};

/// ECR's, in characters.
const LONGEST_POLICY: usize = 10_240;
const LONGEST_LIFECYCLE: usize = 30_720;

pub(super) fn put_lifecycle(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let text = input.required_text("lifecyclePolicyText")?;
    if text.len() > LONGEST_LIFECYCLE {
        return Err(input.refuse(format!(
            "a lifecycle policy has at most {LONGEST_LIFECYCLE} characters"
        )));
    }
    check_lifecycle(text).map_err(|reason| {
        input.refuse(format!(
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: {reason}'"
        ))
    })?;
    ecr.change(name, |repository| {
        repository.lifecycle = Some(text.to_owned());
        Ok::<_, AwsError>(())
    })?;
    Ok(with_text(ecr, name, "lifecyclePolicyText", text))
}

pub(super) fn get_lifecycle(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let lifecycle = ecr.look(name, |shelf| Ok(shelf.repository.lifecycle.clone()))?;
    lifecycle
        .map(|text| with_text(ecr, name, "lifecyclePolicyText", &text))
        .ok_or_else(|| absent(ecr, name, "Lifecycle"))
}

pub(super) fn delete_lifecycle(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let lifecycle = ecr.change(name, |repository| {
        Ok::<_, AwsError>(repository.lifecycle.take())
    })?;
    lifecycle
        .map(|text| with_text(ecr, name, "lifecyclePolicyText", &text))
        .ok_or_else(|| absent(ecr, name, "Lifecycle"))
}

pub(super) fn set_policy(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let text = input.required_text("policyText")?;
    let is_policy = serde_json::from_str::<Value>(text).is_ok_and(|policy| policy.is_object());
    if !is_policy || text.len() > LONGEST_POLICY {
        return Err(input.refuse(format!(
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'must be a JSON document of at most {LONGEST_POLICY} characters'"
        )));
    }
    ecr.change(name, |repository| {
        repository.policy = Some(text.to_owned());
        Ok::<_, AwsError>(())
    })?;
    Ok(with_text(ecr, name, "policyText", text))
}

pub(super) fn get_policy(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let policy = ecr.look(name, |shelf| Ok(shelf.repository.policy.clone()))?;
    policy
        .map(|text| with_text(ecr, name, "policyText", &text))
        .ok_or_else(|| absent(ecr, name, "Repository"))
}

pub(super) fn delete_policy(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let policy = ecr.change(name, |repository| {
        Ok::<_, AwsError>(repository.policy.take())
    })?;
    policy
        .map(|text| with_text(ecr, name, "policyText", &text))
        .ok_or_else(|| absent(ecr, name, "Repository"))
}

fn with_text(ecr: &Ecr, name: &str, member: &str, text: &str) -> Value {
    json!({ "registryId": ecr.account.id, "repositoryName": name, member: text })
}

fn absent(ecr: &Ecr, name: &str, kind: &str) -> AwsError {
    AwsError::new(
        format!("{kind}PolicyNotFoundException"),
        format!(
            "{kind} policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            ecr.account.id
        ),
    )
}

/// What ECR's documentation asks of a lifecycle policy.
fn check_lifecycle(text: &str) -> Result<(), String> {
    let policy: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let rules = policy
        .get("rules")
        .and_then(Value::as_array)
        .filter(|rules| !rules.is_empty())
        .ok_or("rules must be a list of at least one rule")?;
    let mut priorities = BTreeSet::new();
    let mut catch_all = None;
    for rule in rules {
        let priority = rule
            .get("rulePriority")
            .and_then(Value::as_u64)
            .filter(|priority| *priority > 0)
            .ok_or("rulePriority must be a whole number above 0")?;
        if !priorities.insert(priority) {
            return Err(format!("two rules have the priority {priority}"));
        }
        if check_rule(rule).map_err(|reason| format!("rule {priority}: {reason}"))? == "any"
            && catch_all.replace(priority).is_some()
        {
            return Err("only one rule may have the tagStatus any".to_owned());
        }
    }
    match (catch_all, priorities.last()) {
        (Some(any), Some(last)) if any != *last => {
            Err("the rule with the tagStatus any must have the highest priority number".to_owned())
        }
        _ => Ok(()),
    }
}

/// Gives the rule's tagStatus.
fn check_rule(rule: &Value) -> Result<&str, String> {
    let selection = rule.get("selection").ok_or("it has no selection")?;
    let text = |name: &str| selection.get(name).and_then(Value::as_str);
    let has_list = |name: &str| {
        selection
            .get(name)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string))
    };
    let status = text("tagStatus").ok_or("it has no tagStatus")?;
    match status {
        "tagged" if has_list("tagPrefixList") == has_list("tagPatternList") => {
            return Err("tagged needs either tagPrefixList or tagPatternList".to_owned());
        }
        "tagged" | "untagged" | "any" => {}
        other => return Err(format!("'{other}' is no tagStatus")),
    }
    match (text("countType"), text("countUnit")) {
        (Some("imageCountMoreThan"), None) | (Some("sinceImagePushed"), Some("days")) => {}
        (Some("imageCountMoreThan"), Some(_)) => {
            return Err("imageCountMoreThan has no countUnit".to_owned());
        }
        (Some("sinceImagePushed"), _) => {
            return Err("sinceImagePushed needs countUnit days".to_owned());
        }
        _ => return Err("countType must be imageCountMoreThan or sinceImagePushed".to_owned()),
    }
    if selection
        .get("countNumber")
        .and_then(Value::as_u64)
        .unwrap_or(0)
        == 0
    {
        return Err("countNumber must be above 0".to_owned());
    }
    if rule.pointer("/action/type").and_then(Value::as_str) != Some("expire") {
        return Err("the action's type must be expire".to_owned());
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(priority: u64, selection: &Value) -> Value {
        json!({ "rulePriority": priority, "selection": selection, "action": { "type": "expire" } })
    }

    #[test]
    fn checks_lifecycle_policies() {
        let count =
            json!({ "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3 });
        let age = json!({
            "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7
        });
        let check = |rules: Value, expected: Result<(), &str>| {
            let text = json!({ "rules": rules }).to_string();
            assert_eq!(
                check_lifecycle(&text),
                expected.map_err(str::to_owned),
                "{text}"
            );
        };
        check(json!([rule(1, &age), rule(2, &count)]), Ok(()));
        check(
            json!([rule(2, &age), rule(1, &count)]),
            Err("the rule with the tagStatus any must have the highest priority number"),
        );
        check(
            json!([rule(1, &age), rule(1, &age)]),
            Err("two rules have the priority 1"),
        );
        check(json!([]), Err("rules must be a list of at least one rule"));
        let mut unit = count.clone();
        unit["countUnit"] = "days".into();
        check(
            json!([rule(1, &unit)]),
            Err("rule 1: imageCountMoreThan has no countUnit"),
        );
        let mut tagged = count;
        tagged["tagStatus"] = "tagged".into();
        check(
            json!([rule(1, &tagged)]),
            Err("rule 1: tagged needs either tagPrefixList or tagPatternList"),
        );
        tagged["tagPrefixList"] = json!(["v"]);
        check(json!([rule(1, &tagged)]), Ok(()));
    }
}
