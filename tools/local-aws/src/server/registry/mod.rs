//! The registry: the OCI distribution protocol, with ECR's way of letting clients in.

mod auth;
mod blobs;
mod fault;
mod lists;
mod manifests;
mod place;
mod uploads;

use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper::body::Incoming;

use super::reply::{self, Reply};
use crate::ecr::Ecr;
use crate::ecr::refusal::Refusal;
use fault::Fault;
use place::Place;

/// What every answer says of the protocol.
const VERSION_HEADER: &str = "docker-distribution-api-version";
const VERSION: &str = "registry/2.0";
/// What names the content of an answer.
const DIGEST_HEADER: &str = "docker-content-digest";

/// One request to the registry.
struct Asked<'r> {
    ecr: &'r Arc<Ecr>,
    method: &'r Method,
    headers: &'r HeaderMap,
    uri: &'r Uri,
}

impl Asked<'_> {
    /// A parameter of the query.
    fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Does work of the registry, which writes to the disk, where no connection waits for it.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ecr) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Fault> {
        let ecr = Arc::clone(self.ecr);
        tokio::task::spawn_blocking(move || work(&ecr))
            .await
            .map_err(Fault::interrupted)?
            .map_err(Fault::from)
    }

    /// The address of a place, under the name by which the client knows this server.
    fn address(&self, path: &str) -> String {
        let host = self
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        format!("http://{host}{path}")
    }
}

/// Answers a request to `/v2/…`.
pub(super) async fn answer(ecr: &Arc<Ecr>, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let asked = Asked {
        ecr,
        method: &head.method,
        headers: &head.headers,
        uri: &head.uri,
    };
    let mut reply = match auth::refusal(&asked) {
        Some(refusal) => refusal,
        None => route(&asked, body).await.unwrap_or_else(Fault::reply),
    };
    reply
        .headers_mut()
        .insert(VERSION_HEADER, reply::header(VERSION));
    reply
}

async fn route(asked: &Asked<'_>, body: Incoming) -> Result<Reply, Fault> {
    let place = Place::parse(asked.uri.path()).ok_or_else(Fault::nowhere)?;
    match (asked.method, &place) {
        (&Method::GET | &Method::HEAD, Place::Base) => {
            Ok(reply::reply(StatusCode::OK, "application/json", "{}"))
        }
        (&Method::GET, Place::Catalog) => lists::catalog(asked).await,
        (&Method::GET, Place::Tags { name }) => lists::tags(asked, name).await,
        (&Method::GET, Place::Referrers { name, digest }) => {
            lists::referrers(asked, name, digest).await
        }
        (&Method::GET | &Method::HEAD, Place::Manifest { name, reference }) => {
            manifests::get(asked, name, reference).await
        }
        (&Method::PUT, Place::Manifest { name, reference }) => {
            manifests::put(asked, name, reference, body).await
        }
        (&Method::DELETE, Place::Manifest { name, reference }) => {
            manifests::delete(asked, name, reference).await
        }
        (&Method::GET | &Method::HEAD, Place::Blob { name, digest }) => {
            blobs::get(asked, name, digest).await
        }
        (&Method::DELETE, Place::Blob { name, digest }) => blobs::delete(asked, name, digest).await,
        (&Method::POST, Place::Uploads { name }) => uploads::begin(asked, name, body).await,
        (&Method::GET, Place::Upload { name, id }) => uploads::status(asked, name, id).await,
        (&Method::PATCH, Place::Upload { name, id }) => uploads::patch(asked, name, id, body).await,
        (&Method::PUT, Place::Upload { name, id }) => uploads::put(asked, name, id, body).await,
        (&Method::DELETE, Place::Upload { name, id }) => uploads::cancel(asked, name, id).await,
        _ => Err(Fault::unsupported(asked.method)),
    }
}
