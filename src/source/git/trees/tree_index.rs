//! Every tree of a store in one pass: what it holds that may matter, kept as a change of what its delta base holds.
//!
//! Trees are stored as changes of other trees, and what a delta copies was parsed and looked up with the base. So only
//! inserted entries cost anything: of the trees of a busy repository they are one in thirty. What is kept of a tree are
//! its *kept entries* (subtrees, and what is wanted by id or by name), in the tree's order, as `Step`s: runs taken over
//! from the kept entries of the base, and entries of its own. That takes some forty bytes per tree.

use std::collections::BTreeMap;

use super::super::error::GitError;
use super::super::objects::likely::Likely;
use super::super::objects::object::{KindSet, ObjectIx, Problem};
use super::super::objects::object_set::ObjectSet;
use super::super::objects::store::ObjectStore;
use super::super::objects::walk::WalkOptions;
use super::tree_reader::{NameNumber, TreeReader, TreeState};
use crate::model::BlobId;

/// No base, or no such tree.
pub(super) const NONE: u32 = u32::MAX;

/// What all trees hold that may matter.
#[derive(Debug, Default)]
pub struct TreeIndex {
    /// Row of each object; [`NONE`] for what is no tree, or could not be read.
    slots: Vec<u32>,
    rows: Vec<Row>,
    steps: Vec<Step>,
    /// Names of kept entries, sorted, and whether each is wanted.
    names: Vec<(Box<[u8]>, bool)>,
}

/// One tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) tree: ObjectIx,
    /// The tree whose kept entries it copies; an object, and in a [`TreeIndex`] its row; or [`NONE`].
    pub(super) base: u32,
    /// Its steps.
    pub(super) first: u32,
    pub(super) count: u32,
}

/// A part of the kept entries of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Those of the base, from number `start` on.
    Copy { start: u32, len: u32 },
    /// One of its own.
    Own(Own),
}

/// A kept entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Own {
    /// Number of its name, with the highest bit set if the entry is a directory.
    name: u32,
    /// Its object, or the row of a directory that was read; [`NONE`] if the store has it not.
    target: u32,
}

const IS_TREE: u32 = 1 << 31;
const IS_ROW: u32 = 1 << 30;

impl Own {
    /// One whose object is not yet known.
    pub(super) fn new(name: NameNumber, is_tree: bool) -> Self {
        Self { name: name | if is_tree { IS_TREE } else { 0 }, target: NONE }
    }

    pub(super) fn name(self) -> NameNumber {
        self.name & !(IS_TREE | IS_ROW)
    }

    /// The row of a directory that was read.
    #[inline]
    pub(super) fn row(self) -> Option<u32> {
        (self.name & IS_ROW != 0).then_some(self.target)
    }

    /// The object of anything else, if the store has it.
    #[inline]
    pub(super) fn object(self) -> Option<ObjectIx> {
        (self.name & IS_ROW == 0 && self.target != NONE).then_some(ObjectIx(self.target))
    }

    /// Says which object it is.
    pub(super) fn set_object(&mut self, object: Option<ObjectIx>) {
        self.target = object.map_or(NONE, |ix| ix.0);
    }

    pub(super) fn is_tree(self) -> bool {
        self.name & IS_TREE != 0
    }
}

/// What a pass over all trees gives.
pub struct TreeScan<W> {
    /// What the trees hold.
    pub index: TreeIndex,
    /// The values of the threads.
    pub workers: Vec<W>,
    /// Objects that trees name and that are not in the store, each once, sorted. Submodules' commits are not among them.
    pub missing: Vec<GitError>,
    /// Bytes of all trees.
    pub bytes: u64,
    /// Trees that could not be read, or not to their end, sorted.
    pub problems: Vec<Problem>,
}

impl TreeIndex {
    /// Reads all trees. Entries are kept if they are directories, if their object is among `wanted`, or if `name` says so
    /// of their name: each thread asks it once for each distinct name, with a tree that has it. `options.kinds` is not
    /// looked at.
    pub fn read<W, N, V>(
        store: &ObjectStore,
        options: &WalkOptions<'_>,
        wanted: &ObjectSet,
        worker: N,
        name: V,
    ) -> TreeScan<W>
    where
        W: Send,
        N: Fn() -> W + Sync,
        V: Fn(&mut W, &[u8]) -> bool + Sync,
    {
        let options = WalkOptions { kinds: KindSet::TREES, ..*options };
        // A kept entry takes half the bytes of the shortest there can be, and deltas repeat without end.
        let most = options.memory / 4 / size_of::<Step>() as u64 / options.threads.max(1) as u64;
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(u32::MAX as usize / options.threads.max(1));
        let wanted: Vec<BlobId> = wanted.iter().map(|ix| store.id(ix)).collect();
        let wanted = Likely::of(wanted.into_iter());
        let start = || (worker(), TreeReader::new(store, &wanted, most));
        let (read, mut problems) = store.walk(&options, start, |(value, reader), entry, base: Option<&TreeState>| {
            reader.tree(entry, base, &mut |text| name(value, text))
        });
        let (mut workers, mut missing, mut readers) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut bytes = 0;
        for (value, mut reader) in read {
            reader.settle();
            workers.push(value);
            bytes += reader.bytes;
            missing.append(&mut reader.missing);
            problems.append(&mut reader.problems);
            readers.push(reader);
        }
        problems.sort();
        let missing = missing.into_iter().map(|(id, kind)| GitError::Missing { kind, id }).collect();
        TreeScan { index: Self::join(store, readers), workers, missing, bytes, problems }
    }

