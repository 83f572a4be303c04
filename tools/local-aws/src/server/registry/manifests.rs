//! Manifests.

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use hyper::body::Incoming;

use super::fault::Fault;
use super::{Asked, DIGEST_HEADER};
use crate::ecr::digest::Digest;
use crate::ecr::manifest::MANIFEST_LIMIT;
use crate::ecr::{Push, Reference};
use crate::server::intake::{self, IntakeError};
use crate::server::reply::{self, Reply};

pub(super) async fn get(asked: &Asked<'_>, name: &str, reference: &str) -> Result<Reply, Fault> {
    let (name, reference) = (name.to_owned(), parse(reference)?);
    let (image, bytes) = asked
        .work(move |ecr| ecr.manifest(&name, &reference))
        .await?;
    // Also for HEAD, which has no body that would tell.
    let size = bytes.len();
    let mut reply = reply::reply(StatusCode::OK, &image.media_type, bytes);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_LENGTH, size.into());
    headers.insert(DIGEST_HEADER, reply::header(image.digest.as_str()));
    Ok(reply)
}

pub(super) async fn put(
    asked: &Asked<'_>,
    name: &str,
    reference: &str,
    body: Incoming,
) -> Result<Reply, Fault> {
    let reference = parse(reference)?;
    let bytes = intake::whole(asked.headers, body, MANIFEST_LIMIT)
        .await
        .map_err(|error| match error {
            IntakeError::TooLarge { .. } => Fault::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "MANIFEST_INVALID",
                error.to_string(),
            ),
            error => Fault::broken_body(error),
        })?;
    let media_type = asked
        .headers
        .get(CONTENT_TYPE)
        .and_then(|media_type| media_type.to_str().ok())
        .map(str::to_owned);
    let repository = name.to_owned();
    let pushed = asked
        .work(move |ecr| {
            let (tag, digest) = match &reference {
                Reference::Tag(tag) => (Some(tag.as_str()), None),
                Reference::Digest(digest) => (None, Some(digest)),
            };
            ecr.put_image(&Push {
                repository: &repository,
                manifest: &bytes,
                media_type: media_type.as_deref(),
                tag,
                digest,
            })
        })
        .await?;
    let mut reply = reply::empty(StatusCode::CREATED);
    let headers = reply.headers_mut();
    let place = asked.address(&format!("/v2/{name}/manifests/{}", pushed.digest));
    headers.insert(LOCATION, reply::header(&place));
    headers.insert(DIGEST_HEADER, reply::header(pushed.digest.as_str()));
    if let Some(subject) = &pushed.subject {
        headers.insert("oci-subject", reply::header(subject.as_str()));
    }
    Ok(reply)
}

/// A tag alone goes by its name; an image, with its tags, by its digest.
pub(super) async fn delete(asked: &Asked<'_>, name: &str, reference: &str) -> Result<Reply, Fault> {
    let (name, reference) = (name.to_owned(), parse(reference)?);
    asked
        .work(move |ecr| match reference {
            Reference::Tag(tag) => ecr.untag(&name, &tag),
            Reference::Digest(digest) => ecr.delete_image(&name, &digest),
        })
        .await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

fn parse(reference: &str) -> Result<Reference, Fault> {
    Reference::parse(reference).ok_or_else(|| Fault::digest(reference))
}

/// The digest that a path or a parameter spells.
pub(super) fn digest(text: &str) -> Result<Digest, Fault> {
    Digest::parse(text).ok_or_else(|| Fault::digest(text))
}
