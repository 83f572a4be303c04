//! Whether each container's image is there, for the platform that the task runs on, and stays the same.

use serde_json::Value;

use super::definition::Platform;
use super::found::Found;
use super::reference::Reference;
use super::report::Check;

/// An image as its repository has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) digest: String,
    /// Of each manifest in it.
    pub(super) platforms: Found<Vec<Platform>>,
    /// Whether the repository lets a tag be moved.
    pub(super) is_mutable: bool,
}

/// A container's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) container: String,
    pub(super) image: String,
    pub(super) found: Found<Image>,
}

pub(super) fn image(used: &Used, wanted: &Platform) -> Vec<Check> {
    let subject = &used.image;
    let reference = match Reference::parse(subject) {
        Ok(reference) => reference,
        Err(flaw) => {
            let message = format!("the image of {} cannot be read: {flaw}", used.container);
            return vec![Check::problem("image", subject, message)];
        }
    };
    let image = match &used.found {
        Found::Hidden(hidden) => return vec![Check::unknown("image", subject, hidden)],
        Found::Missing => {
            let message = format!(
                "the repository has no such image, which {} runs",
                used.container
            );
            return vec![
                Check::problem("image", subject, message)
                    .hint("push it first, or check tag and digest"),
            ];
        }
        Found::Known(image) => image,
    };
    let mut checks = vec![
        Check::ok("image", subject, format!("it is there: {}", image.digest)),
        platform(subject, image, wanted),
    ];
    if reference.digest.is_none() && image.is_mutable {
        let message = "it is named by a tag, which may be moved until ECS looks it up";
        checks.push(
            Check::warning("image-pinning", subject, message)
                .hint(format!("write {}", pinned(&reference, &image.digest))),
        );
    }
    checks
}

fn pinned(reference: &Reference, digest: &str) -> String {
    match &reference.registry {
        Some(registry) => format!("{registry}/{}@{digest}", reference.name),
        None => format!("{}@{digest}", reference.name),
    }
}

fn platform(subject: &str, image: &Image, wanted: &Platform) -> Check {
    const ID: &str = "image-platform";
    let platforms = match &image.platforms {
        Found::Hidden(hidden) => return Check::unknown(ID, subject, hidden),
        Found::Missing => &Vec::new(),
        Found::Known(platforms) => platforms,
    };
    let names: Vec<_> = platforms.iter().map(ToString::to_string).collect();
    if platforms.contains(wanted) {
        Check::ok(ID, subject, format!("it runs on {wanted}"))
    } else {
        let message = format!(
            "it is made for {}, and tasks run on {wanted}",
            names.join(", ")
        );
        Check::problem(ID, subject, message)
            .hint(format!("build it for {wanted}, or set runtimePlatform"))
    }
}

/// What a manifest says of platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Manifest {
    /// An index names them itself.
    Index(Vec<Platform>),
    /// One image: its configuration has the platform. Digest and size.
    Single { config: String, size: u64 },
}

pub(super) fn manifest(text: &str) -> Result<Manifest, String> {
    let manifest: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Some(manifests) = manifest["manifests"].as_array() {
        let platforms = manifests.iter().filter_map(|one| of(&one["platform"]));
        // Attestations are listed beside images, for no platform.
        return Ok(Manifest::Index(
            platforms.filter(|one| one.os != "unknown").collect(),
        ));
    }
    match (
        manifest["config"]["digest"].as_str(),
        manifest["config"]["size"].as_u64(),
    ) {
        (Some(config), Some(size)) => Ok(Manifest::Single {
            config: config.to_owned(),
            size,
        }),
        _ => Err("it names no configuration".to_owned()),
    }
}

/// The platform in an image's configuration.
pub(super) fn configured(bytes: &[u8]) -> Option<Platform> {
    of(&serde_json::from_slice(bytes).ok()?)
}

fn of(value: &Value) -> Option<Platform> {
    Some(Platform {
        os: value["os"].as_str()?.to_owned(),
        architecture: value["architecture"].as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Outcome;

    fn amd64() -> Platform {
        Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
        }
    }

    #[test]
    fn reads_manifests() {
        let index = r#"{"manifests":[{"platform":{"os":"linux","architecture":"amd64"}},{"platform":{"os":"unknown","architecture":"unknown"}}]}"#;
        assert_eq!(manifest(index), Ok(Manifest::Index(vec![amd64()])));
        let single = Manifest::Single {
            config: "sha256:1".to_owned(),
            size: 2,
        };
        assert_eq!(
            manifest(r#"{"config":{"digest":"sha256:1","size":2}}"#),
            Ok(single)
        );
        assert!(manifest("{}").is_err());
        assert_eq!(
            configured(br#"{"os":"linux","architecture":"amd64"}"#),
            Some(amd64())
        );
    }

    #[test]
    fn judges_images() {
        let known = |platform: Platform| {
            Found::Known(Image {
                digest: "sha256:d".to_owned(),
                platforms: Found::Known(vec![platform]),
                is_mutable: true,
            })
        };
        let arm = Platform {
            architecture: "arm64".to_owned(),
            ..amd64()
        };
        let pinned = format!("h:1/a@sha256:{}", "0".repeat(64));
        use Outcome::{Ok, Problem, Warning};
        let table = [
            ("h:1/a:t", known(amd64()), vec![Ok, Ok, Warning]),
            (pinned.as_str(), known(amd64()), vec![Ok, Ok]),
            (pinned.as_str(), known(arm), vec![Ok, Problem]),
            ("h:1/a:t", Found::Missing, vec![Problem]),
            ("h:1/A", Found::Missing, vec![Problem]),
        ];
        for (text, found, expected) in table {
            let used = Used {
                container: "c".to_owned(),
                image: text.to_owned(),
                found,
            };
            let seen: Vec<_> = image(&used, &amd64())
                .iter()
                .map(|check| check.outcome)
                .collect();
            assert_eq!(seen, expected, "{text}");
        }
    }
}
