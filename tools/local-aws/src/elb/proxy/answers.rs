//! What the load balancer says itself, in the words of AWS's.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION, SERVER};
use http::{Response, StatusCode};

use super::body::Download;

const NAME: HeaderValue = HeaderValue::from_static("awselb/2.0");

/// The page that tells an error.
pub(super) fn error(status: StatusCode) -> Response<Download> {
    page(status)
}

/// The answer of a fixed-response action.
pub(super) fn fixed(
    status: StatusCode,
    content_type: Option<&HeaderValue>,
    body: &Bytes,
) -> Response<Download> {
    let mut response = plain(status, body.clone());
    if let Some(content_type) = content_type {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, content_type.clone());
    }
    response
}

/// The answer of a redirect action; a location that no header can hold is the client's fault.
pub(super) fn redirect(status: StatusCode, location: &str) -> Response<Download> {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let mut response = page(status);
            response.headers_mut().insert(LOCATION, location);
            response
        }
        Err(_unprintable) => error(StatusCode::BAD_REQUEST),
    }
}

fn page(status: StatusCode) -> Response<Download> {
    let title = match status {
        StatusCode::SERVICE_UNAVAILABLE => "503 Service Temporarily Unavailable".to_owned(),
        StatusCode::GATEWAY_TIMEOUT => "504 Gateway Time-out".to_owned(),
        other => other.to_string(),
    };
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = plain(status, body.into());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

fn plain(status: StatusCode, body: Bytes) -> Response<Download> {
    let mut response = Response::new(Download::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(SERVER, NAME);
    response
}
