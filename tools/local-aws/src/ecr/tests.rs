//! ECR's API over `call`, and pulling.

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

#[test]
fn describes_repositories() {
    let ecr = registry();
    let answer = ecr.call("DescribeRepositories", &json!({})).unwrap();
    let repository = &answer["repositories"][0];
    assert!(as_timestamp(&repository["createdAt"]).is_some());
    assert_eq!(
        repository["repositoryArn"],
        "arn:aws:ecr:us-east-1:000000000000:repository/ludlow"
    );
    assert_eq!(repository["repositoryUri"], "127.0.0.1:4566/ludlow");
    assert_eq!(repository["imageTagMutability"], "MUTABLE");
    assert_eq!(
        ecr.run("CreateRepository", json!({})),
        Err(AwsError::new(
            "RepositoryAlreadyExistsException",
            "The repository with name 'ludlow' already exists in the registry with id '000000000000'"
        ))
    );
    assert_eq!(
        ecr.call(
            "DescribeRepositories",
            &json!({ "repositoryNames": ["other"] })
        ),
        Err(AwsError::new(
            "RepositoryNotFoundException",
            "The repository with name 'other' does not exist in the registry with id '000000000000'"
        ))
    );
    let upper = ecr.call("CreateRepository", &json!({ "repositoryName": "Ludlow" }));
    assert_eq!(
        upper,
        Err(AwsError::new(
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''"
        ))
    );
}

#[test]
fn lists_repositories_in_pages() {
    let ecr = registry();
    for name in ["aa", "zz"] {
        ecr.call("CreateRepository", &json!({ "repositoryName": name }))
            .unwrap();
    }
    let names = |answer: &Value| -> Vec<String> {
        let list = answer["repositories"].as_array().unwrap();
        list.iter()
            .map(|one| one["repositoryName"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = ecr
        .call("DescribeRepositories", &json!({ "maxResults": 2 }))
        .unwrap();
    assert_eq!(names(&first), ["aa", "ludlow"]);
    let second = json!({ "maxResults": 2, "nextToken": first["nextToken"] });
    let second = ecr.call("DescribeRepositories", &second).unwrap();
    assert_eq!(names(&second), ["zz"]);
    assert_eq!(second.get("nextToken"), None);
}

#[test]
fn survives_a_restart() {
    let ecr = registry();
    let manifest = ecr.image("v1", &config(), b"layer");
    let again = Ecr::open(
        Arc::clone(&ecr.store),
        ecr.account.clone(),
        ecr.clock,
        ecr.directory.path(),
        HOST.to_owned(),
    )
    .unwrap();
    let input = json!({ "repositoryName": "ludlow", "imageIds": [{ "imageTag": "v1" }] });
    let answer = again.call("BatchGetImage", &input).unwrap();
    assert_eq!(answer["images"][0]["imageManifest"], manifest.to_string());
    assert_eq!(again.counts(), (1, 1));
}

#[test]
fn refuses_images_as_ecr_does() {
    let ecr = registry();
    let manifest = ecr.image("v1", &config(), b"layer");
    let digest = digest_of(&manifest);
    assert_eq!(
        ecr.put("v1", &manifest),
        Err(AwsError::new(
            "ImageAlreadyExistsException",
            format!(
                "Image with digest '{digest}' and tag 'v1' already exists in the repository with name 'ludlow' in registry with id '000000000000'"
            )
        ))
    );
    let mut lacking = manifest.clone();
    let absent = Digest::of(b"absent");
    lacking["layers"][0]["digest"] = json!(absent);
    assert_eq!(
        ecr.put("v2", &lacking),
        Err(AwsError::new(
            "LayersNotFoundException",
            format!(
                "Layers with digests '[{absent}]' required for pushing image into repository with name 'ludlow' in the registry with id '000000000000' do not exist"
            )
        ))
    );
    let index = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [{ "mediaType": OCI_MANIFEST, "digest": absent, "size": 1 }],
    });
    assert_eq!(
        ecr.put("v2", &index).unwrap_err().code,
        "ReferencedImagesNotFoundException"
    );
    let wrong = json!({ "imageManifest": manifest.to_string(), "imageDigest": absent });
    assert_eq!(
        ecr.code("PutImage", wrong),
        "ImageDigestDoesNotMatchException"
    );
    let renamed = json!({
        "imageManifest": manifest.to_string(), "imageManifestMediaType": DOCKER_MANIFEST,
    });
    assert_eq!(ecr.code("PutImage", renamed), "InvalidParameterException");
}

#[test]
fn holds_immutable_tags() {
    let ecr = registry();
    let mutability = json!({
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "dev-*" }],
    });
    ecr.ok("PutImageTagMutability", mutability);
    ecr.image("v1", &config(), b"one");
    ecr.image("dev-1", &config(), b"two");
    let other = ecr.image("v2", &config(), b"three");
    assert_eq!(
        ecr.put("v1", &other),
        Err(AwsError::new(
            "ImageTagAlreadyExistsException",
            "The image tag 'v1' already exists in the 'ludlow' repository and cannot be overwritten because the tag is immutable."
        ))
    );
    ecr.put("dev-1", &other).unwrap();
    let bare = json!({ "imageTagMutability": "MUTABLE_WITH_EXCLUSION" });
    assert_eq!(
        ecr.code("PutImageTagMutability", bare),
        "InvalidParameterException"
    );
}

