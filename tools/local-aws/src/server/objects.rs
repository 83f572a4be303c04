//! S3's front: methods and paths instead of operations and inputs. Buckets are in the path, as clients have them
//! that were given an address; what is not known is refused, never passed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::json;

use super::reply::{self, Reply};
use super::{Cut, Front, intake};
use crate::cloud::Service;
use crate::faults::errors;
use crate::faults::rules::{Outcome, Verdict};
use crate::protocol::{AwsError, s3, timestamp};
use crate::s3::{Found, S3};

/// Larger than any environment's file: ECS reads them whole into a task's environment.
const LIMIT: usize = 8 << 20;
/// The most objects of one listing, as on AWS.
const LISTED: usize = 1000;
/// What `encoding-type=url` leaves as it is.
const IN_KEYS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/');

/// One request.
struct Asked {
    operation: &'static str,
    bucket: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
}

impl Asked {
    fn read(head: &http::request::Parts) -> Result<Self, AwsError> {
        let text = |part: &str| {
            percent_decode_str(part)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_invalid| {
                    AwsError::new("InvalidURI", "Couldn't parse the specified URI.")
                })
        };
        let path = head.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                // Its name, which SDKs add for those who read logs.
                .filter(|(name, _)| name != "x-id")
                .collect();
        let names: Vec<&str> = query.keys().map(String::as_str).collect();
        let operation = match (&head.method, bucket.is_empty(), key.is_empty(), &names[..]) {
            (&Method::PUT, false, true, []) => "CreateBucket",
            (&Method::HEAD, false, true, []) => "HeadBucket",
            (&Method::DELETE, false, true, []) => "DeleteBucket",
            (&Method::GET, false, true, ["location"]) => "GetBucketLocation",
            (&Method::GET, false, true, names) if names.contains(&"list-type") => "ListObjectsV2",
            (&Method::PUT, false, false, []) => "PutObject",
            (&Method::GET, false, false, []) => "GetObject",
            (&Method::HEAD, false, false, []) => "HeadObject",
            (&Method::DELETE, false, false, []) => "DeleteObject",
            (method, ..) => {
                let what = format!("{method} with {}", names.join(", "));
                return Err(AwsError::unsupported("s3", what.trim_end_matches(" with ")));
            }
        };
        Ok(Self {
            operation,
            bucket: text(bucket)?,
            key: text(key)?,
            query,
            headers: head.headers.clone(),
        })
    }

    fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Front {
    /// Answers a request that was signed for S3.
    pub(super) async fn objects(
        &self,
        request: Request<Incoming>,
        request_id: &str,
    ) -> Result<(String, Reply), Cut> {
        let (head, body) = request.into_parts();
        let asked = match Asked::read(&head) {
            Ok(asked) => asked,
            Err(error) => return Ok((format!("s3 {}", head.method), refusal(&error, request_id))),
        };
        let operation = asked.operation;
        let title = format!("s3.{operation}");
        let mut plain = head.headers.clone();
        // The body is kept as it comes.
        plain.remove(CONTENT_ENCODING);
        let body = match intake::whole(&plain, body, LIMIT).await {
            Ok(body) => body,
            Err(error) => {
                let error = AwsError::new("EntityTooLarge", error.to_string());
                return Ok((title, refusal(&error, request_id)));
            }
        };
        let Verdict { delay_ms, outcome } = self.faults.decide(Service::S3, operation);
        let refused = match outcome {
            Outcome::CutBefore => return Err(Cut),
            Outcome::Refused(kind) => errors::error(kind, Service::S3),
            Outcome::Right | Outcome::CutAfter => None,
        };
        let answer = match refused {
            Some(error) => Err(error),
            None => {
                let s3 = Arc::clone(&self.cloud.s3);
                let region = self.cloud.account.region.clone();
                tokio::task::spawn_blocking(move || carry_out(&s3, &region, &asked, &body))
                    .await
                    .unwrap_or_else(|panic| Err(AwsError::internal(format!("{operation} {panic}"))))
            }
        };
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let is_cut = outcome == Outcome::CutAfter;
        self.calls
            .record(Service::S3, operation, is_cut || answer.is_err());
        if is_cut {
            return Err(Cut);
        }
        let reply = answer.unwrap_or_else(|error| refusal(&error, request_id));
        Ok((title, reply))
    }
}

fn refusal(error: &AwsError, request_id: &str) -> Reply {
    let status = reply::status(error.status);
    reply::reply(status, "application/xml", s3::error(error, request_id))
}

