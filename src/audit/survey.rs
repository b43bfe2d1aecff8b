//! What can be told of a repository without reading an object: whether it changed, how large it is, whom it resembles.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::SystemTime,
};

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{stamp::Stamp, unit::hex};
use crate::source::git::{GitError, Repo, objects::object::HashKind};

/// Ids in a sketch. With 32, repositories that share half of their objects share about a third of them, give or take
/// an eighth.
pub(crate) const SKETCH: usize = 32;
/// Ids that two sketches must share, of the smallest of both together, for one network: a quarter.
const ALIKE: usize = 4;

/// An object id's bytes.
pub(crate) type Id = Vec<u8>;

/// A directory of objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    pub(crate) dir: PathBuf,
    pub(crate) packs: Vec<PathBuf>,
    /// How many loose objects there are.
    pub(crate) loose: u64,
}

/// A repository, seen from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// Digest of refs, reflogs, configuration and the names of all packs and loose objects.
    pub(crate) state: String,
    /// The smallest object ids: since ids are random, a fair sample, and the same sample in every fork.
    pub(crate) sketch: Vec<Id>,
    /// Where its objects are, its own and those it borrows.
    pub(crate) stores: Vec<Objects>,
    /// Entries of packs, and loose objects.
    pub(crate) objects: u64,
    /// Bytes of packs.
    pub(crate) bytes: u64,
    /// Names that point at an object.
    pub(crate) refs: u64,
    /// Whether it can be read together with others: nothing was left at a remote or cut off.
    pub(crate) joinable: bool,
    /// Everything that was looked at.
    seen: Vec<PathBuf>,
}

/// What a plan needs to know of a repository.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Brief {
    pub(crate) state: String,
    /// The ids of the sketch in hexadecimal.
    sketch: Vec<String>,
    pub(crate) est_kb: u64,
    pub(crate) joinable: bool,
}

impl Survey {
    /// Looks at a repository on this machine.
    pub(crate) fn at(path: &Path) -> Result<Self, GitError> {
        Repo::at(path).map(|repo| Self::of(&repo))
    }

    /// Looks at one that is open.
    pub(crate) fn of(repo: &Repo) -> Self {
        let layout = repo.layout();
        let mut survey =
            Self { joinable: layout.hash == HashKind::Sha1 && !layout.shallow.exists(), ..Self::default() };
        survey.joinable &= !repo.is_partial();
        let mut state = Sha256::new();
        survey.seen.extend(layout.work_dir.iter().map(|work| work.join(".git")));
        survey.names(&layout.common_dir, &mut state);
        // A linked work tree has a directory of its own.
        if layout.git_dir != layout.common_dir {
            survey.names(&layout.git_dir, &mut state);
        }
        for dir in &layout.objects {
            survey.objects(dir, layout.hash.id_len(), &mut state);
        }
        survey.sketch.sort_unstable();
        survey.sketch.dedup();
        survey.sketch.truncate(SKETCH);
        survey.state = hex(&state.finalize()[..16]);
        survey
    }

    /// What a plan needs of it.
    pub(crate) fn brief(&self) -> Brief {
        let loose: u64 = self.stores.iter().map(|store| store.loose).sum();
        let sketch = self.sketch.iter().map(|id| hex(id)).collect();
        Brief { state: self.state.clone(), sketch, est_kb: self.bytes / 1024 + loose, joinable: self.joinable }
    }

    /// A stamp of all that was looked at since `start`, which holds while a survey would say the same.
    pub(crate) fn stamp(&self, path: &Path, start: SystemTime) -> Option<Stamp> {
        let config = |path: &&PathBuf| path.file_name().is_some_and(|name| name == "config");
        // What a configuration includes was not looked at.
        let includes =
            |path: &PathBuf| fs::read(path).is_ok_and(|text| text.to_ascii_lowercase().contains_str("include"));
        if self.seen.iter().filter(config).any(includes) {
            return None;
        }
        Stamp::of(path, &self.seen, start)
    }

    /// Everything small that decides what a scan reads besides objects.
    fn names(&mut self, home: &Path, state: &mut Sha256) {
        self.seen.push(home.to_owned());
        for entry in entries(home) {
            let Ok(meta) = fs::symlink_metadata(&entry) else { continue };
            let name = entry.file_name().unwrap_or_default().to_owned();
            if meta.is_file() && name != "index" && meta.len() < 64 << 20 {
                let text = fs::read(&entry).unwrap_or_default();
                if name == "packed-refs" {
                    self.refs +=
                        text.split(|b| *b == b'\n').filter(|l| l.first().is_some_and(u8::is_ascii_hexdigit)).count()
                            as u64;
                }
                note(state, &entry, &text);
                self.seen.push(entry);
            } else if meta.is_dir()
                && ["refs", "logs", "worktrees", "rebase-merge", "rebase-apply", "sequencer"]
                    .iter()
                    .any(|dir| name == *dir)
            {
                self.refs += digest_below(&entry, state, &mut self.seen) * u64::from(name == "refs");
            }
        }
    }

