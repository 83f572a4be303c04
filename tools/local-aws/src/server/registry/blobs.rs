//! Blobs on their way out.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::fault::Fault;
use super::manifests::digest;
use super::{Asked, DIGEST_HEADER};
use crate::server::reply::{self, Body, Reply};

/// How much of a blob is in memory at once, in bytes.
const PIECE: usize = 256 << 10;

pub(super) async fn get(asked: &Asked<'_>, name: &str, text: &str) -> Result<Reply, Fault> {
    let digest = digest(text)?;
    let (repository, wanted) = (name.to_owned(), digest.clone());
    let (path, size) = asked
        .work(move |ecr| ecr.layer(&repository, &wanted))
        .await?;
    let part = match asked
        .headers
        .get(RANGE)
        .and_then(|range| range.to_str().ok())
    {
        Some(range) => part(range, size),
        None => Part::Whole,
    };
    let (status, bytes) = match part {
        Part::Whole => (StatusCode::OK, 0..size),
        Part::Some(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
        Part::Outside => {
            let mut refusal = Fault::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "RANGE_INVALID",
                format!("the blob has {size} bytes"),
            )
            .reply();
            refusal
                .headers_mut()
                .insert(CONTENT_RANGE, reply::header(&format!("bytes */{size}")));
            return Ok(refusal);
        }
    };
    let body = if asked.method == Method::HEAD {
        reply::body(Bytes::new())
    } else {
        streamed(&path, bytes.clone()).await.map_err(|error| {
            Fault::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "UNKNOWN",
                format!("local-aws failed: cannot read the blob {digest}: {error}"),
            )
        })?
    };
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, reply::header("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, (bytes.end - bytes.start).into());
    headers.insert(ACCEPT_RANGES, reply::header("bytes"));
    headers.insert(DIGEST_HEADER, reply::header(digest.as_str()));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1);
        headers.insert(CONTENT_RANGE, reply::header(&range));
    }
    Ok(reply)
}

pub(super) async fn delete(asked: &Asked<'_>, name: &str, text: &str) -> Result<Reply, Fault> {
    let (name, digest) = (name.to_owned(), digest(text)?);
    asked
        .work(move |ecr| ecr.delete_layer(&name, &digest))
        .await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

async fn streamed(path: &Path, bytes: Range<u64>) -> io::Result<Body> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(bytes.start)).await?;
    let pieces = stream::try_unfold(
        (file, bytes.end - bytes.start),
        |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let mut piece = Vec::with_capacity(PIECE.min(usize::try_from(left).unwrap_or(PIECE)));
            let wanted = left.min(PIECE as u64);
            let read = (&mut file).take(wanted).read_to_end(&mut piece).await? as u64;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            Ok(Some((Frame::data(Bytes::from(piece)), (file, left - read))))
        },
    );
    Ok(StreamBody::new(pieces).boxed_unsync())
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// All: also for what is not understood, as HTTP wants it.
    Whole,
    Some(Range<u64>),
    Outside,
}

fn part(range: &str, size: u64) -> Part {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Part::Whole;
    };
    let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..size,
        (Err(_), Ok(count)) if first.trim().is_empty() => size.saturating_sub(count)..size,
        _ => return Part::Whole,
    };
    if range.start < range.end {
        Part::Some(range)
    } else {
        Part::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        let table = [
            ("bytes=0-0", Part::Some(0..1)),
            ("bytes=2-5", Part::Some(2..6)),
            ("bytes=8-99", Part::Some(8..10)),
            ("bytes=4-", Part::Some(4..10)),
            ("bytes=-3", Part::Some(7..10)),
            ("bytes=-99", Part::Some(0..10)),
            ("bytes=10-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=5-4", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("bytes=x-y", Part::Whole),
            ("lines=1-2", Part::Whole),
            (
                "bytes=18446744073709551615-18446744073709551615",
                Part::Outside,
            ),
        ];
        for (range, expected) in table {
            assert_eq!(part(range, 10), expected, "{range}");
        }
    }
}
