//! The object reader against git's own, on repositories made for the purpose, sound and damaged.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::TempDir;

use super::object::{HashKind, KindSet, ObjectKind, Problem};
use super::read::ReadCache;
use super::store::ObjectStore;
use super::walk::{Entry, WalkOptions};
use crate::model::{BlobId, SkipReason};

pub(super) type Objects = BTreeMap<BlobId, (ObjectKind, Vec<u8>)>;

pub(super) struct Repo {
    tmp: TempDir,
    hash: HashKind,
}

impl Repo {
    pub(super) fn new(hash: HashKind) -> Self {
        let repo = Self { tmp: tempfile::tempdir().unwrap(), hash };
        let format = if hash == HashKind::Sha1 { "sha1" } else { "sha256" };
        repo.git(&["init", "-q", "--bare", &format!("--object-format={format}"), "."]);
        repo
    }

    /// A history of `commits` in which a few files change little by little.
    pub(super) fn with_history(hash: HashKind, commits: usize) -> Self {
        let repo = Self::new(hash);
        repo.import(commits, 1);
        repo
    }

    pub(super) fn import(&self, commits: usize, seed: u64) {
        let mut random = Random(seed);
        let mut files = vec![String::new(); 4];
        let mut stream = Vec::new();
        for n in 0..commits {
            for (at, file) in files.iter_mut().enumerate() {
                for _ in 0..=random.below(8) {
                    let line = format!("line {n} {at} {:x} {:x}\n", random.next(), random.next());
                    let to = (random.below(1 + file.len() as u64 / 8) as usize) * 8;
                    file.insert_str(to.min(file.len()), &line);
                }
            }
            let message = format!("change {n}");
            write!(stream, "commit refs/heads/s{seed}\ncommitter A <a@b.c> {n} +0000\n").unwrap();
            write!(stream, "data {}\n{message}\n", message.len()).unwrap();
            for (at, file) in files.iter().enumerate() {
                write!(stream, "M 100644 inline dir{at}/file{at}\ndata {}\n{file}\n", file.len()).unwrap();
            }
        }
        write!(stream, "M 100644 inline empty\ndata 0\n\n").unwrap();
        write!(stream, "tag t{seed}\nfrom refs/heads/s{seed}\ntagger A <a@b.c> 1 +0000\ndata 3\ntag\n").unwrap();
        self.feed(&["fast-import", "--quiet"], &stream);
    }

    pub(super) fn git(&self, args: &[&str]) -> Vec<u8> {
        self.feed(args, b"")
    }

