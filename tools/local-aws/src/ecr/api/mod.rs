//! ECR's API. Member names and sentences are AWS's own.

mod images;
mod layers;
mod page;
mod policies;
mod repositories;
mod tags;

use serde_json::{Value, json};

use super::Ecr;
use super::tokens::{LIFETIME_MS, USER};
use crate::protocol::{Answer, AwsError, Input, timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// ECR's code for a member that is missing or wrong.
const INVALID: &str = "InvalidParameterException";

pub(super) fn call(ecr: &Ecr, operation: &str, input: &Value) -> Answer {
    let input = Input::new(input, INVALID);
    match operation {
        "CreateRepository" => repositories::create(ecr, &input),
        "DescribeRepositories" => repositories::describe(ecr, &input),
        "DeleteRepository" => repositories::delete(ecr, &input),
        "PutImageTagMutability" => repositories::put_mutability(ecr, &input),
        "PutImage" => images::put(ecr, &input),
        "BatchGetImage" => images::batch_get(ecr, &input),
        "BatchDeleteImage" => images::batch_delete(ecr, &input),
        "DescribeImages" => images::describe(ecr, &input),
        "ListImages" => images::list(ecr, &input),
        "BatchCheckLayerAvailability" => layers::check(ecr, &input),
        "InitiateLayerUpload" => layers::initiate(ecr, &input),
        "UploadLayerPart" => layers::upload_part(ecr, &input),
        "CompleteLayerUpload" => layers::complete(ecr, &input),
        "GetDownloadUrlForLayer" => layers::download_url(ecr, &input),
        "PutLifecyclePolicy" => policies::put_lifecycle(ecr, &input),
        "GetLifecyclePolicy" => policies::get_lifecycle(ecr, &input),
        "DeleteLifecyclePolicy" => policies::delete_lifecycle(ecr, &input),
        "SetRepositoryPolicy" => policies::set_policy(ecr, &input),
        "GetRepositoryPolicy" => policies::get_policy(ecr, &input),
        "DeleteRepositoryPolicy" => policies::delete_policy(ecr, &input),
        "TagResource" => tags::tag(ecr, &input),
        "UntagResource" => tags::untag(ecr, &input),
        "ListTagsForResource" => tags::list(ecr, &input),
        "GetAuthorizationToken" => Ok(authorization(ecr)),
        _ => Err(AwsError::unsupported("ecr", operation)),
    }
}

fn authorization(ecr: &Ecr) -> Value {
    let expires_ms = ecr.clock.now_ms() + LIFETIME_MS;
    let password = ecr.tokens.password(expires_ms);
    json!({
        "authorizationData": [{
            "authorizationToken": BASE64.encode(format!("{USER}:{password}")),
            "expiresAt": timestamp(expires_ms),
            "proxyEndpoint": format!("http://{}", ecr.endpoint_host),
        }]
    })
}

/// The repository that a request names. Requests for another account's registry are refused.
fn repository<'i>(ecr: &Ecr, input: &Input<'i>) -> Result<&'i str, AwsError> {
    own_registry(ecr, input)?;
    input.required_text("repositoryName")
}

fn own_registry(ecr: &Ecr, input: &Input<'_>) -> Result<(), AwsError> {
    match input.text("registryId")? {
        Some(other) if other != ecr.account.id => Err(AwsError::new(
            "RegistryNotFoundException",
            format!("The registry with id '{other}' does not exist"),
        )),
        _ => Ok(()),
    }
}
