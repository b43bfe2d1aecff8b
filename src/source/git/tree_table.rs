//! All trees and commits of an object store in one pass over its packs: which tree holds which, and where wanted things are.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::BString;

use super::commits::CommitNode;
use super::error::GitError;
use super::object::{KindSet, ObjectIx, ObjectKind, Problem};
use super::parts::CommitFields;
use super::store::ObjectStore;
use super::tree_splice::{Starts, splice};
use super::walk::{Entry, WalkOptions};
use super::wanted_set::{WantedIndex, WantedSet};
use crate::model::BlobId;

/// What an entry of a tree leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leads {
    Tree(ObjectIx),
    Wanted(WantedIndex),
}

/// An entry that is a directory or is wanted: the number of its name, and what it leads to.
pub(super) type Edge = (u32, Leads);

/// Trees as the directories they hold, and the wanted things.
pub(super) struct TreeTable {
    edges: Vec<Edge>,
    /// Where the edges of each object are.
    places: Vec<(u32, u32)>,
    /// Names by number; sorted.
    pub(super) names: Vec<BString>,
    pub(super) trees: usize,
    /// All commits, by id.
    pub(super) commits: Vec<CommitNode>,
    pub(super) problems: Vec<Problem>,
    pub(super) missing: Vec<GitError>,
}

impl TreeTable {
    /// Visits every tree and commit once. What cannot be read is in `problems`; a tree that is named and not there, in
    /// `missing`.
    pub(super) fn build(store: &ObjectStore, options: &WalkOptions<'_>, wanted: &WantedSet) -> Self {
        let mut kinds = KindSet::COMMITS;
        if !wanted.is_empty() {
            kinds = kinds | KindSet::TREES;
        }
        let options = WalkOptions { kinds, ..*options };
        let (workers, problems) = store.walk(&options, Worker::default, |worker, entry, base: Option<&Arc<State>>| {
            match entry.kind {
                ObjectKind::Commit => worker.commit(store, entry),
                ObjectKind::Tree => return worker.tree(store, wanted, entry, base.map(|base| &**base)),
                ObjectKind::Blob | ObjectKind::Tag => {}
            }
            Arc::default()
        });
        Self::join(store.len(), workers, problems)
    }

    fn join(objects: usize, workers: Vec<Worker>, problems: Vec<Problem>) -> Self {
        let mut names: Vec<BString> = workers.iter().flat_map(|worker| worker.names.keys().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        let mut table = Self {
            edges: Vec::with_capacity(workers.iter().map(|worker| worker.edges.len()).sum()),
            places: vec![(0, 0); objects],
            names,
            trees: 0,
            commits: Vec::new(),
            problems,
            missing: Vec::new(),
        };
        for worker in workers {
            let mut numbers = vec![0u32; worker.names.len()];
            for (name, number) in &worker.names {
                numbers[*number as usize] = table.names.binary_search(name).unwrap_or_default() as u32;
            }
            let base = table.edges.len() as u32;
            table.trees += worker.places.len();
            for (tree, start, end) in worker.places {
                table.places[tree.index()] = (base + start, base + end);
            }
            table.edges.extend(worker.edges.into_iter().map(|(name, leads)| (numbers[name as usize], leads)));
            table.commits.extend(worker.commits);
            table.missing.extend(worker.missing.into_iter().map(|id| GitError::Missing { kind: "tree", id }));
            table.missing.extend(worker.malformed.into_iter().map(|id| {
                let why = "malformed entry".to_owned();
                GitError::Corrupt { kind: "tree", id, why }
            }));
        }
        table.commits.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        table
    }

    /// Objects of the store that the table was made from.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The edges of a tree; none if it could not be read.
    pub(super) fn edges(&self, tree: ObjectIx) -> &[Edge] {
        let (start, end) = self.places[tree.index()];
        &self.edges[start as usize..end as usize]
    }
}

/// What trees made from this one need of it.
#[derive(Default)]
struct State {
    starts: Starts,
    /// With where their entries start.
    edges: Vec<(u32, Edge)>,
}

#[derive(Default)]
struct Worker {
    edges: Vec<Edge>,
    places: Vec<(ObjectIx, u32, u32)>,
    names: HashMap<BString, u32>,
    commits: Vec<CommitNode>,
    missing: Vec<BlobId>,
    malformed: Vec<BlobId>,
}

impl Worker {
    fn commit(&mut self, store: &ObjectStore, entry: &Entry<'_>) {
        let fields = CommitFields::parse(entry.data);
        let (tree, parents, seconds) = (fields.tree, fields.parents, fields.committer.seconds);
        self.commits.push(CommitNode { id: store.id(entry.ix), tree, parents, seconds });
    }

    fn tree(&mut self, store: &ObjectStore, wanted: &WantedSet, entry: &Entry<'_>, base: Option<&State>) -> Arc<State> {
        let nothing = State::default();
        let base = base.unwrap_or(&nothing);
        let old = entry.from.map_or(&[][..], |from| from.data);
        let mut fresh: Vec<(u32, Edge)> = Vec::new();
        let hash_len = store.hash().id_len();
        let (starts, kept) = splice(old, &base.starts, entry.data, hash_len, |at, entry| {
            if entry.is_tree() {
                match store.lookup_raw(entry.id) {
                    Some(tree) => fresh.push((at, (self.name(entry.name), Leads::Tree(tree)))),
                    None if super::by_id::is_empty_tree(&entry.blob_id()) => {}
                    None => self.missing.push(entry.blob_id()),
                }
            }
            wanted.look(entry, |number| fresh.push((at, (self.name(entry.name), Leads::Wanted(number)))));
        });
        if starts.last().is_none_or(|&end| end as usize != entry.data.len()) {
            self.malformed.push(store.id(entry.ix));
        }
        let before = base.edges.partition_point(|&(at, _)| at < kept.before);
        let after = base.edges.partition_point(|&(at, _)| at < kept.from);
        let shifted = base.edges[after..].iter().map(|&(at, edge)| ((i64::from(at) + kept.shift) as u32, edge));
        let all = base.edges[..before].iter().copied().chain(fresh).chain(shifted);
        let start = self.edges.len() as u32;
        if entry.has_children {
            let edges: Vec<_> = all.collect();
            self.edges.extend(edges.iter().map(|&(_, edge)| edge));
            self.places.push((entry.ix, start, self.edges.len() as u32));
            return Arc::new(State { starts, edges });
        }
        self.edges.extend(all.map(|(_, edge)| edge));
        self.places.push((entry.ix, start, self.edges.len() as u32));
        Arc::default()
    }

    fn name(&mut self, name: &[u8]) -> u32 {
        if let Some(&number) = self.names.get(bstr::BStr::new(name)) {
            return number;
        }
        let number = self.names.len() as u32;
        self.names.insert(name.into(), number);
        number
    }
}
