//! Blobs on their way in.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_RANGE, LOCATION};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::fault::{Fault, uploaded_range};
use super::manifests::digest;
use super::{Asked, DIGEST_HEADER};
use crate::ecr::digest::Digest;
use crate::server::reply::{self, Reply};

/// How many pieces of a body wait for the disk; hyper's pieces have up to some 400 KiB.
const WAITING: usize = 8;

/// Begins an upload; or lends a blob of another repository; or takes a blob in one go.
pub(super) async fn begin(asked: &Asked<'_>, name: &str, body: Incoming) -> Result<Reply, Fault> {
    if let (Some(text), Some(from)) = (asked.parameter("mount"), asked.parameter("from")) {
        let digest = digest(&text)?;
        let (repository, wanted) = (name.to_owned(), digest.clone());
        if asked
            .work(move |ecr| ecr.mount(&repository, &wanted, &from))
            .await?
        {
            return Ok(created(asked, name, &digest));
        }
    }
    let whole = asked
        .parameter("digest")
        .as_deref()
        .map(digest)
        .transpose()?;
    let repository = name.to_owned();
    let id = asked.work(move |ecr| ecr.begin_upload(&repository)).await?;
    match whole {
        None => Ok(accepted(asked, name, &id, 0)),
        Some(digest) => {
            append(asked, name, &id, None, body).await?;
            complete(asked, name, &id, &digest).await
        }
    }
}

pub(super) async fn status(asked: &Asked<'_>, name: &str, id: &str) -> Result<Reply, Fault> {
    let (repository, upload) = (name.to_owned(), id.to_owned());
    let size = asked
        .work(move |ecr| ecr.upload_size(&repository, &upload))
        .await?;
    let mut reply = accepted(asked, name, id, size);
    *reply.status_mut() = StatusCode::NO_CONTENT;
    Ok(reply)
}

/// Adds a chunk, or the whole blob. ECR answers 201 here and drops every chunk but the first; this registry
/// does as the protocol says.
pub(super) async fn patch(
    asked: &Asked<'_>,
    name: &str,
    id: &str,
    body: Incoming,
) -> Result<Reply, Fault> {
    let start = start(asked)?;
    let size = append(asked, name, id, start, body).await?;
    Ok(accepted(asked, name, id, size))
}

/// Adds the last chunk, if there is one, and ends the upload.
pub(super) async fn put(
    asked: &Asked<'_>,
    name: &str,
    id: &str,
    body: Incoming,
) -> Result<Reply, Fault> {
    let digest = digest(&asked.parameter("digest").unwrap_or_default())?;
    let start = start(asked)?;
    append(asked, name, id, start, body).await?;
    complete(asked, name, id, &digest).await
}

pub(super) async fn cancel(asked: &Asked<'_>, name: &str, id: &str) -> Result<Reply, Fault> {
    let (repository, upload) = (name.to_owned(), id.to_owned());
    asked
        .work(move |ecr| ecr.cancel_upload(&repository, &upload))
        .await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// The first byte of `Content-Range: FIRST-LAST`.
fn start(asked: &Asked<'_>) -> Result<Option<u64>, Fault> {
    let Some(range) = asked.headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    range
        .to_str()
        .ok()
        .and_then(|range| range.trim_start_matches("bytes ").split_once('-'))
        .and_then(|(first, _last)| first.trim().parse().ok())
        .map(Some)
        .ok_or_else(|| {
            Fault::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "BLOB_UPLOAD_INVALID",
                "the Content-Range is not understood",
            )
        })
}

/// Writes a body to the disk while it arrives, with a few pieces of it in memory. Gives the upload's size.
async fn append(
    asked: &Asked<'_>,
    name: &str,
    id: &str,
    start: Option<u64>,
    mut body: Incoming,
) -> Result<u64, Fault> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    let ecr = Arc::clone(asked.ecr);
    let (repository, upload) = (name.to_owned(), id.to_owned());
    let writer = tokio::task::spawn_blocking(move || {
        ecr.append(&repository, &upload, start, || receiver.blocking_recv())
    });
    let mut broken = None;
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data(),
            Err(error) => {
                broken = Some(error);
                break;
            }
        };
        // What is no data is a trailer. A writer that is gone has its reason, which follows.
        if let Ok(bytes) = data
            && sender.send(bytes).await.is_err()
        {
            break;
        }
    }
    drop(sender);
    let size = writer.await.map_err(Fault::interrupted)??;
    match broken {
        None => Ok(size),
        Some(error) => Err(Fault::broken_body(error)),
    }
}

async fn complete(
    asked: &Asked<'_>,
    name: &str,
    id: &str,
    digest: &Digest,
) -> Result<Reply, Fault> {
    let (repository, upload, expected) = (name.to_owned(), id.to_owned(), digest.clone());
    asked
        .work(move |ecr| ecr.complete_upload(&repository, &upload, &expected))
        .await?;
    Ok(created(asked, name, digest))
}

fn accepted(asked: &Asked<'_>, name: &str, id: &str, size: u64) -> Reply {
    let mut reply = reply::empty(StatusCode::ACCEPTED);
    let headers = reply.headers_mut();
    let place = asked.address(&format!("/v2/{name}/blobs/uploads/{id}"));
    headers.insert(LOCATION, reply::header(&place));
    headers.insert("docker-upload-uuid", reply::header(id));
    headers.insert("range", reply::header(&uploaded_range(size)));
    reply
}

fn created(asked: &Asked<'_>, name: &str, digest: &Digest) -> Reply {
    let mut reply = reply::empty(StatusCode::CREATED);
    let headers = reply.headers_mut();
    let place = asked.address(&format!("/v2/{name}/blobs/{digest}"));
    headers.insert(LOCATION, reply::header(&place));
    headers.insert(DIGEST_HEADER, reply::header(digest.as_str()));
    reply
}