    pub(super) fn feed(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut git = Command::new("git");
        git.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.tmp.path());
        git.env("GIT_CONFIG_NOSYSTEM", "1").args(["-c", "gc.auto=0", "-c", "core.multiPackIndex=true"]);
        git.args(args)
            .current_dir(self.tmp.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut child = git.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let done = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().unwrap()
        });
        assert!(done.status.success(), "git {args:?}");
        done.stdout
    }

    pub(super) fn objects_dir(&self) -> PathBuf {
        self.tmp.path().join("objects")
    }

    pub(super) fn files(&self, extension: &str) -> Vec<PathBuf> {
        let pack = self.objects_dir().join("pack");
        let mut paths: Vec<_> = fs::read_dir(pack).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == extension));
        paths.sort();
        paths
    }

    pub(super) fn open(&self) -> (ObjectStore, Vec<Problem>) {
        ObjectStore::open(&[self.objects_dir()], self.hash)
    }

    pub(super) fn as_git_reads_it(&self) -> Objects {
        let out = self.git(&["cat-file", "--batch-all-objects", "--batch"]);
        let mut objects = Objects::new();
        let mut rest = out.as_slice();
        while !rest.is_empty() {
            let line = rest.split(|byte| *byte == b'\n').next().unwrap();
            let mut words = line.split(|byte| *byte == b' ');
            let id = BlobId::from_hex(words.next().unwrap()).unwrap();
            let kind = ObjectKind::from_name(words.next().unwrap()).unwrap();
            let size: usize = std::str::from_utf8(words.next().unwrap()).unwrap().parse().unwrap();
            let data = &rest[line.len() + 1..];
            objects.insert(id, (kind, data[..size].to_vec()));
            rest = &data[size + 1..];
        }
        objects
    }

    /// Reads everything in every way, and compares it with what git reads.
    fn check(&self) -> ObjectStore {
        let expected = self.as_git_reads_it();
        let (store, problems) = self.open();
        assert_eq!(problems, []);
        assert_eq!(store.len(), expected.len());
        for threads in [1, 3] {
            let (found, problems) = walk_all(&store, &WalkOptions { threads, ..WalkOptions::default() });
            assert_eq!(problems, []);
            assert!(found == expected, "walk with {threads} threads");
        }
        let mut cache = ReadCache::new(&store, 1 << 16, 1 << 30);
        for (id, (kind, data)) in &expected {
            let ix = store.lookup(id).unwrap();
            assert_eq!(store.id(ix), *id);
            assert_eq!(store.kind(ix), Some(*kind));
            assert_eq!(cache.size(ix).unwrap(), data.len() as u64);
            assert_eq!(cache.read(ix).unwrap(), (*kind, data.clone()));
        }
        assert_eq!(store.lookup(&BlobId::of(b"absent")), None);
        store
    }
}

pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.0 >> 33
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// All that a walk visits; fails if anything comes twice, or a delta or a state does not fit.
pub(super) fn walk_all(store: &ObjectStore, options: &WalkOptions<'_>) -> (Objects, Vec<Problem>) {
    let visit = |found: &mut Vec<(BlobId, ObjectKind, Vec<u8>)>, entry: &Entry<'_>, state: Option<&(u32, usize)>| {
        assert_eq!(entry.from.is_some(), state.is_some());
        if let (Some(from), Some((ix, len))) = (entry.from, state) {
            assert_eq!((from.ix.0, from.data.len()), (*ix, *len));
            check_copies(entry);
        }
        found.push((store.id(entry.ix), entry.kind, entry.data.to_vec()));
        (entry.ix.0, entry.data.len())
    };
    let (found, problems) = store.walk(options, Vec::new, visit);
    let mut objects = Objects::new();
    for (id, kind, data) in found.concat() {
        assert!(objects.insert(id, (kind, data)).is_none(), "{id} comes twice");
    }
    (objects, problems)
}

fn check_copies(entry: &Entry<'_>) {
    let from = entry.from.unwrap();
    let mut end = 0;
    for copied in from.delta.copies() {
        assert!(copied.at >= end);
        assert_eq!(from.data[copied.from..][..copied.len], entry.data[copied.at..][..copied.len]);
        end = copied.end();
    }
    assert!(end <= entry.data.len());
}

#[test]
fn an_empty_repository_has_no_objects() {
    assert!(Repo::new(HashKind::Sha1).check().is_empty());
}

#[test]
fn deep_deltas() {
    let repo = Repo::with_history(HashKind::Sha1, 120);
    repo.git(&["repack", "-adfq", "--depth=200", "--window=20"]);
    let store = repo.check();
    assert_eq!(store.pack_count(), 1);
    let (depths, _) = store.walk(
        &WalkOptions::default(),
        || 0,
        |deepest: &mut u32, entry, above: Option<&u32>| {
            let depth = above.map_or(0, |above| above + 1);
            *deepest = (*deepest).max(depth);
            assert!(entry.data.len() < 1 << 20);
            depth
        },
    );
    assert!(depths[0] > 50, "{depths:?}");
}

#[test]
fn loose_objects() {
    let repo = Repo::with_history(HashKind::Sha1, 5);
    for pack in repo.files("pack") {
        let bytes = fs::read(&pack).unwrap();
        for file in ["pack", "idx", "rev"] {
            let _ = fs::remove_file(pack.with_extension(file));
        }
        repo.feed(&["unpack-objects", "-q"], &bytes);
    }
    assert_eq!(repo.check().pack_count(), 0);
}

