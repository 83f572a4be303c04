//! The document, and numbers for people.

use contract::image::{Image, ImageOutcome, Layer};

use crate::image::layout::Stored;

/// The document of an image in a repository, or on its way there.
pub(crate) fn document(
    image: &Stored,
    repository: &str,
    tag: &str,
    outcome: ImageOutcome,
    pushed: bool,
) -> Image {
    let origins = image.config.layer_origins();
    let layers = image
        .manifest
        .layers
        .iter()
        .zip(origins)
        .map(|(layer, created_by)| Layer {
            digest: layer.digest.to_string(),
            size: layer.size,
            created_by,
        })
        .collect();
    Image {
        repository: repository.to_owned(),
        tag: tag.to_owned(),
        digest: image.digest.to_string(),
        reference: format!("{repository}@{}", image.digest),
        platform: image.config.platform.to_string(),
        size: image.bytes.len() as u64 + image.manifest.content_size(),
        layers,
        engine: image.engine.clone().unwrap_or_else(|| "unknown".to_owned()),
        outcome,
        pushed,
    }
}

/// A number of bytes, for people: `12.3 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    // Tenths of a unit, rounded; exact arithmetic, so that 999,950 becomes 1.0 MB.
    let mut tenths = (count + 50) / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < units.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_bytes_for_people() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (12_345_678, "12.3 MB"),
            (999_960, "1.0 MB"),
            (5_000_000_000_000_000, "5000.0 TB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }
}
