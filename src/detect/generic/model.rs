//! Boosted trees as a table of weights: the margin, the calibrated probability, and what decided.

use std::sync::LazyLock;

use super::features;

static WEIGHTS: &[u8] = include_bytes!("weights.bin");

#[derive(Clone, Copy)]
struct Node {
    feature: u16,
    left: i8,
    right: i8,
    cut: f32,
}

/// The table, unpacked once. The layout is described in `benches/train/train.py`.
struct Forest {
    nodes: Vec<Node>,
    leaves: Vec<f32>,
    /// First node and first leaf of each tree.
    trees: Vec<(u32, u32)>,
    medians: Vec<f32>,
    knots: Vec<(f32, f32)>,
    /// A margin after `early` trees from which no proposal reaches any operating point.
    hopeless: f32,
    early: usize,
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

static FOREST: LazyLock<Forest> = LazyLock::new(|| {
    let mut input = Input(WEIGHTS);
    let (features, trees, cuts, knots) = (input.short(), input.short(), input.short(), input.short());
    let (scale, hopeless, early) = (input.float(), input.float(), usize::from(input.short()));
    let cuts: Vec<f32> = (0..cuts).map(|_| input.float()).collect();
    let medians = (0..features).map(|_| input.float()).collect();
    let knots = (0..knots).map(|_| (input.float(), input.float())).collect();
    let mut forest =
        Forest { nodes: Vec::new(), leaves: Vec::new(), trees: Vec::new(), medians, knots, hopeless, early };
    for _ in 0..trees {
        forest.trees.push((forest.nodes.len() as u32, forest.leaves.len() as u32));
        let [inner] = input.take();
        for _ in 0..inner {
            let (feature, cut) = (input.short(), input.short());
            let [left, right] = input.take();
            forest.nodes.push(Node { feature, cut: cuts[usize::from(cut)], left: left as i8, right: right as i8 });
        }
        for _ in 0..=inner {
            forest.leaves.push(f32::from(i16::from_le_bytes(input.take())) * scale);
        }
    }
    forest
});

impl Forest {
    fn margin(&self, x: &[f32]) -> f32 {
        let mut sum = 0.0;
        for (t, &(node, leaf)) in self.trees.iter().enumerate() {
            if t == self.early && sum < self.hopeless {
                return sum.min(-6.0);
            }
            let mut at = 0_i8;
            loop {
                let n = self.nodes[node as usize + at as usize];
                at = if x[usize::from(n.feature)] <= n.cut { n.left } else { n.right };
                if at < 0 {
                    sum += self.leaves[leaf as usize + usize::from((-1 - at).unsigned_abs())];
                    break;
                }
            }
        }
        sum
    }

    fn calibrated(&self, margin: f32) -> f32 {
        let at = self.knots.partition_point(|k| k.0 < margin);
        match (at.checked_sub(1).and_then(|i| self.knots.get(i)), self.knots.get(at)) {
            (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (margin - a.0) / (b.0 - a.0).max(1e-6),
            (None, Some(only)) | (Some(only), None) => only.1,
            (None, None) => 0.0,
        }
    }
}

/// Calibrated probability for a row of numbers.
pub(super) fn probability(x: &[f32; features::COUNT]) -> f32 {
    let forest = &*FOREST;
    forest.calibrated(forest.margin(x))
}

/// Names and values of what moved the margin most, against a middling proposal; largest first.
pub(super) fn explain(x: &[f32; features::COUNT]) -> Vec<String> {
    let forest = &*FOREST;
    let full = forest.margin(x);
    let mut copy = *x;
    let mut moved = Vec::new();
    for (i, name) in features::names().into_iter().enumerate() {
        if x[i] == forest.medians[i] {
            continue;
        }
        copy[i] = forest.medians[i];
        let change = full - forest.margin(&copy);
        copy[i] = x[i];
        if change.abs() >= 0.05 {
            moved.push((change, format!("{name} = {:.3}: {change:+.2}", x[i])));
        }
    }
    moved.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    moved.into_iter().take(8).map(|m| m.1).collect()
}