#[test]
fn many_packs_loose_objects_and_a_multi_pack_index() {
    let repo = Repo::with_history(HashKind::Sha1, 30);
    repo.import(20, 2);
    repo.import(10, 3);
    // The same objects again in one pack with other deltas, and one that is loose only.
    repo.git(&["repack", "-aq", "--depth=30"]);
    repo.import(10, 4);
    repo.feed(&["hash-object", "-w", "--stdin"], b"loose");
    repo.git(&["multi-pack-index", "write"]);
    assert!(repo.check().pack_count() > 2);
    // And everything packed is loose as well.
    let pack = fs::read(&repo.files("pack")[0]).unwrap();
    let other = Repo::new(HashKind::Sha1);
    other.feed(&["unpack-objects", "-q"], &pack);
    for file in repo.files("pack") {
        for end in ["pack", "idx"] {
            let file = file.with_extension(end);
            fs::copy(&file, other.objects_dir().join("pack").join(file.file_name().unwrap())).unwrap();
        }
    }
    other.check();
}

#[test]
fn sha256_repositories() {
    let repo = Repo::with_history(HashKind::Sha256, 40);
    repo.git(&["repack", "-adfq", "--depth=50"]);
    repo.feed(&["hash-object", "-w", "--stdin"], b"loose");
    repo.check();
}

#[test]
fn alternates_lend_objects_and_bases() {
    let lender = Repo::with_history(HashKind::Sha1, 30);
    let borrower = Repo::new(HashKind::Sha1);
    let lent = lender.objects_dir();
    fs::write(borrower.objects_dir().join("info/alternates"), format!("{}\n", lent.display())).unwrap();
    borrower.import(10, 2);
    let store = borrower.check();
    assert!(store.pack_count() >= 2);
}

#[test]
fn deltas_against_an_id() {
    let repo = Repo::with_history(HashKind::Sha1, 40);
    repo.git(&["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=50"]);
    repo.check();
}

#[test]
fn indexes_of_version_1() {
    let repo = Repo::with_history(HashKind::Sha1, 40);
    repo.git(&["-c", "pack.indexVersion=1", "repack", "-adfq"]);
    assert!(!fs::read(&repo.files("idx")[0]).unwrap().starts_with(b"\xfftOc"));
    repo.check();
}

#[test]
fn offsets_of_eight_bytes() {
    let repo = Repo::with_history(HashKind::Sha1, 40);
    repo.git(&["repack", "-adfq"]);
    let pack = repo.files("pack").pop().unwrap();
    fs::remove_file(pack.with_extension("idx")).unwrap();
    repo.git(&["index-pack", "--index-version=2,64", pack.to_str().unwrap()]);
    assert!(fs::read(pack.with_extension("idx")).unwrap().len() > 1072 + repo.as_git_reads_it().len() * 32);
    repo.check();
}

#[test]
fn reverse_indexes_sound_and_not() {
    let repo = Repo::with_history(HashKind::Sha1, 40);
    repo.git(&["-c", "pack.writeReverseIndex=true", "repack", "-adfq"]);
    let rev = repo.files("rev").pop().unwrap();
    repo.check();
    let mut bytes = fs::read(&rev).unwrap();
    bytes.swap(16, 20);
    fs::remove_file(&rev).unwrap();
    fs::write(&rev, bytes).unwrap();
    let (store, problems) = repo.open();
    assert_eq!(problems, []);
    assert!(walk_all(&store, &WalkOptions::default()).0 == repo.as_git_reads_it());
}