#[test]
fn finds_images_by_digest_and_tag() {
    let ecr = registry();
    let manifest = ecr.image("v1", &config(), b"one");
    let other = ecr.image("v1", &config(), b"two");
    let (untagged, tagged) = (digest_of(&manifest), digest_of(&other));
    let filter = |status: &str| {
        let answer = ecr.ok("ListImages", json!({ "filter": { "tagStatus": status } }));
        answer["imageIds"].clone()
    };
    assert_eq!(filter("UNTAGGED"), json!([{ "imageDigest": untagged }]));
    assert_eq!(
        filter("TAGGED"),
        json!([{ "imageDigest": tagged, "imageTag": "v1" }])
    );
    assert_eq!(
        ecr.run(
            "DescribeImages",
            json!({ "imageIds": [{ "imageTag": "v9" }] })
        ),
        Err(AwsError::new(
            "ImageNotFoundException",
            "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository with name 'ludlow' in the registry with id '000000000000'"
        ))
    );
    let ids = json!({ "imageIds": [
        { "imageDigest": untagged },
        { "imageTag": "v9" },
        { "imageDigest": untagged, "imageTag": "v1" },
        { "imageDigest": "x" },
        {},
    ] });
    let answer = ecr.ok("BatchGetImage", ids);
    assert_eq!(answer["images"].as_array().unwrap().len(), 1);
    let failures: Vec<_> = answer["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["failureCode"].as_str().unwrap())
        .collect();
    assert_eq!(
        failures,
        [
            "ImageNotFound",
            "ImageTagDoesNotMatchDigest",
            "InvalidImageDigest",
            "MissingDigestAndTag"
        ]
    );
}

#[test]
fn deletes_an_image_with_its_last_tag() {
    let ecr = registry();
    let manifest = ecr.image("v1", &config(), b"one");
    ecr.put("v2", &manifest).unwrap();
    let digest = digest_of(&manifest);
    let delete = |id: Value| ecr.ok("BatchDeleteImage", json!({ "imageIds": [id] }));
    assert_eq!(
        delete(json!({ "imageTag": "v1" }))["imageIds"],
        json!([{ "imageDigest": digest, "imageTag": "v1" }])
    );
    assert_eq!(ecr.counts(), (1, 1));
    delete(json!({ "imageTag": "v2" }));
    assert_eq!(ecr.counts(), (1, 0));
    let again = delete(json!({ "imageTag": "v2" }));
    assert_eq!(again["failures"][0]["failureCode"], "ImageNotFound");
    ecr.ok("DeleteRepository", json!({}));
}

#[test]
fn takes_layers_in_parts() {
    let ecr = registry();
    let id = ecr.ok("InitiateLayerUpload", json!({}))["uploadId"].clone();
    let part = |first: usize, last: usize, bytes: &[u8]| {
        let input = json!({
            "uploadId": id, "partFirstByte": first, "partLastByte": last, "layerPartBlob": BASE64.encode(bytes),
        });
        ecr.run("UploadLayerPart", input)
            .map_err(|error| error.code)
    };
    let empty = json!({ "uploadId": id, "layerDigests": [Digest::of(b"")] });
    assert_eq!(
        ecr.code("CompleteLayerUpload", empty),
        "EmptyUploadException"
    );
    let invalid = || Err("InvalidLayerPartException".to_owned());
    assert_eq!(part(0, 1, b"abc"), invalid());
    assert_eq!(part(1, 3, b"abc"), invalid());
    assert_eq!(part(0, 2, b"abc").unwrap()["lastByteReceived"], 2);
    assert_eq!(part(3, 3, b"d").unwrap()["lastByteReceived"], 3);
    let wrong = json!({ "uploadId": id, "layerDigests": [Digest::of(b"other")] });
    assert_eq!(
        ecr.code("CompleteLayerUpload", wrong),
        "InvalidLayerException"
    );
    assert_eq!(part(4, 4, b"e"), Err("UploadNotFoundException".to_owned()));
    let digest = ecr.layer(b"abcd");
    let absent = Digest::of(b"absent");
    let answer = ecr.ok(
        "BatchCheckLayerAvailability",
        json!({ "layerDigests": [digest, absent, "x"] }),
    );
    assert_eq!(
        answer,
        json!({
            "layers": [
                { "layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": 4 },
                { "layerDigest": absent, "layerAvailability": "UNAVAILABLE" },
            ],
            "failures": [{
                "layerDigest": "x", "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid layer digest 'x'",
            }],
        })
    );
}

#[test]
fn keeps_policies_and_tags() {
    let ecr = registry();
    assert_eq!(
        ecr.code("GetLifecyclePolicy", json!({})),
        "LifecyclePolicyNotFoundException"
    );
    assert_eq!(
        ecr.code("GetRepositoryPolicy", json!({})),
        "RepositoryPolicyNotFoundException"
    );
    let rule = json!({
        "rulePriority": 1,
        "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10 },
        "action": { "type": "expire" },
    });
    let text = json!({ "rules": [rule] }).to_string();
    ecr.ok("PutLifecyclePolicy", json!({ "lifecyclePolicyText": text }));
    assert_eq!(
        ecr.ok("GetLifecyclePolicy", json!({}))["lifecyclePolicyText"],
        text
    );
    let bad = json!({ "lifecyclePolicyText": "{\"rules\":[]}" });
    assert_eq!(
        ecr.code("PutLifecyclePolicy", bad),
        "InvalidParameterException"
    );
    let arn = "arn:aws:ecr:us-east-1:000000000000:repository/ludlow";
    let tags = json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }] });
    ecr.call("TagResource", &tags).unwrap();
    ecr.call(
        "UntagResource",
        &json!({ "resourceArn": arn, "tagKeys": ["a"] }),
    )
    .unwrap();
    let list = ecr
        .call("ListTagsForResource", &json!({ "resourceArn": arn }))
        .unwrap();
    assert_eq!(list, json!({ "tags": [{ "Key": "b", "Value": "2" }] }));
}

