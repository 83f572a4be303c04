//! A registry of its own for each test.

mod api;
mod pull;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use tempfile::TempDir;

use super::digest::Digest;
use super::manifest::{DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use super::*;
use crate::protocol::{AwsError, as_timestamp};

const HOST: &str = "127.0.0.1:4566";

struct Registry {
    ecr: Arc<Ecr>,
    directory: TempDir,
}

impl std::ops::Deref for Registry {
    type Target = Ecr;
    fn deref(&self) -> &Ecr {
        &self.ecr
    }
}

/// A registry with the repository `ludlow`.
fn registry() -> Registry {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::in_memory().unwrap());
    let account = Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    };
    let ecr = Ecr::open(
        store,
        account,
        Clock::new(1.0),
        directory.path(),
        HOST.to_owned(),
    )
    .unwrap();
    let registry = Registry { ecr, directory };
    registry.ok("CreateRepository", json!({}));
    registry
}

impl Registry {
    /// Runs an operation on `ludlow`.
    fn run(&self, operation: &str, mut input: Value) -> Answer {
        input["repositoryName"] = "ludlow".into();
        self.ecr.call(operation, &input)
    }

    fn ok(&self, operation: &str, input: Value) -> Value {
        self.run(operation, input).unwrap()
    }

    fn code(&self, operation: &str, input: Value) -> String {
        self.run(operation, input).unwrap_err().code
    }

    /// Pushes a layer by the API.
    fn layer(&self, bytes: &[u8]) -> String {
        let digest = Digest::of(bytes).to_string();
        let id = self.ok("InitiateLayerUpload", json!({}))["uploadId"].clone();
        let part = json!({
            "uploadId": id, "partFirstByte": 0, "partLastByte": bytes.len() - 1,
            "layerPartBlob": BASE64.encode(bytes),
        });
        let last = self.ok("UploadLayerPart", part)["lastByteReceived"].clone();
        assert_eq!(last, bytes.len() - 1);
        let input = json!({ "uploadId": id, "layerDigests": [digest] });
        match self.run("CompleteLayerUpload", input) {
            Ok(answer) => assert_eq!(answer["layerDigest"], digest),
            Err(error) => assert_eq!(error.code, "LayerAlreadyExistsException"),
        }
        digest
    }

    /// Pushes an image under a tag.
    fn image(&self, tag: &str, config: &Value, layer: &[u8]) -> Value {
        let config = config.to_string();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.layer(config.as_bytes()), "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": self.layer(layer), "size": layer.len(),
            }],
        });
        self.put(tag, &manifest).unwrap();
        manifest
    }

    fn put(&self, tag: &str, manifest: &Value) -> Answer {
        let input = json!({ "imageManifest": manifest.to_string(), "imageTag": tag });
        self.run("PutImage", input)
    }
}

fn digest_of(manifest: &Value) -> String {
    Digest::of(manifest.to_string().as_bytes()).to_string()
}

/// A configuration that says how to start.
fn config() -> Value {
    json!({
        "architecture": "amd64", "os": "linux",
        "config": {
            "Entrypoint": ["/ludlow"], "Cmd": null, "Env": ["A=b"], "WorkingDir": "/srv", "User": "7:8",
            "StopSignal": "SIGINT", "ExposedPorts": { "8080/tcp": {} },
        },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(b"uncompressed")] },
    })
}
