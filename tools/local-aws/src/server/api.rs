//! The services' APIs: which service and operation a request means, and in which dialect it is answered.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode, Uri, request};
use serde_json::{Value, json};

use super::reply::{self, Reply};
use crate::cloud::Service;
use crate::cloudwatch;
use crate::protocol::{Answer, AwsError, cbor, ec2, query, with_epoch_seconds, xml};

/// Larger than any request but a layer's part: a task definition has 64 KiB, a batch of log events 1 MiB.
const LIMIT: usize = 8 << 20;
/// A layer's part of 20 MiB in base64, and the JSON around it.
const LAYER_PART_LIMIT: usize = 28 << 20;

/// JSON 1.0, which no service here but CloudWatch speaks.
const CLOUDWATCH_JSON: &str = "application/x-amz-json-1.0";

/// One call of an operation. It has no `Debug`: its input may be a secret.
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
    /// The same with lists and answers of another shape, which EC2 alone speaks.
    Ec2,
    /// Smithy's RPC v2 over CBOR.
    Cbor,
}

/// A request that is no call of a known operation, with the dialect in which to say so.
#[derive(Debug, PartialEq)]
pub(crate) struct Misdirected {
    pub(crate) dialect: Dialect,
    pub(crate) error: AwsError,
}

/// Whether a request is one of the two operations that messages of SNS have links for: people follow them, and no
/// other operation may be called by a link.
pub(crate) fn is_link(method: &Method, uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    method == Method::GET
        && uri.path() == "/"
        && ["Action=ConfirmSubscription&", "Action=Unsubscribe&"]
            .iter()
            .any(|link| query.starts_with(link))
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
    if is_link(&head.method, &head.uri) {
        let query = head.uri.query().unwrap_or_default();
        read_query(&head.headers, query.as_bytes())
    } else if target.is_empty() {
        read_query(&head.headers, body)
    } else {
        read_json(target, &head.headers, body)
    }
}

fn read_json(target: &str, headers: &HeaderMap, body: &Bytes) -> Result<Call, Misdirected> {
    let dialect = Dialect::Json(match text(headers, "content-type") {
        CLOUDWATCH_JSON => CLOUDWATCH_JSON,
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

fn read_query(headers: &HeaderMap, body: &[u8]) -> Result<Call, Misdirected> {
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
    let (dialect, parsed) = match service {
        Service::Ec2 => (Dialect::Ec2, ec2::parse(body)),
        other => (Dialect::Query(other), query::parse(body)),
    };
    let (operation, input) = parsed.map_err(|error| Misdirected { dialect, error })?;
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
pub(crate) fn signed_for(headers: &HeaderMap) -> Option<&str> {
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
        Dialect::Ec2 => write_ec2(operation, answer, request_id),
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
        Err(error) if media_type == CLOUDWATCH_JSON => {
            let text = error_of_two_names(&error).to_string();
            let reply = reply::reply(reply::status(error.status), media_type, text);
            with_query_error(reply, &error)
        }
        Err(error) => reply::reply(
            reply::status(error.status),
            media_type,
            json!({ "__type": error.code, "message": error.message }).to_string(),
        ),
    }
}

/// An error of CloudWatch, the one service that speaks other dialects beside query: its body has the shape's name,
/// a header the code of the query dialect, which is the one that clients go by.
fn error_of_two_names(error: &AwsError) -> Value {
    json!({ "__type": cloudwatch::shape(&error.code), "message": error.message })
}

fn with_query_error(mut reply: Reply, error: &AwsError) -> Reply {
    let side = if error.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    let fault = format!("{};{side}", error.code);
    let headers = reply.headers_mut();
    headers.insert("x-amzn-query-error", reply::header(&fault));
    reply
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

fn write_ec2(operation: &str, answer: Answer, request_id: &str) -> Reply {
    let (status, text) = match answer {
        Ok(output) => (
            StatusCode::OK,
            ec2::render(Service::Ec2.namespace(), operation, &output, request_id),
        ),
        Err(error) => (
            reply::status(error.status),
            ec2::render_error(&error, request_id),
        ),
    };
    reply::reply(status, "text/xml;charset=UTF-8", text)
}

fn write_cbor(answer: Answer) -> Reply {
    let cbor = |status, output: &Value| {
        let mut reply = reply::reply(status, "application/cbor", cbor::encode(output));
        let headers = reply.headers_mut();
        headers.insert("smithy-protocol", reply::header("rpc-v2-cbor"));
        reply
    };
    match answer {
        Ok(output) => cbor(StatusCode::OK, &output),
        Err(error) => {
            let reply = cbor(reply::status(error.status), &error_of_two_names(&error));
            with_query_error(reply, &error)
        }
    }
}

/// A header's text; empty if it is absent or not text.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: Dialect, answer: Answer, status: u16, header: Option<&str>) -> Reply {
        let reply = write(dialect, "Do", answer, "1");
        assert_eq!(reply.status().as_u16(), status);
        let found = reply.headers().get("x-amzn-query-error");
        assert_eq!(found.map(|value| value.to_str().unwrap()), header);
        reply
    }

    async fn text_of(reply: Reply) -> Vec<u8> {
        use http_body_util::BodyExt as _;
        reply
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec()
    }

    #[tokio::test]
    async fn names_errors_of_cloudwatch_twice() {
        let error = AwsError::new("MissingParameter", "The parameter Namespace is required.");
        let body = json!({
            "__type": "MissingRequiredParameterException", "message": "The parameter Namespace is required."
        });
        let header = Some("MissingParameter;Sender");
        let reply = check(Dialect::Cbor, Err(error.clone()), 400, header);
        assert_eq!(cbor::decode(&text_of(reply).await), Ok(body.clone()));
        let reply = check(Dialect::Json(CLOUDWATCH_JSON), Err(error), 400, header);
        assert_eq!(text_of(reply).await, body.to_string().into_bytes());
    }

    #[tokio::test]
    async fn names_errors_of_others_once() {
        let error = AwsError::new("ClusterNotFoundException", "Cluster not found.");
        let reply = check(
            Dialect::Json("application/x-amz-json-1.1"),
            Err(error),
            400,
            None,
        );
        assert_eq!(
            text_of(reply).await,
            br#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#
        );
    }

    #[tokio::test]
    async fn answers_operations_without_output() {
        let reply = check(
            Dialect::Json("application/x-amz-json-1.1"),
            Ok(Value::Null),
            200,
            None,
        );
        assert_eq!(text_of(reply).await, b"");
        let reply = check(Dialect::Cbor, Ok(Value::Null), 200, None);
        assert_eq!(text_of(reply).await, [0xa0]);
    }
}