#[test]
fn resolves_images_for_ecs() {
    let ecr = registry();
    let manifest = ecr.image("v1", &config(), b"layer");
    let digest = digest_of(&manifest);
    let expected = LocalImage {
        digest: digest.clone(),
        config: ImageConfig {
            entrypoint: vec!["/ludlow".to_owned()],
            cmd: Vec::new(),
            env: vec!["A=b".to_owned()],
            working_dir: "/srv".to_owned(),
            user: "7:8".to_owned(),
            stop_signal: "SIGINT".to_owned(),
            exposed_ports: vec!["8080/tcp".to_owned()],
            architecture: "amd64".to_owned(),
        },
        layers: vec![LocalLayer {
            path: ecr
                .directory
                .path()
                .join("blobs/sha256")
                .join(Digest::of(b"layer").digits()),
            media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
            digest: Digest::of(b"layer").into(),
            diff_id: Digest::of(b"uncompressed").into(),
        }],
    };
    for image in [
        format!("{HOST}/ludlow:v1"),
        format!("{HOST}/ludlow@{digest}"),
        format!("{HOST}/ludlow:gone@{digest}"),
        "localhost:4566/ludlow:v1".to_owned(),
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ludlow:v1".to_owned(),
    ] {
        assert_eq!(ecr.resolve(&image), Ok(expected.clone()), "{image}");
    }
    assert_eq!(std::fs::read(&expected.layers[0].path).unwrap(), b"layer");
}

