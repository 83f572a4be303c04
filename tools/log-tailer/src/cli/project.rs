//! The services of a project's environment.

use std::path::Path;

use contract::config;
use contract::names::Names;
use toolkit::Fault;

use crate::ecs::{Subject, Target};

const FILE: &str = "longshore.toml";

/// The services called so, or all of the environment.
pub(super) fn targets(
    directory: Option<&Path>,
    environment: &str,
    services: &[String],
) -> anyhow::Result<Vec<Target>> {
    let file = directory.unwrap_or(Path::new(".")).join(FILE);
    let source = std::fs::read_to_string(&file).map_err(|error| {
        Fault::usage(format!("cannot read {}: {error}", file.display()))
            .with_hint("name the project's directory with --project")
    })?;
    let project = config::parse(&source, &file.display().to_string())
        .map_err(|problems| Fault::usage(problems.to_string()))?;
    let environment = project
        .environment(environment)
        .map_err(|error| Fault::usage(error.to_string()))?;
    let names = Names::new(&project.app.name, &environment.name);
    if let Some(unknown) = services
        .iter()
        .find(|service| !environment.services.contains_key(*service))
    {
        let known: Vec<&str> = environment.services.keys().map(String::as_str).collect();
        return Err(Fault::usage(format!(
            "the environment {} has no service {unknown}",
            environment.name
        ))
        .with_hint(format!("it has {}", known.join(", ")))
        .into());
    }
    Ok(environment
        .services
        .keys()
        .filter(|service| services.is_empty() || services.contains(service))
        .map(|service| Target {
            cluster: names.cluster(),
            subject: Subject::Service(names.service(service)),
        })
        .collect())
}
