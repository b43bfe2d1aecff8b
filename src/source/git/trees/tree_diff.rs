//! What a tree holds that none of its parents' trees holds at the same path; compared by id, never by content.

use std::ops::Range;
use std::rc::Rc;

use bstr::BString;

use super::super::by_id::{TreeCache, TreeSource};
use super::super::error::GitError;
use super::super::parts::{MODE_GITLINK, MODE_TREE, TreeEntry, canonical_mode, tree_entries};
use super::tree_splice::{Starts, splice};
use crate::model::BlobId;

/// Deeper than git itself goes (`core.maxTreeDepth`); beyond it a tree is reported, not followed.
pub(crate) const MAX_DEPTH: usize = 2048;

/// A file that is in no parent at its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangedFile {
    /// Path from the top of the tree.
    pub path: BString,
    /// Its blob.
    pub blob: BlobId,
    /// Its mode: file, executable file, link.
    pub mode: u32,
    /// What the parents have at that path (distinct, only blobs); empty if it is new.
    pub old: Vec<BlobId>,
}

/// Trees side by side: files that differ from every parent go to `changed`, trees that cannot be read to `problems`.
pub(crate) struct TreeDiff<'a, S> {
    pub(crate) trees: &'a mut TreeCache<S>,
    pub(crate) changed: &'a mut Vec<ChangedFile>,
    pub(crate) problems: &'a mut Vec<GitError>,
    path: BString,
    depth: usize,
    /// Files and directories that may still be visited.
    left: usize,
}

/// Trees nested into each other can stand for more files than there are atoms. No repository that people work in has as
/// many as this in one commit.
const MAX_ENTRIES: usize = 4_000_000;

/// A tree of a parent, for look-ups by name.
pub(crate) struct ParentTree {
    data: Rc<[u8]>,
    hash_len: usize,
    /// Where each entry starts and its name lies, sorted by name (which is not quite the order of the tree).
    entries: Vec<(u32, Range<u32>)>,
    /// As they stand in the tree.
    starts: Starts,
}

impl ParentTree {
    pub(crate) fn read<S: TreeSource>(trees: &mut TreeCache<S>, id: &BlobId) -> Result<Self, GitError> {
        let data = trees.tree(id)?;
        let hash_len = id.as_bytes().len();
        let mut entries = Vec::new();
        let mut start = 0;
        let mut starts = Starts::new();
        for entry in tree_entries(&data, hash_len) {
            starts.push(start);
            let end = entry.end_in(&data);
            let name_end = (end - hash_len - 1) as u32;
            entries.push((start, name_end - entry.name.len() as u32..name_end));
            start = end as u32;
        }
        starts.push(start);
        entries.sort_by(|a, b| name_of(&data, &a.1).cmp(name_of(&data, &b.1)));
        Ok(Self { data, hash_len, entries, starts })
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<(u32, BlobId)> {
        let at = self.entries.binary_search_by(|entry| name_of(&self.data, &entry.1).cmp(name)).ok()?;
        let entry = tree_entries(&self.data[self.entries[at].0 as usize..], self.hash_len).next()?;
        Some((canonical_mode(entry.mode), entry.blob_id()))
    }

    /// The tree of that name, if it is one.
    pub(crate) fn subtree(&self, name: &[u8]) -> Option<BlobId> {
        self.get(name).filter(|(mode, _)| *mode == MODE_TREE).map(|(_, id)| id)
    }
}

fn name_of<'a>(data: &'a [u8], name: &Range<u32>) -> &'a [u8] {
    &data[name.start as usize..name.end as usize]
}

impl<'a, S: TreeSource> TreeDiff<'a, S> {
    pub(crate) fn new(
        trees: &'a mut TreeCache<S>,
        changed: &'a mut Vec<ChangedFile>,
        problems: &'a mut Vec<GitError>,
    ) -> Self {
        Self { trees, changed, problems, path: BString::default(), depth: 0, left: MAX_ENTRIES }
    }

