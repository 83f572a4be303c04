//! Pulling, as ECS does.

use super::*;

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
