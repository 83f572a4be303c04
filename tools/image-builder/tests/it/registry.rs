//! A registry and the three calls of ECR's API that go with it, on one port. It checks what it is sent, and fails where
//! a test asks it to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What the registry lets in: `AWS:a-password` in base64.
pub(crate) const PASSWORD: &str = "QVdTOmEtcGFzc3dvcmQ=";

/// What it has, what it was sent, and how it fails.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// By `REPOSITORY:TAG` and by `REPOSITORY@DIGEST`: media type and bytes.
    pub(crate) manifests: BTreeMap<String, (String, Vec<u8>)>,
    pub(crate) repositories: BTreeSet<String>,
    /// `METHOD PATH`, or the operation of ECR; in the order of arrival.
    pub(crate) log: Vec<String>,
    pub(crate) is_immutable: bool,
    /// Wants a token of its own token service instead of a password.
    pub(crate) wants_bearer: bool,
    /// Cuts the connection when that many bytes of an upload have come; once for each number.
    pub(crate) cuts: Vec<usize>,
    /// Answers the next requests that begin so (`METHOD PATH`) with that status.
    pub(crate) failures: Vec<(&'static str, u16)>,
    /// Stores the next manifest, and closes the connection instead of answering.
    pub(crate) loses_answer: bool,
    /// Where uploads are sent instead of here.
    pub(crate) upload_host: Option<String>,
    /// Whether what came of an upload before a cut stays.
    pub(crate) keeps_parts: bool,
    /// What stayed, by the upload's path.
    unfinished: BTreeMap<String, Vec<u8>>,
    /// The ranges of the parts that came after a cut.
    pub(crate) parts: Vec<String>,
    /// What other repositories lend: by `REPOSITORY@DIGEST`.
    pub(crate) lent: BTreeMap<String, Vec<u8>>,
    /// What a scan found, one answer after the other; `null` for an image that nobody has scanned.
    pub(crate) scans: Vec<Value>,
    uploads: u64,
}

/// A running registry; it ends with the test's process.
#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

struct Received {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Reply = Option<(u16, Vec<(&'static str, String)>, Vec<u8>)>;

impl Registry {
    /// Starts one with these repositories.
    pub(crate) fn start(repositories: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let registry = Self {
            address: listener.local_addr().unwrap().to_string(),
            state: Arc::default(),
        };
        registry.state().repositories = repositories.iter().map(ToString::to_string).collect();
        let served = registry.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = served.clone();
                std::thread::spawn(move || served.serve(stream.unwrap()));
            }
        });
        registry
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The requests so far, which are then forgotten.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }

