//! What a container finds below `/`: its image, `/proc`, a minimal `/dev`, its mounts, and names of its own.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{chdir, pivot_root, sethostname, symlinkat};

use crate::event::Stage;
use crate::failure::{Failure, failed};
use crate::root::{Missing, Root};
use crate::stage::DEVICES;
use crate::stage::supervisor::TASK_ADDRESS;
use crate::stage::wire::{ContainerOrder, StagedMount, StagedSource};

const DEVICE_LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
];
const NO_DEVICES: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);
const DATA_ONLY: MsFlags = NO_DEVICES.union(MsFlags::MS_NOEXEC);

/// Makes `root` below the current directory this process's `/`, and the host's files unreachable. The answer is
/// what the container has to do without.
pub(super) fn enter(order: &ContainerOrder) -> Result<Vec<String>, Failure> {
    let at = Stage::FileSystem;
    // Nothing that is mounted here may show on the host.
    mount_at(
        "none",
        "/",
        None,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None,
    )
    .map_err(failed(at, "keep mounts private"))?;
    mount_at(
        "root",
        "root",
        None,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        None,
    )
    .map_err(failed(at, "bind the root"))?;
    // The scratch directory stays open: the sources of mounts are there.
    let scratch = File::open(".").map_err(failed(at, "open the scratch directory"))?;
    chdir("root").map_err(failed(at, "go to the root"))?;
    let root = Root::open(Path::new(".")).map_err(failed(at, "open the root"))?;
    let mut warnings = Vec::new();
    mount_new(&root, "proc", "proc", DATA_ONLY, None).map_err(failed(at, "mount /proc"))?;
    devices(&root, &mut warnings).map_err(failed(at, "make /dev"))?;
    let sys = mount_new(&root, "sysfs", "sys", DATA_ONLY | MsFlags::MS_RDONLY, None);
    warnings.extend(sys.err().map(|error| format!("no /sys: {error}")));
    for staged in &order.mounts {
        staged
            .mount(&root, &scratch)
            .map_err(failed(at, format!("mount {}", staged.target.display())))?;
    }
    names(&root, order).map_err(failed(at, "write /etc/hosts and its like"))?;
    sethostname(&order.hostname).map_err(failed(at, "set the host name"))?;
    pivot_root(".", ".").map_err(failed(at, "pivot root"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(failed(at, "leave the host's files"))?;
    chdir("/").map_err(failed(at, "go to /"))?;
    if order.read_only_root {
        make_read_only(Path::new("/")).map_err(failed(at, "make the root read-only"))?;
    }
    Ok(warnings)
}

fn devices(root: &Root, warnings: &mut Vec<String>) -> io::Result<()> {
    mount_new(
        root,
        "tmpfs",
        "dev",
        MsFlags::MS_NOSUID,
        Some("mode=755,size=64k"),
    )?;
    for name in DEVICES {
        let source = Path::new("/dev").join(name);
        let target = root.mount_file(&source)?;
        mount_on(&source, &target, MsFlags::MS_BIND)?;
    }
    let directory = root.directory(Path::new("dev"), Missing::Refuse)?.directory;
    for (target, name) in DEVICE_LINKS {
        symlinkat(target, &directory, name)?;
    }
    let no_programs = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let optional = [
        ("tmpfs", "dev/shm", DATA_ONLY, Some("mode=1777,size=64m")),
        (
            "devpts",
            "dev/pts",
            no_programs,
            Some("newinstance,ptmxmode=0666,mode=0620"),
        ),
        ("mqueue", "dev/mqueue", DATA_ONLY, None),
    ];
    for (kind, path, flags, options) in optional {
        let mounted = mount_new(root, kind, path, flags, options);
        warnings.extend(mounted.err().map(|error| format!("no /{path}: {error}")));
    }
    Ok(())
}

/// Written anew for each container, so whatever the image has in their place goes.
fn names(root: &Root, order: &ContainerOrder) -> io::Result<()> {
    let hostname = &order.hostname;
    let hosts = format!(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{TASK_ADDRESS}\t{hostname}\n"
    );
    root.write(Path::new("etc/hosts"), &hosts)?;
    root.write(Path::new("etc/hostname"), &format!("{hostname}\n"))?;
    let name_servers = if order.host_network {
        // Until the pivot this is the host's file; a host without one has no names to find.
        std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default()
    } else {
        "# No name server: the task's network has no way out.\n".to_owned()
    };
    root.write(Path::new("etc/resolv.conf"), &name_servers)
}

impl StagedMount {
    fn mount(&self, root: &Root, scratch: &File) -> io::Result<()> {
        let source = |path: &PathBuf| descriptor(scratch).join(path);
        match &self.source {
            StagedSource::Tmpfs { bytes } => {
                let options = format!("mode=1777,size={bytes}");
                let target = root.mount_directory(&self.target)?;
                mount_at(
                    "tmpfs",
                    descriptor(&target),
                    Some("tmpfs"),
                    NO_DEVICES,
                    Some(&options),
                )?;
            }
            StagedSource::Directory(path) => {
                mount_on(
                    &source(path),
                    &root.mount_directory(&self.target)?,
                    MsFlags::MS_BIND | MsFlags::MS_REC,
                )?;
            }
            StagedSource::File(path) => {
                mount_on(
                    &source(path),
                    &root.mount_file(&self.target)?,
                    MsFlags::MS_BIND,
                )?;
            }
        }
        if self.read_only {
            let mounted = match self.source {
                StagedSource::File(_) => root.mount_file(&self.target)?,
                _ => root.mount_directory(&self.target)?,
            };
            make_read_only(&descriptor(&mounted))?;
        }
        Ok(())
    }
}

/// Keeps the flags that the mount has: some are the host's and may not be taken off.
fn make_read_only(path: &Path) -> io::Result<()> {
    let present = statvfs(path)?.flags();
    let kept = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let flags = kept
        .into_iter()
        .filter(|(flag, _)| present.contains(*flag))
        .map(|(_, flag)| flag);
    let flags = flags.fold(
        MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY,
        MsFlags::union,
    );
    mount_at("none", path, None, flags, None)
}

/// A new file system of a kind, on a directory inside the root.
fn mount_new(
    root: &Root,
    kind: &str,
    path: &str,
    flags: MsFlags,
    options: Option<&str>,
) -> io::Result<()> {
    let target = root.mount_directory(Path::new(path))?;
    mount_at(kind, descriptor(&target), Some(kind), flags, options)
}

fn mount_on(source: &Path, target: &OwnedFd, flags: MsFlags) -> io::Result<()> {
    mount_at(source, descriptor(target), None, flags, None)
}

/// A path that leads to an open file and follows no link inside the root again.
fn descriptor(file: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn mount_at(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    kind: Option<&str>,
    flags: MsFlags,
    options: Option<&str>,
) -> io::Result<()> {
    Ok(mount(
        Some(source.as_ref()),
        target.as_ref(),
        kind,
        flags,
        options,
    )?)
}
