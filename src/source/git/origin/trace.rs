//! From cut-down trees and commits to origins: what came in where, who holds it, where it went.

use std::collections::{BTreeSet, HashMap};

use bstr::BString;

use super::super::objects::object::ObjectKind;
use super::super::refs::TipKind;
use super::super::trees::pruned::{NOTHING, NodeId, PrunedTrees, WantedIndex};
use super::ancestry::{Ancestry, CommitNumber};
use super::introduce::{End, MAX_PATHS, Origin, Wanted, commit_info};
use crate::model::{BlobId, CommitInfo};

/// What is known of one wanted thing.
#[derive(Default)]
pub(super) struct Trace {
    /// Where it came in, as positions in the order, with the first path there.
    pub(super) introduced: Vec<(u32, BString)>,
    /// Paths, of files outside any commit too.
    paths: BTreeSet<BString>,
    /// Where a path lost it, as positions in the order.
    removed: Vec<(u32, BString)>,
    /// Paths at HEAD; `None` if that makes no sense for it.
    at_head: Option<Vec<BString>>,
    /// Ends that name it, or a tree that has it, and no commit.
    pub(super) direct: Vec<usize>,
}

/// What trees lead to.
pub(super) struct Roots {
    /// By commit.
    pub(super) of_commits: Vec<NodeId>,
    /// By end, for those that are trees themselves.
    pub(super) of_ends: Vec<Option<NodeId>>,
}

