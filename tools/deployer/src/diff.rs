//! What a release would change of a task definition.

use serde::Serialize;

use crate::canonical::{Difference, compared};
use crate::cloud::Cloud;
use crate::cluster::Live;
use crate::service::short;
use crate::source::{Source, Wanted};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Service name.
    pub service: String,
    /// What it would run.
    pub task_definition: Source,
}

/// The differences, as a document.
#[derive(Debug, Serialize)]
pub(crate) struct Differences {
    kind: &'static str,
    schema: u32,
    service: String,
    /// ARN of what the service runs.
    live: String,
    /// What it would run: a revision, or a family for a definition that is not registered.
    wanted: String,
    pub(crate) changes: Vec<Difference>,
}

/// Compares the live definition with the wanted one; changes nothing.
pub(crate) async fn diff(cloud: &Cloud, request: &Diff) -> anyhow::Result<Differences> {
    let read = request.task_definition.read()?;
    let live = cloud.cluster.live(&request.service).await?;
    let source = &request.task_definition;
    let wanted = source.resolve(read, &cloud.cluster, Some(&live)).await?;
    Ok(between(&live, &wanted))
}

/// What lies between what a service runs and what it would run.
pub(crate) fn between(live: &Live, wanted: &Wanted) -> Differences {
    Differences {
        kind: "diff",
        schema: 1,
        service: live.service.name.clone(),
        live: live.service.task_definition.clone(),
        wanted: wanted.name().to_owned(),
        changes: compared(&live.definition, wanted.json()),
    }
}

/// One line a change: `~` for another value, `+` for what is new, `-` for what goes.
pub(crate) fn text(differences: &Differences) -> String {
    let head = format!(
        "{}: {} → {}\n",
        differences.service,
        short(&differences.live),
        short(&differences.wanted)
    );
    let lines = differences.changes.iter().map(|change| {
        let Difference {
            path,
            before,
            after,
        } = change;
        match (before.is_null(), after.is_null()) {
            (true, _) => format!("+ {path}: {after}\n"),
            (_, true) => format!("- {path}: {before}\n"),
            _ => format!("~ {path}: {before} → {after}\n"),
        }
    });
    if differences.changes.is_empty() {
        format!("{head}no difference\n")
    } else {
        head + &lines.collect::<String>()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use serde_json::Value;

    use super::*;

    #[test]
    fn shows_what_comes_what_goes_and_what_changes() {
        let change = |path: &str, before: Value, after: Value| Difference {
            path: path.to_owned(),
            before,
            after,
        };
        let differences = Differences {
            kind: "diff",
            schema: 1,
            service: "web".to_owned(),
            live: "arn:x:task-definition/web:3".to_owned(),
            wanted: "web".to_owned(),
            changes: vec![
                change("cpu", json!("256"), json!("512")),
                change("a.image", json!(null), json!("i")),
                change("b", json!([1]), json!(null)),
            ],
        };
        assert_eq!(
            text(&differences),
            "web: web:3 → web\n~ cpu: \"256\" → \"512\"\n+ a.image: \"i\"\n- b: [1]\n"
        );
    }
}
