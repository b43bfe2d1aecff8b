//! Commits gathered while all objects are visited: their trees, parents and dates.

use std::collections::HashSet;

use super::super::error::GitError;
use super::super::objects::look_ups::LookUps;
use super::super::objects::object::ObjectIx;
use super::super::objects::store::ObjectStore;
use super::super::parts::commit_links;
use super::ancestry::{Ancestry, CommitNumber};
use crate::model::BlobId;

/// The tree of a commit that names none, or one that is not in the store.
const NO_TREE: u32 = u32::MAX;

/// Takes commits down, for one thread of a walk.
pub struct CommitReader<'s> {
    store: &'s ObjectStore,
    taken: CommitRows,
    awaited: LookUps<Link>,
}

/// What an id is to a commit.
enum Link {
    /// The tree of the commit in this row.
    Tree(u32),
    /// The parent of a commit.
    Parent(ObjectIx),
}

/// What commits say of themselves in numbers.
#[derive(Clone, Debug, Default)]
pub struct CommitRows {
    rows: Vec<Row>,
    /// Child and parent.
    parents: Vec<(ObjectIx, ObjectIx)>,
    /// Parents and trees that are not in the store, with their commits.
    absent_parents: Vec<(ObjectIx, BlobId)>,
    absent_trees: Vec<BlobId>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    commit: ObjectIx,
    tree: u32,
    seconds: i64,
}

/// All commits of a store.
pub(super) struct Commits {
    pub(super) ancestry: Ancestry,
    /// The tree of each.
    pub(super) trees: Vec<Option<ObjectIx>>,
    /// What they name and the store has not.
    pub(super) missing: Vec<GitError>,
}

impl<'s> CommitReader<'s> {
    /// One that has read nothing.
    #[must_use]
    pub fn new(store: &'s ObjectStore) -> Self {
        Self { store, taken: CommitRows::default(), awaited: LookUps::default() }
    }

    /// Takes a commit down.
    pub fn add(&mut self, commit: ObjectIx, data: &[u8]) {
        let links = commit_links(data);
        let row = self.taken.rows.len() as u32;
        self.taken.rows.push(Row { commit, tree: NO_TREE, seconds: links.seconds });
        links.tree.into_iter().for_each(|id| self.awaited.push(id, Link::Tree(row)));
        links.parents.into_iter().for_each(|id| self.awaited.push(id, Link::Parent(commit)));
        if self.awaited.are_due() {
            self.settle();
        }
    }

    /// All that was taken down.
    #[must_use]
    pub fn finish(mut self) -> CommitRows {
        self.settle();
        self.taken
    }

    fn settle(&mut self) {
        let Self { store, taken, awaited } = self;
        awaited.settle(store, |id, link, object| match (link, object) {
            (Link::Tree(row), Some(tree)) => taken.rows[row as usize].tree = tree.0,
            (Link::Tree(_), None) => taken.absent_trees.push(id),
            (Link::Parent(commit), Some(parent)) => taken.parents.push((commit, parent)),
            (Link::Parent(commit), None) => taken.absent_parents.push((commit, id)),
        });
    }
}

impl CommitRows {
    /// Takes over the commits of another thread.
    pub fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
        self.parents.append(&mut other.parents);
        self.absent_parents.append(&mut other.absent_parents);
        self.absent_trees.append(&mut other.absent_trees);
    }

    /// How many commits there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers them. Parents that are missing are no news where a shallow clone was cut off.
    pub(super) fn number(&self, store: &ObjectStore, shallow: &HashSet<BlobId>) -> Commits {
        let mut rows = self.rows.clone();
        rows.sort_unstable_by_key(|row| row.commit);
        let mut numbers = vec![CommitNumber::MAX; store.len()];
        rows.iter().zip(0..).for_each(|(row, number)| numbers[row.commit.index()] = number);
        let number = |ix: &ObjectIx| Some(numbers[ix.index()]).filter(|&number| number != CommitNumber::MAX);
        let mut missing = Vec::new();
        let mut parents = Vec::with_capacity(self.parents.len());
        for (child, parent) in &self.parents {
            match (number(child), number(parent)) {
                (Some(child), Some(parent)) => parents.push((child, parent)),
                // What cannot be read has been told already; what is no commit has not.
                _ => missing.extend(store.kind(*parent).and_then(|kind| {
                    let why = || format!("it is a {}", kind.name());
                    let is_other = kind != super::super::objects::object::ObjectKind::Commit;
                    is_other.then(|| GitError::Corrupt { kind: "commit", id: store.id(*parent), why: why() })
                })),
            }
        }
        let told = |(child, _): &&(ObjectIx, BlobId)| !shallow.contains(&store.id(*child));
        let mut gone: Vec<BlobId> = self.absent_parents.iter().filter(told).map(|&(_, id)| id).collect();
        gone.sort();
        gone.dedup();
        missing.extend(gone.into_iter().map(|id| GitError::Missing { kind: "commit", id }));
        let mut gone = self.absent_trees.clone();
        gone.retain(|id| !super::super::by_id::is_empty_tree(id));
        gone.sort();
        gone.dedup();
        missing.extend(gone.into_iter().map(|id| GitError::Missing { kind: "tree", id }));
        let ids = rows.iter().map(|row| store.id(row.commit)).collect();
        let seconds: Vec<i64> = rows.iter().map(|row| row.seconds).collect();
        let trees = rows.iter().map(|row| Some(ObjectIx(row.tree)).filter(|_| row.tree != NO_TREE)).collect();
        Commits { ancestry: Ancestry::new(ids, &seconds, &parents), trees, missing }
    }
}
