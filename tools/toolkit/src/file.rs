//! Files that are there whole or not at all.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Everybody: mode 0644.
    Public,
    /// The owner alone: mode 0600, from the first byte on.
    Secret,
}

/// Writes `bytes` to `path` by way of a temporary file beside it, so that a reader sees the old content or
/// the new one and never a part. Missing directories are made.
pub fn write_atomic(path: &Path, bytes: &[u8], secrecy: Secrecy) -> anyhow::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    write_beside(directory, path, bytes, secrecy)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write_beside(
    directory: &Path,
    path: &Path,
    bytes: &[u8],
    secrecy: Secrecy,
) -> anyhow::Result<()> {
    // tempfile creates with mode 0600; only a public file is opened up afterwards.
    let mut file = tempfile::Builder::new()
        .prefix(".longshore-")
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    if secrecy == Secrecy::Public {
        file.as_file()
            .set_permissions(Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_secrets_for_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/secret.env");
        write_atomic(&path, b"KEY=1\n", Secrecy::Secret).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"KEY=1\n");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        write_atomic(&path, b"KEY=2\n", Secrecy::Public).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }
}
