//! The directory that holds the whole state of one local AWS.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use toolkit::Fault;
use toolkit::file::{Secrecy, write_atomic};

/// Its presence says that a directory is a local AWS's state. The server holds a lock on it.
const LOCK: &str = "local-aws.lock";
/// Where a running server says where it answers.
const ENDPOINT: &str = "endpoint.json";
/// Everything that a local AWS makes, apart from the two above; the last one is its starter's.
const CONTENTS: [&str; 9] = [
    "server.lease",
    "state.db",
    "state.db-wal",
    "state.db-shm",
    "registry",
    "images",
    "tasks",
    "outbox.jsonl",
    "server.log",
];

/// How often, and how long apart, the lock is tried.
const GLANCES: u32 = 10;
const GLANCE: Duration = Duration::from_millis(20);

/// The directory of one local AWS.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

/// Held by the server as long as it lives; the kernel gives it back even after kill -9.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Where a server answers, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The server's process.
    pub pid: u32,
    /// The directory of its state.
    pub state: PathBuf,
}

impl contract::Document for Endpoint {
    const KIND: &'static str = "local-aws-ready";
    const SCHEMA: u32 = 1;
}

impl Directory {
    /// Makes the directory, or takes one that is a local AWS's already. The owner alone may look into it.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make the directory {}", path.display()))?;
        let directory = Self::at(path)?;
        if !directory.is_state() {
            directory.must_be_free()?;
        }
        std::fs::set_permissions(&directory.path, std::fs::Permissions::from_mode(0o700))
            .with_context(|| format!("cannot protect the directory {}", path.display()))?;
        Ok(directory)
    }

    /// The directory of a local AWS that was started before.
    pub fn existing(path: &Path) -> anyhow::Result<Self> {
        let is_there = path.is_dir();
        match is_there.then(|| Self::at(path)).transpose()? {
            Some(directory) if directory.is_state() => Ok(directory),
            _ => Err(Fault::usage(format!(
                "{} is not the state of a local AWS",
                path.display()
            ))
            .with_hint(format!("it would have a file named {LOCK}"))
            .into()),
        }
    }

    fn at(path: &Path) -> anyhow::Result<Self> {
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot find the directory {}", path.display()))?;
        Ok(Self { path })
    }

    fn is_state(&self) -> bool {
        self.path.join(LOCK).is_file()
    }

    /// A directory of somebody else's files is not taken: `reset` would have to tell the two apart.
    fn must_be_free(&self) -> anyhow::Result<()> {
        let stranger = std::fs::read_dir(&self.path)
            .and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.file_name()))
                    .find(|name| !name.as_ref().is_ok_and(|name| name == "server.log"))
                    .transpose()
            })
            .with_context(|| format!("cannot list the directory {}", self.path.display()))?;
        match stranger {
            None => Ok(()),
            Some(name) => Err(Fault::usage(format!(
                "{} is no place for the state of a local AWS: it has other files, such as {}",
                self.path.display(),
                name.display()
            ))
            .with_hint("name a new directory, or an empty one")
            .into()),
        }
    }

    /// The directory itself, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database's file, for the owner alone.
    pub fn database(&self) -> anyhow::Result<PathBuf> {
        let file = self.path.join("state.db");
        // SQLite gives the files beside it the same mode.
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("cannot open {}", file.display()))?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))
            .with_context(|| format!("cannot protect {}", file.display()))?;
        Ok(file)
    }

    /// Takes the directory for this process. Another server that has it is named.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        // Whoever asks whether a server runs holds the lock for a moment, too.
        for _ in 0..GLANCES {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            std::thread::park_timeout(GLANCE);
        }
        Err(Fault::new(
            contract::exit::FAILED,
            format!(
                "another local AWS ({}) uses {}",
                self.holder(),
                self.path.display()
            ),
        )
        .with_hint(format!(
            "stop it with `local-aws down --state {}`, or choose another directory",
            self.path.display()
        ))
        .into())
    }

    /// Takes the directory unless a server has it.
    pub fn try_lock(&self) -> anyhow::Result<Option<Lock>> {
        let name = self.path.join(LOCK);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&name)
            .with_context(|| format!("cannot open {}", name.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", name.display()));
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .with_context(|| format!("cannot write {}", name.display()))?;
        Ok(Some(Lock { _file: file }))
    }

    fn holder(&self) -> String {
        let mut pid = String::new();
        let read = File::open(self.path.join(LOCK))
            .and_then(|file| file.take(32).read_to_string(&mut pid));
        match read {
            Ok(_) if !pid.trim().is_empty() => format!("process {}", pid.trim()),
            _ => "of an unknown process".to_owned(),
        }
    }

    /// Says where the server answers.
    pub fn announce(&self, endpoint: &Endpoint) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(&contract::document::labelled(endpoint))?;
        bytes.push(b'\n');
        write_atomic(&self.path.join(ENDPOINT), &bytes, Secrecy::Secret)
    }

    /// Where a server said that it answers; none if none ran or the last one stopped in good order.
    pub fn endpoint(&self) -> anyhow::Result<Option<Endpoint>> {
        let file = self.path.join(ENDPOINT);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", file.display()));
            }
        };
        contract::document::parse(&text)
            .map(Some)
            .with_context(|| format!("cannot read {}", file.display()))
    }

    /// Takes the announcement back.
    pub fn withdraw(&self) -> anyhow::Result<()> {
        remove(&self.path.join(ENDPOINT))
    }

    /// Removes all that a local AWS made, and the directory itself if nothing else is in it.
    pub fn remove(self, lock: Lock) -> anyhow::Result<()> {
        for name in CONTENTS {
            remove(&self.path.join(name))?;
        }
        self.withdraw()?;
        // Last, so that a reset that was cut off can be done again.
        remove(&self.path.join(LOCK))?;
        drop(lock);
        match std::fs::remove_dir(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => Err(error)
                .with_context(|| format!("cannot remove the directory {}", self.path.display())),
            _ => Ok(()),
        }
    }
}

