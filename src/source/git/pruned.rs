//! Trees cut down to the paths that lead to what is wanted. Each distinct tree of a history is read once.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use bstr::BString;

use super::by_id::{TreeSource, is_empty_tree};
use super::error::GitError;
use super::id_hash::{IdKey, IdMap};
use super::parts::TreeEntry;
use super::tree_diff::MAX_DEPTH;
use super::tree_splice::{Kept, Starts, splice};
use super::wanted_set::{WantedIndex, WantedSet};
use crate::model::BlobId;

/// Number of a cut-down tree; equal trees have equal numbers.
pub(super) type NodeId = u32;
/// The tree that leads to nothing wanted.
pub(super) const NOTHING: NodeId = 0;

/// A thing that is wanted, at a path.
pub(super) type Found = (WantedIndex, BString);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Target {
    Wanted(WantedIndex),
    Tree(NodeId),
}

/// What a tree holds under a name: the number of the name, and a wanted thing or a tree that leads to one.
type Child = (u32, Target);

/// Trees nested into each other can stand for more paths than there are atoms. After so many steps in one commit, one
/// path of each thing will do.
const PATH_BUDGET: usize = 200_000;

pub(super) struct PrunedTrees<'a> {
    wanted: &'a WantedSet,
    names: Vec<BString>,
    name_numbers: HashMap<BString, u32>,
    nodes: Vec<Rc<[Child]>>,
    node_numbers: HashMap<Rc<[Child]>, NodeId>,
    memo: IdMap<NodeId>,
    latest: HashMap<u64, Parsed>,
    latest_bytes: usize,
    paths: RandomState,
    buf: Vec<u8>,
    pub(super) problems: Vec<GitError>,
}

/// The tree that was last read at a path. The next one there mostly differs in one entry.
#[derive(Default)]
struct Parsed {
    data: Vec<u8>,
    starts: Starts,
    /// With where their entries start.
    children: Vec<(u32, Child)>,
}

/// Bytes of such trees kept: thousands of directories.
const LATEST_BYTES: usize = 32 << 20;

impl Parsed {
    fn size(&self) -> usize {
        self.data.capacity() + self.starts.capacity() * 4 + self.children.capacity() * size_of::<(u32, Child)>()
    }

    /// The children of a tree that keeps some entries of this one and has fresh ones between them.
    fn children_with(&self, mut fresh: Vec<(u32, Child)>, kept: &[Kept]) -> Vec<(u32, Child)> {
        for run in kept {
            let start = self.children.partition_point(|&(at, _)| at < run.old.start);
            let inside = self.children[start..].iter().take_while(|&&(at, _)| at < run.old.end);
            fresh.extend(inside.map(|&(at, child)| ((i64::from(at) + run.shift) as u32, child)));
        }
        fresh.sort_unstable();
        fresh
    }
}

