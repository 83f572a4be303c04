//! From the archive that an engine saves an image in (`docker save`) to a layout. It is read as if it were hostile.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tar::{Archive, EntryType};

use crate::image::config::Config;
use crate::image::digest::Hashing;
use crate::image::layout::Layout;
use crate::image::manifest::{Compression, Descriptor};
use crate::image::platform::Platform;
use crate::layer::cache::{Cache, Key};
use crate::layer::{Codec, Known, Written, pieces};
use crate::rootfs::archive::{limited_copy, most_bytes};

/// More members than this has no image.
const MOST_MEMBERS: usize = 10_000;
/// A configuration or a table of contents is never larger, in bytes.
const MOST_DOCUMENT: u64 = 4 << 20;
/// Bytes that say how a layer is compressed.
const HEAD: u64 = 6;
/// As many symbolic links lead from a name to a layer.
const MOST_LINKS: usize = 4;

/// `manifest.json` of the archive: one image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    layers: Vec<String>,
}

/// Where a member is.
#[derive(Debug, Clone)]
enum Member {
    Bytes { offset: u64, size: u64 },
    Link(String),
}

/// How it becomes layers of ours.
pub(crate) struct Import<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) codec: Codec,
    pub(crate) threads: usize,
    pub(crate) platform: &'a Platform,
}

impl Import<'_> {
    /// Reads the archive: the configuration, and the layers in the layout. Those that the cache knows by their content
    /// are not compressed again.
    pub(crate) fn read(
        &self,
        archive: &Path,
        cache: &mut Cache,
    ) -> anyhow::Result<(Config, Vec<Written>)> {
        let what = || format!("cannot read {}", archive.display());
        let mut file = File::open(archive).with_context(what)?;
        let members = members(&mut file).with_context(what)?;
        let bytes = document(&mut file, &members, "manifest.json").with_context(what)?;
        let saved: Vec<Saved> =
            serde_json::from_slice(&bytes).context("its manifest.json is malformed")?;
        let [saved] = saved.as_slice() else {
            bail!("the engine saved {} images, not one", saved.len());
        };
        let config = document(&mut file, &members, &saved.config).with_context(what)?;
        let config = Config::parse(&config)?;
        if !self.platform.accepts(&config.platform) {
            bail!(
                "the engine built an image for {}, and {} was asked for",
                config.platform,
                self.platform
            );
        }
        if config.rootfs.diff_ids.len() != saved.layers.len() {
            bail!(
                "the engine saved {} layers and the digests of {}",
                saved.layers.len(),
                config.rootfs.diff_ids.len()
            );
        }
        let mut layers = Vec::new();
        for (name, diff_id) in saved.layers.iter().zip(&config.rootfs.diff_ids) {
            let key = Key::of_command(&format!("imported {diff_id} {:?}", self.codec));
            let written = match cache.find(&key, self.layout) {
                Some(known) => known,
                None => {
                    let (written, pieces) = self
                        .layer(&mut file, &members, name)
                        .with_context(|| format!("cannot take over the layer {name}"))?;
                    if written.diff_id != *diff_id {
                        bail!(
                            "the layer {name} has the content {}; its image says {diff_id}",
                            written.diff_id
                        );
                    }
                    cache.add(key, &written, pieces);
                    written
                }
            };
            layers.push(written);
        }
        Ok((config, layers))
    }

    fn layer(
        &self,
        file: &mut File,
        members: &BTreeMap<String, Member>,
        name: &str,
    ) -> anyhow::Result<(Written, Vec<pieces::Piece>)> {
        let mut reader = open(file, members, name)?;
        let size = reader.limit();
        let mut head = Vec::new();
        reader.by_ref().take(HEAD).read_to_end(&mut head)?;
        let compression = Compression::of(&head);
        let whole = head.chain(reader);
        let output = self.layout.begin()?;
        let done = pieces::compress(
            output,
            self.codec,
            self.threads,
            &Known::default(),
            |writer| {
                let mut hashing = Hashing::new(writer);
                limited_copy(compression.open(whole)?, most_bytes(size), &mut hashing)?;
                Ok(hashing.finish().1)
            },
        )?;
        self.layout.keep(done.output, &done.digest)?;
        let written = Written {
            descriptor: Descriptor::new(self.codec.media_type(), done.digest, done.size),
            diff_id: done.made,
        };
        Ok((written, done.pieces))
    }
}

fn members(file: &mut File) -> anyhow::Result<BTreeMap<String, Member>> {
    let mut members = BTreeMap::new();
    for entry in Archive::new(file).entries_with_seek()? {
        let entry = entry.context("the archive is damaged")?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let member = match entry.header().entry_type() {
            EntryType::Regular => Member::Bytes {
                offset: entry.raw_file_position(),
                size: entry.size(),
            },
            EntryType::Symlink | EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                Member::Link(String::from_utf8_lossy(&target).into_owned())
            }
            _ => continue,
        };
        members.insert(crate::context::path::clean(&name), member);
        if members.len() > MOST_MEMBERS {
            bail!("the archive has more than {MOST_MEMBERS} members");
        }
    }
    Ok(members)
}

