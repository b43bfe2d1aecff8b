//! Trees cut down to the paths that lead to what is wanted, and how they differ.

use std::collections::HashSet;

use bstr::BString;

use super::super::id_hash::FoldHash;
use super::lists::Lists;

/// Number of a cut-down tree; equal trees have equal numbers.
pub(crate) type NodeId = u32;
/// The tree that leads to nothing wanted.
pub(crate) const NOTHING: NodeId = 0;
/// Number of a thing that is wanted.
pub(crate) type WantedIndex = u32;

/// A thing that is wanted, at a path.
pub(super) type Found = (WantedIndex, BString);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Wanted(WantedIndex),
    Tree(NodeId),
}

/// What a tree holds under a name: the number of the name, and a wanted thing or a tree that leads to one. In one word,
/// since lists of them are compared all the time; in the order of names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Child(u64);

impl Child {
    const TREE: u64 = 1 << 31;

    pub(super) fn new(name: u32, target: Target) -> Self {
        let target = match target {
            Target::Wanted(wanted) => u64::from(wanted),
            Target::Tree(node) => u64::from(node) | Self::TREE,
        };
        Self(u64::from(name) << 32 | target)
    }

    #[inline]
    pub(super) fn name(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    pub(super) fn target(self) -> Target {
        let number = (self.0 & (Self::TREE - 1)) as u32;
        if self.0 & Self::TREE == 0 { Target::Wanted(number) } else { Target::Tree(number) }
    }
}

/// Trees nested into each other can stand for more paths than there are atoms. After so many steps in one commit, one
/// path of each thing will do.
const PATH_BUDGET: usize = 200_000;

/// For each remainder of a wanted thing's number, whether one is below.
type Mask = [u64; 4];

pub(crate) struct PrunedTrees {
    names: Vec<BString>,
    /// By node, sorted.
    children: Lists<Child>,
    below: Vec<Below>,
}

/// What is below a node.
#[derive(Clone, Copy, Default)]
struct Below {
    mask: Mask,
    /// Trees nested into it, at most.
    depth: u32,
}

impl PrunedTrees {
    /// With names under the numbers of their places.
    pub(super) fn new(names: Vec<BString>) -> Self {
        Self { names, children: Lists::default(), below: vec![Below::default()] }
    }

    /// Adds a name that is not there yet.
    pub(super) fn add_name(&mut self, name: &[u8]) -> u32 {
        self.names.push(name.into());
        (self.names.len() - 1) as u32
    }

    /// How deep trees are nested into a node.
    pub(super) fn depth(&self, node: NodeId) -> u32 {
        self.below[node as usize].depth
    }

    /// The number of a tree of these children, sorted and each once.
    pub(super) fn intern(&mut self, children: &[Child]) -> NodeId {
        let node = self.children.number(children);
        if (node as usize) < self.below.len() {
            return node;
        }
        let Below { mut mask, mut depth } = Below::default();
        for child in children {
            match child.target() {
                Target::Wanted(wanted) => mask[wanted as usize / 64 % 4] |= 1 << (wanted % 64),
                Target::Tree(below) => {
                    let below = &self.below[below as usize];
                    mask.iter_mut().zip(below.mask).for_each(|(mask, below)| *mask |= below);
                    depth = depth.max(below.depth + 1);
                }
            }
        }
        self.below.push(Below { mask, depth });
        node
    }

    /// Wanted things in `node` that none of `others` has at the same path.
    pub(crate) fn beyond(&self, node: NodeId, others: &[NodeId]) -> Vec<Found> {
        let mut comparison = Comparison {
            trees: self,
            count: others.len(),
            others: others.to_vec(),
            rests: Vec::new(),
            path: BString::default(),
            found: Vec::new(),
            budget: PATH_BUDGET,
        };
        comparison.compare(node);
        let Comparison { mut found, budget, .. } = comparison;
        if budget == 0 {
            found = self.members(node);
            found.retain(|&(wanted, _)| !others.iter().any(|&other| self.contains(other, wanted)));
        }
        found
    }

