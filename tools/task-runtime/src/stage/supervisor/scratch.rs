//! A container's own directory: the root of its file system, and what is to be mounted into it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::copy;
use crate::event::Stage;
use crate::failure::{Failure, failed};
use crate::ids::Ids;
use crate::runtime::Order;
use crate::spec::{ContainerSpec, Mount, MountSource};
use crate::stage::Isolation;
use crate::stage::wire::{Place, StagedMount, StagedSource};

pub(super) struct Scratch {
    pub(super) directory: PathBuf,
    /// Whether the root is the image with a layer for what the container writes, and not a copy.
    pub(super) overlay: bool,
    pub(super) place: Place,
    pub(super) mounts: Vec<StagedMount>,
    /// Whether the container's first process has to become root of its user namespace.
    pub(super) becomes_root: bool,
}

/// Makes the directory of every container. Without `mounting`, roots are copies and mounts are refused.
pub(super) fn prepare(order: &Order, mounting: bool) -> Result<Vec<Scratch>, Failure> {
    let containers = order.spec.directory.join("containers");
    closed(&containers).map_err(failed(
        Stage::FileSystem,
        format!("create {}", containers.display()),
    ))?;
    order
        .spec
        .containers
        .iter()
        .map(|spec| container(order, spec, &containers.join(&spec.name), mounting))
        .collect()
}

fn container(
    order: &Order,
    spec: &ContainerSpec,
    directory: &Path,
    mounting: bool,
) -> Result<Scratch, Failure> {
    let at = Stage::FileSystem;
    let owner = match order.isolation {
        Isolation::Namespaces(ids) => ids.on_host(0),
        Isolation::Process { .. } => None,
    };
    let problem = || format!("create {}", directory.display());
    closed(directory)
        .and_then(|()| give(directory, owner))
        .map_err(failed(at, problem()))?;
    let root = directory.join("root");
    opened(&root)
        .and_then(|()| give(&root, owner))
        .map_err(failed(at, problem()))?;
    let overlay =
        mounting && overlay(order, spec, directory, owner).map_err(failed(at, problem()))?;
    if !overlay {
        for layer in &spec.layers {
            copy::tree(layer, &root).map_err(failed(at, format!("copy {}", layer.display())))?;
        }
    }
    let mut mounts = Vec::new();
    for (index, mount) in spec.mounts.iter().enumerate() {
        if !mounting {
            let message = format!(
                "mount {}: a plain process has no mounts of its own",
                mount.target
            );
            return Err(Failure { stage: at, message });
        }
        mounts.push(
            staged(order, mount, directory, index, owner)
                .map_err(failed(at, format!("mount {}", mount.target)))?,
        );
    }
    let (place, becomes_root) = match order.isolation {
        Isolation::Namespaces(ids) => {
            let single_id = ids == Ids::Single;
            (
                Place::Namespaces {
                    single_id,
                    join: None,
                },
                !single_id,
            )
        }
        Isolation::Process { change_root } => (Place::Process { root, change_root }, false),
    };
    Ok(Scratch {
        directory: directory.to_owned(),
        overlay,
        place,
        mounts,
        becomes_root,
    })
}

/// Mounts the layers with a layer for the container's own writing above them. False where the kernel or the file
/// system refuses, and then the caller copies.
fn overlay(
    order: &Order,
    spec: &ContainerSpec,
    directory: &Path,
    owner: Option<u32>,
) -> io::Result<bool> {
    let (upper, work) = (directory.join("upper"), directory.join("work"));
    // The root shows the mode and the owner of its upper directory.
    opened(&upper).and_then(|()| give(&upper, owner))?;
    closed(&work)?;
    let mut options = OsString::from("lowerdir=");
    for (index, layer) in spec.layers.iter().rev().enumerate() {
        if index > 0 {
            options.push(":");
        }
        options.push(escaped(layer));
    }
    options.push(",upperdir=");
    options.push(escaped(&upper));
    options.push(",workdir=");
    options.push(escaped(&work));
    if order.isolation.is_single() {
        // Within a user namespace the kernel keeps its marks in attributes that a user may set.
        options.push(",userxattr");
    }
    let root = directory.join("root");
    Ok(mount(
        Some("overlay"),
        &root,
        Some("overlay"),
        MsFlags::empty(),
        Some(options.as_os_str()),
    )
    .is_ok())
}

/// A path as the options of an overlay need it.
fn escaped(path: &Path) -> OsString {
    let mut escaped = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        if b"\\:,".contains(byte) {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    OsString::from_vec(escaped)
}

/// Puts the source of a mount where the container's first process finds it, below the scratch directory.
fn staged(
    order: &Order,
    mount: &Mount,
    directory: &Path,
    index: usize,
    owner: Option<u32>,
) -> io::Result<StagedMount> {
    let name = format!("mount-{index}");
    let source = match &mount.source {
        MountSource::Tmpfs { bytes } => StagedSource::Tmpfs { bytes: *bytes },
        MountSource::Volume(volume) => {
            let shared = order.spec.directory.join("volumes").join(volume);
            DirBuilder::new().recursive(true).create(&shared)?;
            // As docker makes an empty volume: every container's user may write.
            fs::set_permissions(&shared, Permissions::from_mode(0o1777))?;
            give(&shared, owner)?;
            bind(&shared, &directory.join(&name), Kind::Directory)?;
            StagedSource::Directory(PathBuf::from(name))
        }
        MountSource::Host(path) if fs::metadata(path)?.is_dir() => {
            bind(path, &directory.join(&name), Kind::Directory)?;
            StagedSource::Directory(PathBuf::from(name))
        }
        MountSource::Host(path) => {
            bind(path, &directory.join(&name), Kind::File)?;
            StagedSource::File(PathBuf::from(name))
        }
    };
    Ok(StagedMount {
        target: PathBuf::from(&mount.target),
        source,
        read_only: mount.read_only,
    })
}

#[derive(PartialEq, Eq)]
enum Kind {
    Directory,
    File,
}

fn bind(source: &Path, target: &Path, kind: Kind) -> io::Result<()> {
    match kind {
        Kind::Directory => opened(target)?,
        Kind::File => fs::write(target, "")?,
    }
    mount(
        Some(source),
        target,
        None::<&OsStr>,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        None::<&OsStr>,
    )?;
    Ok(())
}

fn closed(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

fn opened(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

fn give(path: &Path, owner: Option<u32>) -> io::Result<()> {
    match owner {
        Some(_) => chown(path, owner, owner),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_separates_the_options_of_an_overlay() {
        assert_eq!(
            escaped(Path::new("/a:b,c\\d")),
            OsString::from("/a\\:b\\,c\\\\d")
        );
    }
}
