//! The table of weights: what the trees say, how likely that makes it, and what decided.

use std::sync::LazyLock;

use super::{
    ProposalKind, features,
    features::SLOTS,
    forest::{Forest, Input, Nodes},
};
use crate::model::Confidence;

static WEIGHTS: &[u8] = include_bytes!("weights.bin");

/// The table, unpacked once. The layout is described in `benches/train/train.py`.
struct Model {
    nodes: Nodes,
    /// A few trees over the numbers that are cheap to have.
    gate: Forest,
    /// Some more over those of key and value.
    second_gate: Forest,
    trees: Forest,
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

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let mut input = Input::of(WEIGHTS);
    let (features, cuts, knots) = (input.short(), input.short(), input.short());
    let scale = input.float();
    let cuts: Vec<f32> = (0..cuts).map(|_| input.float()).collect();
    let medians = (0..features).map(|_| input.float()).collect();
    let margins = (0..knots).map(|_| input.float()).collect();
    let curves = std::array::from_fn(|_| (0..knots).map(|_| input.float()).collect());
    let mut nodes = Nodes::new();
    let [trees, gate, second_gate] = std::array::from_fn(|_| Forest::read(&mut nodes, &mut input, &cuts, scale));
    Model { nodes, gate, second_gate, trees, medians, margins, curves }
});

/// What the trees say of a row of numbers; none where that is hopeless.
pub(super) fn margin(x: &[f32; SLOTS], point: Confidence) -> Option<f32> {
    MODEL.trees.margin(&MODEL.nodes, x, point)
}

/// The probability that a margin stands for in a group.
pub(super) fn calibrated(margin: f32, group: usize) -> f32 {
    let (margins, curve) = (&MODEL.margins, &MODEL.curves[group]);
    let right = margins.partition_point(|&m| m < margin).min(margins.len() - 1);
    let left = right.saturating_sub(1);
    let share = (margin - margins[left]) / (margins[right] - margins[left]).max(1e-6);
    curve[left] + (curve[right] - curve[left]) * share.clamp(0.0, 1.0)
}

/// Whether the cheap numbers of a proposal leave it a chance.
pub(super) fn passes_gate(x: &[f32; SLOTS], point: Confidence) -> bool {
    MODEL.gate.margin(&MODEL.nodes, x, point).is_some()
}

/// Whether the numbers of its key and value do.
pub(super) fn passes_second_gate(x: &[f32; SLOTS], point: Confidence) -> bool {
    MODEL.second_gate.margin(&MODEL.nodes, x, point).is_some()
}

/// Names and values of what moved the margin most, against a middling proposal; largest first.
pub(super) fn explain(x: &[f32; SLOTS]) -> Vec<String> {
    let full = MODEL.trees.sum(&MODEL.nodes, x);
    let mut copy = *x;
    let mut moved = Vec::new();
    for (i, name) in features::names().into_iter().enumerate() {
        if x[i] == MODEL.medians[i] {
            continue;
        }
        copy[i] = MODEL.medians[i];
        let change = full - MODEL.trees.sum(&MODEL.nodes, &copy);
        copy[i] = x[i];
        if change.abs() >= 0.05 {
            moved.push((change, format!("{name} = {:.3}: {change:+.2}", x[i])));
        }
    }
    moved.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    moved.into_iter().take(8).map(|m| m.1).collect()
}
