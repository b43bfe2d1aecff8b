//! `Stamp`: what files and directories look like from outside. While they look the same, what was read of them holds.

use std::{
    fs::{self, Metadata},
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::unit::hex;

/// What changed less than this before it was read may change again without looking any different.
const SETTLED: Duration = Duration::from_secs(2);

/// Files and directories below one, and a digest of what the system says of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Stamp {
    paths: Vec<String>,
    digest: String,
}

impl Stamp {
    /// The stamp of what has been read since `start`; `None` where it would prove nothing.
    pub(crate) fn of(base: &Path, paths: &[PathBuf], start: SystemTime) -> Option<Self> {
        let below = |path: &PathBuf| Some(path.strip_prefix(base).ok()?.to_str()?.to_owned());
        let paths: Vec<String> = paths.iter().map(below).collect::<Option<_>>()?;
        let (digest, newest) = digest(base, &paths)?;
        start.duration_since(newest).is_ok_and(|age| age > SETTLED).then_some(Self { paths, digest })
    }

    /// Whether everything looks as it did.
    pub(crate) fn holds(&self, base: &Path) -> bool {
        digest(base, &self.paths).is_some_and(|(digest, _)| digest == self.digest)
    }
}

/// The digest, and when the newest of them changed.
fn digest(base: &Path, paths: &[String]) -> Option<(String, SystemTime)> {
    let mut digest = Sha256::new();
    let mut newest = SystemTime::UNIX_EPOCH;
    for path in paths {
        digest.update((path.len() as u64).to_le_bytes());
        digest.update(path);
        match fs::symlink_metadata(base.join(path)) {
            Ok(meta) => {
                looks(&meta)?.iter().for_each(|number| digest.update(number.to_le_bytes()));
                newest = newest.max(changed(&meta)?);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => digest.update(b"none"),
            Err(_) => return None,
        }
    }
    Some((hex(&digest.finalize()[..16]), newest))
}

#[cfg(unix)]
fn looks(meta: &Metadata) -> Option<[i64; 8]> {
    use std::os::unix::fs::MetadataExt;
    let (dev, ino, size) = (meta.dev() as i64, meta.ino() as i64, meta.size() as i64);
    let (mtime, ctime) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    Some([dev, ino, size, i64::from(meta.mode()), mtime.0, mtime.1, ctime.0, ctime.1])
}

#[cfg(unix)]
fn changed(meta: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let status = Duration::new(u64::try_from(meta.ctime()).ok()?, u32::try_from(meta.ctime_nsec()).ok()?);
    Some(meta.modified().ok()?.max(SystemTime::UNIX_EPOCH + status))
}

/// Elsewhere the system does not say enough.
#[cfg(not(unix))]
fn looks(_: &Metadata) -> Option<[i64; 8]> {
    None
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> Option<SystemTime> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        fs,
        time::{Duration, SystemTime},
    };

    use super::Stamp;

    #[test]
    fn holds_until_something_looks_different() {
        let dir = tempfile::tempdir().unwrap();
        let (base, file) = (dir.path(), dir.path().join("file"));
        fs::write(&file, "one").unwrap();
        let paths = [base.to_owned(), file.clone(), base.join("none")];
        let later = SystemTime::now() + Duration::from_secs(10);
        let stamp = || Stamp::of(base, &paths, later).unwrap();
        assert_eq!(Stamp::of(base, &paths, SystemTime::now()), None, "it may change again in the same instant");
        for change in [
            &(|| fs::write(&file, "three").unwrap()) as &dyn Fn(),
            &|| fs::write(base.join("none"), "").unwrap(),
            &|| fs::remove_file(&file).unwrap(),
            &|| drop(fs::remove_dir_all(base)),
        ] {
            let before = stamp();
            assert!(before.holds(base));
            std::thread::sleep(Duration::from_millis(20));
            change();
            assert!(!before.holds(base));
        }
    }
}