impl<'a> PrunedTrees<'a> {
    /// Looks for these things.
    pub(super) fn new(wanted: &'a WantedSet) -> Self {
        let empty: Rc<[Child]> = Rc::from([]);
        Self {
            wanted,
            names: Vec::new(),
            name_numbers: HashMap::new(),
            nodes: vec![Rc::clone(&empty)],
            node_numbers: HashMap::from([(empty, NOTHING)]),
            memo: IdMap::default(),
            latest: HashMap::new(),
            latest_bytes: 0,
            paths: RandomState::new(),
            buf: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Distinct trees read so far.
    pub(super) fn trees_read(&self) -> usize {
        self.memo.len()
    }

    /// Cuts a tree down. One that cannot be read is noted and leads to nothing.
    pub(super) fn node(&mut self, source: &mut impl TreeSource, tree: &BlobId) -> NodeId {
        match self.memo.get(&IdKey::of(tree)) {
            Some(&node) => node,
            None => self.read(source, tree, 0, 0),
        }
    }

    fn read(&mut self, source: &mut impl TreeSource, tree: &BlobId, path: u64, depth: usize) -> NodeId {
        let key = IdKey::of(tree);
        // Set first, so that a tree that holds itself (which takes a broken hash) ends.
        self.memo.insert(key, NOTHING);
        let mut data = std::mem::take(&mut self.buf);
        if let Err(error) = source.tree(tree, &mut data) {
            self.buf = data;
            if !is_empty_tree(tree) {
                self.problems.push(error);
            }
            return NOTHING;
        }
        let old = self.latest.remove(&path).unwrap_or_default();
        self.latest_bytes -= old.size();
        let mut fresh = Vec::new();
        let mut unknown = Vec::new();
        let (starts, kept) = splice(&old.data, &old.starts, &data, tree.as_bytes().len(), |at, entry| {
            self.entry(at, entry, &mut fresh, &mut unknown);
        });
        if starts.last().is_none_or(|&end| end as usize != data.len()) {
            self.problems.push(GitError::Corrupt { kind: "tree", id: *tree, why: "malformed entry".to_owned() });
        }
        if depth >= MAX_DEPTH && !unknown.is_empty() {
            let why = format!("nested deeper than {MAX_DEPTH}");
            self.problems.push(GitError::Corrupt { kind: "tree", id: *tree, why });
            unknown.clear();
        }
        for (at, name, below) in unknown {
            let node = match self.memo.get(&IdKey::of(&below)) {
                Some(&node) => node,
                None => self.read(source, &below, self.paths.hash_one((path, &name)), depth + 1),
            };
            if node != NOTHING {
                fresh.push((at, (self.name(&name), Target::Tree(node))));
            }
        }
        let children = old.children_with(fresh, &kept);
        let node = self.intern(children.iter().map(|&(_, child)| child).collect());
        if node != NOTHING {
            self.memo.insert(key, node);
        }
        self.buf = old.data;
        self.remember(path, Parsed { data, starts, children });
        node
    }

    fn remember(&mut self, path: u64, parsed: Parsed) {
        self.latest_bytes += parsed.size();
        if self.latest_bytes > LATEST_BYTES {
            self.latest.clear();
            self.latest_bytes = parsed.size();
        }
        self.latest.insert(path, parsed);
    }

    fn entry(
        &mut self,
        at: u32,
        entry: &TreeEntry<'_>,
        found: &mut Vec<(u32, Child)>,
        unknown: &mut Vec<(u32, BString, BlobId)>,
    ) {
        if entry.is_tree() {
            match self.memo.get(&IdKey::raw(entry.id)) {
                Some(&NOTHING) => {}
                Some(&node) => found.push((at, (self.name(entry.name), Target::Tree(node)))),
                None => unknown.push((at, entry.name.to_owned(), entry.blob_id())),
            }
        }
        self.wanted.look(entry, |wanted| found.push((at, (u32::MAX, Target::Wanted(wanted)))));
        for (_, (name, _)) in found.iter_mut().rev().take_while(|(_, (name, _))| *name == u32::MAX) {
            *name = self.name(entry.name);
        }
    }

    fn name(&mut self, name: &[u8]) -> u32 {
        if let Some(&number) = self.name_numbers.get(bstr::BStr::new(name)) {
            return number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.into());
        self.name_numbers.insert(name.into(), number);
        number
    }

    fn intern(&mut self, mut children: Vec<Child>) -> NodeId {
        if children.is_empty() {
            return NOTHING;
        }
        children.sort_unstable();
        children.dedup();
        if let Some(&node) = self.node_numbers.get(children.as_slice()) {
            return node;
        }
        let node = self.nodes.len() as NodeId;
        let children: Rc<[Child]> = children.into();
        self.nodes.push(Rc::clone(&children));
        self.node_numbers.insert(children, node);
        node
    }

    /// Wanted things in `node` that none of `others` has at the same path.
    pub(super) fn beyond(&self, node: NodeId, others: &[NodeId]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut budget = PATH_BUDGET;
        self.compare(node, others, &mut BString::default(), &mut found, &mut budget);
        if budget == 0 {
            found = self.members(node);
            found.retain(|&(wanted, _)| !others.iter().any(|&other| self.contains(other, wanted)));
        }
        found
    }

    fn compare(&self, node: NodeId, others: &[NodeId], path: &mut BString, found: &mut Vec<Found>, budget: &mut usize) {
        if node == NOTHING || others.contains(&node) {
            return;
        }
        for child @ &(name, target) in self.nodes[node as usize].iter() {
            *budget = budget.saturating_sub(1);
            if *budget == 0 {
                return;
            }
            if others.iter().any(|&other| self.nodes[other as usize].binary_search(child).is_ok()) {
                continue;
            }
            let length = path.len();
            path.extend_from_slice(&self.names[name as usize]);
            match target {
                Target::Wanted(wanted) => found.push((wanted, path.clone())),
                Target::Tree(below) => {
                    path.push(b'/');
                    let others: Vec<NodeId> = others.iter().map(|&other| self.below(other, name)).collect();
                    self.compare(below, &others, path, found, budget);
                }
            }
            path.truncate(length);
        }
    }

    fn below(&self, node: NodeId, name: u32) -> NodeId {
        let children = &self.nodes[node as usize];
        let first = children.partition_point(|&(other, _)| other < name);
        let same = children[first..].iter().take_while(|&&(other, _)| other == name);
        same.filter_map(|&(_, target)| if let Target::Tree(node) = target { Some(node) } else { None })
            .next()
            .unwrap_or(NOTHING)
    }

    /// Every wanted thing in `node`, with one path each.
    pub(super) fn members(&self, node: NodeId) -> Vec<Found> {
        let mut members = Vec::new();
        let mut met = HashSet::new();
        self.visit(node, &mut BString::default(), &mut HashSet::from([NOTHING]), &mut |wanted, path| {
            if met.insert(wanted) {
                members.push((wanted, path.clone()));
            }
            false
        });
        members
    }

    /// Whether something is anywhere in `node`.
    pub(super) fn contains(&self, node: NodeId, wanted: WantedIndex) -> bool {
        self.visit(node, &mut BString::default(), &mut HashSet::from([NOTHING]), &mut |other, _| other == wanted)
    }

    /// Calls `see` for wanted things until it says stop, each distinct tree once.
    fn visit(
        &self,
        node: NodeId,
        path: &mut BString,
        met: &mut HashSet<NodeId>,
        see: &mut impl FnMut(WantedIndex, &BString) -> bool,
    ) -> bool {
        if !met.insert(node) {
            return false;
        }
        for &(name, target) in self.nodes[node as usize].iter() {
            let length = path.len();
            path.extend_from_slice(&self.names[name as usize]);
            let stop = match target {
                Target::Wanted(wanted) => see(wanted, path),
                Target::Tree(below) => {
                    path.push(b'/');
                    self.visit(below, path, met, see)
                }
            };
            path.truncate(length);
            if stop {
                return true;
            }
        }
        false
    }
}