    /// One request on a connection, then it is closed.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let Some(received) = self.receive(&mut reader) else {
            return;
        };
        let Some((status, headers, body)) = self.answer(&received) else {
            return;
        };
        let mut head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = if received.method == "HEAD" {
            Vec::new()
        } else {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
            body
        };
        let mut stream = stream;
        // The client may be gone already.
        stream
            .write_all(format!("{head}\r\n").as_bytes())
            .unwrap_or_default();
        stream.write_all(&body).unwrap_or_default();
    }

    fn receive(&self, reader: &mut BufReader<TcpStream>) -> Option<Received> {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        assert!(
            !headers.contains_key("transfer-encoding"),
            "ECR drops all but the first chunk"
        );
        let length = headers
            .get("content-length")
            .map_or(0, |text| text.parse().unwrap());
        if method == "PUT" && path.contains("/uploads/") && length > 0 {
            let cut = {
                let mut state = self.state();
                let at = state.cuts.iter().position(|&cut| cut < length);
                at.map(|at| state.cuts.remove(at))
            };
            if let Some(cut) = cut {
                let mut part = Vec::new();
                reader.take(cut as u64).read_to_end(&mut part).ok()?;
                let mut state = self.state();
                if state.keeps_parts {
                    state.unfinished.insert(path.to_owned(), part);
                }
                return None;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Received {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body,
        })
    }

    fn answer(&self, received: &Received) -> Reply {
        let mut state = self.state();
        if let Some(target) = received.headers.get("x-amz-target") {
            let operation = target.rsplit('.').next().unwrap().to_owned();
            state.log.push(operation.clone());
            return self.api(&mut state, &operation, &received.body);
        }
        let line = format!("{} {}", received.method, received.path);
        state.log.push(line.clone());
        if let Some(at) = state
            .failures
            .iter()
            .position(|(prefix, _)| line.starts_with(prefix))
        {
            let (_, status) = state.failures.remove(at);
            return refusal(status, "UNAVAILABLE", "try again");
        }
        if received.path == "/token" {
            let is_known = received.query.contains("scope=repository:")
                && received.query.contains("service=test");
            return json_reply(
                if is_known { 200 } else { 400 },
                &json!({"token": "a-token"}),
            );
        }
        let authorization = received.headers.get("authorization").map(String::as_str);
        if state.wants_bearer && authorization != Some("Bearer a-token") {
            let challenge = format!(
                "Bearer realm=\"http://{}/token\",service=\"test\"",
                self.address
            );
            return Some((401, vec![("www-authenticate", challenge)], Vec::new()));
        }
        if !state.wants_bearer && authorization != Some(&format!("Basic {PASSWORD}")) {
            let challenge =
                "Basic realm=\"https://test/\",service=\"ecr.amazonaws.com\"".to_owned();
            return Some((
                401,
                vec![("www-authenticate", challenge)],
                b"Not Authorized".to_vec(),
            ));
        }
        distribution(&mut state, received)
    }

    fn api(&self, state: &mut State, operation: &str, body: &[u8]) -> Reply {
        let input: Value = serde_json::from_slice(body).unwrap();
        let name = input["repositoryNames"][0]
            .as_str()
            .or(input["repositoryName"].as_str())
            .unwrap_or("");
        let error = |code: &str| {
            json_reply(
                400,
                &json!({"__type": code, "message": format!("{code} of {name}")}),
            )
        };
        if operation == "GetAuthorizationToken" {
            return json_reply(
                200,
                &json!({"authorizationData": [{
                    "authorizationToken": PASSWORD,
                    "expiresAt": 4_000_000_000_u64,
                    "proxyEndpoint": format!("http://{}", self.address)
                }]}),
            );
        }
        if !state.repositories.contains(name) {
            return error("RepositoryNotFoundException");
        }
        match operation {
            "DescribeRepositories" => json_reply(
                200,
                &json!({"repositories": [{
                    "repositoryName": name,
                    "repositoryUri": format!("{}/{name}", self.address),
                    "imageTagMutability": if state.is_immutable { "IMMUTABLE" } else { "MUTABLE" }
                }]}),
            ),
            "DescribeImages" => {
                let tag = input["imageIds"][0]["imageTag"].as_str().unwrap();
                match state.manifests.get(&format!("{name}:{tag}")) {
                    Some((_, bytes)) => json_reply(
                        200,
                        &json!({"imageDetails": [{"imageDigest": digest(bytes), "imageTags": [tag]}]}),
                    ),
                    None => error("ImageNotFoundException"),
                }
            }
            "StartImageScan" => json_reply(200, &json!({})),
            "DescribeImageScanFindings" => match state.scans.remove(0) {
                Value::Null => error("ScanNotFoundException"),
                found => json_reply(200, &found),
            },
            other => panic!("{other} is not called"),
        }
    }
}

/// The digest of these bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn json_reply(status: u16, value: &Value) -> Reply {
    Some((
        status,
        vec![("content-type", "application/x-amz-json-1.1".to_owned())],
        serde_json::to_vec(value).unwrap(),
    ))
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    json_reply(
        status,
        &json!({"errors": [{"code": code, "message": message}]}),
    )
}

fn distribution(state: &mut State, received: &Received) -> Reply {
    let path = received.path.strip_prefix("/v2/").unwrap();
    let (repository, kind, what) = if let Some((repository, what)) = path.split_once("/blobs/") {
        (repository, "blobs", what)
    } else {
        let (repository, what) = path.split_once("/manifests/").unwrap();
        (repository, "manifests", what)
    };
    if !state.repositories.contains(repository) {
        return refusal(404, "NAME_UNKNOWN", "no such repository");
    }
    if kind == "blobs" {
        of_blobs(state, repository, what, received)
    } else {
        of_manifests(state, repository, what, received)
    }
}

