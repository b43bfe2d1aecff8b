//! The commits, paths and refs of what was found, and the findings made of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Mutex,
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
    scan::{Scanner, outcome::Collector},
    source::git::{
        Repo, StoreSource,
        history::{commit_texts, tag_texts},
        introduce::{Known, Origin, Scope, Wanted, introduce_known},
        object::{ObjectIx, ObjectKind},
        read::ReadCache,
        store::ObjectStore,
    },
};

/// Bytes of decoded objects that are kept for the next one that is built on them.
const CACHE: usize = 96 << 20;

/// Where the objects that hold secrets came from.
pub(super) struct Places {
    /// Sorted.
    holders: Vec<Holder>,
    /// One for each.
    origins: Vec<Origin>,
    pub(super) problems: Vec<Skipped>,
}

impl Places {
    /// Finds the origin of every object that holds a secret.
    pub(super) fn new(scanner: &Scanner<'_>, store: &ObjectStore, found: &Found, scope: &Scope) -> Self {
        let holders = found.held.holders();
        if holders.is_empty() {
            return Self { holders, origins: Vec::new(), problems: Vec::new() };
        }
        let wanted: Vec<Wanted> = holders.iter().map(|holder| wanted(store, &found.held, *holder)).collect();
        let known = Known { store, trees: &found.trees, commits: &found.commits };
        let introduce = || introduce_known(known, StoreSource::new(store, u64::MAX), scope, &wanted);
        let introduced = scanner.pool().install(introduce);
        Self { holders, origins: introduced.origins, problems: introduced.problems }
    }

    fn origin(&self, holder: Holder) -> &Origin {
        &self.origins[self.holders.partition_point(|other| *other < holder)]
    }
}

fn wanted(store: &ObjectStore, held: &Held, holder: Holder) -> Wanted {
    match holder {
        Holder::Blob(ix) => Wanted::Blob(store.id(ix)),
        Holder::Text(ix) if store.kind(ix) == Some(ObjectKind::Tag) => Wanted::Tag(store.id(ix)),
        Holder::Text(ix) => Wanted::Commit(store.id(ix)),
        Holder::Name(name) => Wanted::Name(held.names[name as usize].clone()),
    }
}

/// One secret at one path: the version that brought it in.
struct First<'p> {
    holder: Holder,
    origin: &'p Origin,
    at_head: bool,
    removed_by: Option<BlobId>,
}

impl Places {
    /// For each path that ever held the secret, the version that brought it in first.
    fn firsts(&self, holders: impl Iterator<Item = Holder>) -> Vec<First<'_>> {
        let mut versions: Vec<(Holder, &Origin)> = holders.map(|holder| (holder, self.origin(holder))).collect();
        versions.sort_by(|a, b| (&a.1.path, a.1.rank, a.0).cmp(&(&b.1.path, b.1.rank, b.0)));
        let first = |versions: &[(Holder, &'_ Origin)]| -> (Holder, bool, Option<BlobId>) {
            let commits = || versions.iter().filter_map(|(_, origin)| origin.commit.as_ref());
            let at_head = commits().any(|commit| commit.at_head == Some(true));
            let last = commits().next_back().filter(|_| !at_head);
            (versions[0].0, at_head, last.and_then(|commit| commit.removed_by))
        };
        let by_path = versions.chunk_by(|a, b| a.1.path == b.1.path);
        let firsts = by_path.map(first);
        let known = |(holder, at_head, removed_by)| First { holder, origin: self.origin(holder), at_head, removed_by };
        firsts.map(known).collect()
    }
}

/// What holds a secret, whether HEAD still has it there, and which commit took it away.
type Fate = (Holder, bool, Option<BlobId>);

/// Of two secrets that came in together, one may have gone while the other is still there: what is to be read for each.
type Wish<'p> = (First<'p>, BTreeSet<&'p Key>);

/// What is read again: the repository's objects, and what they hold.
#[derive(Clone, Copy)]
pub(super) struct Again<'p> {
    pub(super) store: &'p ObjectStore,
    pub(super) held: &'p Held,
    pub(super) places: &'p Places,
}

/// From so many on, what is read again is shared among threads.
const MANY: usize = 32;

impl Scanner<'_> {
    /// Reads again what holds each secret first, and reports it with commit, path and lines.
    pub(super) fn report(&self, path: &Path, repo: &Repo, again: Again<'_>, collector: &Mutex<Collector>) {
        let mut wanted: BTreeMap<Fate, Wish<'_>> = BTreeMap::new();
        for (key, holders) in again.held.by_secret() {
            for first in again.places.firsts(holders) {
                let fate = (first.holder, first.at_head, first.removed_by);
                wanted.entry(fate).or_insert_with(|| (first, BTreeSet::new())).1.insert(key);
            }
        }
        let wanted: Vec<Wish<'_>> = wanted.into_values().collect();
        let threads = self.settings.threads();
        if wanted.len() < MANY || threads == 1 {
            return self.report_some(repo, again, &wanted, CACHE, collector);
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
        Again { store, held, .. }: Again<'_>,
        wanted: &[Wish<'_>],
        capacity: usize,
        collector: &Mutex<Collector>,
    ) {
        let mut cache = ReadCache::new(store, capacity, u64::MAX);
        let mut worker = self.worker(collector);
        for (first, keys) in wanted {
            let commit = first.commit();
            let place = |provenance| Place::plain(provenance);
            match first.holder {
                Holder::Name(name) => {
                    let name = &held.names[name as usize];
                    let object = object_of(ObjectPart::FileName, None, name.clone(), commit);
                    worker.report(repo, &place(object), name, keys);
                }
                Holder::Blob(ix) => {
                    let Some(data) = self.read(&mut cache, ix, collector) else { continue };
                    let path = first.origin.path.clone();
                    worker.report(repo, &place(Provenance::History { path, blob: store.id(ix), commit }), &data, keys);
                }
                Holder::Text(ix) => {
                    let Some(data) = self.read(&mut cache, ix, collector) else { continue };
                    let id = store.id(ix);
                    let is_tag = store.kind(ix) == Some(ObjectKind::Tag);
                    let texts: Vec<_> =
                        if is_tag { tag_texts(id, &data).collect() } else { commit_texts(id, &data).collect() };
                    for text in texts {
                        let object = object_of(text.part, Some(id), BString::default(), commit.clone());
                        worker.report(repo, &place(object), text.bytes, keys);
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

fn object_of(part: ObjectPart, id: Option<BlobId>, name: BString, commit: Option<Box<CommitInfo>>) -> Provenance {
    Provenance::Object { part, id, name, commit }
}

impl First<'_> {
    fn commit(&self) -> Option<Box<CommitInfo>> {
        let mut commit = self.origin.commit.clone()?;
        commit.at_head = commit.at_head.map(|_| self.at_head);
        commit.removed_by = self.removed_by;
        commit.refs = self.origin.refs.to_vec();
        Some(Box::new(commit))
    }
}