/// A member's bytes. Older engines write a layer that comes twice as a link to the first.
fn open<'f>(
    file: &'f mut File,
    members: &BTreeMap<String, Member>,
    name: &str,
) -> anyhow::Result<std::io::Take<&'f mut File>> {
    let mut name = crate::context::path::clean(name);
    for _ in 0..MOST_LINKS {
        match members.get(&name) {
            Some(Member::Bytes { offset, size }) => {
                file.seek(SeekFrom::Start(*offset))?;
                return Ok(file.take(*size));
            }
            Some(Member::Link(target)) => {
                let directory = crate::context::path::parent(&name);
                name = crate::context::path::clean(&format!("{directory}/{target}"));
            }
            None => bail!("the archive has no {name}"),
        }
    }
    bail!("the archive has links in circles: {name}")
}

fn document(
    file: &mut File,
    members: &BTreeMap<String, Member>,
    name: &str,
) -> anyhow::Result<Vec<u8>> {
    let reader = open(file, members, name)?;
    if reader.limit() > MOST_DOCUMENT {
        bail!("{name} has {} bytes, which no image needs", reader.limit());
    }
    let mut bytes = Vec::new();
    let mut reader = reader;
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::digest::Digest;

    fn archive(entries: &[(&str, EntryType, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(file.reopen().unwrap());
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            let is_link = *kind == EntryType::Symlink;
            if is_link {
                header.set_link_name_literal(content).unwrap();
            }
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            let content = if is_link { "" } else { content };
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap();
        file
    }

    fn read(entries: &[(&str, EntryType, &str)]) -> Result<Vec<String>, String> {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(directory.path()).unwrap();
        let import = Import {
            layout: &layout,
            codec: Codec::Gzip,
            threads: 1,
            platform: &"linux/amd64".parse().unwrap(),
        };
        let file = archive(entries);
        import
            .read(file.path(), &mut Cache::open(&layout.cache()))
            .map(|(_, layers)| {
                layers
                    .iter()
                    .map(|layer| layer.diff_id.to_string())
                    .collect()
            })
            .map_err(|error| {
                format!("{error:#}").replace(&file.path().display().to_string(), "FILE")
            })
    }

    fn config(digests: &[&Digest]) -> String {
        let digests: Vec<&str> = digests.iter().map(|digest| digest.as_str()).collect();
        serde_json::json!({"os": "linux", "architecture": "amd64", "config": {}, "rootfs": {"type": "layers", "diff_ids": digests}})
            .to_string()
    }

    #[test]
    fn reads_layers_also_where_they_are_links() {
        let digest = Digest::of(b"layer");
        let manifest = r#"[{"Config":"c.json","Layers":["a/layer.tar","b/layer.tar"]}]"#;
        let found = read(&[
            ("a/layer.tar", EntryType::Regular, "layer"),
            ("b/layer.tar", EntryType::Symlink, "../a/layer.tar"),
            ("c.json", EntryType::Regular, &config(&[&digest, &digest])),
            ("manifest.json", EntryType::Regular, manifest),
        ]);
        assert_eq!(found.unwrap(), [digest.to_string(), digest.to_string()]);
    }

    #[test]
    fn refuses_what_is_not_what_it_says() {
        let digest = Digest::of(b"layer");
        let manifest = r#"[{"Config":"c.json","Layers":["l"]}]"#;
        let of = |layer: (&'static str, EntryType, &'static str), config: &str| {
            read(&[
                layer,
                ("c.json", EntryType::Regular, config),
                ("manifest.json", EntryType::Regular, manifest),
            ])
            .unwrap_err()
        };
        assert_eq!(
            of(("l", EntryType::Regular, "other"), &config(&[&digest])),
            format!(
                "the layer l has the content {}; its image says {digest}",
                Digest::of(b"other")
            )
        );
        assert_eq!(
            of(("l", EntryType::Symlink, "l"), &config(&[&digest])),
            "cannot take over the layer l: the archive has links in circles: l"
        );
        assert_eq!(
            of(
                ("x", EntryType::Symlink, "../../../etc/passwd"),
                &config(&[&digest])
            ),
            "cannot take over the layer l: the archive has no l"
        );
        assert_eq!(
            of(
                ("l", EntryType::Regular, "layer"),
                &config(&[&digest]).replace("amd64", "arm64")
            ),
            "the engine built an image for linux/arm64, and linux/amd64 was asked for"
        );
        assert_eq!(
            read(&[]).unwrap_err(),
            "cannot read FILE: the archive has no manifest.json"
        );
    }
}
