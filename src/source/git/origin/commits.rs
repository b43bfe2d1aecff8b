//! Commits as a graph: read once each, and put in an order that is the same for everybody.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use super::super::by_id::TreeSource;
use super::super::error::GitError;
use super::super::id_hash::{IdKey, IdMap};
use super::super::parts::CommitFields;
use crate::model::BlobId;

/// Number of a commit in a `Graph`.
pub(crate) type CommitIndex = u32;

/// A commit, as far as a walk needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CommitNode {
    /// Its id.
    pub id: BlobId,
    /// Its tree, where it names one.
    pub tree: Option<BlobId>,
    /// As stored, whether here or not.
    pub parents: Vec<BlobId>,
    /// Committer's date, in seconds since 1970.
    pub seconds: i64,
}

impl CommitNode {
    /// From the bytes of a commit.
    #[must_use]
    pub(crate) fn parse(id: BlobId, data: &[u8]) -> Self {
        let fields = CommitFields::parse(data);
        Self { id, tree: fields.tree, parents: fields.parents, seconds: fields.committer.seconds }
    }
}

/// Commits that have been read.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<CommitNode>,
    numbers: IdMap<CommitIndex>,
    /// Numbers of parents, one after the other, and where those of each commit end; made when all have been read.
    parents: Vec<CommitIndex>,
    ends: Vec<u32>,
    buf: Vec<u8>,
}

impl Graph {
    /// The number of a commit that was read.
    pub(crate) fn get(&self, id: &BlobId) -> Option<CommitIndex> {
        self.numbers.get(&IdKey::of(id)).copied()
    }

    pub(crate) fn node(&self, number: CommitIndex) -> &CommitNode {
        &self.nodes[number as usize]
    }

    /// Numbers of those parents that were read before the graph was linked.
    pub(crate) fn parents(&self, number: CommitIndex) -> &[CommitIndex] {
        let end = self.ends[number as usize] as usize;
        let start = (number as usize).checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.parents[start..end]
    }

    /// To be called when all has been read, before anything is asked about the parents of a commit.
    pub(crate) fn link(&mut self) {
        self.parents.clear();
        self.ends.clear();
        for node in &self.nodes {
            let known = node.parents.iter().filter_map(|id| self.numbers.get(&IdKey::of(id)));
            self.parents.extend(known);
            self.ends.push(self.parents.len() as u32);
        }
    }

    /// Reads a commit unless it was read; `true` if it is new.
    pub(crate) fn read(&mut self, source: &mut impl TreeSource, id: &BlobId) -> Result<(CommitIndex, bool), GitError> {
        if let Some(number) = self.get(id) {
            return Ok((number, false));
        }
        let mut buf = std::mem::take(&mut self.buf);
        let read = source.commit(id, &mut buf);
        let node = CommitNode::parse(*id, &buf);
        self.buf = buf;
        read?;
        let number = self.nodes.len() as CommitIndex;
        self.nodes.push(node);
        self.numbers.insert(IdKey::of(id), number);
        Ok((number, true))
    }

    /// Reads `tips` and everything they come from. What cannot be read is returned, save the missing parents of
    /// commits where a shallow clone was cut off.
    pub(crate) fn read_all(
        &mut self,
        source: &mut impl TreeSource,
        tips: impl IntoIterator<Item = BlobId>,
        shallow: &HashSet<BlobId>,
    ) -> Vec<GitError> {
        let mut problems = Vec::new();
        let mut bad = HashSet::new();
        let mut todo: Vec<(BlobId, bool)> = tips.into_iter().map(|id| (id, false)).collect();
        todo.reverse();
        while let Some((id, cut)) = todo.pop() {
            match self.read(source, &id) {
                Ok((number, true)) => {
                    let cut = shallow.contains(&id);
                    todo.extend(self.node(number).parents.iter().rev().map(|&parent| (parent, cut)));
                }
                Ok((_, false)) => {}
                Err(GitError::Missing { .. }) if cut => {}
                Err(error) if bad.insert(id) => problems.push(error),
                Err(_) => {}
            }
        }
        self.link();
        problems
    }

    /// Whether any of these commits may be an ancestor of `cut`, whose parents are not here: it is no newer, and does not
    /// come from it.
    pub(crate) fn may_come_before(&self, among: &[CommitIndex], cut: CommitIndex) -> bool {
        let mut children: Vec<(CommitIndex, CommitIndex)> = Vec::new();
        for number in 0..self.nodes.len() as CommitIndex {
            children.extend(self.parents(number).iter().map(|&parent| (parent, number)));
        }
        children.sort_unstable();
        let mut after = HashSet::from([cut]);
        let mut todo = vec![cut];
        while let Some(number) = todo.pop() {
            let first = children.partition_point(|&(parent, _)| parent < number);
            let mine = children[first..].iter().take_while(|&&(parent, _)| parent == number);
            todo.extend(mine.filter_map(|&(_, child)| after.insert(child).then_some(child)));
        }
        let until = self.node(cut).seconds;
        among.iter().any(|number| self.node(*number).seconds <= until && !after.contains(number))
    }

