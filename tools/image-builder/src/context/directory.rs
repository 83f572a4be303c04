//! The context's directory, as it is on this machine.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toolkit::Fault;

use super::ignore::Ignore;
use super::path;
use crate::rootfs::node::{Content, Kind, Node, Source, Stamp};

/// The directory, and what of it there is to copy.
#[derive(Debug)]
pub(crate) struct Context {
    root: PathBuf,
    ignore: Ignore,
}

impl Context {
    /// Opens the directory. The rules are in `DOCKERFILE.dockerignore` if that is there, else in `.dockerignore`.
    pub(crate) fn open(directory: &Path, dockerfile: &Path) -> anyhow::Result<Self> {
        let shown = directory.display();
        let root = directory.canonicalize().map_err(|error| {
            Fault::usage(format!("cannot open the build context {shown}: {error}"))
        })?;
        if !root.is_dir() {
            return Err(
                Fault::usage(format!("the build context {shown} is not a directory")).into(),
            );
        }
        let mut beside = dockerfile.as_os_str().to_owned();
        beside.push(".dockerignore");
        let mut ignore = Ignore::parse(".dockerignore", "")?;
        for file in [PathBuf::from(beside), directory.join(".dockerignore")] {
            match fs::read_to_string(&file) {
                Ok(text) => {
                    ignore = Ignore::parse(&file.display().to_string(), &text)?;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", file.display()));
                }
            }
        }
        Ok(Self { root, ignore })
    }

    fn host_path(&self, file: &str) -> PathBuf {
        if file.is_empty() {
            self.root.clone()
        } else {
            self.root.join(file)
        }
    }

    /// What is at a path; symbolic links are not followed. `None`: nothing, or it is left out.
    pub(crate) fn node(&self, file: &str) -> anyhow::Result<Option<Node>> {
        let host_path = self.host_path(file);
        let metadata = match fs::symlink_metadata(&host_path) {
            Ok(metadata) => metadata,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(None);
            }
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot look at {}", host_path.display()));
            }
        };
        if !file.is_empty() && self.ignore.leaves_out(file) {
            // A directory that is left out is there all the same for what is let in below it.
            let is_needed = metadata.is_dir() && self.lets_in_below(file)?;
            if !is_needed {
                return Ok(None);
            }
        }
        node(host_path, &metadata).map(Some)
    }

    fn lets_in_below(&self, directory: &str) -> anyhow::Result<bool> {
        if !self.ignore.may_let_in_below(directory) {
            return Ok(false);
        }
        for name in self.names(directory)? {
            let below = path::join(directory, &name);
            if !self.ignore.leaves_out(&below) {
                return Ok(true);
            }
            if fs::symlink_metadata(self.host_path(&below)).is_ok_and(|metadata| metadata.is_dir())
                && self.lets_in_below(&below)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names in a directory, sorted by bytes, with those that are left out.
    pub(crate) fn names(&self, directory: &str) -> anyhow::Result<Vec<String>> {
        let host_path = self.host_path(directory);
        let what = || format!("cannot read the directory {}", host_path.display());
        let mut names = Vec::new();
        for entry in fs::read_dir(&host_path).with_context(what)? {
            let name = entry.with_context(what)?.file_name();
            names.push(name.into_string().map_err(|name| {
                Fault::new(
                    1,
                    format!(
                        "the name {} in {} is not UTF-8",
                        name.display(),
                        host_path.display()
                    ),
                )
            })?);
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// The mode that every file of a kind gets, so that an image does not depend on the umask of who checked the sources
/// out: 755 for directories and programs, 644 for other files.
fn node(host_path: PathBuf, metadata: &Metadata) -> anyhow::Result<Node> {
    let kind = metadata.file_type();
    let (kind, mode) = if kind.is_dir() {
        (Kind::Directory, 0o755)
    } else if kind.is_file() {
        let mode = if metadata.mode() & 0o111 == 0 {
            0o644
        } else {
            0o755
        };
        let content = Content {
            size: metadata.len(),
            source: Source::Host(host_path, Stamp::of(metadata)),
        };
        (Kind::File(content), mode)
    } else if kind.is_symlink() {
        let target = fs::read_link(&host_path)
            .with_context(|| format!("cannot read the link {}", host_path.display()))?;
        let target = target.into_os_string().into_string().map_err(|target| {
            Fault::new(
                1,
                format!(
                    "the link {} leads to {}, which is not UTF-8",
                    host_path.display(),
                    target.display()
                ),
            )
        })?;
        (Kind::Link(target), 0o777)
    } else if kind.is_socket() {
        (Kind::Other("a socket"), 0)
    } else if kind.is_fifo() {
        (Kind::Other("a named pipe"), 0)
    } else {
        (Kind::Other("a device"), 0)
    };
    Ok(Node {
        kind,
        mode,
        uid: 0,
        gid: 0,
        attributes: Vec::new(),
    })
}