pub(super) struct Search<'a> {
    pub(super) ancestry: &'a Ancestry,
    numbers: &'a HashMap<&'a Wanted, WantedIndex>,
    pub(super) traces: Vec<Trace>,
    pruned: PrunedTrees,
    roots: Roots,
    /// How each commit is held.
    held: Vec<TipKind>,
    /// Whether a commit is in the history of HEAD.
    of_head: Vec<bool>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        ancestry: &'a Ancestry,
        ends: &[End<'_>],
        numbers: &'a HashMap<&'a Wanted, WantedIndex>,
        pruned: PrunedTrees,
        roots: Roots,
    ) -> Self {
        let mut held = vec![TipKind::Dangling; ancestry.len()];
        let mut met = vec![false; ancestry.len()];
        for kind in [TipKind::Ref, TipKind::Reflog, TipKind::Pseudo] {
            let starts = ends.iter().filter(|end| end.tip.kind == kind).filter_map(|end| ancestry.get(&end.commit()?));
            ancestry.history(starts, &mut met, |number| held[number as usize] = kind);
        }
        let traces = std::iter::repeat_with(Trace::default).take(numbers.len()).collect();
        let of_head = vec![false; ancestry.len()];
        Self { ancestry, numbers, traces, pruned, roots, held, of_head }
    }

    /// Compares every commit with its parents.
    pub(super) fn commits(&mut self) {
        let mut parents: Vec<NodeId> = Vec::new();
        for (at, &number) in self.ancestry.order.iter().enumerate() {
            let root = self.roots.of_commits[number as usize];
            parents.clear();
            parents.extend(self.ancestry.parents(number).iter().map(|&parent| self.roots.of_commits[parent as usize]));
            if !parents.iter().all(|&parent| parent == root) || (parents.is_empty() && root != NOTHING) {
                self.compare(at as u32, root, &parents);
            }
        }
        let asked = self.numbers.iter().filter_map(|(thing, &wanted)| match thing {
            Wanted::Commit(id) => Some((self.ancestry.get(id)?, wanted)),
            _ => None,
        });
        let asked: HashMap<CommitNumber, WantedIndex> = asked.collect();
        for (at, number) in self.ancestry.order.iter().enumerate().filter(|_| !asked.is_empty()) {
            if let Some(&wanted) = asked.get(number) {
                self.traces[wanted as usize].introduced.push((at as u32, BString::default()));
            }
        }
    }

    fn compare(&mut self, at: u32, root: NodeId, parents: &[NodeId]) {
        let mut here: HashMap<WantedIndex, BString> = HashMap::new();
        for (wanted, path) in self.pruned.beyond(root, parents) {
            self.traces[wanted as usize].add_path(&path);
            match here.get_mut(&wanted) {
                Some(first) if *first <= path => {}
                Some(first) => *first = path,
                None => drop(here.insert(wanted, path)),
            }
        }
        for (wanted, path) in here {
            if !parents.iter().any(|&parent| self.pruned.contains(parent, wanted)) {
                self.traces[wanted as usize].introduced.push((at, path));
            }
        }
        for &parent in parents {
            for (wanted, path) in self.pruned.beyond(parent, &[root]) {
                self.traces[wanted as usize].removed.push((at, path));
            }
        }
    }

    /// Tips that are no commits.
    pub(super) fn ends(&mut self, ends: &[End<'_>]) {
        for (at, end) in ends.iter().enumerate() {
            for tag in &end.tags {
                if let Some(&wanted) = self.numbers.get(&Wanted::Tag(*tag)) {
                    self.traces[wanted as usize].direct.push(at);
                }
            }
            let Some((_, id)) = end.target.filter(|(kind, _)| *kind != ObjectKind::Commit) else { continue };
            if let Some(&wanted) = self.numbers.get(&Wanted::Blob(id)) {
                self.traces[wanted as usize].direct.push(at);
            }
            for (wanted, path) in self.roots.of_ends[at].map(|node| self.pruned.members(node)).unwrap_or_default() {
                self.traces[wanted as usize].direct.push(at);
                self.traces[wanted as usize].add_path(&path);
            }
        }
    }

    pub(super) fn removals_and_head(&mut self, head: Option<BlobId>) {
        let head = head.and_then(|id| self.ancestry.get(&id));
        let root = head.map_or(NOTHING, |number| self.roots.of_commits[number as usize]);
        self.ancestry.history(head, &mut self.of_head, |_| {});
        for (thing, &wanted) in self.numbers {
            let asked = matches!(thing, Wanted::Blob(_) | Wanted::Name(_));
            self.traces[wanted as usize].at_head = asked.then(Vec::new);
        }
        for (wanted, path) in self.pruned.beyond(root, &[]) {
            self.traces[wanted as usize].at_head.get_or_insert_default().push(path);
        }
    }

    /// Where each thing came from, by its number; what commits say of themselves and what refs hold is left open.
    pub(super) fn origins(&mut self) -> Vec<Origin> {
        let mut traces = std::mem::take(&mut self.traces);
        let origins = traces.iter_mut().map(|trace| self.origin(trace)).collect();
        self.traces = traces;
        origins
    }

    fn id(&self, at: u32) -> BlobId {
        self.ancestry.ids[self.ancestry.order[at as usize] as usize]
    }

    fn origin(&self, trace: &mut Trace) -> Origin {
        let key = |at: u32| (self.held[self.ancestry.order[at as usize] as usize], at);
        trace.introduced.sort_by_key(|&(at, _)| key(at));
        let introduced = &trace.introduced;
        let rank = |&(at, _): &(u32, BString)| (key(at).0 as u64) << 32 | u64::from(at);
        let mut origin = Origin {
            rank: introduced.first().map_or(u64::MAX, rank),
            introduced_by: introduced.iter().map(|&(at, _)| self.id(at)).collect(),
            paths: std::mem::take(&mut trace.paths).into_iter().collect(),
            ..Origin::default()
        };
        if let Some((at, path)) = introduced.first() {
            let removed = trace.removed.iter().filter(|(_, other)| other == path).map(|&(at, _)| at);
            let still = trace.at_head.as_ref().is_some_and(|paths| paths.contains(path));
            let removed = if still { None } else { self.removal(*at, removed) };
            origin.commit = Some(CommitInfo {
                at_head: trace.at_head.as_ref().map(|paths| !paths.is_empty()),
                removed_by: removed.map(|at| self.id(at)),
                ..commit_info(self.id(*at), b"")
            });
            origin.path.clone_from(path);
        }
        origin
    }

    /// The first removal after an origin: in the history of HEAD if it is there, else among commits that are held no
    /// worse than the origin.
    fn removal(&self, origin: u32, removed: impl Iterator<Item = u32>) -> Option<u32> {
        let number = |at: u32| self.ancestry.order[at as usize] as usize;
        let held = self.held[number(origin)];
        let later = removed.filter(|&at| at > origin && self.held[number(at)] <= held);
        later.min_by_key(|&at| (!self.of_head[number(at)], at))
    }
}

impl Trace {
    fn add_path(&mut self, path: &BString) {
        if self.paths.len() < MAX_PATHS && !self.paths.contains(path) {
            self.paths.insert(path.clone());
        }
    }
}