    /// Starts below a directory: paths begin with `path`, which ends in `/` or is empty.
    pub(crate) fn below(mut self, path: &[u8]) -> Self {
        self.path = path.into();
        self
    }

    /// Compares `tree` with what the parents have in its place (`None`: nothing, or no directory).
    pub(crate) fn compare(&mut self, tree: &BlobId, parents: &[Option<BlobId>]) {
        if parents.contains(&Some(*tree)) {
            return;
        }
        if self.depth > MAX_DEPTH {
            let why = format!("nested deeper than {MAX_DEPTH}");
            return self.problems.push(GitError::Corrupt { kind: "tree", id: *tree, why });
        }
        let data = match self.trees.tree(tree) {
            Ok(data) => data,
            Err(error) => return self.problems.push(error),
        };
        let parents = self.parents(parents);
        // What is the same in one parent is not looked at further.
        let old = parents.iter().flatten().next();
        let (old, old_starts) = old.map_or((&[][..], &[][..]), |old| (&old.data, &old.starts));
        let mut fresh = Vec::new();
        let starts = splice(old, old_starts, &data, tree.as_bytes().len(), |_, entry| fresh.push(*entry));
        for entry in fresh {
            self.left = self.left.saturating_sub(1);
            match self.left {
                0 => return,
                1 => {
                    let why = format!("it stands for more than {MAX_ENTRIES} files");
                    self.problems.push(GitError::Corrupt { kind: "tree", id: *tree, why });
                }
                _ => self.entry(&entry, &parents),
            }
        }
        if starts.last().is_none_or(|&end| end as usize != data.len()) {
            self.problems.push(GitError::Corrupt { kind: "tree", id: *tree, why: "malformed entry".to_owned() });
        }
    }

    /// A parent's tree that cannot be read counts as empty: too much is reported then, and the problem with it.
    fn parents(&mut self, parents: &[Option<BlobId>]) -> Vec<Option<Rc<ParentTree>>> {
        let mut read = Vec::with_capacity(parents.len());
        for parent in parents {
            read.push(parent.as_ref().and_then(|id| match ParentTree::read(self.trees, id) {
                Ok(tree) => Some(Rc::new(tree)),
                Err(error) => {
                    self.problems.push(error);
                    None
                }
            }));
        }
        read
    }

    fn entry(&mut self, entry: &TreeEntry<'_>, parents: &[Option<Rc<ParentTree>>]) {
        let length = self.path.len();
        self.path.extend_from_slice(entry.name);
        if entry.is_tree() {
            let below: Vec<_> = parents.iter().map(|p| p.as_ref().and_then(|p| p.subtree(entry.name))).collect();
            self.path.push(b'/');
            self.depth += 1;
            self.compare(&entry.blob_id(), &below);
            self.depth -= 1;
        } else if entry.is_blob() {
            let here = (canonical_mode(entry.mode), entry.blob_id());
            let there = parents.iter().map(|p| p.as_ref().and_then(|p| p.get(entry.name)));
            if let Some(old) = changed_from_all(here, there) {
                self.changed.push(ChangedFile { path: self.path.clone(), blob: here.1, mode: here.0, old });
            }
        }
        self.path.truncate(length);
    }
}

/// `None` if some parent has the same entry; else the blobs that the parents have there.
pub(crate) fn changed_from_all(
    here: (u32, BlobId),
    parents: impl Iterator<Item = Option<(u32, BlobId)>>,
) -> Option<Vec<BlobId>> {
    let mut old = Vec::new();
    for (mode, id) in parents.flatten() {
        if (mode, id) == here {
            return None;
        }
        let is_blob = !matches!(mode, MODE_TREE | MODE_GITLINK);
        if is_blob && !old.contains(&id) {
            old.push(id);
        }
    }
    Some(old)
}
