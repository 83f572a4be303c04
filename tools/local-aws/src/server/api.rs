//! The services' APIs: which service and operation a request means, and in which dialect it is answered.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode, request};
use serde_json::{Value, json};

use super::reply::{self, Reply};
use crate::cloud::Service;
use crate::protocol::{Answer, AwsError, cbor, query, with_epoch_seconds, xml};

/// Larger than any request but a layer's part: a task definition has 64 KiB, a batch of log events 1 MiB.
const LIMIT: usize = 8 << 20;
/// A layer's part of 20 MiB in base64, and the JSON around it.
const LAYER_PART_LIMIT: usize = 28 << 20;

/// One call of an operation.
#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) dialect: Dialect,
    pub(crate) input: Value,
}

/// How a request is written, and therefore its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `application/x-amz-json-1.0` or `-1.1`.
    Json(&'static str),
    /// Form in, XML out.
    Query(Service),
    /// Smithy's RPC v2 over CBOR.
    Cbor,
}

/// A request that is no call of a known operation, with the dialect in which to say so.
#[derive(Debug, PartialEq)]
pub(crate) struct Misdirected {
    pub(crate) dialect: Dialect,
    pub(crate) error: AwsError,
}

/// How many bytes a request's body may have.
pub(crate) fn limit(headers: &HeaderMap) -> usize {
    if text(headers, "x-amz-target").ends_with(".UploadLayerPart") {
        LAYER_PART_LIMIT
    } else {
        LIMIT
    }
}

/// What a request asks for.
pub(crate) fn read(head: &request::Parts, body: &Bytes) -> Result<Call, Misdirected> {
    if let Some(place) = head.uri.path().strip_prefix("/service/") {
        return read_cbor(place, body);
    }
    let target = text(&head.headers, "x-amz-target");
    if target.is_empty() {
        read_query(&head.headers, body)
    } else {
        read_json(target, &head.headers, body)
    }
}

fn read_json(target: &str, headers: &HeaderMap, body: &Bytes) -> Result<Call, Misdirected> {
    let dialect = Dialect::Json(match text(headers, "content-type") {
        "application/x-amz-json-1.0" => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    });
    let misdirected = |error| Misdirected { dialect, error };
    let (service, operation) = target
        .rsplit_once('.')
        .and_then(|(prefix, operation)| Some((Service::by_target(prefix)?, operation)))
        .ok_or_else(|| {
            misdirected(AwsError::new(
                "UnknownOperationException",
                format!("local-aws has no service for the target '{target}'"),
            ))
        })?;
    let input = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body).map_err(|error| {
            misdirected(AwsError::new(
                "SerializationException",
                format!("the request's body is not JSON: {error}"),
            ))
        })?
    };
    Ok(Call {
        service,
        operation: operation.to_owned(),
        dialect,
        input,
    })
}

fn read_query(headers: &HeaderMap, body: &Bytes) -> Result<Call, Misdirected> {
    let version = form_urlencoded::parse(body)
        .find(|(name, _)| name == "Version")
        .map(|(_, version)| version.into_owned());
    let service = signed_for(headers)
        .and_then(Service::by_signing_name)
        .or_else(|| Service::by_version(version.as_deref()?));
    let Some(service) = service else {
        return Err(Misdirected {
            dialect: Dialect::Query(Service::Sts),
            error: AwsError::new(
                "UnknownOperationException",
                "the request names no service of local-aws: neither X-Amz-Target, nor the scope of its signature, nor Version",
            ),
        });
    };
    let dialect = Dialect::Query(service);
    let (operation, input) = query::parse(body).map_err(|error| Misdirected { dialect, error })?;
    Ok(Call {
        service,
        operation,
        dialect,
        input,
    })
}

fn read_cbor(place: &str, body: &Bytes) -> Result<Call, Misdirected> {
    let dialect = Dialect::Cbor;
    let misdirected = |error| Misdirected { dialect, error };
    let (service, operation) = place
        .split_once("/operation/")
        .and_then(|(name, operation)| Some((Service::by_target(name)?, operation)))
        .ok_or_else(|| {
            misdirected(AwsError::new(
                "UnknownOperationException",
                format!("local-aws has no service at '/service/{place}'"),
            ))
        })?;
    let input = cbor::decode(body).map_err(misdirected)?;
    Ok(Call {
        service,
        operation: operation.to_owned(),
        dialect,
        input,
    })
}

/// The service in `Credential=AKID/DATE/REGION/SERVICE/aws4_request`.
fn signed_for(headers: &HeaderMap) -> Option<&str> {
    text(headers, AUTHORIZATION.as_str())
        .split_once("Credential=")?
        .1
        .split(['/', ','])
        .nth(3)
}

/// The answer in the dialect of its request.
pub(crate) fn write(dialect: Dialect, operation: &str, answer: Answer, request_id: &str) -> Reply {
    match dialect {
        Dialect::Json(media_type) => write_json(media_type, answer),
        Dialect::Query(service) => write_query(service, operation, answer, request_id),
        Dialect::Cbor => write_cbor(answer),
    }
}

fn write_json(media_type: &str, answer: Answer) -> Reply {
    match answer {
        // An operation without output answers an empty body.
        Ok(Value::Null) => reply::reply(StatusCode::OK, media_type, ""),
        Ok(output) => reply::reply(
            StatusCode::OK,
            media_type,
            with_epoch_seconds(output).to_string(),
        ),
        Err(error) => reply::reply(
            reply::status(error.status),
            media_type,
            json!({ "__type": error.code, "message": error.message }).to_string(),
        ),
    }
}

fn write_query(service: Service, operation: &str, answer: Answer, request_id: &str) -> Reply {
    let namespace = service.namespace();
    let (status, text) = match answer {
        Ok(output) => (
            StatusCode::OK,
            xml::render(namespace, operation, &output, request_id),
        ),
        Err(error) => (
            reply::status(error.status),
            xml::render_error(namespace, &error, request_id),
        ),
    };
    reply::reply(status, "text/xml", text)
}

fn write_cbor(answer: Answer) -> Reply {
    let (status, output, fault) = match answer {
        Ok(output) => (StatusCode::OK, output, None),
        Err(error) => {
            let side = if error.status < 500 {
                "Sender"
            } else {
                "Receiver"
            };
            (
                reply::status(error.status),
                json!({ "__type": error.code, "message": error.message }),
                Some(format!("{};{side}", error.code)),
            )
        }
    };
    let mut reply = reply::reply(status, "application/cbor", cbor::encode(&output));
    let headers = reply.headers_mut();
    headers.insert("smithy-protocol", reply::header("rpc-v2-cbor"));
    if let Some(fault) = fault {
        headers.insert("x-amzn-query-error", reply::header(&fault));
    }
    reply
}

/// A header's text; empty if it is absent or not text.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
