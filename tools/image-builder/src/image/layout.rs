//! A directory that holds one image in the OCI image layout, and blobs that may be needed again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::NamedTempFile;
use toolkit::Fault;
use toolkit::file::{Secrecy, write_atomic};

use super::config::Config;
use super::digest::Digest;
use super::manifest::{Descriptor, Index, Manifest, OCI_INDEX, OCI_MANIFEST};

/// Which tag the image was built for.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Which engine assembled it.
const ENGINE: &str = "longshore.engine";
/// The key of what it was made of.
const KEY: &str = "longshore.content-key";

/// The directory.
#[derive(Debug)]
pub(crate) struct Layout {
    directory: PathBuf,
}

/// The image of a layout.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) digest: Digest,
    /// The manifest as it is sent to a registry.
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: String,
    pub(crate) manifest: Manifest,
    pub(crate) config: Config,
    /// `None` in layouts that other tools made.
    pub(crate) engine: Option<String>,
    /// The key of what it was made of, where that is known.
    pub(crate) key: Option<String>,
}

impl Stored {
    /// All its blobs.
    pub(crate) fn digests(&self) -> BTreeSet<Digest> {
        let layers = self.manifest.layers.iter().map(|layer| &layer.digest);
        [&self.digest, &self.manifest.config.digest]
            .into_iter()
            .chain(layers)
            .cloned()
            .collect()
    }

    /// How an index names it.
    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor::new(
            &self.media_type,
            self.digest.clone(),
            self.bytes.len() as u64,
        )
    }
}

impl Layout {
    /// Opens the directory for a build, and makes it if it is missing.
    pub(crate) fn create(directory: &Path) -> anyhow::Result<Self> {
        let layout = Self {
            directory: directory.to_owned(),
        };
        for path in [layout.blobs(), layout.cache()] {
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot make the directory {}", path.display()))?;
        }
        let marker = layout.directory.join("oci-layout");
        if !marker.exists() {
            write_atomic(
                &marker,
                br#"{"imageLayoutVersion":"1.0.0"}"#,
                Secrecy::Public,
            )?;
        }
        Ok(layout)
    }

    /// Opens a directory that must hold an image.
    pub(crate) fn open(directory: &Path) -> anyhow::Result<Self> {
        if !directory.join("index.json").is_file() {
            return Err(
                Fault::usage(format!("there is no image in {}", directory.display()))
                    .with_hint("run `image-builder build` with the same --layout first")
                    .into(),
            );
        }
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs/sha256")
    }

    /// What makes the next build faster: not part of the image.
    pub(crate) fn cache(&self) -> PathBuf {
        self.directory.join("cache")
    }

    /// Keeps builds out of this directory until the file is dropped. `None`: no build has ever been there.
    pub(crate) fn lock(&self) -> anyhow::Result<Option<File>> {
        let path = self.cache().join("lock");
        let what = || format!("cannot lock {}", path.display());
        let file = match File::create(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(what),
        };
        file.lock().with_context(what)?;
        Ok(Some(file))
    }

    /// Where a blob is, or would be.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// Whether the blob is there, whole.
    pub(crate) fn has(&self, descriptor: &Descriptor) -> bool {
        fs::metadata(self.blob(&descriptor.digest))
            .is_ok_and(|found| found.len() == descriptor.size)
    }

    /// A file to write a blob into.
    pub(crate) fn begin(&self) -> anyhow::Result<NamedTempFile> {
        NamedTempFile::with_prefix_in(".blob-", self.blobs())
            .with_context(|| format!("cannot write into {}", self.blobs().display()))
    }

    /// Makes a file that is written a blob.
    pub(crate) fn keep(&self, file: NamedTempFile, digest: &Digest) -> anyhow::Result<()> {
        let path = self.blob(digest);
        let what = || format!("cannot write {}", path.display());
        // Temporary files are their owner's alone; an image is for everybody.
        file.as_file()
            .set_permissions(Permissions::from_mode(0o644))
            .with_context(what)?;
        file.persist(&path).with_context(what)?;
        Ok(())
    }