    /// Puts together what the threads have read.
    fn join(store: &ObjectStore, readers: Vec<TreeReader<'_>>) -> Self {
        let mut names: BTreeMap<Box<[u8]>, (bool, NameNumber)> = BTreeMap::new();
        for (name, wanted) in readers.iter().flat_map(|reader| &reader.kept_names) {
            names.entry(name.clone()).or_default().0 |= wanted;
        }
        names.values_mut().zip(0..).for_each(|((_, number), at)| *number = at);
        let mut index = Self { slots: vec![NONE; store.len()], ..Self::default() };
        for reader in readers {
            let numbers: Vec<NameNumber> = reader.kept_names.iter().map(|(name, _)| names[name].1).collect();
            let mut steps = reader.steps;
            for step in &mut steps {
                if let Step::Own(own) = step {
                    own.name = numbers[own.name() as usize] | own.name & IS_TREE;
                }
            }
            let shift = index.steps.len() as u32;
            // As a rule there is one thread, and nothing is copied.
            if index.steps.is_empty() {
                index.steps = steps;
            } else {
                index.steps.append(&mut steps);
            }
            for row in reader.rows {
                index.slots[row.tree.index()] = index.rows.len() as u32;
                index.rows.push(Row { first: row.first + shift, ..row });
            }
        }
        index.names = names.into_iter().map(|(name, (wanted, _))| (name, wanted)).collect();
        index.resolve();
        index
    }

    /// From objects to rows, which stand in the order of reading: what belongs together is close together.
    fn resolve(&mut self) {
        let Self { slots, rows, steps, .. } = self;
        for row in rows {
            row.base = slots.get(row.base as usize).copied().unwrap_or(NONE);
        }
        for step in steps {
            let Step::Own(own) = step else { continue };
            let row = slots.get(own.target as usize).copied().filter(|_| own.is_tree());
            if let Some(row) = row.filter(|&row| row != NONE) {
                (own.name, own.target) = (own.name | IS_ROW, row);
            }
        }
    }

    /// How many trees were read.
    pub fn trees(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of memory that the index takes.
    pub fn bytes(&self) -> usize {
        let names: usize = self.names.iter().map(|(name, _)| name.len() + size_of::<(Box<[u8]>, bool)>()).sum();
        let steps = self.steps.capacity() * size_of::<Step>();
        self.slots.capacity() * 4 + self.rows.capacity() * size_of::<Row>() + steps + names
    }

    /// Names of kept entries by number, in the order of their bytes; `true` for those that are wanted.
    pub(super) fn names(&self) -> &[(Box<[u8]>, bool)] {
        &self.names
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of a tree.
    pub(super) fn slot(&self, object: u32) -> Option<u32> {
        self.slots.get(object as usize).copied().filter(|&slot| slot != NONE)
    }

    pub(super) fn steps(&self, row: Row) -> &[Step] {
        &self.steps[row.first as usize..][..row.count as usize]
    }

    /// All kept entries of a tree, put together from those of its bases.
    pub(super) fn kept(&self, slot: u32) -> Vec<Own> {
        let mut chain = vec![self.rows[slot as usize]];
        while let Some(base) = self.rows.get(chain[chain.len() - 1].base as usize) {
            chain.push(*base);
        }
        let mut kept: Vec<Own> = Vec::new();
        for row in chain.into_iter().rev() {
            let mut next = Vec::with_capacity(kept.len() + 1);
            for step in self.steps(row) {
                match *step {
                    Step::Own(own) => next.push(own),
                    Step::Copy { start, len } => next.extend_from_slice(&kept[start as usize..][..len as usize]),
                }
            }
            kept = next;
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_small() {
        assert!(size_of::<Step>() <= 12, "{}", size_of::<Step>());
        assert_eq!(size_of::<Row>(), 16);
    }
}
