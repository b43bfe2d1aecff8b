//! Commits and their parents as numbers, in an order that is the same for everybody.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::commits::Graph;
use crate::model::BlobId;

/// Number of a commit: its rank by id.
pub(super) type CommitNumber = u32;

/// Commits and what they come from.
#[derive(Debug, Default)]
pub(super) struct Ancestry {
    /// Sorted.
    pub(super) ids: Vec<BlobId>,
    /// Where the parents of each commit start in `parents`, and where the last ones end.
    starts: Vec<u32>,
    parents: Vec<CommitNumber>,
    /// All commits so that a parent always stands before its child; among those whose parents have all been placed the
    /// earliest committer's date comes first, then the lowest id.
    pub(super) order: Vec<CommitNumber>,
}

impl Ancestry {
    /// Of commits sorted by id, with their dates and, in the same order, their parents as far as those are here.
    pub(super) fn new(ids: Vec<BlobId>, seconds: &[i64], parents: &[(CommitNumber, CommitNumber)]) -> Self {
        let (starts, parents) = lists(ids.len(), parents.iter().copied());
        let mut ancestry = Self { ids, starts, parents, order: Vec::new() };
        ancestry.order = ancestry.sort(seconds);
        ancestry
    }

    /// Of commits that were read one by one, and where each of them stands in `graph`.
    pub(super) fn of_graph(graph: &Graph) -> (Self, Vec<u32>) {
        let mut places: Vec<u32> = (0..graph.nodes.len() as u32).collect();
        places.sort_unstable_by_key(|&place| graph.node(place).id);
        let mut numbers = vec![0; places.len()];
        places.iter().zip(0..).for_each(|(&place, number)| numbers[place as usize] = number);
        let ids: Vec<BlobId> = places.iter().map(|&place| graph.node(place).id).collect();
        let seconds: Vec<i64> = places.iter().map(|&place| graph.node(place).seconds).collect();
        let mut parents = Vec::new();
        for (&place, number) in places.iter().zip(0..) {
            parents.extend(graph.parents(place).iter().map(|&parent| (number, numbers[parent as usize])));
        }
        (Self::new(ids, &seconds, &parents), places)
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The number of a commit that is here.
    pub(crate) fn get(&self, id: &BlobId) -> Option<CommitNumber> {
        self.ids.binary_search(id).ok().map(|number| number as CommitNumber)
    }

    pub(super) fn parents(&self, number: CommitNumber) -> &[CommitNumber] {
        let start = self.starts[number as usize] as usize;
        &self.parents[start..self.starts[number as usize + 1] as usize]
    }

    /// Marks commits and all that they come from, as far as they were not `met` before, and tells each.
    pub(super) fn history(
        &self,
        starts: impl IntoIterator<Item = CommitNumber>,
        met: &mut [bool],
        mut tell: impl FnMut(CommitNumber),
    ) {
        let mut todo: Vec<CommitNumber> = starts.into_iter().collect();
        while let Some(number) = todo.pop() {
            if !std::mem::replace(&mut met[number as usize], true) {
                tell(number);
                todo.extend(self.parents(number));
            }
        }
    }

    fn sort(&self, seconds: &[i64]) -> Vec<CommitNumber> {
        let all = 0..self.len() as CommitNumber;
        let pairs = all.clone().flat_map(|child| self.parents(child).iter().map(move |&parent| (parent, child)));
        let (starts, children) = lists(self.len(), pairs);
        let mut waiting: Vec<u32> = all.clone().map(|number| self.parents(number).len() as u32).collect();
        let key = |number: CommitNumber| Reverse((seconds[number as usize], number));
        let mut ready: BinaryHeap<_> = all.filter(|&number| waiting[number as usize] == 0).map(key).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse((_, number))) = ready.pop() {
            order.push(number);
            for &child in &children[starts[number as usize] as usize..starts[number as usize + 1] as usize] {
                waiting[child as usize] -= 1;
                if waiting[child as usize] == 0 {
                    ready.push(key(child));
                }
            }
        }
        order
    }
}

/// Pairs as one list for each first half, end to end: where each list starts (and the last ends), and the lists.
fn lists(count: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; count + 1];
    pairs.clone().for_each(|(from, _)| starts[from as usize + 1] += 1);
    for at in 0..count {
        starts[at + 1] += starts[at];
    }
    let mut next = starts.clone();
    let mut all = vec![0; starts[count] as usize];
    for (from, to) in pairs {
        all[next[from as usize] as usize] = to;
        next[from as usize] += 1;
    }
    (starts, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_first_then_dates_then_ids() {
        let mut ids: Vec<BlobId> = (0..6u8).map(|n| BlobId::of(&[n])).collect();
        ids.sort();
        // 5 comes from 4 and 3, which come from 0; 1 and 2 stand alone. The dates of 0 and 4 are wrong.
        let parents = [(5, 4), (5, 3), (4, 0), (3, 0)];
        let ancestry = Ancestry::new(ids.clone(), &[90, 7, 7, 20, 10, 5], &parents);
        assert_eq!(ancestry.order, [1, 2, 0, 4, 3, 5]);
        assert_eq!(ancestry.parents(5), [4, 3]);
        assert_eq!((ancestry.get(&ids[3]), ancestry.get(&BlobId::of(b"x"))), (Some(3), None));
        let (mut met, mut told) = (vec![false; 6], Vec::new());
        ancestry.history([4], &mut met, |number| told.push(number));
        assert_eq!(told, [4, 0]);
    }
}
