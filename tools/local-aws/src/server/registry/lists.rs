//! What there is: repositories, tags, and what speaks of an image.

use http::StatusCode;
use http::header::LINK;
use serde_json::{Value, json};

use super::Asked;
use super::fault::Fault;
use super::manifests::digest;
use crate::ecr::manifest::OCI_INDEX;
use crate::server::reply::{self, Reply};

pub(super) fn catalog(asked: &Asked<'_>) -> Result<Reply, Fault> {
    let names = asked.ecr.shelves().keys().cloned().collect();
    let (names, next) = page(asked, names)?;
    Ok(linked(
        &json!({ "repositories": names }),
        next.map(|next| format!("/v2/_catalog?{next}")),
    ))
}

pub(super) fn tags(asked: &Asked<'_>, name: &str) -> Result<Reply, Fault> {
    let tags = asked
        .ecr
        .look(name, |shelf| Ok(shelf.tags.keys().cloned().collect()))?;
    let (tags, next) = page(asked, tags)?;
    Ok(linked(
        &json!({ "name": name, "tags": tags }),
        next.map(|next| format!("/v2/{name}/tags/list?{next}")),
    ))
}

/// Manifests whose subject is this digest, whether or not it is there.
pub(super) fn referrers(asked: &Asked<'_>, name: &str, subject: &str) -> Result<Reply, Fault> {
    let subject = digest(subject)?;
    let wanted = asked.parameter("artifactType");
    let manifests: Value = asked.ecr.look(name, |shelf| {
        Ok(shelf
            .images
            .values()
            .filter(|image| image.subject.as_ref() == Some(&subject))
            .filter(|image| wanted.is_none() || image.artifact_type == wanted)
            .map(|image| {
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
            })
            .collect())
    })?;
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
    let mut reply = reply::reply(StatusCode::OK, OCI_INDEX, index.to_string());
    if wanted.is_some() {
        reply
            .headers_mut()
            .insert("oci-filters-applied", reply::header("artifactType"));
    }
    Ok(reply)
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