/// Removes a file or a tree; an absent one is no error.
fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Ok(found) if found.is_dir() => {
            open_up(path)?;
            std::fs::remove_dir_all(path)
        }
        _ => std::fs::remove_file(path),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Images bring directories that their owner may not write to; nothing could be removed from them.
fn open_up(directory: &Path) -> anyhow::Result<()> {
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot open up {}", directory.display()))?;
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", directory.display()))?;
        // The type of the entry itself: a link to a directory is not followed.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn keeps_its_state_for_the_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(&place.path().join("a/b")).unwrap();
        assert_eq!(mode(directory.path()), 0o700);
        assert_eq!(mode(&directory.database().unwrap()), 0o600);
    }

    #[test]
    fn belongs_to_one_server_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(place.path()).unwrap();
        let lock = directory.lock().unwrap();
        assert_eq!(
            directory.lock().unwrap_err().to_string(),
            format!(
                "another local AWS (process {}) uses {}",
                std::process::id(),
                directory.path().display()
            )
        );
        drop(lock);
        directory.lock().unwrap();
    }

    #[test]
    fn takes_no_directory_with_files_of_somebody_else() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("thesis.tex"), "").unwrap();
        let error = Directory::create(place.path()).unwrap_err();
        assert_eq!(toolkit::fault::exit_code(&error), contract::exit::USAGE);
        let error = Directory::existing(place.path()).unwrap_err();
        assert_eq!(toolkit::fault::exit_code(&error), contract::exit::USAGE);
        assert!(place.path().join("thesis.tex").exists());
    }

    #[test]
    fn removes_what_it_made_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state");
        let directory = Directory::create(&path).unwrap();
        let lock = directory.lock().unwrap();
        std::fs::write(directory.database().unwrap(), "x").unwrap();
        let closed = path.join("images/x/closed");
        std::fs::create_dir_all(&closed).unwrap();
        std::fs::write(closed.join("file"), "").unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
        std::fs::write(path.join("notes.txt"), "").unwrap();
        directory.remove(lock).unwrap();
        let left: Vec<_> = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["notes.txt"]);
    }

    #[test]
    fn says_where_it_answers() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(place.path()).unwrap();
        assert_eq!(directory.endpoint().unwrap(), None);
        let endpoint = Endpoint {
            endpoint: "http://127.0.0.1:1".to_owned(),
            pid: 7,
            state: directory.path().to_owned(),
        };
        directory.announce(&endpoint).unwrap();
        assert_eq!(mode(&directory.path().join(ENDPOINT)), 0o600);
        assert_eq!(directory.endpoint().unwrap(), Some(endpoint));
        directory.withdraw().unwrap();
        assert_eq!(directory.endpoint().unwrap(), None);
    }
}
