//! The task definition that a service runs, patched: looked up, changed, and tagged with who did it.

use aws_sdk_ecs::types::Tag;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Live};
use crate::definition;
use crate::lock;
use crate::source::Wanted;
use crate::update::{Patch, Patched};

/// What these tags say is about the images that a release was made of.
const OF_IMAGES: [&str; 2] = ["longshore:commit", "longshore:build"];
const WHO: &str = "longshore:who";
/// Characters of a tag's value, from the ECS documentation of tag restrictions.
const TAG_VALUE: usize = 256;

/// What is meant, and what people should know about how it came to be, a line each.
///
/// # Errors
///
/// The definition cannot be looked up, or cannot be patched like this; all problems at once.
pub(crate) async fn resolve(
    patch: &Patch,
    cluster: &Cluster,
    live: Option<&Live>,
) -> anyhow::Result<(Wanted, Vec<String>)> {
    let (arn, json, tags) = match (&patch.task, live) {
        (Some(reference), _) => {
            let (described, tags) = cluster.definition_with_tags(reference).await?;
            let arn = described
                .task_definition_arn()
                .unwrap_or(reference)
                .to_owned();
            (arn, definition::of_live(&described)?, pairs(&tags))
        }
        (None, Some(live)) => (
            live.service.task_definition.clone(),
            live.definition.clone(),
            pairs(&live.tags),
        ),
        (None, None) => {
            anyhow::bail!("there is no service whose task definition could be patched");
        }
    };
    let mut patched = patch.changes.apply(&json, &tags)?;
    let mut remarks = std::mem::take(&mut patched.notes);
    if patch.shows_changes {
        remarks.extend(patched.changed.iter().map(|change| change.line(false)));
    }
    if patched.changed.is_empty() {
        return Ok((Wanted::Registered { arn, json }, remarks));
    }
    sign(&mut patched, patch.user.clone().unwrap_or_else(lock::owner));
    let definition = definition::of_json(&patched.definition)?;
    Ok((Wanted::New(Box::new(definition)), remarks))
}

fn pairs(tags: &[Tag]) -> Vec<(String, String)> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    tags.iter()
        .map(|tag| (text(tag.key()), text(tag.value())))
        .collect()
}

/// Tags of the old revision that are not true of the new one go, and who made it is said.
fn sign(patched: &mut Patched, who: String) {
    let has_new_image = patched
        .changed
        .iter()
        .any(|change| change.path.ends_with(".image"));
    let is_stale = |key: &str| key == WHO || (has_new_image && OF_IMAGES.contains(&key));
    let mut tags = match patched.definition["tags"].take() {
        Value::Array(tags) => tags,
        _ => Vec::new(),
    };
    tags.retain(|tag| !tag["key"].as_str().is_some_and(is_stale));
    tags.push(json!({"key": WHO, "value": tag_value(&who)}));
    patched.definition["tags"] = tags.into();
}

/// With what a tag may not hold replaced.
fn tag_value(text: &str) -> String {
    let is_allowed = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    text.chars()
        .take(TAG_VALUE)
        .map(|c| if is_allowed(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(path: &str) -> Patched {
        let changed = crate::update::between(
            &json!({"containerDefinitions": [{"name": "web", "image": "a:1", "cpu": 1}]}),
            &match path {
                "image" => {
                    json!({"containerDefinitions": [{"name": "web", "image": "a:2", "cpu": 1}]})
                }
                _ => json!({"containerDefinitions": [{"name": "web", "image": "a:1", "cpu": 2}]}),
            },
        );
        let tags = [
            "team",
            "longshore:commit",
            "longshore:build",
            "longshore:who",
        ]
        .map(|key| json!({"key": key, "value": "old"}));
        Patched {
            definition: json!({ "tags": tags }),
            changed,
            notes: Vec::new(),
        }
    }

    fn signed(path: &str) -> Value {
        let mut patched = patched(path);
        sign(&mut patched, "TeamCity Web #7".to_owned());
        patched.definition["tags"].take()
    }

    #[test]
    fn says_who_and_nothing_that_is_not_true_any_more() {
        let tag = |key: &str, value: &str| json!({"key": key, "value": value});
        let who = tag("longshore:who", "TeamCity Web _7");
        assert_eq!(signed("image"), json!([tag("team", "old"), who]));
        assert_eq!(
            signed("cpu"),
            json!([
                tag("team", "old"),
                tag("longshore:commit", "old"),
                tag("longshore:build", "old"),
                who
            ])
        );
    }
}
