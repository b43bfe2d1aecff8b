//! Boosted trees as a table of weights: the margin, the calibrated probability, and what decided.

use std::sync::LazyLock;

use super::{ProposalKind, features};
use crate::model::Confidence;

static WEIGHTS: &[u8] = include_bytes!("weights.bin");

/// A question, or a leaf: that leads back to itself, and its `cut` is what it adds.
#[derive(Clone, Copy)]
struct Node {
    feature: u16,
    left: u8,
    right: u8,
    cut: f32,
}

/// A tree's place among the nodes, and how many questions it asks at most.
#[derive(Clone, Copy)]
struct Tree {
    first: u32,
    depth: u32,
}

/// Trees that are walked side by side: one alone is a chain of loads, each waiting for the one before.
const SIDE_BY_SIDE: usize = 8;

/// Trees, one after the other.
#[derive(Default)]
struct Trees {
    nodes: Vec<Node>,
    /// Those of a stage by depth.
    trees: Vec<Tree>,
    /// After so many trees, a proposal below the margin of an operating point does not reach that point.
    stages: Vec<(usize, [f32; 3])>,
}

/// The table, unpacked once. The layout is described in `benches/train/train.py`.
struct Forest {
    /// A few trees over the numbers that are cheap to have.
    gate: Trees,
    trees: Trees,
    medians: Vec<f32>,
    /// Margins, ascending, and for each group of kinds the probability at each of them.
    margins: Vec<f32>,
    curves: [Vec<f32>; GROUPS],
}

/// Passwords, user information of URLs, all else, and what a guess finds: a margin does not mean the same for each.
const GROUPS: usize = 4;
/// The group of what a guess finds, of whatever kind.
pub(super) const GUESSES: usize = 3;

/// The group of a kind.
pub(super) fn group(kind: ProposalKind) -> usize {
    match kind {
        ProposalKind::Password | ProposalKind::CommandLine | ProposalKind::Sql => 0,
        ProposalKind::UrlCredential => 1,
        _ => 2,
    }
}

struct Input(&'static [u8]);

impl Input {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        if let Some((head, tail)) = self.0.split_at_checked(N) {
            out.copy_from_slice(head);
            self.0 = tail;
        }
        out
    }

    fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn float(&mut self) -> f32 {
        f32::from_le_bytes(self.take())
    }
}

impl Trees {
    fn read(input: &mut Input, cuts: &[f32], scale: f32) -> Self {
        let (trees, stages) = (input.short(), input.short());
        let stages =
            (0..stages).map(|_| (usize::from(input.short()), std::array::from_fn(|_| input.float()))).collect();
        let mut out = Self { stages, ..Self::default() };
        for _ in 0..trees {
            let [inner] = input.take();
            let first = out.nodes.len();
            // Leaves are written as -1, -2, …; here they follow the questions.
            let place = |at: u8| if at < 0x80 { at } else { inner + (0xff - at) };
            for _ in 0..inner {
                let (feature, cut) = (input.short(), input.short());
                let [left, right] = input.take();
                let cut = cuts.get(usize::from(cut)).copied().unwrap_or(0.0);
                out.nodes.push(Node { feature, cut, left: place(left), right: place(right) });
            }
            for at in inner..=2 * inner {
                let cut = f32::from(i16::from_le_bytes(input.take())) * scale;
                out.nodes.push(Node { feature: 0, cut, left: at, right: at });
            }
            let depth = depth(&out.nodes[first..], 0);
            out.trees.push(Tree { first: first as u32, depth });
        }
        let ends = out.stages.iter().map(|stage| stage.0).chain([out.trees.len()]);
        ends.fold(0, |from, to| {
            out.trees[from..to].sort_by_key(|tree| tree.depth);
            to
        });
        out
    }

    /// The sum of the leaves; none where a stage showed that it is hopeless.
    fn margin(&self, x: &[f32; features::COUNT], point: Confidence) -> Option<f32> {
        let mut sum = 0.0;
        let mut from = 0;
        for &(to, cuts) in &self.stages {
            sum += self.sum(x, from, to);
            if sum < cuts[point as usize] {
                return None;
            }
            from = to;
        }
        Some(sum + self.sum(x, from, self.trees.len()))
    }