fn of_blobs(state: &mut State, repository: &str, what: &str, received: &Received) -> Reply {
    match received.method.as_str() {
        "GET" if what.starts_with("uploads/") => match state.unfinished.get(&received.path) {
            Some(part) => Some((
                204,
                vec![
                    ("range", format!("0-{}", part.len().saturating_sub(1))),
                    ("location", received.path.clone()),
                ],
                Vec::new(),
            )),
            None => refusal(404, "BLOB_UPLOAD_UNKNOWN", "no such upload"),
        },
        "PATCH" => {
            state.parts.push(received.headers["content-range"].clone());
            let part = state.unfinished.get_mut(&received.path).unwrap();
            part.extend(&received.body);
            Some((202, vec![("location", received.path.clone())], Vec::new()))
        }
        "HEAD" | "GET" => match state.blobs.get(what) {
            Some(bytes) => Some((200, Vec::new(), bytes.clone())),
            None => refusal(404, "BLOB_UNKNOWN", "no such blob"),
        },
        "POST" => {
            assert_eq!((what, received.body.len()), ("uploads/", 0));
            if let Some((digest, from)) = received
                .query
                .strip_prefix("mount=")
                .and_then(|rest| rest.split_once("&from="))
                && let Some(bytes) = state.lent.get(&format!("{from}@{digest}")).cloned()
            {
                state.blobs.insert(digest.to_owned(), bytes);
                return Some((201, Vec::new(), Vec::new()));
            }
            state.uploads += 1;
            let path = format!("/v2/{repository}/blobs/uploads/{}", state.uploads);
            let location = state
                .upload_host
                .clone()
                .map_or(path.clone(), |host| format!("{host}{path}"));
            Some((202, vec![("location", location)], Vec::new()))
        }
        "PUT" => {
            let expected = received.query.strip_prefix("digest=").unwrap();
            let mut body = state.unfinished.remove(&received.path).unwrap_or_default();
            body.extend(&received.body);
            if digest(&body) != expected {
                return refusal(400, "DIGEST_INVALID", "other content");
            }
            state.blobs.insert(expected.to_owned(), body);
            Some((201, Vec::new(), Vec::new()))
        }
        _ => refusal(405, "UNSUPPORTED", "not supported"),
    }
}

fn of_manifests(state: &mut State, repository: &str, what: &str, received: &Received) -> Reply {
    match received.method.as_str() {
        "PUT" => put_manifest(state, repository, what, received),
        "HEAD" | "GET" => {
            let separator = if what.starts_with("sha256:") {
                '@'
            } else {
                ':'
            };
            match state
                .manifests
                .get(&format!("{repository}{separator}{what}"))
            {
                Some((media_type, bytes)) => Some((
                    200,
                    vec![
                        ("content-type", media_type.clone()),
                        ("docker-content-digest", digest(bytes)),
                    ],
                    bytes.clone(),
                )),
                None => refusal(404, "MANIFEST_UNKNOWN", "Requested image not found"),
            }
        }
        _ => refusal(405, "UNSUPPORTED", "not supported"),
    }
}

fn put_manifest(state: &mut State, repository: &str, tag: &str, received: &Received) -> Reply {
    let manifest: Value = serde_json::from_slice(&received.body).unwrap();
    for part in manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .chain([&manifest["config"]])
    {
        if !state.blobs.contains_key(part["digest"].as_str().unwrap()) {
            return refusal(400, "MANIFEST_BLOB_UNKNOWN", "a blob is missing");
        }
    }
    let name = format!("{repository}:{tag}");
    if state.is_immutable && state.manifests.contains_key(&name) {
        let message = format!(
            "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the repository is immutable."
        );
        return refusal(400, "TAG_INVALID", &message);
    }
    let entry = (
        received.headers["content-type"].clone(),
        received.body.clone(),
    );
    let digest = digest(&received.body);
    state
        .manifests
        .insert(format!("{repository}@{digest}"), entry.clone());
    state.manifests.insert(name, entry);
    if std::mem::take(&mut state.loses_answer) {
        return None;
    }
    Some((201, vec![("docker-content-digest", digest)], Vec::new()))
}