    /// Writes a small blob.
    pub(crate) fn put(&self, media_type: &str, bytes: &[u8]) -> anyhow::Result<Descriptor> {
        let descriptor = Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64);
        if !self.has(&descriptor) {
            write_atomic(&self.blob(&descriptor.digest), bytes, Secrecy::Public)?;
        }
        Ok(descriptor)
    }

    /// Reads a small blob and checks it.
    pub(crate) fn get(&self, digest: &Digest) -> anyhow::Result<Vec<u8>> {
        let path = self.blob(digest);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if Digest::of(&bytes) != *digest {
            bail!(
                "{} is damaged: its content has another digest",
                path.display()
            );
        }
        Ok(bytes)
    }

    /// Says which image the layout holds.
    pub(crate) fn point_to(
        &self,
        manifest: &Descriptor,
        tag: &str,
        engine: &str,
        key: Option<&str>,
        config: &Config,
    ) -> anyhow::Result<()> {
        let mut manifest = manifest.clone();
        manifest.platform = Some(config.platform.clone());
        manifest.annotations = BTreeMap::from([
            (REF_NAME.to_owned(), tag.to_owned()),
            (ENGINE.to_owned(), engine.to_owned()),
        ]);
        let key = key.map(|key| (KEY.to_owned(), key.to_owned()));
        manifest.annotations.extend(key);
        let index = Index {
            schema_version: 2,
            media_type: Some(OCI_INDEX.to_owned()),
            manifests: vec![manifest],
        };
        write_atomic(
            &self.directory.join("index.json"),
            &serde_json::to_vec(&index)?,
            Secrecy::Public,
        )
    }

    /// The image that the layout holds, with all its layers.
    pub(crate) fn image(&self) -> anyhow::Result<Stored> {
        let image = self.described()?;
        match image.manifest.layers.iter().find(|layer| !self.has(layer)) {
            None => Ok(image),
            Some(missing) => bail!(
                "{} lacks the layer {}",
                self.directory.display(),
                missing.digest
            ),
        }
    }

    /// The image that the layout names. Its layers may be in the repository alone.
    pub(crate) fn described(&self) -> anyhow::Result<Stored> {
        let path = self.directory.join("index.json");
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let index: Index = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no index of a layout", path.display()))?;
        let [descriptor] = index.manifests.as_slice() else {
            bail!(
                "{} has {} images; one is needed",
                path.display(),
                index.manifests.len()
            );
        };
        let bytes = self.get(&descriptor.digest)?;
        let manifest = Manifest::parse(&bytes)?;
        let config = Config::parse(&self.get(&manifest.config.digest)?)?;
        let media_type = manifest.media_type.clone();
        Ok(Stored {
            digest: descriptor.digest.clone(),
            media_type: media_type.unwrap_or_else(|| OCI_MANIFEST.to_owned()),
            bytes,
            manifest,
            config,
            engine: descriptor.annotations.get(ENGINE).cloned(),
            key: descriptor.annotations.get(KEY).cloned(),
        })
    }

    /// Removes the blobs that are not among these, and what interrupted builds left.
    pub(crate) fn retain(&self, needed: &BTreeSet<Digest>) -> anyhow::Result<()> {
        remove_others(&self.blobs(), needed, "")
    }
}

/// Removes the files of a directory that are not named after one of the digests.
pub(crate) fn remove_others(
    directory: &Path,
    needed: &BTreeSet<Digest>,
    suffix: &str,
) -> anyhow::Result<()> {
    let kept: BTreeSet<String> = needed
        .iter()
        .map(|digest| format!("{}{suffix}", digest.hex()))
        .collect();
    let what = || format!("cannot clean up {}", directory.display());
    for entry in fs::read_dir(directory).with_context(what)? {
        let entry = entry.with_context(what)?;
        if !entry
            .file_name()
            .to_str()
            .is_some_and(|name| kept.contains(name))
        {
            fs::remove_file(entry.path()).with_context(what)?;
        }
    }
    Ok(())
}
