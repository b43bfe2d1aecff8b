//! The delta forest: which object is stored as a change of which other, and what a subtree costs to read.

use super::object::ObjectKind;
use super::prefetch::prefetch;

/// A node without a delta base.
pub(super) const ROOT: u32 = u32::MAX;
/// A node whose base is not known: its entry is broken, the base is missing, or leads back to the node.
pub(super) const BROKEN: u32 = u32::MAX - 1;

/// Work per object on top of its compressed bytes, in the same unit: about a microsecond and a half.
const OBJECT_COST: u32 = 400;

/// Trees of nodes; a node is an object where it is stored. Children follow their parents in every walk.
#[derive(Default)]
pub(super) struct Forest {
    /// Base of each node, or [`ROOT`] or [`BROKEN`].
    pub(super) parent: Vec<u32>,
    /// [`ObjectKind`] of each node; 0 where it is not known.
    pub(super) kind: Vec<u8>,
    /// Compressed bytes, and something per object, of a node and all below it.
    pub(super) cost: Vec<u32>,
    child_start: Vec<u32>,
    children: Vec<u32>,
}

impl Forest {
    /// Joins nodes to trees. `kind` is known for roots, `cost` is that of each node alone.
    pub(super) fn grow(parent: Vec<u32>, mut kind: Vec<u8>, mut cost: Vec<u32>) -> Self {
        let (child_start, mut children) = list_children(&parent);
        let range = |node: u32| child_start[node as usize] as usize..child_start[node as usize + 1] as usize;
        let order = order(&parent, |node| &children[range(node)]);
        if order.len() < parent.len() {
            return Self::grow(without_cycles(parent, &order), kind, cost);
        }
        for &node in &order {
            if let Some(&above) = kind.get(parent[node as usize] as usize) {
                kind[node as usize] = above;
            }
        }
        for cost in &mut cost {
            *cost = cost.saturating_add(OBJECT_COST);
        }
        for &node in order.iter().rev() {
            if let Some(above) = cost.get(parent[node as usize] as usize) {
                cost[parent[node as usize] as usize] = above.saturating_add(cost[node as usize]);
            }
        }
        for &node in &order {
            // With the heaviest child last, when the parent is dropped, at most log2(n) buffers are ever held.
            let children = &mut children[range(node)];
            if let Some(heaviest) = (0..children.len()).max_by_key(|at| cost[children[*at] as usize]) {
                children[heaviest..].rotate_left(1);
            }
        }
        Self { parent, kind, cost, child_start, children }
    }

    pub(super) fn children(&self, node: u32) -> &[u32] {
        let start = self.child_start[node as usize] as usize;
        &self.children[start..self.child_start[node as usize + 1] as usize]
    }

    /// Asks for what is known of a node, which will be read soon.
    #[inline]
    pub(super) fn expect(&self, node: u32) {
        prefetch(&self.child_start, node as usize);
        prefetch(&self.cost, node as usize);
    }

    pub(super) fn kind(&self, node: u32) -> Option<ObjectKind> {
        ObjectKind::from_code(self.kind[node as usize])
    }
}

/// Every node after its parent, but for those whose bases lead back to them.
fn order<'c>(parent: &[u32], children: impl Fn(u32) -> &'c [u32]) -> Vec<u32> {
    let nodes = 0..parent.len() as u32;
    let is_root = |node: &u32| parent[*node as usize] >= BROKEN;
    // So most packs are written.
    if nodes.clone().all(|node| is_root(&node) || parent[node as usize] < node) {
        return nodes.collect();
    }
    let mut order: Vec<u32> = nodes.filter(is_root).collect();
    order.reserve(parent.len() - order.len());
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        order.extend_from_slice(children(node));
    }
    order
}

/// Breaks up the nodes that are in no order, because their bases lead back to them.
fn without_cycles(mut parent: Vec<u32>, order: &[u32]) -> Vec<u32> {
    let mut ordered = vec![false; parent.len()];
    for &node in order {
        ordered[node as usize] = true;
    }
    for (parent, _) in parent.iter_mut().zip(ordered).filter(|(_, ordered)| !ordered) {
        *parent = BROKEN;
    }
    parent
}

/// Children of every node, in the order of their numbers: where each list starts, and the lists end to end.
fn list_children(parent: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut start = vec![0u32; parent.len() + 1];
    for &base in parent {
        if let Some(count) = start.get_mut(base as usize + 1).filter(|_| (base as usize) < parent.len()) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for slot in &mut start {
        sum += *slot;
        *slot = sum;
    }
    let mut children = vec![0; sum as usize];
    // Filled from the back, so that each start ends up where it belongs without a second array.
    for (node, &base) in parent.iter().enumerate().rev() {
        if (base as usize) < parent.len() {
            let slot = &mut start[base as usize + 1];
            *slot -= 1;
            children[*slot as usize] = node as u32;
        }
    }
    // Each start was moved down by the length of its own list: it is the start of that list now, one place too far.
    start.remove(0);
    start.push(sum);
    (start, children)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_children_kinds_and_costs_and_breaks_cycles_up() {
        // 0 is a root with children 1, 2 and 5; 3 hangs from 1; 4 is a broken entry, 6 hangs from it; 7 and 8 are a cycle.
        let parent = vec![ROOT, 0, 0, 1, BROKEN, 0, 4, 8, 7];
        let forest = Forest::grow(parent, vec![3, 0, 0, 0, 0, 0, 0, 0, 0], vec![10, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(forest.children(0), [2, 5, 1], "the heaviest comes last");
        assert_eq!(forest.children(1), [3]);
        assert_eq!(forest.cost[0], 10 + 4 + 5 * OBJECT_COST);
        let blobs: Vec<_> = (0..9).filter(|node| forest.kind(*node) == Some(ObjectKind::Blob)).collect();
        assert_eq!(blobs, [0, 1, 2, 3, 5]);
        assert_eq!(forest.parent[4..9], [BROKEN, 0, 4, BROKEN, BROKEN]);
        assert_eq!((forest.children(4), forest.children(7)), ([6].as_slice(), [].as_slice()));
    }
}
