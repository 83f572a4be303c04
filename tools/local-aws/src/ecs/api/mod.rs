//! The operations of the API.

mod clusters;
mod configure;
mod definitions;
mod deployments;
mod instances;
mod register;
mod services;
mod settings;
mod tags;
mod tasks;

use serde_json::{Value, json};

use super::Ecs;
use super::arn::last;
use crate::protocol::{Answer, AwsError, Input};

/// ECS's code for a bad parameter.
const INVALID: &str = "InvalidParameterException";

/// Runs one operation.
pub(super) fn call(ecs: &Ecs, operation: &str, members: &Value) -> Answer {
    let input = Input::new(members, INVALID);
    match operation {
        "CreateCluster" => clusters::create(ecs, &input),
        "DescribeClusters" => clusters::describe(ecs, &input),
        "ListClusters" => clusters::list(ecs, &input),
        "DeleteCluster" => clusters::delete(ecs, &input),
        "RegisterTaskDefinition" => register::register(ecs, members),
        "DescribeTaskDefinition" => definitions::describe(ecs, &input),
        "ListTaskDefinitions" => definitions::list(ecs, &input),
        "ListTaskDefinitionFamilies" => definitions::list_families(ecs, &input),
        "DeregisterTaskDefinition" => definitions::deregister(ecs, &input),
        "DeleteTaskDefinitions" => definitions::delete(ecs, &input),
        "CreateService" => services::create(ecs, &input),
        "UpdateService" => services::update(ecs, &input),
        "DescribeServices" => services::describe(ecs, &input),
        "ListServices" => services::list(ecs, &input),
        "DeleteService" => services::delete(ecs, &input),
        "ListServiceDeployments" => deployments::list(ecs, &input),
        "DescribeServiceDeployments" => deployments::describe(ecs, &input),
        "DescribeServiceRevisions" => deployments::describe_revisions(ecs, &input),
        "StopServiceDeployment" => deployments::stop(ecs, &input),
        "ContinueServiceDeployment" => deployments::resume(ecs, &input),
        "RunTask" => tasks::run(ecs, &input),
        "StopTask" => tasks::stop(ecs, &input),
        "ListTasks" => tasks::list(ecs, &input),
        "DescribeTasks" => tasks::describe(ecs, &input),
        "ListContainerInstances" => instances::list(ecs, &input),
        "DescribeContainerInstances" => instances::describe(ecs, &input),
        "TagResource" => tags::tag(ecs, &input),
        "UntagResource" => tags::untag(ecs, &input),
        "ListTagsForResource" => tags::list(ecs, &input),
        _ => Err(AwsError::unsupported("ecs", operation)),
    }
}

/// The cluster of a request; `default` if it names none.
fn cluster<'a>(input: &Input<'a>) -> Result<&'a str, AwsError> {
    Ok(input.text("cluster")?.map_or("default", last))
}

/// One page of `items`, from the token on, and the token of the next.
fn page(
    input: &Input<'_>,
    items: Vec<String>,
    default: i64,
    most: i64,
) -> Result<(Vec<String>, Option<String>), AwsError> {
    let size = input.integer("maxResults")?.unwrap_or(default);
    if !(1..=most).contains(&size) {
        return Err(input.refuse(format!("maxResults must be between 1 and {most}")));
    }
    let begin: usize = match input.text("nextToken")? {
        Some(token) => token
            .parse()
            .map_err(|_not_ours| input.refuse("Invalid token"))?,
        None => 0,
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let end = begin.saturating_add(size).min(items.len());
    let next = (end < items.len()).then(|| end.to_string());
    Ok((items.get(begin..end).unwrap_or_default().to_vec(), next))
}

/// An answer of one list, with its token if there is more.
fn paged(name: &str, (items, next): (Vec<String>, Option<String>)) -> Value {
    match next {
        Some(next) => json!({ name: items, "nextToken": next }),
        None => json!({ name: items }),
    }
}

/// The tags of a request, as they are kept.
fn tags(input: &Input<'_>) -> Result<Value, AwsError> {
    let tags = input.list("tags")?;
    if tags.len() > 50 {
        return Err(input.refuse("Too many tags: a resource can have 50"));
    }
    Ok(Value::Array(tags.to_vec()))
}

/// Whether a request asks for tags.
fn includes_tags(input: &Input<'_>) -> Result<bool, AwsError> {
    Ok(input.texts("include")?.contains(&"TAGS"))
}
