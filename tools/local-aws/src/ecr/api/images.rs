//! Images.

use serde_json::{Value, json};

use super::page::page;
use super::repository;
use crate::ecr::digest::Digest;
use crate::ecr::model::Image;
use crate::ecr::refusal::Refusal;
use crate::ecr::shelf::{Reference, Shelf};
use crate::ecr::{Ecr, Push};
use crate::protocol::{Answer, AwsError, Input, timestamp};

/// BatchGetImage's and BatchDeleteImage's.
const MOST_IMAGES: usize = 100;

/// An image as a request names it.
struct ImageId<'i> {
    digest: Option<&'i str>,
    tag: Option<&'i str>,
}

/// Why one image of a batch is left out: code and reason.
type Failure = (&'static str, String);

pub(super) fn put(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let manifest = input.required_text("imageManifest")?;
    let tag = input.text("imageTag")?;
    let digest = input
        .text("imageDigest")?
        .map(|text| Digest::parse(text).ok_or_else(|| input.refuse(digest_rule())))
        .transpose()?;
    let pushed = ecr.put_image(&Push {
        repository: name,
        manifest: manifest.as_bytes(),
        media_type: input.text("imageManifestMediaType")?,
        tag,
        digest: digest.as_ref(),
    })?;
    if !pushed.is_new {
        return Err(Refusal::ImageExists {
            digest: pushed.digest,
            tag: tag.unwrap_or("null").to_owned(),
            name: name.to_owned(),
            registry: ecr.account.id.clone(),
        }
        .into());
    }
    Ok(json!({
        "image": {
            "registryId": ecr.account.id,
            "repositoryName": name,
            "imageId": image_id(&pushed.digest, tag),
            "imageManifest": manifest,
            "imageManifestMediaType": pushed.media_type,
        }
    }))
}

pub(super) fn batch_get(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let ids = batch(input)?;
    let mut images = Vec::new();
    let mut failures = Vec::new();
    ecr.look(name, |shelf| {
        for id in &ids {
            match find(shelf, id) {
                Ok(image) => images.push((image.digest.clone(), image.media_type.clone(), id.tag)),
                Err(failure) => failures.push(failed(id, failure)),
            }
        }
        Ok(())
    })?;
    let images = images
        .into_iter()
        .map(|(digest, media_type, tag)| {
            let manifest = ecr.blobs.read(&digest).map_err(AwsError::internal)?;
            Ok(json!({
                "registryId": ecr.account.id,
                "repositoryName": name,
                "imageId": image_id(&digest, tag),
                "imageManifest": String::from_utf8_lossy(&manifest),
                "imageManifestMediaType": media_type,
            }))
        })
        .collect::<Result<Vec<Value>, AwsError>>()?;
    Ok(json!({ "images": images, "failures": failures }))
}

pub(super) fn batch_delete(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let ids = batch(input)?;
    ecr.look(name, |_| Ok(()))?;
    let mut deleted = Vec::new();
    let mut failures = Vec::new();
    for id in &ids {
        match delete(ecr, name, id)? {
            Ok(ids) => deleted.extend(ids),
            Err(failure) => failures.push(failed(id, failure)),
        }
    }
    Ok(json!({ "imageIds": deleted, "failures": failures }))
}

/// By digest: the image and all its tags. By tag: the tag, and the image with its last tag.
fn delete(
    ecr: &Ecr,
    name: &str,
    id: &ImageId<'_>,
) -> Result<Result<Vec<Value>, Failure>, AwsError> {
    let found = ecr.look(name, |shelf| Ok(find(shelf, id).cloned()))?;
    let image = match found {
        Ok(image) => image,
        Err(failure) => return Ok(Err(failure)),
    };
    let gone = match id.tag {
        Some(tag) if image.tags.len() > 1 => {
            ecr.untag(name, tag)?;
            return Ok(Ok(vec![image_id(&image.digest, Some(tag))]));
        }
        _ => ecr.delete_image(name, &image.digest),
    };
    match gone {
        Ok(()) if image.tags.is_empty() => Ok(Ok(vec![image_id(&image.digest, None)])),
        Ok(()) => Ok(Ok(image
            .tags
            .iter()
            .map(|tag| image_id(&image.digest, Some(tag)))
            .collect())),
        Err(refusal @ Refusal::ImageReferenced { .. }) => {
            Ok(Err(("ImageReferencedByManifestList", refusal.to_string())))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

pub(super) fn describe(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let ids = image_ids(input)?;
    let status = TagStatus::of(input)?;
    let details = ecr.look(name, |shelf| {
        Ok(if ids.is_empty() {
            Ok(shelf.images.values().cloned().collect())
        } else {
            ids.iter()
                .map(|id| {
                    find(shelf, id)
                        .cloned()
                        .map_err(|_absent| no_image(ecr, name, id))
                })
                .collect::<Result<Vec<Image>, AwsError>>()
        })
    })??;
    let details = details
        .into_iter()
        .filter(|image| status.takes(!image.tags.is_empty()))
        .collect();
    let (images, token) = page(input, details, |image: &Image| image.digest.to_string())?;
    let mut answer = json!({
        "imageDetails": images.iter().map(|image| detail(ecr, image)).collect::<Value>(),
    });
    if let Some(token) = token {
        answer["nextToken"] = token.into();
    }
    Ok(answer)
}

pub(super) fn list(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let status = TagStatus::of(input)?;
    let ids: Vec<(Digest, Option<String>)> = ecr.look(name, |shelf| {
        Ok(shelf
            .images
            .values()
            .flat_map(|image| {
                let bare = image
                    .tags
                    .is_empty()
                    .then_some((image.digest.clone(), None));
                let tagged = image
                    .tags
                    .iter()
                    .map(|tag| (image.digest.clone(), Some(tag.clone())));
                bare.into_iter().chain(tagged)
            })
            .filter(|(_, tag)| status.takes(tag.is_some()))
            .collect())
    })?;
    let (ids, token) = page(input, ids, |(digest, tag)| {
        format!("{digest} {}", tag.as_deref().unwrap_or_default())
    })?;
    let mut answer = json!({
        "imageIds": ids
            .iter()
            .map(|(digest, tag)| image_id(digest, tag.as_deref()))
            .collect::<Value>(),
    });
    if let Some(token) = token {
        answer["nextToken"] = token.into();
    }
    Ok(answer)
}

/// Which images a list is of.
struct TagStatus {
    tagged: bool,
    untagged: bool,
}

impl TagStatus {
    fn of(input: &Input<'_>) -> Result<Self, AwsError> {
        let status = match input.structure("filter")? {
            Some(filter) => filter.text("tagStatus")?,
            None => None,
        };
        let (tagged, untagged) = match status {
            None | Some("ANY") => (true, true),
            Some("TAGGED") => (true, false),
            Some("UNTAGGED") => (false, true),
            Some(other) => return Err(input.refuse(format!("'{other}' is no tagStatus"))),
        };
        Ok(Self { tagged, untagged })
    }

    fn takes(&self, is_tagged: bool) -> bool {
        if is_tagged {
            self.tagged
        } else {
            self.untagged
        }
    }
}

fn batch<'i>(input: &Input<'i>) -> Result<Vec<ImageId<'i>>, AwsError> {
    let ids = image_ids(input)?;
    if ids.is_empty() || ids.len() > MOST_IMAGES {
        return Err(input.refuse(format!(
            "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length between 1 and {MOST_IMAGES}'"
        )));
    }
    Ok(ids)
}

fn image_ids<'i>(input: &Input<'i>) -> Result<Vec<ImageId<'i>>, AwsError> {
    input
        .structures("imageIds")?
        .iter()
        .map(|id| {
            Ok(ImageId {
                digest: id.text("imageDigest")?,
                tag: id.text("imageTag")?,
            })
        })
        .collect()
}

