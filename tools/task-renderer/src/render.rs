//! From a request to a definition: read, resolve, lay over, check.

use serde_json::Value;
use toolkit::Fault;

use crate::canonical::canonical;
use crate::document::{self, Document, Lines};
use crate::{
    File, Problem, Problems, Render, Settings, Side, Source, live, overlay, project, references,
    rules,
};

/// A definition that ECS takes, and what one may think about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    /// Canonical.
    pub(crate) definition: Value,
    /// None of them stands in the way.
    pub(crate) warnings: Vec<Problem>,
}

/// A definition on its way, and what was found so far.
struct Draft {
    definition: Value,
    problems: Vec<Problem>,
    /// The file as it was read, and its lines.
    read: Option<(Value, Lines)>,
}

/// Renders the definition, or says everything that is wrong with it.
pub(crate) fn render(request: &Render) -> anyhow::Result<Rendered> {
    let mut draft = draft(request)?;
    for file in &request.overrides {
        let above = parse(file)?.value;
        if !above.is_object() {
            let message = format!("{}: an override is a JSON object", file.name);
            return Err(Fault::usage(message).into());
        }
        overlay::merge(&mut draft.definition, &above, "");
    }
    let mut found = rules::problems(&draft.definition, &request.settings);
    if let Source::Project(parts) = &request.source {
        found = project::places(parts, &draft.definition, &draft.problems, found);
    }
    if let Some((read, lines)) = &draft.read {
        found = placed(found, read, &draft.definition, lines);
    }
    let mut problems = draft.problems;
    problems.extend(found);
    problems.sort_by_key(|problem| problem.severity);
    if problems.iter().any(Problem::is_error) {
        let family = draft.definition["family"].as_str().unwrap_or_default();
        let problems = Problems {
            family: family.to_owned(),
            list: problems,
        };
        return Err(Fault::usage(problems.to_string()).into());
    }
    Ok(Rendered {
        definition: canonical(draft.definition),
        warnings: problems,
    })
}

fn draft(request: &Render) -> anyhow::Result<Draft> {
    let overlay = &request.overlay;
    match &request.source {
        Source::Project(parts) => {
            let (definition, problems) = project::definition(parts);
            Ok(Draft {
                definition,
                problems,
                read: None,
            })
        }
        Source::File { file, values } => {
            let Document { value, lines } = parse(file)?;
            let read = value.clone();
            let mut definition = live::without_added(value);
            let (used, mut problems) = references::resolve(&mut definition, &lines, values);
            for name in values.set.keys().filter(|name| !used.contains(*name)) {
                let problem = Problem::new(
                    format!("--set {name}"),
                    format!("{} does not refer to it", file.name),
                    "leave it out, or correct its name",
                );
                problems.push(problem);
            }
            let has_image = used.iter().any(|name| name == "IMAGE");
            problems.extend(overlay::lay(&mut definition, overlay, has_image));
            Ok(Draft {
                definition,
                problems,
                read: Some((read, lines)),
            })
        }
        Source::Live { revision, region } => {
            let mut found = live::fetch(&[revision], region.as_deref())?;
            let mut definition = found.remove(0).definition;
            let problems = overlay::lay(&mut definition, overlay, false);
            Ok(Draft {
                definition,
                problems,
                read: None,
            })
        }
    }
}

/// Everything that is wrong with a file.
pub(crate) fn check(file: &File, settings: &Settings) -> anyhow::Result<Vec<Problem>> {
    let Document { value, lines } = parse(file)?;
    let definition = live::without_added(value.clone());
    let found = rules::problems(&definition, settings);
    Ok(placed(found, &value, &definition, &lines))
}

/// The two definitions of a comparison and their names.
pub(crate) fn sides(
    sides: &[Side; 2],
    region: Option<&str>,
) -> anyhow::Result<[(String, Value); 2]> {
    let revisions: Vec<&live::Revision> = sides
        .iter()
        .filter_map(|side| match side {
            Side::Live(revision) => Some(revision),
            Side::File(_) => None,
        })
        .collect();
    let mut found = if revisions.is_empty() {
        Vec::new()
    } else {
        live::fetch(&revisions, region)?
    }
    .into_iter();
    let mut next = |side: &Side| -> anyhow::Result<(String, Value)> {
        match side {
            Side::File(file) => {
                let definition = live::without_added(parse(file)?.value);
                if !definition.is_object() {
                    let message = format!("{}: a task definition is a JSON object", file.name);
                    return Err(Fault::usage(message).into());
                }
                Ok((file.name.clone(), definition))
            }
            Side::Live(_) => {
                let found = found
                    .next()
                    .ok_or_else(|| anyhow::anyhow!("ECS described fewer definitions than asked"))?;
                Ok((found.name, found.definition))
            }
        }
    };
    let one = next(&sides[0])?;
    let other = next(&sides[1])?;
    Ok([one, other])
}

fn parse(file: &File) -> Result<Document, Fault> {
    document::parse(&file.text)
        .map_err(|error| Fault::usage(format!("{} is not valid JSON: {error}", file.name)))
}

/// With the line of each problem whose place is still what the file says there.
fn placed(problems: Vec<Problem>, read: &Value, definition: &Value, lines: &Lines) -> Vec<Problem> {
    // The answer of DescribeTaskDefinition has the definition one level down.
    let prefix = if read.get("taskDefinition").is_some() {
        "taskDefinition"
    } else {
        ""
    };
    let mut problems: Vec<Problem> = problems
        .into_iter()
        .map(|problem| {
            let path = match problem.place.as_str() {
                "(root)" => prefix.to_owned(),
                place if place.starts_with("tags") => place.to_owned(),
                place => document::member(prefix, place),
            };
            let is_same = owner(read, &path) == owner(definition, &problem.place);
            Problem {
                line: is_same.then(|| lines.of(&path)).flatten(),
                ..problem
            }
        })
        .collect();
    problems.sort_by_key(|problem| (problem.severity, problem.line));
    problems
}

/// What names the item of a list that a path leads to, so that a shifted index is noticed.
fn owner<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut names = Vec::new();
    let mut at = value;
    for step in path.split(['.', '[']) {
        at = match step.strip_suffix(']').map(str::parse::<usize>) {
            Some(Ok(index)) => &at[index],
            _ => &at[step],
        };
        names.extend(["name", "key", "containerName"].map(|name| &at[name]));
    }
    names.into_iter().filter(|name| name.is_string()).collect()
}