    fn objects(&mut self, dir: &Path, id_len: usize, state: &mut Sha256) {
        note(state, dir, b"");
        let mut store = Objects { dir: dir.to_owned(), ..Objects::default() };
        self.seen.extend([dir.to_owned(), dir.join("info"), dir.join("info/alternates"), dir.join("pack")]);
        for pack in entries(&dir.join("pack")) {
            self.seen.push(pack.clone());
            let size = fs::metadata(&pack).map_or(0, |meta| meta.len());
            note(state, &pack, &size.to_le_bytes());
            if pack.extension().is_some_and(|extension| extension == "idx") {
                self.objects += self.smallest(&pack, id_len).unwrap_or(0);
                self.bytes += fs::metadata(pack.with_extension("pack")).map_or(0, |meta| meta.len());
                store.packs.push(pack.with_extension("pack"));
            }
        }
        for fan in entries(dir) {
            let Some(first) = fan.file_name().and_then(|name| name.to_str()).filter(|name| name.len() == 2) else {
                continue;
            };
            self.seen.push(fan.clone());
            for object in entries(&fan) {
                let rest = object.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Some(id) = crate::model::BlobId::from_hex(format!("{first}{rest}").as_bytes()) else { continue };
                state.update(id.as_bytes());
                self.sketch.push(id.as_bytes().to_vec());
                store.loose += 1;
            }
        }
        self.objects += store.loose;
        self.stores.push(store);
    }

    /// Takes the first ids of a pack's index (gitformat-pack, version 2) into the sketch. How many ids there are.
    fn smallest(&mut self, index: &Path, id_len: usize) -> Option<u64> {
        let mut file = File::open(index).ok()?;
        let mut head = [0; 8 + 1024];
        file.read_exact(&mut head).ok()?;
        if !head.starts_with(b"\xfftOc\0\0\0\x02") {
            return None;
        }
        let count = u64::from(u32::from_be_bytes(*head.last_chunk()?));
        let wanted = (count as usize).min(SKETCH);
        let mut ids = vec![0; wanted * id_len];
        file.seek(SeekFrom::Start(head.len() as u64)).ok()?;
        file.read_exact(&mut ids).ok()?;
        self.sketch.extend(ids.chunks_exact(id_len).map(<[u8]>::to_vec));
        Some(count)
    }
}

impl Brief {
    /// The smallest object ids.
    pub(crate) fn sketch(&self) -> &[String] {
        &self.sketch
    }

    /// Whether two repositories share enough to be read together.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let mut union: Vec<&String> = self.sketch.iter().chain(&other.sketch).collect();
        union.sort_unstable();
        let mut sample = 0;
        let mut shared = 0;
        let mut at = 0;
        while at < union.len() && sample < SKETCH {
            let both = at + 1 < union.len() && union[at] == union[at + 1];
            shared += usize::from(both);
            sample += 1;
            at += 1 + usize::from(both);
        }
        sample > 0 && shared * ALIKE >= sample
    }
}

fn note(state: &mut Sha256, path: &Path, bytes: &[u8]) {
    let name = path.as_os_str().as_encoded_bytes();
    state.update((name.len() as u64).to_le_bytes());
    state.update(name);
    state.update((bytes.len() as u64).to_le_bytes());
    state.update(bytes);
}

/// Digests all files below a directory; how many there are. No link is followed.
fn digest_below(dir: &Path, state: &mut Sha256, seen: &mut Vec<PathBuf>) -> u64 {
    let mut files = 0;
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        seen.push(dir.clone());
        for path in entries(&dir) {
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => todo.push(path),
                Ok(meta) if meta.is_file() => {
                    note(state, &path, &fs::read(&path).unwrap_or_default());
                    seen.push(path);
                    files += 1;
                }
                _ => {}
            }
        }
    }
    files
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::Brief;

    fn survey(ids: impl Iterator<Item = u8>) -> Brief {
        Brief { sketch: ids.map(|id| format!("{id:02x}").repeat(20)).collect(), ..Brief::default() }
    }

    #[test]
    fn likeness_is_the_share_of_common_objects() {
        let all = survey(0..32);
        assert!(all.is_like(&all));
        assert!(all.is_like(&survey(1..33)));
        assert!(survey(0..20).is_like(&survey(0..5)), "a small fork that lags behind");
        assert!(!all.is_like(&survey(100..132)));
        assert!(!survey(0..0).is_like(&survey(0..0)), "two empty repositories have nothing in common");
        assert!(!survey(0..16).is_like(&survey(15..32)), "one licence file is not a fork");
    }
}
