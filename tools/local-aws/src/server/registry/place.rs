//! What a path of the registry means.

use percent_encoding::percent_decode_str;

/// A place in the registry. Names and references are not yet checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Base,
    Catalog,
    Tags { name: String },
    Referrers { name: String, digest: String },
    Manifest { name: String, reference: String },
    Blob { name: String, digest: String },
    Uploads { name: String },
    Upload { name: String, id: String },
}

impl Place {
    /// Reads `/v2/NAME/…`. Names have slashes, so a path is understood from its end.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let rest = path.strip_prefix("/v2")?;
        if rest.is_empty() || rest == "/" {
            return Some(Self::Base);
        }
        let segments: Vec<&str> = rest.strip_prefix('/')?.split('/').collect();
        let owned = |parts: &[&str]| (!parts.is_empty()).then(|| parts.join("/"));
        Some(match segments.as_slice() {
            ["_catalog"] => Self::Catalog,
            [name @ .., "tags", "list"] => Self::Tags { name: owned(name)? },
            [name @ .., "referrers", digest] => Self::Referrers {
                name: owned(name)?,
                digest: (*digest).to_owned(),
            },
            [name @ .., "manifests", reference] => Self::Manifest {
                name: owned(name)?,
                reference: (*reference).to_owned(),
            },
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Self::Uploads { name: owned(name)? }
            }
            [name @ .., "blobs", "uploads", id] => Self::Upload {
                name: owned(name)?,
                id: (*id).to_owned(),
            },
            [name @ .., "blobs", digest] => Self::Blob {
                name: owned(name)?,
                digest: (*digest).to_owned(),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths_from_their_end() {
        let name = || "a/blobs/b".to_owned();
        let table = [
            ("/v2", Some(Place::Base)),
            ("/v2/", Some(Place::Base)),
            ("/v2/_catalog", Some(Place::Catalog)),
            (
                "/v2/a/blobs/b/tags/list",
                Some(Place::Tags { name: name() }),
            ),
            (
                "/v2/a/blobs/b/blobs/uploads/",
                Some(Place::Uploads { name: name() }),
            ),
            (
                "/v2/a/blobs/b/blobs/uploads",
                Some(Place::Uploads { name: name() }),
            ),
            (
                "/v2/a/blobs/b/blobs/uploads/1",
                Some(Place::Upload {
                    name: name(),
                    id: "1".to_owned(),
                }),
            ),
            (
                "/v2/a/blobs/b/blobs/sha256%3Ax",
                Some(Place::Blob {
                    name: name(),
                    digest: "sha256:x".to_owned(),
                }),
            ),
            (
                "/v2/a/blobs/b/manifests/v1",
                Some(Place::Manifest {
                    name: name(),
                    reference: "v1".to_owned(),
                }),
            ),
            (
                "/v2/a/blobs/b/referrers/d",
                Some(Place::Referrers {
                    name: name(),
                    digest: "d".to_owned(),
                }),
            ),
            ("/v2/manifests/v1", None),
            ("/v2x", None),
            ("/v2/a", None),
        ];
        for (path, place) in table {
            assert_eq!(Place::parse(path), place, "{path}");
        }
    }
}