    fn below(&self, node: NodeId, name: u32) -> NodeId {
        let children = self.children(node);
        let first = children.partition_point(|child| child.name() < name);
        let same = children[first..].iter().take_while(|child| child.name() == name);
        same.filter_map(|child| if let Target::Tree(node) = child.target() { Some(node) } else { None })
            .next()
            .unwrap_or(NOTHING)
    }

    /// Every wanted thing in `node`, with one path each.
    pub(crate) fn members(&self, node: NodeId) -> Vec<Found> {
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
    pub(crate) fn contains(&self, node: NodeId, wanted: WantedIndex) -> bool {
        self.may_hold(node, wanted) && self.holds(node, wanted, &mut HashSet::default())
    }

    #[inline]
    fn may_hold(&self, node: NodeId, wanted: WantedIndex) -> bool {
        self.below[node as usize].mask[wanted as usize / 64 % 4] >> (wanted % 64) & 1 != 0
    }

    fn holds(&self, node: NodeId, wanted: WantedIndex, met: &mut HashSet<NodeId, FoldHash>) -> bool {
        met.insert(node)
            && self.children(node).iter().any(|child| match child.target() {
                Target::Wanted(other) => other == wanted,
                Target::Tree(below) => self.may_hold(below, wanted) && self.holds(below, wanted, met),
            })
    }

    /// What a node holds, sorted.
    pub(super) fn children(&self, node: NodeId) -> &[Child] {
        self.children.get(node)
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
        for child in self.children(node) {
            let length = path.len();
            path.extend_from_slice(&self.names[child.name() as usize]);
            let stop = match child.target() {
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

/// A tree compared with others, down to what they hold.
struct Comparison<'t> {
    trees: &'t PrunedTrees,
    /// How many others there are,
    count: usize,
    /// and which: the last so many are those at hand,
    others: Vec<NodeId>,
    /// with what is left of their children.
    rests: Vec<&'t [Child]>,
    path: BString,
    found: Vec<Found>,
    /// Paths that may still be looked at.
    budget: usize,
}

impl Comparison<'_> {
    fn compare(&mut self, node: NodeId) {
        let trees = self.trees;
        let (others, rests) = (self.others.len() - self.count, self.rests.len());
        if node == NOTHING || self.others[others..].contains(&node) {
            return;
        }
        self.rests.extend(self.others[others..].iter().map(|&other| trees.children(other)));
        for child in differing(trees.children(node), &self.rests[rests..]) {
            self.budget = self.budget.saturating_sub(1);
            if self.budget == 0 {
                break;
            }
            // Both sides are sorted: what is smaller than this child will not be looked for again.
            let mut is_held = false;
            for rest in &mut self.rests[rests..] {
                *rest = &rest[rest.iter().take_while(|other| *other < child).count()..];
                is_held |= rest.first() == Some(child);
            }
            if is_held {
                continue;
            }
            let length = self.path.len();
            self.path.extend_from_slice(&trees.names[child.name() as usize]);
            match child.target() {
                Target::Wanted(wanted) => self.found.push((wanted, self.path.clone())),
                Target::Tree(below) => {
                    self.path.push(b'/');
                    for at in others..others + self.count {
                        self.others.push(trees.below(self.others[at], child.name()));
                    }
                    self.compare(below);
                    self.others.truncate(others + self.count);
                }
            }
            self.path.truncate(length);
        }
        self.rests.truncate(rests);
    }
}

/// Children but for those that stand at the front or at the back of some other list as well.
fn differing<'c>(children: &'c [Child], others: &[&[Child]]) -> &'c [Child] {
    let alike = |other: &&[Child]| children.iter().zip(*other).take_while(|(a, b)| a == b).count();
    let children = &children[others.iter().map(alike).max().unwrap_or(0)..];
    let alike = |other: &&[Child]| children.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    &children[..children.len() - others.iter().map(alike).max().unwrap_or(0)]
}