fn carry_out(s3: &S3, region: &str, asked: &Asked, body: &[u8]) -> Result<Reply, AwsError> {
    let Asked { bucket, key, .. } = asked;
    match asked.operation {
        "CreateBucket" => {
            s3.create_bucket(bucket)?;
            let mut reply = reply::empty(StatusCode::OK);
            let location = reply::header(&format!("/{bucket}"));
            reply.headers_mut().insert("location", location);
            Ok(reply)
        }
        "HeadBucket" => s3.bucket(bucket).map(|()| reply::empty(StatusCode::OK)),
        "DeleteBucket" => s3
            .delete_bucket(bucket)
            .map(|()| reply::empty(StatusCode::NO_CONTENT)),
        "GetBucketLocation" => {
            s3.bucket(bucket)?;
            // The oldest region has no name there.
            let region = if region == "us-east-1" { "" } else { region };
            Ok(xml(s3::document("LocationConstraint", &[]).replace(
                "></LocationConstraint>",
                &format!(">{region}</LocationConstraint>"),
            )))
        }
        "ListObjectsV2" => list(s3, asked),
        "PutObject" => put(s3, asked, body),
        "GetObject" => s3.get(bucket, key).map(|found| shown(found, true)),
        "HeadObject" => s3.get(bucket, key).map(|found| shown(found, false)),
        _ => s3
            .delete(bucket, key)
            .map(|()| reply::empty(StatusCode::NO_CONTENT)),
    }
}

fn put(s3: &S3, asked: &Asked, body: &[u8]) -> Result<Reply, AwsError> {
    let only_new = match asked.header(IF_NONE_MATCH) {
        None => false,
        Some("*") => true,
        Some(_) => return Err(AwsError::unsupported("s3", "If-None-Match with a tag")),
    };
    for header in [
        "x-amz-copy-source",
        IF_MATCH.as_str(),
        CONTENT_ENCODING.as_str(),
    ] {
        if let Some(value) = asked.header(header) {
            let what = format!("PutObject with {header}: {value}");
            return Err(AwsError::unsupported("s3", &what));
        }
    }
    let media_type = asked
        .header(CONTENT_TYPE)
        .unwrap_or("application/octet-stream");
    let etag = s3.put(&asked.bucket, &asked.key, body, media_type, only_new)?;
    let mut reply = reply::empty(StatusCode::OK);
    reply.headers_mut().insert(ETAG, reply::header(&etag));
    Ok(reply)
}

fn shown(found: Found, with_body: bool) -> Reply {
    let length = found.bytes.len();
    let body = if with_body { found.bytes } else { Vec::new() };
    let mut reply = reply::reply(StatusCode::OK, &found.media_type, body);
    let headers = reply.headers_mut();
    headers.insert(ETAG, reply::header(&found.etag));
    headers.insert(http::header::CONTENT_LENGTH, length.into());
    let modified = Timestamp::from_millisecond(found.modified_ms).unwrap_or_default();
    let modified = modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    headers.insert(LAST_MODIFIED, reply::header(&modified));
    reply
}

fn list(s3: &S3, asked: &Asked) -> Result<Reply, AwsError> {
    let known = ["encoding-type", "list-type", "max-keys", "prefix"];
    let other = asked
        .query
        .iter()
        .find(|(name, value)| !known.contains(&name.as_str()) && !value.is_empty());
    if let Some((name, _)) = other {
        let what = format!("ListObjectsV2 with {name}");
        return Err(AwsError::unsupported("s3", &what));
    }
    let prefix = asked.query.get("prefix").map_or("", String::as_str);
    let listed = s3.list(&asked.bucket, prefix)?;
    let most = asked
        .query
        .get("max-keys")
        .map_or(Some(LISTED), |most| most.parse().ok());
    if most.is_none_or(|most| listed.len() > most.min(LISTED)) {
        return Err(AwsError::unsupported("s3", "ListObjectsV2 in pages"));
    }
    let is_encoded = asked
        .query
        .get("encoding-type")
        .is_some_and(|how| how == "url");
    let key = |key: &str| {
        if is_encoded {
            utf8_percent_encode(key, IN_KEYS).to_string()
        } else {
            key.to_owned()
        }
    };
    let contents: Vec<_> = listed
        .iter()
        .map(|object| {
            json!({
                "Key": key(&object.key),
                "LastModified": timestamp(object.modified_ms),
                "ETag": object.etag,
                "Size": object.size,
                "StorageClass": "STANDARD",
            })
        })
        .collect();
    let mut elements = vec![
        ("Name", json!(asked.bucket)),
        ("Prefix", json!(key(prefix))),
        ("KeyCount", json!(contents.len())),
        ("MaxKeys", json!(LISTED)),
        ("IsTruncated", json!(false)),
        ("Contents", json!(contents)),
    ];
    if is_encoded {
        elements.push(("EncodingType", json!("url")));
    }
    Ok(xml(s3::document("ListBucketResult", &elements)))
}

fn xml(text: String) -> Reply {
    reply::reply(StatusCode::OK, "application/xml", text)
}
