//! The commits, paths and refs of what was found, and the findings made of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
};

use bstr::BString;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use super::{
    hits::{Held, Holder, Key},
    objects::Found,
};
use crate::{
    model::{BlobId, CommitInfo, ObjectPart, Place, Provenance, Skipped},
    scan::{Scanner, outcome::Collector, worker::Remembered},
    source::git::{
        Repo, StoreSource,
        objects::{
            object::{ObjectIx, ObjectKind},
            read::ReadCache,
            store::ObjectStore,
        },
        origin::introduce::{Known, Origin, Scope, Wanted, introduce_known},
        parts::parts_of,
    },
};

/// Bytes of decoded objects that are kept for the next one that is built on them.
const CACHE: usize = 96 << 20;

/// Where the objects that hold secrets came from, and what of it is reported.
pub(super) struct Places<'f> {
    /// Sorted.
    holders: Vec<Holder>,
    /// One for each.
    origins: Vec<Origin>,
    /// Of two secrets that came in together, one may have gone while the other is still there: what is to be read again,
    /// and for which.
    firsts: Vec<(First, BTreeSet<&'f Key>)>,
    pub(super) problems: Vec<Skipped>,
}

/// One secret at one path: the version that brought it in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct First {
    /// Place of the version among the holders.
    at: usize,
    /// Whether HEAD still has the secret there.
    at_head: bool,
    removed_by: Option<BlobId>,
}

impl<'f> Places<'f> {
    /// Finds the origin of every object that holds a secret.
    pub(super) fn new(scanner: &Scanner<'_>, store: &ObjectStore, found: &'f Found, scope: &Scope) -> Self {
        let holders = found.held.holders();
        let mut firsts = Vec::new();
        if holders.is_empty() {
            return Self { holders, origins: Vec::new(), firsts, problems: Vec::new() };
        }
        let wanted: Vec<Wanted> = holders.iter().map(|holder| wanted(store, &found.held, *holder)).collect();
        let known = Known { store, trees: &found.trees, commits: &found.commits };
        let introduced = scanner.pool().install(|| {
            introduce_known(known, StoreSource::new(store, u64::MAX), scope, &wanted, |origins| {
                firsts = all_firsts(&found.held, &holders, origins);
                let mut told: Vec<usize> = firsts.iter().map(|(first, _)| first.at).collect();
                told.dedup();
                told
            })
        });
        Self { holders, origins: introduced.origins, firsts, problems: introduced.problems }
    }
}

/// What brought in each secret at each path that ever held it, in the order of holders.
fn all_firsts<'f>(held: &'f Held, holders: &[Holder], origins: &[Origin]) -> Vec<(First, BTreeSet<&'f Key>)> {
    let mut all: BTreeMap<First, BTreeSet<&Key>> = BTreeMap::new();
    for (key, versions) in held.by_secret() {
        let versions = versions.map(|holder| holders.partition_point(|other| *other < holder)).collect();
        for first in firsts(versions, origins) {
            all.entry(first).or_default().insert(key);
        }
    }
    all.into_iter().collect()
}

/// For each path that ever held a secret, the version that brought it in first.
fn firsts(mut versions: Vec<usize>, origins: &[Origin]) -> Vec<First> {
    versions.sort_by_key(|&at| (&origins[at].path, origins[at].rank, at));
    let first = |versions: &[usize]| {
        let commits = || versions.iter().filter_map(|&at| origins[at].commit.as_ref());
        let at_head = commits().any(|commit| commit.at_head == Some(true));
        let last = commits().next_back().filter(|_| !at_head);
        First { at: versions[0], at_head, removed_by: last.and_then(|commit| commit.removed_by) }
    };
    versions.chunk_by(|&a, &b| origins[a].path == origins[b].path).map(first).collect()
}

fn wanted(store: &ObjectStore, held: &Held, holder: Holder) -> Wanted {
    match holder {
        Holder::Blob(ix) => Wanted::Blob(store.id(ix)),
        Holder::Text(ix) if store.kind(ix) == Some(ObjectKind::Tag) => Wanted::Tag(store.id(ix)),
        Holder::Text(ix) => Wanted::Commit(store.id(ix)),
        Holder::Name(name) => Wanted::Name(held.names[name as usize].clone()),
    }
}

