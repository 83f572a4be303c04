//! What a command finds beside its stage's files: directories of the context or of another stage, caches, memory,
//! secrets, an agent's socket.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use contract::exit;
use sha2::{Digest as _, Sha256};
use task_runtime::layers::{self, Compression, Layer, Limits};
use task_runtime::{ContainerSpec, Ids, Mount as Mounted, MountSource};
use toolkit::Fault;

use crate::build::secret::{Secret, find};
use crate::dockerfile::MountKind;
use crate::layer;
use crate::rootfs::node::{Content, Kind, Node, Source};
use crate::rootfs::tree::Tree;
use crate::stage::{Command, Mount, SCRIPTS};

/// The name of what is mounted in the directory that is unpacked for it.
pub(crate) const PART: &str = "mounted";
/// A tmpfs without a size has this many bytes at most: half a gibibyte.
const MEMORY: u64 = 1 << 29;
const AGENT: &str = "SSH_AUTH_SOCK";

/// Where mounts come from.
pub(super) struct Scope<'a> {
    /// This command's own.
    pub(super) directory: &'a Path,
    /// Kept between builds.
    pub(super) caches: &'a Path,
    pub(super) secrets: &'a [Secret],
    pub(super) ids: Ids,
}

impl Scope<'_> {
    /// Adds a command's mounts to its container.
    pub(super) fn add(
        &self,
        command: &Command,
        sources: &[(usize, Tree)],
        container: &mut ContainerSpec,
    ) -> anyhow::Result<()> {
        for mount in &command.mounts {
            let tree = sources
                .iter()
                .find(|(number, _)| *number == mount.number)
                .map(|(_, tree)| tree);
            let source = match mount.kind {
                MountKind::Bind => {
                    let tree = tree.context("its source was not looked at")?;
                    Some(MountSource::Host(self.unpacked(mount.number, tree)?))
                }
                MountKind::Cache => Some(MountSource::Host(self.cache(mount, tree)?)),
                MountKind::Tmpfs => Some(MountSource::Tmpfs {
                    bytes: mount.size.unwrap_or(MEMORY),
                }),
                MountKind::Secret => self.secret(mount, container)?,
                MountKind::Ssh => self.agent(mount, container)?,
            };
            if let Some(source) = source {
                container.mounts.push(Mounted {
                    target: mount.target.clone(),
                    source,
                    read_only: !mount.is_writable,
                });
            }
        }
        if let Some((name, text)) = &command.script {
            let mut tree = Tree::default();
            tree.put(PART, Node::directory(0, 0));
            tree.put(
                &format!("{PART}/{name}"),
                file(text.as_str().into(), text.len(), 0o755, (0, 0)),
            );
            container.mounts.push(Mounted {
                target: SCRIPTS.to_owned(),
                source: MountSource::Host(self.unpacked(command.mounts.len(), &tree)?),
                read_only: true,
            });
        }
        Ok(())
    }

    /// A tree on disk, with the owners that the container sees.
    fn unpacked(&self, number: usize, tree: &Tree) -> anyhow::Result<PathBuf> {
        self.unpack(&self.directory.join(format!("mount-{number}")), tree)
    }

    fn unpack(&self, place: &Path, tree: &Tree) -> anyhow::Result<PathBuf> {
        let what = || format!("cannot write into {}", place.display());
        fs::create_dir_all(place).with_context(what)?;
        let blob = place.join("archive");
        let diff_id = layer::write_plain(tree, File::create(&blob).with_context(what)?)?;
        let layer = Layer {
            blob: blob.clone(),
            compression: Compression::None,
            diff_id: diff_id.to_string(),
        };
        let root = layers::unpack(&place.join("files"), &[layer], self.ids, &Limits::default())
            .with_context(what)?;
        fs::remove_file(blob).with_context(what)?;
        Ok(root.join(PART))
    }

    /// A directory that the next build finds again, filled.
    fn cache(&self, mount: &Mount, tree: Option<&Tree>) -> anyhow::Result<PathBuf> {
        let identity = format!("{:?} {:?} {:?}", mount.id, mount.origin, self.ids);
        let place = self
            .caches
            .join(&hex::encode(Sha256::digest(identity))[..32]);
        let mut empty = Tree::default();
        empty.put(
            PART,
            Node {
                mode: mount.mode.unwrap_or(0o755),
                ..Node::directory(mount.uid, mount.gid)
            },
        );
        self.unpack(&place, tree.unwrap_or(&empty))
    }

    fn secret(
        &self,
        mount: &Mount,
        container: &mut ContainerSpec,
    ) -> anyhow::Result<Option<MountSource>> {
        let Some(secret) = find(self.secrets, &mount.id) else {
            if mount.required {
                return Err(Fault::new(
                    exit::USAGE,
                    format!(
                        "the command needs the secret {}, which was not given",
                        mount.id
                    ),
                )
                .with_hint(format!("pass --secret id={},src=FILE", mount.id))
                .into());
            }
            return Ok(None);
        };
        let bytes = secret.read()?;
        if let Some(variable) = &mount.variable {
            let text = String::from_utf8(bytes.clone()).ok();
            let text = text.with_context(|| format!("the secret {} is no text", mount.id))?;
            container.env.set(variable, text.trim_end_matches('\n'));
            if mount.target.starts_with("/run/secrets/") {
                return Ok(None);
            }
        }
        let kept = self.directory.join(format!("secret-{}", mount.number));
        toolkit::file::write_atomic(&kept, &bytes, toolkit::file::Secrecy::Secret)?;
        let metadata = fs::symlink_metadata(&kept)
            .with_context(|| format!("cannot look at {}", kept.display()))?;
        let stamp = crate::rootfs::node::Stamp::of(&metadata);
        let mut tree = Tree::default();
        tree.put(
            PART,
            file(
                Source::Left(kept, stamp),
                bytes.len(),
                mount.mode.unwrap_or(0o400),
                (mount.uid, mount.gid),
            ),
        );
        self.unpacked(mount.number, &tree)
            .map(MountSource::Host)
            .map(Some)
    }

    fn agent(
        &self,
        mount: &Mount,
        container: &mut ContainerSpec,
    ) -> anyhow::Result<Option<MountSource>> {
        let Some(socket) = std::env::var_os(AGENT) else {
            if mount.required {
                bail!("the command needs an SSH agent, and {AGENT} is not set");
            }
            return Ok(None);
        };
        if let Ids::Shifted { .. } = self.ids {
            return Err(Fault::new(
                exit::FAILED,
                "the embedded engine gives an SSH agent's socket to commands only where it is not run by root",
            )
            .with_hint("build as the agent's own user, or use --engine docker")
            .into());
        }
        container.env.set(AGENT, &mount.target);
        Ok(Some(MountSource::Host(socket.into())))
    }
}

fn file(source: Source, size: usize, mode: u32, (uid, gid): (u64, u64)) -> Node {
    Node {
        kind: Kind::File(Content {
            size: size as u64,
            source,
        }),
        mode,
        uid,
        gid,
        attributes: Vec::new(),
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}
