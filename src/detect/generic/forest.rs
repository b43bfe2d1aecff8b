//! Boosted trees, several walked side by side: one alone is a chain of loads, each waiting for the one before.

use super::features::SLOTS;
use crate::model::Confidence;

/// A question, with what follows "not greater" and what follows "greater" side by side; or a leaf, which asks about a number
/// that is never greater, so that it leads back to itself, and whose cut is what it adds.
#[derive(Clone, Copy, Default)]
struct Node {
    cut: f32,
    number: u16,
    left: u16,
}

/// A tree's place among the nodes, and how many questions it asks at most.
#[derive(Clone, Copy)]
struct Tree {
    root: u16,
    depth: u16,
}

/// Trees that are walked side by side.
const SIDE_BY_SIDE: usize = 8;

/// Room for nodes: a power of two, so that no place needs to be checked.
const ROOM: usize = 1 << 15;

/// The nodes of all trees of a table.
pub(super) struct Nodes(Box<[Node; ROOM]>);

/// Trees in stages, those of a stage by depth.
pub(super) struct Forest(Vec<Stage>);

struct Stage {
    trees: Vec<Tree>,
    /// A proposal whose margin is below these after this stage does not reach the operating points.
    least: [f32; 3],
}

/// What is left to read of a table.
pub(super) struct Input {
    bytes: &'static [u8],
    /// Nodes that were read.
    nodes: usize,
}

impl Input {
    pub(super) const fn of(bytes: &'static [u8]) -> Self {
        Self { bytes, nodes: 0 }
    }

    pub(super) fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        if let Some((head, tail)) = self.bytes.split_at_checked(N) {
            out.copy_from_slice(head);
            self.bytes = tail;
        }
        out
    }

    pub(super) fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(super) fn float(&mut self) -> f32 {
        f32::from_le_bytes(self.take())
    }
}

impl Nodes {
    pub(super) fn new() -> Self {
        Self(Box::new([Node::default(); ROOM]))
    }

    /// Reads a tree: nodes as numbers and places among the cuts, leaves as the last number and what they add.
    fn read(&mut self, input: &mut Input, cuts: &[f32], scale: f32) -> Tree {
        let root = input.nodes;
        let [nodes, depth] = input.take();
        for at in root..root + usize::from(nodes) {
            let (number, cut) = (input.short(), input.short());
            let [left] = input.take();
            let is_leaf = usize::from(number) >= SLOTS - 1;
            let added = f32::from(cut as i16) * scale;
            let cut = if is_leaf { added } else { cuts.get(usize::from(cut)).copied().unwrap_or(0.0) };
            self.0[at % ROOM] = Node { cut, number, left: (root + usize::from(left)) as u16 };
        }
        input.nodes += usize::from(nodes);
        Tree { root: root as u16, depth: u16::from(depth) }
    }

    /// The sum of some trees, the deepest last.
    #[inline(always)]
    fn sum<const N: usize>(&self, x: &[f32; SLOTS], trees: [Tree; N]) -> f32 {
        let node = |at: u16| self.0[usize::from(at) % ROOM];
        let mut at = trees.map(|tree| tree.root);
        for _ in 0..trees[N - 1].depth {
            at = at.map(|at| {
                let node = node(at);
                let is_greater = x[usize::from(node.number) % SLOTS] > node.cut;
                node.left.wrapping_add(u16::from(is_greater))
            });
        }
        at.iter().map(|&at| node(at).cut).sum()
    }
}

impl Forest {
    /// Reads trees as `benches/train/train.py` writes them.
    pub(super) fn read(nodes: &mut Nodes, input: &mut Input, cuts: &[f32], scale: f32) -> Self {
        let stages = input.short();
        let mut stage = || {
            let count = input.short();
            let least = std::array::from_fn(|_| input.float());
            Stage { trees: (0..count).map(|_| nodes.read(input, cuts, scale)).collect(), least }
        };
        Self((0..stages).map(|_| stage()).collect())
    }

    /// The sum of the leaves; none where a stage showed that it is hopeless.
    pub(super) fn margin(&self, nodes: &Nodes, x: &[f32; SLOTS], point: Confidence) -> Option<f32> {
        let mut sum = 0.0;
        for stage in &self.0 {
            sum += stage.sum(nodes, x);
            if sum < stage.least[point as usize] {
                return None;
            }
        }
        Some(sum)
    }

    /// The sum of the leaves of all trees.
    pub(super) fn sum(&self, nodes: &Nodes, x: &[f32; SLOTS]) -> f32 {
        self.0.iter().map(|stage| stage.sum(nodes, x)).sum()
    }
}

impl Stage {
    fn sum(&self, nodes: &Nodes, x: &[f32; SLOTS]) -> f32 {
        let (groups, rest) = self.trees.as_chunks::<SIDE_BY_SIDE>();
        let groups: f32 = groups.iter().map(|group| nodes.sum(x, *group)).sum();
        groups + rest.iter().map(|tree| nodes.sum(x, [*tree])).sum::<f32>()
    }
}
