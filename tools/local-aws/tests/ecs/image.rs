//! The one image of all tasks: a script that calls this test program.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::server::Server;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Pushes the image and gives the reference to it.
pub(crate) fn push(server: &Server) -> String {
    let repository = server.ecr("CreateRepository", &json!({ "repositoryName": "app" }));
    let uri = repository["repository"]["repositoryUri"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = server.ecr("GetAuthorizationToken", &json!({}));
    let token = answer["authorizationData"][0]["authorizationToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let layer = archive("app", script().as_bytes());
    let config = json!({
        "architecture": architecture(), "os": "linux", "config": { "Entrypoint": ["/app"] },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    });
    let config = config.to_string().into_bytes();
    let authorization = format!("Basic {token}");
    let send = |method: &str, path: &str, media_type: &str, body: &[u8]| {
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", media_type),
        ];
        let reply = server.send(method, path, &headers, body);
        assert_eq!(reply.status, 201, "{path}: {}", reply.text());
    };
    for blob in [&layer, &config] {
        let path = format!("/v2/app/blobs/uploads/?digest={}", digest(blob));
        send("POST", &path, "application/octet-stream", blob);
    }
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor(CONFIG, &config), "layers": [descriptor(LAYER, &layer)],
    });
    send(
        "PUT",
        "/v2/app/manifests/v1",
        MANIFEST,
        manifest.to_string().as_bytes(),
    );
    format!("{uri}:v1")
}

fn script() -> String {
    let program = std::env::current_exe().unwrap();
    format!(
        "#!/bin/sh\nexec '{}' --exact application::application --nocapture\n",
        program.display()
    )
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
}

/// A tar archive of one executable file.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000755\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    // The sum is taken with blanks in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}
