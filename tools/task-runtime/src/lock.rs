//! Locks on files that end with the process that holds them, however it ends.
//!
//! Open file description locks, because a test for one (`F_OFD_GETLK`) takes nothing itself: a supervisor that
//! looks whether its server lives never stands in that server's way.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// An exclusive lock on a file, held until dropped or until the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, creating the file (0600) if needed; `None` if somebody else holds it.
    pub fn try_hold(path: &Path) -> io::Result<Option<Lock>> {
        let file = open(path)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK))) {
            Ok(_) => Ok(Some(Lock { _file: file })),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the lock, waiting for as long as somebody else holds it.
    pub fn hold(path: &Path) -> io::Result<Lock> {
        let file = open(path)?;
        loop {
            match fcntl(&file, FcntlArg::F_OFD_SETLKW(&whole_file(libc::F_WRLCK))) {
                Ok(_) => return Ok(Lock { _file: file }),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether somebody holds the lock; `false` if there is no such file.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        match LockProbe::open(path) {
            Ok(probe) => probe.is_held(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until nobody holds the lock.
    pub fn wait_released(path: &Path) -> io::Result<()> {
        Lock::hold(path).map(drop)
    }
}

/// Looks at a lock again and again, also after the path has become unreachable.
#[derive(Debug)]
pub(crate) struct LockProbe {
    file: File,
}

impl LockProbe {
    pub(crate) fn open(path: &Path) -> io::Result<LockProbe> {
        File::open(path).map(|file| LockProbe { file })
    }

    pub(crate) fn is_held(&self) -> io::Result<bool> {
        let mut lock = whole_file(libc::F_WRLCK);
        fcntl(&self.file, FcntlArg::F_OFD_GETLK(&mut lock))?;
        Ok(i32::from(lock.l_type) != libc::F_UNLCK)
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn whole_file(kind: libc::c_int) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_held_until_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        assert!(!Lock::is_held(&path).unwrap());
        let lock = Lock::try_hold(&path).unwrap().unwrap();
        assert!(Lock::is_held(&path).unwrap());
        assert!(Lock::try_hold(&path).unwrap().is_none());
        drop(lock);
        assert!(!Lock::is_held(&path).unwrap());
        assert!(Lock::try_hold(&path).unwrap().is_some());
    }
}