/// What is read again: the repository's objects, and what they hold.
#[derive(Clone, Copy)]
pub(super) struct Again<'p> {
    pub(super) store: &'p ObjectStore,
    pub(super) held: &'p Held,
    pub(super) places: &'p Places<'p>,
}

/// From so many on, what is read again is shared among threads.
const MANY: usize = 32;

impl Scanner<'_> {
    /// Reads again what holds each secret first, and reports it with commit, path and lines.
    pub(super) fn report(&self, path: &Path, repo: &Repo, again: Again<'_>, collector: &Mutex<Collector>) {
        let wanted = &again.places.firsts;
        let threads = self.settings.threads();
        if wanted.len() < MANY || threads == 1 {
            return self.report_some(repo, again, wanted, CACHE, collector);
        }
        // A handle of libgit2 cannot be shared. Neighbours are often built on one another.
        let share = wanted.len().div_ceil(threads * 4);
        self.pool().install(|| {
            wanted.par_chunks(share).for_each(|wanted| match Repo::at(path) {
                Ok(repo) => self.report_some(&repo, again, wanted, CACHE / threads, collector),
                Err(error) => self.unread(crate::source::tree::shown(path), &error, collector),
            });
        });
    }

    fn report_some(
        &self,
        repo: &Repo,
        Again { store, held, places }: Again<'_>,
        wanted: &[(First, BTreeSet<&Key>)],
        capacity: usize,
        collector: &Mutex<Collector>,
    ) {
        let mut cache = ReadCache::new(store, capacity, u64::MAX);
        let mut worker = self.worker(collector);
        for (first, keys) in wanted {
            let origin = &places.origins[first.at];
            let commit = first.commit(origin);
            let place = |provenance| Place::plain(provenance);
            match places.holders[first.at] {
                Holder::Name(name) => {
                    let name = &held.names[name as usize];
                    let object = object_of(ObjectPart::FileName, None, name.clone(), commit);
                    worker.report(repo, &place(object), name, keys, None);
                }
                Holder::Blob(ix) => {
                    let remembered = held.remembered.get(&ix);
                    // Texts from inside it are at hand.
                    let is_read = !matches!(remembered, Some(Remembered::Inside(_)));
                    let data = if is_read { self.read(&mut cache, ix, collector) } else { Some(Vec::new()) };
                    let Some(data) = data else { continue };
                    let place = place(Provenance::History { path: origin.path.clone(), blob: store.id(ix), commit });
                    worker.report(repo, &place, &data, keys, remembered);
                }
                Holder::Text(ix) => {
                    let Some(data) = self.read(&mut cache, ix, collector) else { continue };
                    let id = store.id(ix);
                    let kind = store.kind(ix).unwrap_or(ObjectKind::Commit);
                    for (part, text) in parts_of(kind, &data) {
                        let object = object_of(part, Some(id), BString::default(), commit.clone());
                        worker.report(repo, &place(object), text, keys, None);
                    }
                }
            }
        }
    }

    fn read(&self, cache: &mut ReadCache<'_>, ix: ObjectIx, collector: &Mutex<Collector>) -> Option<Vec<u8>> {
        match cache.read(ix) {
            Ok((_, data)) => Some(data),
            Err(problem) => {
                self.note(collector, [Skipped::from(problem)]);
                None
            }
        }
    }
}

fn object_of(part: ObjectPart, id: Option<BlobId>, name: BString, commit: Option<Arc<CommitInfo>>) -> Provenance {
    Provenance::Object { part, id, name, commit }
}

impl First {
    fn commit(self, origin: &Origin) -> Option<Arc<CommitInfo>> {
        let mut commit = origin.commit.clone()?;
        commit.at_head = commit.at_head.map(|_| self.at_head);
        commit.removed_by = self.removed_by;
        commit.refs = Arc::clone(&origin.refs);
        Some(Arc::new(commit))
    }
}
