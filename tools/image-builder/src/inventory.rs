//! What is in an image: the largest files of each layer, and the packages that its package managers know.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use anyhow::Context as _;
use tar::Archive;

use crate::context::path;
use crate::image::layout::{Layout, Stored};
use crate::image::manifest::layer_type;

/// Files that are named of each layer.
const LARGEST: usize = 5;
/// A list of packages is never larger, in bytes.
const MOST_LIST: u64 = 64 << 20;
/// More than this is read of no image, in bytes: 64 GiB.
const MOST_BYTES: u64 = 64 << 30;

/// One layer's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) created_by: String,
    /// Compressed bytes.
    pub(crate) size: u64,
    /// Uncompressed bytes and paths, largest first.
    pub(crate) largest: Vec<(u64, String)>,
}

/// A package in the image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    /// Of a package URL: `deb`, `apk`, `npm`, `pypi`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) version: String,
    /// As the package says it; empty where it says nothing.
    pub(crate) license: String,
}

/// Everything about an image whose layers are in the layout.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) shares: Vec<Share>,
    /// Lists of packages and the like, by path.
    lists: BTreeMap<String, String>,
}

/// Reads the image; `None` if not all layers are here.
pub(crate) fn read(image: &Stored, layout: &Layout) -> anyhow::Result<Option<Inventory>> {
    let mut inventory = Inventory::default();
    if !image.manifest.layers.iter().all(|layer| layout.has(layer)) {
        return Ok(None);
    }
    let origins = image.config.layer_origins();
    for (layer, created_by) in image.manifest.layers.iter().zip(origins) {
        let blob = layout.blob(&layer.digest);
        let what = || format!("cannot read the layer {}", blob.display());
        let file = File::open(&blob).with_context(what)?;
        let compression = layer_type(&layer.media_type)?.0;
        let reader = compression.open(file).with_context(what)?;
        let largest = inventory.layer(reader).with_context(what)?;
        inventory.shares.push(Share {
            created_by,
            size: layer.size,
            largest,
        });
    }
    Ok(Some(inventory))
}

impl Inventory {
    fn layer(&mut self, reader: impl Read) -> anyhow::Result<Vec<(u64, String)>> {
        let mut largest: Vec<(u64, String)> = Vec::new();
        for entry in Archive::new(reader.take(MOST_BYTES)).entries()? {
            let mut entry = entry?;
            let name = path::clean(&String::from_utf8_lossy(&entry.path_bytes()));
            if let Some(gone) = path::name(&name).strip_prefix(".wh.") {
                let gone = path::join(path::parent(&name), gone);
                self.lists
                    .retain(|list, _| *list != gone && !list.starts_with(&format!("{gone}/")));
                continue;
            }
            let size = entry.size();
            if entry.header().entry_type().is_file() && is_list(&name) {
                let mut bytes = Vec::new();
                entry.by_ref().take(MOST_LIST).read_to_end(&mut bytes)?;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.lists.insert(name.clone(), text);
            }
            largest.push((size, name));
            if largest.len() > 10 * LARGEST {
                keep_largest(&mut largest);
            }
        }
        keep_largest(&mut largest);
        Ok(largest)
    }

    /// The packages, in order.
    pub(crate) fn packages(&self) -> Vec<Package> {
        let mut packages: Vec<Package> = self
            .lists
            .iter()
            .flat_map(|(name, text)| match path::name(name) {
                "package.json" => npm(text).into_iter().collect(),
                "METADATA" => paragraphs(text, "pypi", ["Name", "Version", "License"]),
                "installed" => paragraphs(text, "apk", ["P", "V", "L"]),
                _ => paragraphs(text, "deb", ["Package", "Version", "License"]),
            })
            .collect();
        packages.sort();
        packages.dedup();
        packages
    }
}

fn keep_largest(files: &mut Vec<(u64, String)>) {
    files.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    files.truncate(LARGEST);
    files.retain(|(size, _)| *size > 0);
}

