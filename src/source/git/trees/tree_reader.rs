//! One thread of a pass over all trees: parses what a tree does not share with its delta base.

use std::collections::{BTreeMap, HashMap};

use super::super::by_id::is_empty_tree;
use super::super::id_hash::FoldHash;
use super::super::objects::delta::{Copied, Delta};
use super::super::objects::likely::Likely;
use super::super::objects::look_ups::LookUps;
use super::super::objects::object::Problem;
use super::super::objects::store::ObjectStore;
use super::super::objects::walk::Entry;
use super::super::parts::{MODE_GITLINK, MODE_TREE, TreeEntry, mode_kind, tree_entries};
use super::tree_index::{NONE, Own, Row, Step};
use crate::model::{BlobId, SkipReason};

/// Number of the name of a kept entry.
pub(super) type NameNumber = u32;

/// What the trees that are stored as changes of a tree need of it.
#[derive(Debug, Default)]
pub(super) struct TreeState {
    /// Where its entries start, and where the last one ends.
    starts: Vec<u32>,
    /// Where its kept entries start.
    kept: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Name {
    /// [`NONE`] while no entry of the name is kept.
    number: NameNumber,
    wanted: bool,
}

/// What one thread has read so far.
pub(super) struct TreeReader<'s> {
    store: &'s ObjectStore,
    wanted: &'s Likely,
    most_steps: usize,
    met: HashMap<Box<[u8]>, Name, FoldHash>,
    /// Entries whose objects are still to be looked up: of each, its mode and its step; [`NONE`] if it was not kept.
    awaited: LookUps<(u32, u32)>,
    pub(super) kept_names: Vec<(Box<[u8]>, bool)>,
    pub(super) rows: Vec<Row>,
    pub(super) steps: Vec<Step>,
    pub(super) missing: BTreeMap<BlobId, &'static str>,
    pub(super) problems: Vec<Problem>,
    pub(super) bytes: u64,
}

/// The tree at hand.
struct Current<'t, 'f> {
    data: &'t [u8],
    /// Up to where it has been read: the start of an entry, or the end.
    at: usize,
    is_broken: bool,
    /// Whether `state` is for somebody.
    has_children: bool,
    state: TreeState,
    name: &'f mut dyn FnMut(&[u8]) -> bool,
}

impl<'s> TreeReader<'s> {
    pub(super) fn new(store: &'s ObjectStore, wanted: &'s Likely, most_steps: usize) -> Self {
        Self {
            store,
            wanted,
            most_steps,
            met: HashMap::default(),
            awaited: LookUps::default(),
            kept_names: Vec::new(),
            rows: Vec::new(),
            steps: Vec::new(),
            missing: BTreeMap::new(),
            problems: Vec::new(),
            bytes: 0,
        }
    }

    /// Reads one tree.
    pub(super) fn tree(
        &mut self,
        entry: &Entry<'_>,
        base: Option<&TreeState>,
        name: &mut dyn FnMut(&[u8]) -> bool,
    ) -> TreeState {
        self.bytes += entry.data.len() as u64;
        if u32::try_from(entry.data.len()).is_err() {
            let (size, limit) = (entry.data.len() as u64, u64::from(u32::MAX));
            self.lost(entry, Problem::new(SkipReason::TooLarge { size, limit }));
            return TreeState::default();
        }
        let first = self.steps.len();
        let state = TreeState::default();
        let mut tree =
            Current { data: entry.data, at: 0, is_broken: false, has_children: entry.has_children, state, name };
        if let (Some(from), Some(base)) = (entry.from, base) {
            if tree.has_children {
                // A version mostly holds about as much as its base.
                tree.state.starts.reserve(base.starts.len() + 4);
                tree.state.kept.reserve(base.kept.len() + 4);
            }
            self.changed(&mut tree, from.delta, base);
        }
        while tree.at < tree.data.len() && !tree.is_broken {
            self.own(&mut tree);
        }
        if tree.has_children {
            tree.state.starts.push(tree.at as u32);
        }
        if tree.is_broken {
            self.lost(entry, Problem::corrupt("malformed entry"));
        }
        if self.steps.len() > self.most_steps {
            self.settle();
            self.steps.truncate(first);
            self.lost(entry, Problem::new(SkipReason::Budget("memory for directories".into())));
            tree.state = TreeState::default();
        }
        let copies = self.steps[first..].iter().any(|step| matches!(step, Step::Copy { .. }));
        let base = entry.from.filter(|_| copies).map_or(NONE, |from| from.ix.0);
        let (first, count) = (first as u32, (self.steps.len() - first) as u32);
        self.rows.push(Row { tree: entry.ix, base, first, count });
        tree.state
    }

