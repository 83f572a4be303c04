//! The file system of each container: its image below a layer of its own to write to, or a copy of the image.
//!
//! A container's scratch directory holds `root` (what the container will see as `/`), `upper` and `work` (where the
//! overlay keeps what changes), and `mounts`, where what the spec mounts waits for the container to take it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, mknodat};

use super::copy;
use crate::event::Stage;
use crate::failure::{Failure, failed};
use crate::ids::Ids;
use crate::root::Root;
use crate::runtime::Order;
use crate::spec::{ContainerSpec, MountSource};
use crate::stage::wire::{StagedMount, StagedSource};
use crate::stage::{DEVICES, Isolation};

pub(super) struct Scratch {
    pub(super) path: PathBuf,
    /// The scratch directory, opened in this process's mount namespace, for containers that could not go there by path.
    pub(super) directory: OwnedFd,
    pub(super) overlay: bool,
    pub(super) mounts: Vec<StagedMount>,
    /// What its root lacks.
    pub(super) warning: Option<String>,
}

/// The scratch directories of all containers of a task.
pub(super) fn prepare(order: &Order) -> Result<Vec<Scratch>, Failure> {
    let at = Stage::FileSystem;
    let owner = match order.isolation {
        Isolation::Namespaces(ids) => ids.on_host(0),
        Isolation::Process { .. } => None,
    };
    let base = order.spec.directory.join("containers");
    private_directory(&base, None).map_err(failed(at, "create the containers' directory"))?;
    let mut scratches = Vec::new();
    for container in &order.spec.containers {
        let path = base.join(&container.name);
        let problem = || format!("make the file system of container `{}`", container.name);
        let overlay =
            make_root(&path, container, owner, order.isolation).map_err(failed(at, problem()))?;
        let lacking = match order.isolation {
            Isolation::Process { change_root: true } => make_devices(&path.join("root")).err(),
            _ => None,
        };
        let warning =
            lacking.map(|error| format!("container `{}` lacks devices: {error}", container.name));
        let mounts = stage_mounts(&path, container, order, owner)?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(&path, flags, Mode::empty()).map_err(failed(at, problem()))?;
        scratches.push(Scratch {
            path,
            directory,
            overlay,
            mounts,
            warning,
        });
    }
    Ok(scratches)
}

/// Whether the root is an overlay.
fn make_root(
    scratch: &Path,
    container: &ContainerSpec,
    owner: Option<u32>,
    isolation: Isolation,
) -> io::Result<bool> {
    private_directory(scratch, owner)?;
    for name in ["root", "upper", "work"] {
        private_directory(&scratch.join(name), owner)?;
    }
    // Lowest first in the spec, highest first for the kernel. By descriptor, so that no path needs quoting.
    let layers = container
        .layers
        .iter()
        .rev()
        .map(File::open)
        .collect::<io::Result<Vec<_>>>();
    let layers =
        layers.map_err(|error| io::Error::new(error.kind(), format!("open its image: {error}")))?;
    // The root directory's own rights come from the image.
    let mode = layers
        .first()
        .map(File::metadata)
        .transpose()?
        .map_or(0o755, |metadata| metadata.mode() & 0o7777);
    for name in ["root", "upper"] {
        fs::set_permissions(scratch.join(name), Permissions::from_mode(mode | 0o700))?;
    }
    let mounted = match isolation {
        Isolation::Namespaces(ids) => mount_overlay(scratch, &layers, ids == Ids::Single).is_ok(),
        Isolation::Process { .. } => false,
    };
    if mounted {
        return Ok(true);
    }
    for layer in &container.layers {
        copy::tree(layer, &scratch.join("root"))?;
    }
    Ok(false)
}