#[test]
fn only_the_kinds_asked_for_are_visited() {
    let repo = Repo::with_history(HashKind::Sha1, 20);
    repo.feed(&["hash-object", "-w", "--stdin"], b"loose");
    let (store, _) = repo.open();
    let mut expected = repo.as_git_reads_it();
    expected.retain(|_, (kind, _)| matches!(kind, ObjectKind::Blob | ObjectKind::Tag));
    let kinds = KindSet::BLOBS | KindSet::TAGS;
    let (found, problems) = walk_all(&store, &WalkOptions { kinds, threads: 2, ..WalkOptions::default() });
    assert_eq!(problems, []);
    assert!(found == expected);
}

#[test]
fn a_walk_can_be_stopped() {
    let repo = Repo::with_history(HashKind::Sha1, 20);
    let (store, _) = repo.open();
    let (stop, visits) = (AtomicBool::new(false), AtomicUsize::new(0));
    let options = WalkOptions { stop: Some(&stop), ..WalkOptions::default() };
    let (_, problems) = store.walk(
        &options,
        || (),
        |_, _, _: Option<&()>| {
            if visits.fetch_add(1, Ordering::Relaxed) == 4 {
                stop.store(true, Ordering::Relaxed);
            }
        },
    );
    assert_eq!((visits.into_inner(), problems), (5, Vec::new()));
}

/// A tree of deltas that one root carries is shared among the threads.
#[test]
fn heavy_subtrees_are_given_away() {
    let repo = Repo::with_history(HashKind::Sha1, 150);
    repo.git(&["repack", "-adfq", "--depth=50", "--window=50"]);
    let (store, _) = repo.open();
    let options = WalkOptions { kinds: KindSet::BLOBS, threads: 4, ..WalkOptions::default() };
    let (visits, problems) = store.walk(
        &options,
        || 0,
        |visits: &mut u32, entry, base: Option<&u64>| {
            std::thread::sleep(std::time::Duration::from_micros(200));
            *visits += 1;
            let base = base.copied().unwrap_or_default();
            assert_eq!(entry.from.map_or(0, |from| from.data.len() as u64), base);
            entry.data.len() as u64
        },
    );
    assert_eq!(problems, []);
    assert!(visits.iter().all(|visits| *visits > 20), "{visits:?}");
}

#[test]
#[should_panic(expected = "a scanned object")]
fn a_panic_of_a_visit_ends_the_walk() {
    let repo = Repo::with_history(HashKind::Sha1, 20);
    let (store, _) = repo.open();
    let options = WalkOptions { threads: 3, ..WalkOptions::default() };
    store.walk(
        &options,
        || (),
        |(), entry, _: Option<&()>| {
            assert_ne!(entry.kind, ObjectKind::Tag, "a scanned object");
        },
    );
}

#[test]
fn objects_over_the_limit_are_problems_and_the_rest_is_read() {
    let repo = Repo::with_history(HashKind::Sha1, 20);
    repo.feed(&["hash-object", "-w", "--stdin"], &b"large ".repeat(100_000));
    repo.git(&["repack", "-adq"]);
    repo.feed(&["hash-object", "-w", "--stdin"], &b"loose ".repeat(100_000));
    let (store, _) = repo.open();
    let options = WalkOptions { object_limit: 500_000, threads: 2, ..WalkOptions::default() };
    let (found, problems) = walk_all(&store, &options);
    assert_eq!(found.len() + 2, store.len());
    assert_eq!(problems.len(), 2);
    for problem in problems {
        assert!(matches!(problem.reason, SkipReason::TooLarge { limit: 500_000, .. }), "{problem}");
    }
}

#[test]
fn a_small_budget_of_memory_still_reads_everything() {
    let repo = Repo::with_history(HashKind::Sha1, 60);
    repo.git(&["repack", "-adfq", "--depth=50"]);
    let (store, _) = repo.open();
    let options = WalkOptions { memory: 200_000, threads: 4, ..WalkOptions::default() };
    let (found, problems) = walk_all(&store, &options);
    assert_eq!(problems, []);
    assert!(found == repo.as_git_reads_it());
}