    fn lost(&mut self, entry: &Entry<'_>, problem: Problem) {
        self.problems.push(problem.object(self.store.id(entry.ix)));
    }

    fn changed(&mut self, tree: &mut Current<'_, '_>, delta: Delta<'_>, base: &TreeState) {
        for &Copied { at, from, len } in delta.copies() {
            while tree.at < at && !tree.is_broken {
                self.own(tree);
            }
            while tree.at < at + len && !tree.is_broken {
                let in_base = (tree.at - at + from) as u32;
                let first = base.starts.binary_search(&in_base).ok();
                let end = base.starts.partition_point(|&start| start as usize <= from + len).saturating_sub(1);
                match first.filter(|&first| first < end) {
                    Some(first) => self.copy(tree, base, first, end),
                    None => self.own(tree),
                }
            }
        }
    }

    /// Takes over the entries `first..end` of the base.
    fn copy(&mut self, tree: &mut Current<'_, '_>, base: &TreeState, first: usize, end: usize) {
        let (from, to) = (base.starts[first], base.starts[end]);
        // Modulo 2³²: the sums are offsets in this tree.
        let shift = (tree.at as u32).wrapping_sub(from);
        let start = base.kept.partition_point(|&kept| kept < from);
        let len = base.kept[start..].partition_point(|&kept| kept < to);
        if len > 0 {
            self.steps.push(Step::Copy { start: start as u32, len: len as u32 });
        }
        if tree.has_children {
            let moved = |&offset: &u32| offset.wrapping_add(shift);
            tree.state.starts.extend(base.starts[first..end].iter().map(moved));
            tree.state.kept.extend(base.kept[start..start + len].iter().map(moved));
        }
        tree.at += (to - from) as usize;
    }

    /// Parses the next entry.
    fn own(&mut self, tree: &mut Current<'_, '_>) {
        let hash_len = self.store.hash().id_len();
        let rest = &tree.data[tree.at..];
        let Some(entry) = tree_entries(rest, hash_len).next() else {
            tree.is_broken = true;
            return;
        };
        let (is_tree, start) = (entry.is_tree(), tree.at as u32);
        let name = self.meet(entry.name, tree);
        let mut step = NONE;
        if name.wanted || is_tree || self.wanted.may_hold(entry.id) {
            step = self.steps.len() as u32;
            let own = self.kept(entry.name, name, is_tree);
            self.steps.push(Step::Own(own));
            if tree.has_children {
                tree.state.kept.push(start);
            }
        }
        self.await_object(&entry, step);
        if tree.has_children {
            tree.state.starts.push(start);
        }
        tree.at += entry.end_in(rest);
    }

    fn meet(&mut self, name: &[u8], tree: &mut Current<'_, '_>) -> Name {
        if let Some(name) = self.met.get(name) {
            return *name;
        }
        let wanted = (tree.name)(name);
        let met = Name { number: NONE, wanted };
        self.met.insert(name.into(), met);
        met
    }

    /// A kept entry, its object not yet known.
    fn kept(&mut self, text: &[u8], name: Name, is_tree: bool) -> Own {
        let mut number = name.number;
        if number == NONE {
            number = self.kept_names.len() as NameNumber;
            self.kept_names.push((text.into(), name.wanted));
            self.met.insert(text.into(), Name { number, ..name });
        }
        Own::new(number, is_tree)
    }

    fn await_object(&mut self, entry: &TreeEntry<'_>, step: u32) {
        self.awaited.push(entry.blob_id(), (entry.mode, step));
        if self.awaited.are_due() {
            self.settle();
        }
    }

    /// Looks up what is awaited: kept entries are told their objects, and what is not in the store is noted.
    pub(super) fn settle(&mut self) {
        let Self { store, awaited, steps, missing, .. } = self;
        awaited.settle(store, |id, (mode, step), object| {
            if let Some(Step::Own(own)) = steps.get_mut(step as usize) {
                own.set_object(object);
            }
            let is_tree = mode_kind(mode) == MODE_TREE;
            if object.is_none() && mode_kind(mode) != MODE_GITLINK && !(is_tree && is_empty_tree(&id)) {
                missing.insert(id, if is_tree { "tree" } else { "blob" });
            }
        });
    }
}
