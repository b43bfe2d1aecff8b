//! `TempDir`: a directory of ours, gone when it is dropped; and at the next start if we were killed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use super::AuditError;

/// What the names of all such directories begin with.
const PREFIX: &str = "stanch-audit-";
/// The file in each that its maker holds locked.
const LOCK: &str = "in-use";
/// So old must a directory without that file be before it is taken for one of a maker who was killed in between.
const SETTLED: Duration = Duration::from_secs(3600);

/// A directory of ours.
#[derive(Debug)]
pub(crate) struct TempDir {
    path: PathBuf,
    /// Locked as long as it is open: what another program sees locked is in use, on whatever machine.
    _lock: File,
}

impl TempDir {
    /// Makes a directory that only we can read.
    pub(crate) fn new(base: &Path) -> Result<Self, AuditError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = base.join(format!("{PREFIX}{}-{number}", std::process::id()));
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&path) {
                Ok(()) => {
                    let lock = File::create(path.join(LOCK)).map_err(AuditError::io(&path))?;
                    // Where the file system knows no locks, an hour has to do.
                    let _ = lock.try_lock();
                    return Ok(Self { path, _lock: lock });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(AuditError::io(&path)(error)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what audits that were killed have left behind in `base`. Nothing that another program still uses.
pub fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_abandoned(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_abandoned(dir: &Path) -> bool {
    match File::open(dir.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => {
            let changed = fs::metadata(dir).and_then(|meta| meta.modified());
            changed.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > SETTLED))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TempDir, sweep};

    #[test]
    fn only_what_nobody_uses_is_swept() {
        let base = tempfile::tempdir().unwrap();
        let used = TempDir::new(base.path()).unwrap();
        let left = base.path().join("stanch-audit-1-0");
        std::fs::create_dir_all(left.join("objects")).unwrap();
        std::fs::write(left.join("in-use"), "").unwrap();
        let young = base.path().join("stanch-audit-1-1");
        let other = base.path().join("something-else");
        std::fs::create_dir(&young).unwrap();
        std::fs::create_dir(&other).unwrap();
        sweep(base.path());
        assert!(used.path().exists() && young.exists() && other.exists() && !left.exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }
}