fn find<'s>(shelf: &'s Shelf, id: &ImageId<'_>) -> Result<&'s Image, Failure> {
    let absent = || ("ImageNotFound", Refusal::ImageNotFound.to_string());
    let by = |reference| shelf.image(&reference).ok_or_else(absent);
    let by_digest = id
        .digest
        .map(|text| {
            Digest::parse(text)
                .map(Reference::Digest)
                .ok_or_else(|| ("InvalidImageDigest", digest_rule()))
        })
        .transpose()?;
    match (by_digest, id.tag) {
        (None, None) => Err((
            "MissingDigestAndTag",
            "Invalid request parameters: both tag and digest cannot be null".to_owned(),
        )),
        (Some(digest), None) => by(digest),
        (None, Some(tag)) => by(Reference::Tag(tag.to_owned())),
        (Some(digest), Some(tag)) => {
            let image = by(digest)?;
            if image.tags.contains(tag) {
                Ok(image)
            } else {
                Err((
                    "ImageTagDoesNotMatchDigest",
                    "Requested tag does not match the requested digest".to_owned(),
                ))
            }
        }
    }
}

fn digest_rule() -> String {
    "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        .to_owned()
}

fn failed(id: &ImageId<'_>, (code, reason): Failure) -> Value {
    let mut named = json!({});
    if let Some(digest) = id.digest {
        named["imageDigest"] = digest.into();
    }
    if let Some(tag) = id.tag {
        named["imageTag"] = tag.into();
    }
    json!({ "imageId": named, "failureCode": code, "failureReason": reason })
}

fn no_image(ecr: &Ecr, name: &str, id: &ImageId<'_>) -> AwsError {
    AwsError::new(
        "ImageNotFoundException",
        format!(
            "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{name}' in the registry with id '{}'",
            id.digest.unwrap_or("null"),
            id.tag.unwrap_or("null"),
            ecr.account.id
        ),
    )
}

fn image_id(digest: &Digest, tag: Option<&str>) -> Value {
    match tag {
        Some(tag) => json!({ "imageDigest": digest, "imageTag": tag }),
        None => json!({ "imageDigest": digest }),
    }
}

fn detail(ecr: &Ecr, image: &Image) -> Value {
    let mut detail = json!({
        "registryId": ecr.account.id,
        "repositoryName": image.repository,
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": timestamp(image.pushed_ms),
        "imageManifestMediaType": image.media_type,
        "imageStatus": "ACTIVE",
    });
    if !image.tags.is_empty() {
        detail["imageTags"] = json!(image.tags);
    }
    if let Some(artifact_type) = &image.artifact_type {
        detail["artifactMediaType"] = artifact_type.as_str().into();
    }
    if let Some(subject) = &image.subject {
        detail["subjectManifestDigest"] = subject.as_str().into();
    }
    detail
}