    /// The given commits so that a parent always stands before its child; among those whose parents have all been
    /// placed the earliest committer's date comes first, then the lowest id.
    pub(crate) fn order(&self, among: &[CommitIndex]) -> Vec<CommitIndex> {
        let mut waiting: Vec<u32> = vec![u32::MAX; self.nodes.len()];
        among.iter().for_each(|&number| waiting[number as usize] = 0);
        let mut children: Vec<(CommitIndex, CommitIndex)> = Vec::with_capacity(among.len());
        for &number in among {
            let inside = self.parents(number).iter().filter(|&&parent| waiting[parent as usize] != u32::MAX);
            children.extend(inside.map(|&parent| (parent, number)));
        }
        children.iter().for_each(|&(_, child)| waiting[child as usize] += 1);
        children.sort_unstable();
        let key = |number: CommitIndex| Reverse((self.node(number).seconds, self.node(number).id, number));
        let mut ready: BinaryHeap<_> =
            among.iter().filter(|&&number| waiting[number as usize] == 0).map(|&number| key(number)).collect();
        let mut order = Vec::with_capacity(among.len());
        while let Some(Reverse((.., number))) = ready.pop() {
            order.push(number);
            let first = children.partition_point(|&(parent, _)| parent < number);
            for &(_, child) in children[first..].iter().take_while(|&&(parent, _)| parent == number) {
                waiting[child as usize] -= 1;
                if waiting[child as usize] == 0 {
                    ready.push(key(child));
                }
            }
        }
        order
    }
}

/// Further commits to look at after the walk seems finished, as git does: dates may be wrong.
const SLOP: usize = 5;

/// Commits that `tips` come from and `without` do not.
pub(crate) struct Selection {
    pub(crate) graph: Graph,
    pub(crate) chosen: Vec<CommitIndex>,
    /// Parents that are not here, with the child, which need not be chosen.
    pub(crate) missing: Vec<(CommitIndex, GitError)>,
}

/// Walks from the newest commit to older ones, painting those that `without` come from, until nothing is left to
/// paint. Reads raw parents: neither the cut of a shallow clone nor a graft hides any that are here. With dates that
/// run backwards it may choose commits that it need not, as git does, but never too few.
pub(crate) fn select(
    source: &mut impl TreeSource,
    tips: &[BlobId],
    without: &[BlobId],
    enough: Option<usize>,
) -> Result<Selection, GitError> {
    let mut walk = Painting::default();
    for (ids, paint) in [(without, true), (tips, false)] {
        for id in ids {
            walk.meet(source, id, paint)?;
        }
    }
    let mut missing = Vec::new();
    let mut popped = Vec::new();
    let mut oldest = i64::MAX;
    let mut slop = SLOP;
    while let Some((seconds, Reverse(number))) = walk.heap.pop() {
        let paint = walk.painted[number as usize];
        walk.waiting[number as usize] = false;
        if !paint {
            walk.clean -= 1;
            oldest = oldest.min(seconds);
            popped.push(number);
        }
        for parent in walk.graph.node(number).parents.clone() {
            if let Err(error) = walk.meet(source, &parent, paint) {
                missing.push((number, error));
            }
        }
        if without.is_empty() && enough.is_some_and(|enough| popped.len() >= enough) {
            break;
        }
        slop =
            if walk.clean > 0 || walk.heap.peek().is_some_and(|(next, _)| *next >= oldest) { SLOP } else { slop - 1 };
        if slop == 0 {
            break;
        }
    }
    let Painting { mut graph, painted, .. } = walk;
    graph.link();
    let chosen: Vec<_> = popped.into_iter().filter(|&number| !painted[number as usize]).collect();
    Ok(Selection { graph, chosen, missing })
}

#[derive(Default)]
struct Painting {
    graph: Graph,
    painted: Vec<bool>,
    heap: BinaryHeap<(i64, Reverse<CommitIndex>)>,
    /// Whether a commit is in the heap.
    waiting: Vec<bool>,
    /// Commits in the heap that are not painted.
    clean: usize,
}

impl Painting {
    fn meet(&mut self, source: &mut impl TreeSource, id: &BlobId, paint: bool) -> Result<(), GitError> {
        let (number, new) = self.graph.read(source, id)?;
        if new {
            self.painted.push(paint);
            self.waiting.push(true);
            self.clean += usize::from(!paint);
            self.heap.push((self.graph.node(number).seconds, Reverse(number)));
        } else if paint {
            self.paint(number);
        }
        Ok(())
    }

    /// Paints a commit that was met before, and all that it comes from as far as that was read.
    fn paint(&mut self, number: CommitIndex) {
        let mut todo = vec![number];
        while let Some(number) = todo.pop() {
            if !std::mem::replace(&mut self.painted[number as usize], true) {
                self.clean -= usize::from(self.waiting[number as usize]);
                todo.extend(self.graph.node(number).parents.iter().filter_map(|id| self.graph.get(id)));
            }
        }
    }
}
