//! The content behind an address that an answer names, for example of an image's configuration: such an
//! address carries its own signature, so the request has none.

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};

use super::{QueryError, call, reason};

/// The bytes at `url`, which is `http` or `https`; at most `longest` of them.
pub async fn fetch(config: &SdkConfig, url: &str, longest: usize) -> Result<Vec<u8>, QueryError> {
    let (origin, path) = split(url).ok_or_else(|| {
        // An address may be a secret: it opens what it points to.
        QueryError::Unreadable("an address of neither http nor https".to_owned())
    })?;
    call(config, "content", "Get", origin)
        .serializer(|path: String| HttpRequest::get(path).map_err(Into::into))
        .deserializer(move |response| read(response, longest))
        .build()
        .invoke(path.to_owned())
        .await
        .map_err(reason)
}

fn read(response: &HttpResponse, longest: usize) -> Result<Vec<u8>, OrchestratorError<QueryError>> {
    let status = response.status();
    let bytes = response.body().bytes().unwrap_or_default();
    let problem = if !status.is_success() {
        let code = format!("HTTP {}", status.as_u16());
        let message = "the content is not given out".to_owned();
        QueryError::Refused { code, message }
    } else if bytes.len() > longest {
        QueryError::Unreadable(format!("it has {} bytes", bytes.len()))
    } else {
        return Ok(bytes.to_vec());
    };
    Err(OrchestratorError::operation(problem))
}

/// `https://HOST` and the rest with its slash.
fn split(url: &str) -> Option<(&str, &str)> {
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let start = url.len() - host.len();
    let end = start + host.find('/')?;
    (end > start).then(|| url.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_addresses() {
        let table = [
            ("https://h/p?q=/x", Some(("https://h", "/p?q=/x"))),
            (
                "http://127.0.0.1:1/v2/",
                Some(("http://127.0.0.1:1", "/v2/")),
            ),
            ("https:///p", None),
            ("file:///etc/passwd", None),
            ("https://h", None),
        ];
        for (url, expected) in table {
            assert_eq!(split(url), expected, "{url}");
        }
    }
}