/// Whether a file says which packages there are.
fn is_list(file: &str) -> bool {
    let directory = path::parent(file);
    match path::name(file) {
        "status" => directory == "var/lib/dpkg",
        "installed" => directory == "lib/apk/db" || directory == "usr/lib/apk/db",
        "METADATA" => directory.ends_with(".dist-info"),
        "package.json" => {
            let above = path::parent(directory);
            path::name(above) == "node_modules"
                || path::name(above).starts_with('@')
                    && path::name(path::parent(above)) == "node_modules"
        }
        // Images without a package manager of their own have one file each.
        _ => directory == "var/lib/dpkg/status.d" && !file.ends_with(".md5sums"),
    }
}

/// Packages out of paragraphs of `Field: value` (or `F:value`).
fn paragraphs(text: &str, kind: &'static str, fields: [&str; 3]) -> Vec<Package> {
    let separator = if kind == "pypi" { "\n\n\n\n" } else { "\n\n" };
    text.split(separator)
        .filter_map(|paragraph| {
            let field = |name: &str| {
                paragraph
                    .lines()
                    // What comes after the first empty line is text.
                    .take_while(|line| !line.is_empty())
                    .find_map(|line| {
                        let (found, value) = line.split_once(':')?;
                        (found == name).then(|| value.trim().to_owned())
                    })
            };
            Some(Package {
                kind,
                name: field(fields[0])?,
                version: field(fields[1])?,
                license: field(fields[2]).unwrap_or_default(),
            })
        })
        .collect()
}

fn npm(text: &str) -> Option<Package> {
    // A broken file of somebody else's package is no package.
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    Some(Package {
        kind: "npm",
        name: field("name")?,
        version: field("version")?,
        license: field("license").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_packages_of_every_kind() {
        let mut inventory = Inventory::default();
        for (file, text) in [
            (
                "var/lib/dpkg/status",
                "Package: b\nStatus: install ok installed\nVersion: 1.2-3\nDescription: x\n more\n\nPackage: a\nVersion: 2\n",
            ),
            (
                "lib/apk/db/installed",
                "C:Q1\nP:musl\nV:1.2.5-r0\nL:MIT\n\nP:zlib\nV:1.3\n",
            ),
            (
                "app/node_modules/@x/y/package.json",
                r#"{"name":"@x/y","version":"3.0.0","license":"ISC"}"#,
            ),
            (
                "usr/lib/python3/six-1.dist-info/METADATA",
                "Metadata-Version: 2\nName: six\nVersion: 1.16\n\nText\n\nVersion: 9\n",
            ),
        ] {
            assert!(is_list(file), "{file}");
            inventory.lists.insert(file.to_owned(), text.to_owned());
        }
        let found: Vec<String> = inventory
            .packages()
            .iter()
            .map(|one| format!("{} {} {} {}", one.kind, one.name, one.version, one.license))
            .collect();
        assert_eq!(
            found,
            [
                "apk musl 1.2.5-r0 MIT",
                "apk zlib 1.3 ",
                "deb a 2 ",
                "deb b 1.2-3 ",
                "npm @x/y 3.0.0 ISC",
                "pypi six 1.16 "
            ]
        );
        for file in [
            "status",
            "app/package.json",
            "var/lib/dpkg/status.d/x.md5sums",
        ] {
            assert!(!is_list(file), "{file}");
        }
    }

    #[test]
    fn forgets_what_a_later_layer_deletes() {
        let layer = |path: &str, content: &str| {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder
                .append_data(&mut header, path, content.as_bytes())
                .unwrap();
            builder.into_inner().unwrap()
        };
        let mut inventory = Inventory::default();
        let list = layer("lib/apk/db/installed", "P:a\nV:1\n");
        let largest = inventory.layer(list.as_slice()).unwrap();
        assert_eq!(largest, [(8, "lib/apk/db/installed".to_owned())]);
        assert_eq!(inventory.packages().len(), 1);
        inventory
            .layer(layer("lib/.wh.apk", "").as_slice())
            .unwrap();
        assert_eq!(inventory.packages(), []);
    }
}
