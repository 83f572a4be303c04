//! Looking at task definitions, and taking them out of use.

use serde_json::{Value, json};

use super::{includes_tags, page, paged};
use crate::ecs::Ecs;
use crate::ecs::model::{DefinitionStatus, TaskDefinition};
use crate::protocol::{Answer, AwsError, Input};

pub(super) fn describe(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let world = ecs.world();
    let definition = world
        .find_definition(input.required_text("taskDefinition")?)
        .ok_or_else(unknown)?;
    let mut answer = json!({ "taskDefinition": ecs.definition_view(definition) });
    if includes_tags(input)? {
        answer["tags"] = definition.tags.clone();
    }
    Ok(answer)
}

pub(super) fn list(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let family = input.text("familyPrefix")?;
    let wanted = match input.text("status")? {
        None | Some("ACTIVE") => DefinitionStatus::Active,
        Some("INACTIVE") => DefinitionStatus::Inactive,
        Some("DELETE_IN_PROGRESS") => DefinitionStatus::DeleteInProgress,
        Some(other) => {
            return Err(input.refuse(format!("'{other}' is not a status of task definitions")));
        }
    };
    let world = ecs.world();
    let families = world
        .definitions
        .iter()
        .filter(|(name, _)| family.is_none_or(|family| family == name.as_str()));
    let definitions = families
        .flat_map(|(_, revisions)| revisions)
        .filter(|definition| definition.status == wanted);
    let mut arns: Vec<String> = definitions
        .map(|definition| ecs.arns.definition(&definition.family, definition.revision))
        .collect();
    if input.text("sort")? == Some("DESC") {
        arns.reverse();
    }
    Ok(paged("taskDefinitionArns", page(input, arns, 100, 100)?))
}

pub(super) fn list_families(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let prefix = input.text("familyPrefix")?.unwrap_or_default();
    let status = input.text("status")?.unwrap_or("ACTIVE");
    let world = ecs.world();
    let is_wanted = |revisions: &Vec<TaskDefinition>| {
        let is_active = revisions
            .iter()
            .any(|definition| definition.status == DefinitionStatus::Active);
        match status {
            "ACTIVE" => is_active,
            "INACTIVE" => !is_active,
            _ => true,
        }
    };
    let families = world
        .definitions
        .iter()
        .filter(|(name, revisions)| name.starts_with(prefix) && is_wanted(revisions));
    let names = families.map(|(name, _)| name.clone()).collect();
    Ok(paged("families", page(input, names, 100, 100)?))
}

pub(super) fn deregister(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let reference = input.required_text("taskDefinition")?;
    if !reference
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .contains(':')
    {
        return Err(AwsError::new("ClientException", "Revision is missing."));
    }
    retire(ecs, reference, DefinitionStatus::Inactive)
        .map(|definition| json!({ "taskDefinition": definition }))
}

pub(super) fn delete(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let mut deleted = Vec::new();
    let mut failures = Vec::new();
    for reference in input.texts("taskDefinitions")? {
        let is_active = ecs
            .world()
            .find_definition(reference)
            .is_some_and(|definition| definition.status == DefinitionStatus::Active);
        if is_active {
            let reason = "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
            failures.push(json!({ "arn": reference, "reason": reason }));
            continue;
        }
        match retire(ecs, reference, DefinitionStatus::DeleteInProgress) {
            Ok(definition) => deleted.push(definition),
            Err(error) => failures.push(json!({ "arn": reference, "reason": error.message })),
        }
    }
    Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
}

fn retire(ecs: &Ecs, reference: &str, status: DefinitionStatus) -> Answer {
    ecs.change(|world| {
        let found = world.find_definition(reference).ok_or_else(unknown)?;
        let (family, revision) = (found.family.clone(), found.revision);
        let definition = world
            .definition_mut(&family, revision)
            .ok_or_else(unknown)?;
        definition.status = status;
        definition
            .deregistered_ms
            .get_or_insert(ecs.parts.clock.now_ms());
        let view: Value = ecs.definition_view(definition);
        world.touch_definition(&family, revision);
        Ok(view)
    })
}

pub(super) fn unknown() -> AwsError {
    AwsError::new("ClientException", "Unable to describe task definition.")
}
