//! The service or task that is meant.

use contract::config::Environment;
use toolkit::Fault;

use crate::Workload;

pub(super) fn of_service(environment: &Environment, name: &str) -> Result<Workload, Fault> {
    let Some(service) = environment.services.get(name) else {
        return Err(unknown("service", name, environment.services.keys()));
    };
    Ok(Workload {
        section: format!("services.{name}"),
        name: name.to_owned(),
        command: service.command.clone(),
        cpu: service.cpu,
        memory: service.memory,
        launch: service.launch,
        port: service.port,
        stop_timeout: Some(service.stop_timeout),
        definition: service.definition.clone(),
    })
}

pub(super) fn of_task(environment: &Environment, name: &str) -> Result<Workload, Fault> {
    let Some(task) = environment.tasks.get(name) else {
        return Err(unknown("task", name, environment.tasks.keys()));
    };
    Ok(Workload {
        section: format!("tasks.{name}"),
        name: name.to_owned(),
        command: task.command.clone(),
        cpu: task.cpu,
        memory: task.memory,
        launch: task.launch,
        port: None,
        stop_timeout: None,
        definition: task.definition.clone(),
    })
}

fn unknown<'n>(kind: &str, name: &str, known: impl Iterator<Item = &'n String>) -> Fault {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let there = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    Fault::usage(format!(
        "the project has no {kind} \"{name}\"; it has {there}"
    ))
}
