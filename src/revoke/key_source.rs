//! Where signing keys and tokens come from: the environment, a private file, or a file descriptor. Never an argument,
//! never a file of the scanned tree.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest key file that is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// A place that holds a secret of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeySource {
    /// The name of an environment variable.
    Environment(String),
    /// A file that only its owner may read.
    File(PathBuf),
    /// An open file descriptor.
    Descriptor(u32),
}

/// Why a key could not be had. Never holds the key.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// It is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// It cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("{0}: others may read it (mode {1:04o}); run: chmod 600")]
    Mode(String, u32),
    /// It belongs to somebody else.
    #[error("{0}: it belongs to somebody else")]
    Owner(String),
    /// It lies in what is scanned.
    #[error("{0}: a key file may not lie inside the scanned tree")]
    InsideTree(String),
    /// It is too large, or no text.
    #[error("{0}: not a key file")]
    Form(String),
}

impl KeySource {
    /// From the words of a flag: `env:NAME`, `fd:3`, or a path (`file:PATH`).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Some(name) = text.strip_prefix("env:") {
            return Self::Environment(name.to_owned());
        }
        if let Some(number) = text.strip_prefix("fd:").and_then(|n| n.parse().ok()) {
            return Self::Descriptor(number);
        }
        Self::File(PathBuf::from(text.strip_prefix("file:").unwrap_or(text)))
    }

    /// Reads it; white space round it is dropped. `scanned` are the directories that are scanned: a file in them is
    /// refused, for whoever wrote the tree could have put it there.
    ///
    /// # Errors
    /// See [`KeySourceError`].
    pub fn read(&self, scanned: &[PathBuf]) -> Result<String, KeySourceError> {
        match self {
            Self::Environment(name) => match std::env::var(name) {
                Ok(value) if !value.trim().is_empty() => Ok(value.trim().to_owned()),
                _ => Err(KeySourceError::Unset(name.clone())),
            },
            Self::File(path) => read_private(path, scanned),
            Self::Descriptor(number) => {
                let path = PathBuf::from(format!("/dev/fd/{number}"));
                let file = File::open(&path).map_err(|source| unreadable(&path, source))?;
                read_text(file, &path)
            }
        }
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> KeySourceError {
    KeySourceError::Unreadable { path: path.display().to_string(), source }
}

fn read_private(path: &Path, scanned: &[PathBuf]) -> Result<String, KeySourceError> {
    let real = fs::canonicalize(path).map_err(|source| unreadable(path, source))?;
    let inside = scanned.iter().filter_map(|root| fs::canonicalize(root).ok()).any(|root| real.starts_with(root));
    if inside {
        return Err(KeySourceError::InsideTree(path.display().to_string()));
    }
    let file = File::open(&real).map_err(|source| unreadable(path, source))?;
    check_private(&file, path)?;
    read_text(file, path)
}

/// The open file, not the path, is asked: nobody can swap it in between.
#[cfg(unix)]
pub(crate) fn check_private(file: &File, path: &Path) -> Result<(), KeySourceError> {
    use std::os::unix::fs::MetadataExt;
    let meta = file.metadata().map_err(|source| unreadable(path, source))?;
    if meta.mode() & 0o077 != 0 {
        return Err(KeySourceError::Mode(path.display().to_string(), meta.mode() & 0o7777));
    }
    // A file that we just could make here would belong to us: compare with what the process owns.
    let ours = fs::metadata("/proc/self").map(|m| m.uid());
    if ours.is_ok_and(|uid| uid != meta.uid() && meta.uid() != 0) {
        return Err(KeySourceError::Owner(path.display().to_string()));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn check_private(_: &File, _: &Path) -> Result<(), KeySourceError> {
    Ok(())
}

fn read_text(file: File, path: &Path) -> Result<String, KeySourceError> {
    let mut text = String::new();
    let form = || KeySourceError::Form(path.display().to_string());
    file.take(LIMIT + 1).read_to_string(&mut text).map_err(|_| form())?;
    if text.len() as u64 > LIMIT || text.trim().is_empty() {
        return Err(form());
    }
    Ok(text.trim().to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_private_files_outside_the_tree_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, "whsec_x\n").unwrap();
        let source = KeySource::parse(path.to_str().unwrap());
        for mode in [0o644, 0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(source.read(&[]), Err(KeySourceError::Mode(..))), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(source.read(&[]).unwrap(), "whsec_x");
        assert!(matches!(source.read(&[dir.path().to_owned()]), Err(KeySourceError::InsideTree(_))));
        let link = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&path, link.path().join("key")).unwrap();
        let linked = KeySource::File(link.path().join("key"));
        assert!(matches!(linked.read(&[dir.path().to_owned()]), Err(KeySourceError::InsideTree(_))));
    }

    #[test]
    fn descriptors_and_the_environment() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"whsec_y").unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let source = KeySource::parse(&format!("fd:{}", file.as_raw_fd()));
        assert_eq!(source.read(&[]).unwrap(), "whsec_y");
        let missing = KeySource::parse("env:STANCH_NO_SUCH_VARIABLE");
        assert!(matches!(missing.read(&[]), Err(KeySourceError::Unset(_))));
        assert!(!KeySource::parse("env:PATH").read(&[]).unwrap().is_empty());
    }
}
