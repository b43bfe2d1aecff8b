//! The commits, paths and refs of what was found, and the findings made of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use bstr::BString;

use super::objects::{Found, Holder, Key};
use crate::{
    model::{BlobId, CommitInfo, ObjectPart, Place, Provenance, Skipped},
    scan::{Scanner, outcome::Collector},
    source::git::{
        GitError, Repo, StoreSource,
        history::{commit_texts, tag_texts},
        introduce::{Origin, Wanted, introduce},
        object::{ObjectIx, ObjectKind},
        read::ReadCache,
        store::ObjectStore,
    },
};

/// Bytes of decoded objects that are kept for the next one that is built on them.
const CACHE: usize = 96 << 20;

/// Where the objects that hold secrets came from.
pub(super) struct Places {
    origins: BTreeMap<Holder, Origin>,
    pub(super) problems: Vec<Skipped>,
}

impl Places {
    /// Finds the origin of every object that holds a secret.
    pub(super) fn new(repo: &Repo, store: &ObjectStore, found: &Found) -> Result<Self, GitError> {
        let holders: BTreeSet<&Holder> = found.secrets.values().flatten().collect();
        let wanted: Vec<Wanted> = holders.iter().map(|holder| wanted(store, holder)).collect();
        if wanted.is_empty() {
            return Ok(Self { origins: BTreeMap::new(), problems: Vec::new() });
        }
        let source = StoreSource::new(store, u64::MAX);
        let introduced = introduce(source, &repo.scope(found.commits.clone())?, &wanted);
        let origins = holders.into_iter().cloned().zip(introduced.origins).collect();
        Ok(Self { origins, problems: introduced.problems })
    }
}

fn wanted(store: &ObjectStore, holder: &Holder) -> Wanted {
    match holder {
        Holder::Blob(ix) => Wanted::Blob(store.id(*ix)),
        Holder::Text(ix) if store.kind(*ix) == Some(ObjectKind::Tag) => Wanted::Tag(store.id(*ix)),
        Holder::Text(ix) => Wanted::Commit(store.id(*ix)),
        Holder::Name(name) => Wanted::Name(name.clone()),
    }
}

/// One secret at one path: the version that brought it in.
struct First<'p> {
    holder: &'p Holder,
    origin: &'p Origin,
    at_head: bool,
    removed_by: Option<BlobId>,
}

impl Places {
    /// For each path that ever held the secret, the version that brought it in first.
    fn firsts<'p>(&'p self, holders: &'p BTreeSet<Holder>) -> Vec<First<'p>> {
        let mut by_path: BTreeMap<&BString, Vec<(&Holder, &Origin)>> = BTreeMap::new();
        for holder in holders {
            let origin = &self.origins[holder];
            by_path.entry(&origin.path).or_default().push((holder, origin));
        }
        let mut firsts = Vec::new();
        for (_, mut versions) in by_path {
            versions.sort_by_key(|(holder, origin)| (origin.rank, *holder));
            let last = versions.iter().rev().find_map(|(_, origin)| origin.commit.as_ref());
            let commits = || versions.iter().filter_map(|(_, origin)| origin.commit.as_ref());
            let at_head = commits().any(|commit| commit.at_head == Some(true));
            let removed_by = last.filter(|_| !at_head).and_then(|commit| commit.removed_by);
            let (holder, origin) = versions[0];
            firsts.push(First { holder, origin, at_head, removed_by });
        }
        firsts
    }
}

impl Scanner<'_> {
    /// Reads again what holds each secret first, and reports it with commit, path and lines.
    pub(super) fn report(&self, store: &ObjectStore, found: &Found, places: &Places, collector: &Mutex<Collector>) {
        let mut wanted: BTreeMap<&Holder, (First<'_>, BTreeSet<&Key>)> = BTreeMap::new();
        for (key, holders) in &found.secrets {
            for first in places.firsts(holders) {
                wanted.entry(first.holder).or_insert_with(|| (first, BTreeSet::new())).1.insert(key);
            }
        }
        let mut cache = ReadCache::new(store, CACHE, u64::MAX);
        let mut worker = self.worker(collector);
        for (holder, (first, keys)) in wanted {
            let commit = first.commit();
            let place = |provenance| Place::plain(provenance);
            match holder {
                Holder::Name(name) => {
                    let object = object_of(ObjectPart::FileName, None, name.clone(), commit);
                    worker.report(&place(object), name, &keys);
                }
                Holder::Blob(ix) => {
                    let Some(data) = self.read(&mut cache, *ix, collector) else { continue };
                    let path = first.origin.path.clone();
                    worker.report(&place(Provenance::History { path, blob: store.id(*ix), commit }), &data, &keys);
                }
                Holder::Text(ix) => {
                    let Some(data) = self.read(&mut cache, *ix, collector) else { continue };
                    let id = store.id(*ix);
                    let is_tag = store.kind(*ix) == Some(ObjectKind::Tag);
                    let texts: Vec<_> =
                        if is_tag { tag_texts(id, &data).collect() } else { commit_texts(id, &data).collect() };
                    for text in texts {
                        let object = object_of(text.part, Some(id), BString::default(), commit.clone());
                        worker.report(&place(object), text.bytes, &keys);
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
        Some(Box::new(commit))
    }
}
