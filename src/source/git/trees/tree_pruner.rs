//! Cutting trees down one by one, by id: each distinct tree of a history is read once.

use std::collections::HashMap;
use std::hash::Hasher;

use bstr::BString;

use super::super::by_id::{TreeSource, is_empty_tree};
use super::super::error::GitError;
use super::super::id_hash::FoldHash;
use super::super::objects::likely::Likely;
use super::super::parts::tree_entries;
use super::pruned::{Child, NOTHING, NodeId, PrunedTrees, Target, WantedIndex};
use super::tree_diff::MAX_DEPTH;
use crate::model::BlobId;

/// Cuts down trees that are read by id.
pub(crate) struct TreePruner {
    wanted: HashMap<BlobId, WantedIndex>,
    wanted_names: HashMap<BString, WantedIndex>,
    likely: Likely,
    name_numbers: HashMap<BString, u32>,
    memo: HashMap<TreeKey, NodeId, FoldHash>,
    buf: Vec<u8>,
    pub(crate) pruned: PrunedTrees,
    pub(crate) problems: Vec<GitError>,
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

impl TreePruner {
    /// Looks for objects (files, links or directories) and for names of tree entries.
    pub(crate) fn new(wanted: HashMap<BlobId, WantedIndex>, wanted_names: HashMap<BString, WantedIndex>) -> Self {
        Self {
            likely: Likely::of(wanted.keys().copied()),
            wanted,
            wanted_names,
            name_numbers: HashMap::new(),
            memo: HashMap::default(),
            buf: Vec::new(),
            pruned: PrunedTrees::new(Vec::new()),
            problems: Vec::new(),
        }
    }

    /// Distinct trees read so far.
    pub(crate) fn trees_read(&self) -> usize {
        self.memo.len()
    }

    /// Cuts a tree down. One that cannot be read is noted and leads to nothing.
    pub(crate) fn node(&mut self, source: &mut impl TreeSource, tree: &BlobId) -> NodeId {
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
                children.push(Child::new(self.name(&name), Target::Tree(node)));
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
                    Some(&node) => found.push(Child::new(self.name(entry.name), Target::Tree(node))),
                    None => unknown.push((entry.name.to_owned(), entry.blob_id())),
                }
            }
            if self.likely.may_hold(entry.id)
                && let Some(&wanted) = self.wanted.get(&entry.blob_id())
            {
                found.push(Child::new(self.name(entry.name), Target::Wanted(wanted)));
            }
            if !self.wanted_names.is_empty()
                && let Some(&wanted) = self.wanted_names.get(entry.name)
            {
                found.push(Child::new(self.name(entry.name), Target::Wanted(wanted)));
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
        let number = self.pruned.add_name(name);
        self.name_numbers.insert(name.into(), number);
        number
    }

    fn intern(&mut self, mut children: Vec<Child>) -> NodeId {
        children.sort_unstable();
        children.dedup();
        self.pruned.intern(&children)
    }
}
