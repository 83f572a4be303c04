//! A server of its own for each test, and a client that hides nothing of HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::program::serve;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";

/// A running server. It is killed, not stopped, when the test ends.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Runs a subcommand to its end.
pub(crate) fn local_aws(arguments: &[&str], state: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_local-aws"))
        .args(arguments)
        .arg("--state")
        .arg(state)
        .output()
        .unwrap()
}

impl Server {
    /// A server on this state, once it has said that it is ready.
    pub(crate) fn start(state: &Path) -> Self {
        let (child, ready, address) = serve(state, &[]);
        assert_eq!(ready["kind"], "local-aws-ready");
        assert_eq!(ready["pid"], child.id());
        Self { child, address }
    }

    /// Ends the server as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a request as it is, on a connection of its own.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let mut stream = self.begin(method, path, headers, body.len());
        stream.write_all(body).unwrap();
        Reply::read(stream)
    }

    /// Sends a request's head, and leaves the body to the caller.
    pub(crate) fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        length: usize,
    ) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // A test that hangs must fail.
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n"
        );
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// Runs an operation of ECR.
    pub(crate) fn ecr(&self, operation: &str, input: &Value) -> Value {
        let target = format!("{ECR}.{operation}");
        let headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target.as_str()),
        ];
        let reply = self.send("POST", "/", &headers, input.to_string().as_bytes());
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// A client of the registry, and a repository for it.
    pub(crate) fn registry(&self, repository: &str) -> Registry<'_> {
        self.ecr("CreateRepository", &json!({ "repositoryName": repository }));
        let answer = self.ecr("GetAuthorizationToken", &json!({}));
        let token = answer["authorizationData"][0]["authorizationToken"]
            .as_str()
            .unwrap();
        Registry {
            server: self,
            authorization: format!("Basic {token}"),
            base: format!("/v2/{repository}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

impl Reply {
    pub(crate) fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        Self {
            status: status.parse().unwrap(),
            headers: lines
                .map(|line| {
                    let (name, value) = line.split_once(": ").unwrap();
                    (name.to_ascii_lowercase(), value.to_owned())
                })
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status and the code of a registry's error.
    pub(crate) fn fault(&self) -> (u16, String) {
        let code = self.json()["errors"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned();
        (self.status, code)
    }

    /// The path of `Location`.
    pub(crate) fn place(&self) -> String {
        let location = self.header("location").unwrap();
        let path = location.strip_prefix("http://").unwrap();
        path[path.find('/').unwrap()..].to_owned()
    }
}

/// A client of one repository, with its password.
pub(crate) struct Registry<'s> {
    pub(crate) server: &'s Server,
    authorization: String,
    base: String,
}

impl Registry<'_> {
    /// Sends a request below `/v2/NAME`, or to a path that begins with `/v2/`.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let path = if path.starts_with("/v2/") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let authorization = [("Authorization", self.authorization.as_str())];
        self.server
            .send(method, &path, &[&authorization, headers].concat(), body)
    }

    pub(crate) fn authorization(&self) -> &str {
        &self.authorization
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// Pushes a blob in one go.
    pub(crate) fn push_blob(&self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let reply = self.send(
            "POST",
            &format!("/blobs/uploads/?digest={digest}"),
            &[],
            bytes,
        );
        assert_eq!(reply.status, 201);
        digest
    }

    /// Pushes a manifest and gives its digest.
    pub(crate) fn push_manifest(&self, reference: &str, manifest: &Value) -> String {
        let bytes = manifest.to_string();
        let media_type = manifest["mediaType"].as_str().unwrap();
        let headers = [("Content-Type", media_type)];
        let reply = self.send(
            "PUT",
            &format!("/manifests/{reference}"),
            &headers,
            bytes.as_bytes(),
        );
        assert_eq!(
            reply.status,
            201,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        digest(bytes.as_bytes())
    }

    /// Pushes an image of one layer under a tag, and gives its manifest.
    pub(crate) fn push_image(&self, tag: &str, layer: &[u8]) -> Value {
        let config = b"{}";
        self.push_blob(config);
        self.push_blob(layer);
        let manifest = image(config, layer);
        self.push_manifest(tag, &manifest);
        manifest
    }
}

/// `sha256:…`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The digest of a manifest as it is sent.
pub(crate) fn digest_of(manifest: &Value) -> String {
    digest(manifest.to_string().as_bytes())
}

/// A reference to a blob.
pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
}

/// The manifest of an image of one layer.
pub(crate) fn image(config: &[u8], layer: &[u8]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    })
}

/// `Basic …` of a user and a password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}
