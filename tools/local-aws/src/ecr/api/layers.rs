//! Layers, as clients of the API (rather than of the distribution protocol) move them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde_json::{Value, json};

use super::repository;
use crate::ecr::Ecr;
use crate::ecr::digest::Digest;
use crate::protocol::{Answer, AwsError, Input};

/// What InitiateLayerUpload asks clients to send at once, in bytes.
const PART_SIZE: u64 = 10 << 20;
/// UploadLayerPart's, in bytes.
const MOST_PER_PART: usize = 20_971_520;
/// BatchCheckLayerAvailability's.
const MOST_LAYERS: usize = 100;
/// How long a download address is good for, in milliseconds.
const DOWNLOAD_MS: i64 = 3600 * 1000;

pub(super) fn check(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let digests = input.texts("layerDigests")?;
    if digests.is_empty() || digests.len() > MOST_LAYERS {
        return Err(input.refuse(format!(
            "Invalid parameter at 'layerDigests' failed to satisfy constraint: 'Member must have length between 1 and {MOST_LAYERS}'"
        )));
    }
    let mut layers: Vec<Value> = Vec::new();
    let mut failures: Vec<Value> = Vec::new();
    ecr.look(name, |shelf| {
        for text in digests {
            let Some(digest) = Digest::parse(text) else {
                failures.push(json!({
                    "layerDigest": text,
                    "failureCode": "InvalidLayerDigest",
                    "failureReason": format!("Invalid layer digest '{text}'"),
                }));
                continue;
            };
            layers.push(match shelf.layers.get(&digest) {
                Some(layer) => json!({
                    "layerDigest": digest,
                    "layerAvailability": "AVAILABLE",
                    "layerSize": layer.size,
                }),
                None => json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" }),
            });
        }
        Ok(())
    })?;
    Ok(json!({ "layers": layers, "failures": failures }))
}

pub(super) fn initiate(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let id = ecr.begin_upload(name)?;
    Ok(json!({ "uploadId": id, "partSize": PART_SIZE }))
}

pub(super) fn upload_part(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let id = input.required_text("uploadId")?;
    let position = |member: &str| -> Result<u64, AwsError> {
        input
            .integer(member)?
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| input.refuse(format!("{member} must be a position of at least 0")))
    };
    let (first, last) = (position("partFirstByte")?, position("partLastByte")?);
    let part = BASE64
        .decode(input.required_text("layerPartBlob")?)
        .map_err(|error| input.refuse(format!("layerPartBlob is not base64: {error}")))?;
    if part.len() > MOST_PER_PART
        || last.checked_sub(first).map(|span| span + 1) != Some(part.len() as u64)
    {
        return Err(AwsError::new(
            "InvalidLayerPartException",
            format!(
                "the part has {} bytes; they must be those from partFirstByte to partLastByte, and at most {MOST_PER_PART}",
                part.len()
            ),
        ));
    }
    let mut part = Some(Bytes::from(part));
    let size = ecr.append(name, id, Some(first), || part.take())?;
    Ok(json!({
        "registryId": ecr.account.id,
        "repositoryName": name,
        "uploadId": id,
        "lastByteReceived": size - 1,
    }))
}

pub(super) fn complete(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let id = input.required_text("uploadId")?;
    let digests = input.texts("layerDigests")?;
    let digest = digests
        .iter()
        .find_map(|text| Digest::parse(text))
        .ok_or_else(|| input.refuse("layerDigests must have the layer's sha256 digest"))?;
    let size = ecr.upload_size(name, id)?;
    if size == 0 {
        return Err(AwsError::new(
            "EmptyUploadException",
            format!("the upload with id '{id}' has no parts"),
        ));
    }
    if ecr.layer(name, &digest).is_ok() {
        ecr.cancel_upload(name, id)?;
        return Err(AwsError::new(
            "LayerAlreadyExistsException",
            format!(
                "Layer with digest '{digest}' already exists in the repository with name '{name}'"
            ),
        ));
    }
    ecr.complete_upload(name, id, &digest)?;
    Ok(json!({
        "registryId": ecr.account.id,
        "repositoryName": name,
        "uploadId": id,
        "layerDigest": digest,
    }))
}

pub(super) fn download_url(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let text = input.required_text("layerDigest")?;
    let absent = || {
        AwsError::new(
            "LayersNotFoundException",
            format!(
                "The layer with digest '{text}' does not exist in the repository with name '{name}'"
            ),
        )
    };
    let digest = Digest::parse(text).ok_or_else(absent)?;
    if !ecr.look(name, |shelf| Ok(shelf.layers.contains_key(&digest)))? {
        return Err(absent());
    }
    let path = format!("/v2/{name}/blobs/{digest}");
    let expires_ms = ecr.clock.now_ms() + DOWNLOAD_MS;
    let signature = ecr.tokens.sign(&path, expires_ms);
    Ok(json!({
        "downloadUrl": format!(
            "http://{}{path}?expires={expires_ms}&signature={signature}",
            ecr.endpoint_host
        ),
        "layerDigest": digest,
    }))
}
