//! Answers of the HTTP front.

use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

/// A body that is in memory or streamed from a file.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer to a client.
pub(crate) type Reply = Response<Body>;

/// A body that is in memory.
pub(crate) fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// An answer of one media type.
pub(crate) fn reply(status: StatusCode, media_type: &str, bytes: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body(bytes));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, header(media_type));
    reply
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Reply {
    reply(status, "application/json", value.to_string())
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(body(Bytes::new()));
    *reply.status_mut() = status;
    reply
}

/// The status of that number; what is no status is our own fault.
pub(crate) fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A header's value; what no header can hold is left out of it.
pub(crate) fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_invalid| {
        let printable: String = text.chars().filter(|c| (' '..='~').contains(c)).collect();
        HeaderValue::from_str(&printable).expect("printable ASCII is a header's value")
    })
}