#[test]
fn says_in_ecss_words_why_an_image_cannot_be_pulled() {
    let ecr = registry();
    let check = |image: &str, reason: &str| {
        let error = ecr.resolve(image).unwrap_err().to_string();
        let expected =
            format!("CannotPullContainerError: pull image manifest has been retried {reason}");
        assert_eq!(error, expected);
    };
    let image = format!("{HOST}/ludlow:v9");
    check(
        &image,
        &format!("1 time(s): failed to resolve ref {image}: {image}: not found"),
    );
    let image = format!("{HOST}/other");
    check(
        &image,
        &format!("1 time(s): failed to resolve ref {image}: {image}: not found"),
    );
    check(
        "nginx",
        "1 time(s): failed to resolve ref nginx: local-aws pulls from its own registry only, 127.0.0.1:4566; push the image there",
    );
    let child = ecr.image("child", &config(), b"layer");
    let index = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [{
            "mediaType": OCI_MANIFEST, "digest": digest_of(&child), "size": child.to_string().len(),
            "platform": { "os": "linux", "architecture": "s390x" },
        }],
    });
    ecr.put("index", &index).unwrap();
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    check(
        &format!("{HOST}/ludlow:index"),
        &format!(
            "7 time(s): image Manifest does not contain descriptor matching platform 'linux/{architecture}'"
        ),
    );
}

#[test]
fn resolves_an_index_to_the_image_of_this_machine() {
    let ecr = registry();
    let child = ecr.image("child", &config(), b"layer");
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let index = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [{
            "mediaType": OCI_MANIFEST, "digest": digest_of(&child), "size": child.to_string().len(),
            "platform": { "os": "linux", "architecture": architecture },
        }],
    });
    ecr.put("index", &index).unwrap();
    let resolved = ecr.resolve(&format!("{HOST}/ludlow:index")).unwrap();
    assert_eq!(resolved.digest, digest_of(&child));
}

#[test]
fn gives_passwords_for_twelve_hours() {
    let ecr = registry();
    let before = ecr.clock.now_ms();
    let answer = ecr.call("GetAuthorizationToken", &json!({})).unwrap();
    let after = ecr.clock.now_ms();
    let data = &answer["authorizationData"][0];
    let expires = as_timestamp(&data["expiresAt"]).unwrap();
    let twelve_hours = 12 * 3600 * 1000;
    assert!(
        (before..=after).contains(&(expires - twelve_hours)),
        "{expires}"
    );
    assert_eq!(data["proxyEndpoint"], "http://127.0.0.1:4566");
    let token = BASE64
        .decode(data["authorizationToken"].as_str().unwrap())
        .unwrap();
    let token = String::from_utf8(token).unwrap();
    let (user, password) = token.split_once(':').unwrap();
    assert_eq!(ecr.judge(user, password), Verdict::Good);
    assert_eq!(ecr.judge("root", password), Verdict::Bad);
}

#[test]
fn is_the_registry_of_one_account() {
    let ecr = registry();
    let other = json!({ "registryId": "111111111111" });
    assert_eq!(
        ecr.code("DescribeImages", other),
        "RegistryNotFoundException"
    );
    let unknown = ecr.run("StartImageScan", json!({}));
    assert_eq!(unknown, Err(AwsError::unsupported("ecr", "StartImageScan")));
}