/// The host's own, for a root that nothing can be mounted on. Containers of Docker may make them, for example.
fn make_devices(root: &Path) -> io::Result<()> {
    let directory = Root::open(root)?.mount_directory(Path::new("dev"))?;
    for name in DEVICES {
        let host = fs::metadata(Path::new("/dev").join(name))?;
        match mknodat(&directory, name, SFlag::S_IFCHR, Mode::empty(), host.rdev()) {
            Ok(()) => {}
            Err(Errno::EEXIST) => continue,
            Err(error) => return Err(error.into()),
        }
        let all = Mode::from_bits_truncate(0o666);
        fchmodat(&directory, name, all, FchmodatFlags::FollowSymlink)?;
    }
    Ok(())
}

fn mount_overlay(scratch: &Path, layers: &[File], single: bool) -> io::Result<()> {
    let descriptor = |file: &File| format!("/proc/self/fd/{}", file.as_raw_fd());
    let (upper, work) = (
        File::open(scratch.join("upper"))?,
        File::open(scratch.join("work"))?,
    );
    let lower = layers.iter().map(descriptor).collect::<Vec<_>>().join(":");
    let mut options = format!(
        "lowerdir={lower},upperdir={},workdir={}",
        descriptor(&upper),
        descriptor(&work)
    );
    if single {
        // A user may not set the `trusted` attributes that the overlay would otherwise use.
        options.push_str(",userxattr");
    }
    // What is written dies with the task, so it need not survive a power cut: first without syncing.
    let attempt = |options: &str| {
        mount(
            Some("overlay"),
            &scratch.join("root"),
            Some("overlay"),
            MsFlags::empty(),
            Some(options),
        )
    };
    Ok(attempt(&format!("{options},volatile")).or_else(|_| attempt(&options))?)
}

/// Mounts the sources of the container's mounts where the container can take them from, whoever owns the way there.
fn stage_mounts(
    scratch: &Path,
    container: &ContainerSpec,
    order: &Order,
    owner: Option<u32>,
) -> Result<Vec<StagedMount>, Failure> {
    let at = Stage::FileSystem;
    if container.mounts.is_empty() {
        return Ok(Vec::new());
    }
    if let Isolation::Process { .. } = order.isolation {
        let message = format!(
            "container `{}`: a plain process cannot have mounts",
            container.name
        );
        return Err(Failure { stage: at, message });
    }
    private_directory(&scratch.join("mounts"), owner)
        .map_err(failed(at, "create the mounts' directory"))?;
    let mut staged = Vec::new();
    for (number, wanted) in container.mounts.iter().enumerate() {
        let problem = || format!("container `{}`: mount {}", container.name, wanted.target);
        let place = PathBuf::from("mounts").join(number.to_string());
        let source = match &wanted.source {
            MountSource::Tmpfs { bytes } => Ok(StagedSource::Tmpfs { bytes: *bytes }),
            MountSource::Volume(name) => volume(&order.spec.directory, name, owner)
                .and_then(|volume| stage(&volume, scratch, place)),
            MountSource::Host(path) => stage(path, scratch, place),
        }
        .map_err(failed(at, problem()))?;
        let target = PathBuf::from(&wanted.target);
        staged.push(StagedMount {
            target,
            source,
            read_only: wanted.read_only,
        });
    }
    Ok(staged)
}

fn stage(source: &Path, scratch: &Path, place: PathBuf) -> io::Result<StagedSource> {
    let target = scratch.join(&place);
    let staged = if fs::metadata(source)?.is_dir() {
        fs::create_dir(&target)?;
        StagedSource::Directory(place)
    } else {
        File::create(&target)?;
        StagedSource::File(place)
    };
    mount(
        Some(source),
        &target,
        None::<&str>,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        None::<&str>,
    )?;
    Ok(staged)
}

/// A directory that the task's containers share. All of their users may write to it.
fn volume(task: &Path, name: &str, owner: Option<u32>) -> io::Result<PathBuf> {
    let volumes = task.join("volumes");
    let volume = volumes.join(name);
    for directory in [&volumes, &volume] {
        match private_directory(directory, owner) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
    }
    fs::set_permissions(&volume, Permissions::from_mode(0o1777))?;
    Ok(volume)
}

fn private_directory(path: &Path, owner: Option<u32>) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    match owner {
        Some(owner) => chown(path, Some(owner), Some(owner)),
        None => Ok(()),
    }
}
