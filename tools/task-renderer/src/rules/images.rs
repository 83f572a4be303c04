//! Images: whether the definition says exactly what runs.

use super::Settings;
use super::view::{Task, text};
use crate::Problem;
use crate::problem::Severity;

/// Characters of an image's reference.
const LONGEST: usize = 255;

const CONTAINER: &str = "API_ContainerDefinition";

pub(super) fn problems(task: &Task<'_>, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for container in &task.containers {
        let image = text(&container.value["image"]);
        if image.is_empty() {
            continue;
        }
        let place = container.at("image");
        // A tag's length is limited; repository and digest may well be longer together.
        let is_too_long = image.len() > LONGEST && !image.contains('@');
        if is_too_long || image.chars().any(|c| c.is_whitespace() || c.is_control()) {
            problems.push(
                Problem::new(
                    place,
                    "it is not an image's reference",
                    "write REPOSITORY@sha256:DIGEST",
                )
                .by(CONTAINER),
            );
        } else if image.contains('@') && !names_a_digest(image) {
            problems.push(
                Problem::new(
                    place,
                    format!("{image} has no whole digest"),
                    "write @sha256: and 64 hexadecimal digits",
                )
                .by(CONTAINER),
            );
        } else if !names_a_digest(image) {
            let severity = if settings.require_digest {
                Severity::Error
            } else {
                Severity::Warning
            };
            problems.push(
                Problem::new(
                    place,
                    format!("{image} does not name its digest"),
                    "write REPOSITORY@sha256:DIGEST, so that what was tested is what runs",
                )
                .by("container-image-version-consistency")
                .weighing(severity),
            );
        }
    }
    problems
}

pub(crate) fn names_a_digest(reference: &str) -> bool {
    reference
        .split_once("@sha256:")
        .is_some_and(|(repository, digest)| {
            !repository.is_empty()
                && digest.len() == 64
                && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}