    fn sum(&self, x: &[f32; features::COUNT], from: usize, to: usize) -> f32 {
        let mut sum = 0.0;
        let (groups, rest) = self.trees[from..to].as_chunks::<SIDE_BY_SIDE>();
        for group in groups {
            sum += self.sum_of(x, *group);
        }
        sum + rest.iter().map(|tree| self.sum_of(x, [*tree])).sum::<f32>()
    }

    /// The sum of some trees, the deepest last.
    #[inline(always)]
    fn sum_of<const N: usize>(&self, x: &[f32; features::COUNT], trees: [Tree; N]) -> f32 {
        let mut at = trees.map(|tree| tree.first);
        for _ in 0..trees[N - 1].depth {
            at = std::array::from_fn(|n| {
                let node = self.nodes[at[n] as usize];
                let next = if x[usize::from(node.feature)] <= node.cut { node.left } else { node.right };
                trees[n].first + u32::from(next)
            });
        }
        at.iter().map(|&at| self.nodes[at as usize].cut).sum()
    }
}

/// The questions from `at` to the farthest leaf.
fn depth(nodes: &[Node], at: u8) -> u32 {
    let node = nodes[usize::from(at)];
    if node.left == at { 0 } else { 1 + depth(nodes, node.left).max(depth(nodes, node.right)) }
}

static FOREST: LazyLock<Forest> = LazyLock::new(|| {
    let mut input = Input(WEIGHTS);
    let (features, cuts, knots) = (input.short(), input.short(), input.short());
    let scale = input.float();
    let cuts: Vec<f32> = (0..cuts).map(|_| input.float()).collect();
    let medians = (0..features).map(|_| input.float()).collect();
    let margins = (0..knots).map(|_| input.float()).collect();
    let curves = std::array::from_fn(|_| (0..knots).map(|_| input.float()).collect());
    let trees = Trees::read(&mut input, &cuts, scale);
    let gate = Trees::read(&mut input, &cuts, scale);
    Forest { gate, trees, medians, margins, curves }
});

impl Forest {
    fn calibrated(&self, margin: f32, group: usize) -> f32 {
        let (margins, curve) = (&self.margins, &self.curves[group]);
        let right = margins.partition_point(|&m| m < margin).min(margins.len() - 1);
        let left = right.saturating_sub(1);
        let share = (margin - margins[left]) / (margins[right] - margins[left]).max(1e-6);
        curve[left] + (curve[right] - curve[left]) * share.clamp(0.0, 1.0)
    }
}

/// What the trees say of a row of numbers; none where that is hopeless.
pub(super) fn margin(x: &[f32; features::COUNT], point: Confidence) -> Option<f32> {
    FOREST.trees.margin(x, point)
}

/// The probability that a margin stands for in a group.
pub(super) fn calibrated(margin: f32, group: usize) -> f32 {
    FOREST.calibrated(margin, group)
}

/// Whether the cheap numbers of a proposal leave it a chance.
pub(super) fn passes_gate(x: &[f32; features::COUNT], point: Confidence) -> bool {
    FOREST.gate.margin(x, point).is_some()
}

/// Names and values of what moved the margin most, against a middling proposal; largest first.
pub(super) fn explain(x: &[f32; features::COUNT]) -> Vec<String> {
    let forest = &*FOREST;
    let all = forest.trees.trees.len();
    let full = forest.trees.sum(x, 0, all);
    let mut copy = *x;
    let mut moved = Vec::new();
    for (i, name) in features::names().into_iter().enumerate() {
        if x[i] == forest.medians[i] {
            continue;
        }
        copy[i] = forest.medians[i];
        let change = full - forest.trees.sum(&copy, 0, all);
        copy[i] = x[i];
        if change.abs() >= 0.05 {
            moved.push((change, format!("{name} = {:.3}: {change:+.2}", x[i])));
        }
    }
    moved.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    moved.into_iter().take(8).map(|m| m.1).collect()
}
