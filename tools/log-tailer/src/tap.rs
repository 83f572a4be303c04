//! Takes the pages of `FilterLogEvents` off the wire, before the SDK decodes them (see [`crate::page`]).
//!
//! Endpoint, signature, time limits and errors stay the SDK's; it is handed an empty answer in their place.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// However much a server says that it will send, no more memory than this is taken before it comes; bytes.
const MOST_RESERVED: usize = 4 * 1024 * 1024;

/// The last page that came, as it came.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) body: Vec<u8>,
    /// The server's clock, as HTTP writes it.
    pub(crate) date: Option<String>,
}

/// Where the tap leaves the page. One call is made at a time, so that it is that call's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    page: Option<Raw>,
    /// The memory of the last page, for the next.
    spare: Vec<u8>,
}

impl Slot {
    /// The page, if there is one.
    pub(crate) fn take(&self) -> Option<Raw> {
        self.content().page.take()
    }

    /// Gives the memory of a page back.
    pub(crate) fn give_back(&self, mut body: Vec<u8>) {
        body.clear();
        self.content().spare = body;
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The configuration with a tap in its HTTP client, and where the pages are.
pub(crate) fn tapped(config: &SdkConfig) -> (SdkConfig, Slot) {
    let slot = Slot::default();
    let Some(inner) = config.http_client() else {
        return (config.clone(), slot);
    };
    let tap = Tap {
        inner,
        slot: slot.clone(),
    };
    let config = config
        .clone()
        .into_builder()
        .http_client(SharedHttpClient::new(tap))
        .build();
    (config, slot)
}

#[derive(Debug)]
struct Tap {
    inner: SharedHttpClient,
    slot: Slot,
}

impl HttpClient for Tap {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Tapped {
            inner: self.inner.http_connector(settings, components),
            slot: self.slot.clone(),
        })
    }
}

#[derive(Debug)]
struct Tapped {
    inner: SharedHttpConnector,
    slot: Slot,
}

impl HttpConnector for Tapped {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        if let Some(uri) = without_prefix(request.uri())
            && let Err(error) = request.set_uri(uri)
        {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
        }
        let is_page = request
            .headers()
            .get("x-amz-target")
            .is_some_and(|target| target.ends_with(".FilterLogEvents"));
        let answer = self.inner.call(request);
        if !is_page {
            return answer;
        }
        let slot = self.slot.clone();
        HttpConnectorFuture::new(async move {
            let mut response = answer.await?;
            if response.status().is_success() {
                let date = response.headers().get("date").map(str::to_owned);
                let mut body = std::mem::take(&mut slot.content().spare);
                let length = response
                    .headers()
                    .get("content-length")
                    .and_then(|length| length.parse().ok());
                body.reserve_exact(length.unwrap_or(0).min(MOST_RESERVED));
                let mut stream = ByteStream::new(response.take_body());
                while let Some(chunk) = stream.next().await {
                    let chunk = chunk.map_err(|error| ConnectorError::io(error.into()))?;
                    body.extend_from_slice(&chunk);
                }
                slot.content().page = Some(Raw { body, date });
                *response.body_mut() = SdkBody::from("{}");
            }
            Ok(response)
        })
    }
}

/// The SDK sends a live tail to a host of its own, `stream-HOST`. An endpoint that is an address, as that of a local
/// server, has no such neighbour.
fn without_prefix(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let rest = rest.strip_prefix("stream-")?;
    let host = rest.split(['/', ':', '?']).next()?;
    let is_address = host == "localhost" || host.parse::<Ipv4Addr>().is_ok();
    is_address.then(|| format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_local_server_for_a_live_tail() {
        let table = [
            (
                "http://stream-127.0.0.1:8080/",
                Some("http://127.0.0.1:8080/"),
            ),
            ("http://stream-localhost/", Some("http://localhost/")),
            ("https://stream-logs.us-east-1.amazonaws.com/", None),
            ("http://127.0.0.1:8080/", None),
        ];
        for (uri, expected) in table {
            assert_eq!(without_prefix(uri).as_deref(), expected, "{uri}");
        }
    }
}
