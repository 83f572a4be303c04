//! What there is: repositories, tags, and what speaks of an image.

use http::StatusCode;
use http::header::LINK;
use serde_json::{Value, json};

use super::Asked;
use super::fault::Fault;
use super::manifests::digest;
use crate::ecr::Image;
use crate::ecr::manifest::OCI_INDEX;
use crate::server::reply::{self, Reply};

pub(super) async fn catalog(asked: &Asked<'_>) -> Result<Reply, Fault> {
    let names = asked
        .work(|ecr| Ok(ecr.shelves().keys().cloned().collect()))
        .await?;
    let (names, next) = page(asked, names)?;
    Ok(linked(
        &json!({ "repositories": names }),
        next.map(|next| format!("/v2/_catalog?{next}")),
    ))
}

pub(super) async fn tags(asked: &Asked<'_>, name: &str) -> Result<Reply, Fault> {
    let repository = name.to_owned();
    let tags = asked
        .work(move |ecr| {
            ecr.look(&repository, |shelf| {
                Ok(shelf.tags.keys().cloned().collect())
            })
        })
        .await?;
    let (tags, next) = page(asked, tags)?;
    Ok(linked(
        &json!({ "name": name, "tags": tags }),
        next.map(|next| format!("/v2/{name}/tags/list?{next}")),
    ))
}

/// Manifests whose subject is this digest, whether or not it is there.
pub(super) async fn referrers(
    asked: &Asked<'_>,
    name: &str,
    subject: &str,
) -> Result<Reply, Fault> {
    let (name, subject) = (name.to_owned(), digest(subject)?);
    let wanted = asked.parameter("artifactType");
    let is_filtered = wanted.is_some();
    let manifests: Value = asked
        .work(move |ecr| {
            ecr.look(&name, |shelf| {
                Ok(shelf
                    .images
                    .values()
                    .filter(|image| image.subject.as_ref() == Some(&subject))
                    .filter(|image| wanted.is_none() || image.artifact_type == wanted)
                    .map(descriptor)
                    .collect())
            })
        })
        .await?;
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
    let mut reply = reply::reply(StatusCode::OK, OCI_INDEX, index.to_string());
    if is_filtered {
        reply
            .headers_mut()
            .insert("oci-filters-applied", reply::header("artifactType"));
    }
    Ok(reply)
}

fn descriptor(image: &Image) -> Value {
    let mut descriptor = json!({
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": image.manifest_size,
    });
    if let Some(artifact_type) = &image.artifact_type {
        descriptor["artifactType"] = artifact_type.as_str().into();
    }
    if !image.annotations.is_empty() {
        descriptor["annotations"] = json!(image.annotations);
    }
    descriptor
}

/// The part of a sorted list that `n` and `last` ask for, and the query of the next part.
fn page(asked: &Asked<'_>, items: Vec<String>) -> Result<(Vec<String>, Option<String>), Fault> {
    let count = asked
        .parameter("n")
        .map(|text| {
            text.parse::<usize>().map_err(|_not_a_number| {
                Fault::new(
                    StatusCode::BAD_REQUEST,
                    "PAGINATION_NUMBER_INVALID",
                    format!("n must be a whole number, not '{text}'"),
                )
            })
        })
        .transpose()?;
    let last = asked.parameter("last").unwrap_or_default();
    let mut rest: Vec<String> = items.into_iter().filter(|item| *item > last).collect();
    let Some(count) = count.filter(|count| *count < rest.len()) else {
        return Ok((rest, None));
    };
    rest.truncate(count);
    let next = rest.last().map(|last| {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("n", &count.to_string())
            .append_pair("last", last)
            .finish()
    });
    Ok((rest, next))
}

fn linked(list: &Value, next: Option<String>) -> Reply {
    let mut reply = reply::json(StatusCode::OK, list);
    if let Some(next) = next {
        reply
            .headers_mut()
            .insert(LINK, reply::header(&format!("<{next}>; rel=\"next\"")));
    }
    reply
}
