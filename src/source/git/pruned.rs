//! Trees cut down to the paths that lead to what is wanted. Each distinct tree of a history is read once.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;

use bstr::BString;

use super::by_id::{TreeSource, is_empty_tree};
use super::error::GitError;
use super::parts::tree_entries;
use super::tree_diff::MAX_DEPTH;
use crate::model::BlobId;

/// Number of a cut-down tree; equal trees have equal numbers.
pub(super) type NodeId = u32;
/// The tree that leads to nothing wanted.
pub(super) const NOTHING: NodeId = 0;
/// Number of a thing that is wanted.
pub(super) type WantedIndex = u32;

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

pub(super) struct PrunedTrees {
    wanted: HashMap<BlobId, WantedIndex>,
    wanted_names: HashMap<BString, WantedIndex>,
    /// A bit for each pair of leading bytes that a wanted id has: turns nearly all others away in one look.
    filter: Vec<u64>,
    names: Vec<BString>,
    name_numbers: HashMap<BString, u32>,
    nodes: Vec<Rc<[Child]>>,
    node_numbers: HashMap<Rc<[Child]>, NodeId>,
    memo: HashMap<TreeKey, NodeId, TreeHash>,
    buf: Vec<u8>,
    pub(super) problems: Vec<GitError>,
}

/// The first half of an id: nobody can make two trees that share it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct TreeKey(u64, u64);

impl TreeKey {
    fn of(id: &[u8]) -> Self {
        let word = |at: usize| id.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
        Self(word(0), word(8))
    }
}

impl std::hash::Hash for TreeKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Ids are hashes already; the key keeps others from choosing where they land in our table.
#[derive(Clone, Copy)]
struct TreeHash(u64);

struct TreeHasher(u64);

impl Default for TreeHash {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0u8) | 1)
    }
}

impl BuildHasher for TreeHash {
    type Hasher = TreeHasher;

    fn build_hasher(&self) -> TreeHasher {
        TreeHasher(self.0)
    }
}

impl Hasher for TreeHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(word ^ self.0.rotate_left(32)) * u128::from(self.0);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl PrunedTrees {
    /// Looks for objects (files, links or directories) and for names of tree entries.
    pub(super) fn new(wanted: HashMap<BlobId, WantedIndex>, wanted_names: HashMap<BString, WantedIndex>) -> Self {
        let mut filter = vec![0u64; 1 << 10];
        for id in wanted.keys() {
            let bits = lead(id.as_bytes());
            filter[bits >> 6] |= 1 << (bits & 63);
        }
        let empty: Rc<[Child]> = Rc::from([]);
        Self {
            wanted,
            wanted_names,
            filter,
            names: Vec::new(),
            name_numbers: HashMap::new(),
            nodes: vec![Rc::clone(&empty)],
            node_numbers: HashMap::from([(empty, NOTHING)]),
            memo: HashMap::default(),
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
        match self.memo.get(&TreeKey::of(tree.as_bytes())) {
            Some(&node) => node,
            None => self.read(source, tree, 0),
        }
    }

    fn read(&mut self, source: &mut impl TreeSource, tree: &BlobId, depth: usize) -> NodeId {
        let key = TreeKey::of(tree.as_bytes());
        // Set first, so that a tree that holds itself (which takes a broken hash) ends.
        self.memo.insert(key, NOTHING);
        let mut buf = std::mem::take(&mut self.buf);
        let mut children = Vec::new();
        let mut unknown = Vec::new();
        match source.tree(tree, &mut buf) {
            Ok(()) => self.entries(&buf, tree, &mut children, &mut unknown),
            Err(_) if is_empty_tree(tree) => {}
            Err(error) => self.problems.push(error),
        }
        self.buf = buf;
        if depth >= MAX_DEPTH && !unknown.is_empty() {
            let why = format!("nested deeper than {MAX_DEPTH}");
            self.problems.push(GitError::Corrupt { kind: "tree", id: *tree, why });
            unknown.clear();
        }
        for (name, below) in unknown {
            let node = match self.memo.get(&TreeKey::of(below.as_bytes())) {
                Some(&node) => node,
                None => self.read(source, &below, depth + 1),
            };
            if node != NOTHING {
                children.push((self.name(&name), Target::Tree(node)));
            }
        }
        let node = self.intern(children);
        if node != NOTHING {
            self.memo.insert(key, node);
        }
        node
    }

    fn entries(&mut self, data: &[u8], tree: &BlobId, found: &mut Vec<Child>, unknown: &mut Vec<(BString, BlobId)>) {
        let mut entries = tree_entries(data, tree.as_bytes().len());
        for entry in entries.by_ref() {
            if entry.is_tree() {
                match self.memo.get(&TreeKey::of(entry.id)) {
                    Some(&NOTHING) => {}
                    Some(&node) => found.push((self.name(entry.name), Target::Tree(node))),
                    None => unknown.push((entry.name.to_owned(), entry.blob_id())),
                }
            }
            let bits = lead(entry.id);
            if self.filter[bits >> 6] >> (bits & 63) & 1 != 0 {
                if let Some(&wanted) = self.wanted.get(&entry.blob_id()) {
                    found.push((self.name(entry.name), Target::Wanted(wanted)));
                }
            }
            if !self.wanted_names.is_empty() {
                if let Some(&wanted) = self.wanted_names.get(entry.name) {
                    found.push((self.name(entry.name), Target::Wanted(wanted)));
                }
            }
        }
        if entries.is_malformed() {
            self.problems.push(GitError::Corrupt { kind: "tree", id: *tree, why: "malformed entry".to_owned() });
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

fn lead(id: &[u8]) -> usize {
    usize::from(id[0]) << 8 | usize::from(id[1])
}
