//! Finding the delta base of every packed object, while the tables for that are at hand.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use super::catalog::Catalog;
use super::forest::{BROKEN, Forest, ROOT};
use super::inflate::Inflater;
use super::loose;
use super::nodes::Place;
use super::pack::Form;
use super::store::ObjectStore;

/// Below this many objects, handing out work costs more than it saves.
const PARALLEL_FROM: usize = 1 << 13;

/// What a loose object is taken to cost to read, like that many bytes in a pack; a guess, to save a system call for each.
const LOOSE_COST: u32 = 4096;

/// A store whose nodes are placed but not joined.
pub(super) struct Linker<'a> {
    pub(super) store: &'a ObjectStore,
    pub(super) catalog: &'a Catalog,
    /// For each pack, `(offset, position in the index)` by offset.
    pub(super) orders: &'a [&'a [(u64, u32)]],
}

/// What the header of an entry tells.
#[derive(Clone, Copy)]
struct Link {
    parent: u32,
    kind: u8,
    cost: u32,
}

impl Linker<'_> {
    /// Reads the header of every packed object.
    pub(super) fn forest(&self) -> Forest {
        let mut links = vec![Link { parent: ROOT, kind: 0, cost: LOOSE_COST }; self.store.nodes.len()];
        for pack in 0..self.store.packs.len() {
            let nodes = self.store.nodes.of_pack(pack);
            let first = nodes.start;
            let link = |(n, link): (usize, &mut Link)| *link = self.link(pack, first as u32, (first + n) as u32);
            if nodes.len() < PARALLEL_FROM {
                links[nodes].iter_mut().enumerate().for_each(link);
            } else {
                links[nodes].par_iter_mut().enumerate().with_min_len(1 << 10).for_each(link);
            }
        }
        let parent: Vec<u32> = links.iter().map(|link| link.parent).collect();
        let mut kind: Vec<u8> = links.iter().map(|link| link.kind).collect();
        let cost = links.iter().map(|link| link.cost).collect();
        drop(links);
        self.kinds_of_loose_bases(&parent, &mut kind);
        Forest::grow(parent, kind, cost)
    }

    fn link(&self, pack_at: usize, first: u32, node: u32) -> Link {
        let broken = Link { parent: BROKEN, kind: 0, cost: 0 };
        let Place::Packed(pack, (offset, end)) = self.store.place(node) else { return broken };
        let cost = u32::try_from(end.saturating_sub(offset)).unwrap_or(u32::MAX);
        let Ok(header) = pack.header(offset, end, self.store.hash) else { return broken };
        let base = match header.form {
            Form::Whole(kind) => return Link { parent: ROOT, kind: kind as u8, cost },
            Form::BackDelta(back) => {
                offset.checked_sub(back).and_then(|base| self.node_at(pack_at, base, (node - first) as usize))
            }
            Form::IdDelta(id) => self.store.ids.find(id).map(|base| self.store.nodes.of(base)),
        };
        base.map_or(broken, |parent| Link { parent, kind: 0, cost })
    }

    /// The node of the object at an offset of a pack; `guess` is a place in the order of offsets that is not far.
    fn node_at(&self, pack_at: usize, offset: u64, guess: usize) -> Option<u32> {
        let (order, nodes) = (self.orders[pack_at], self.store.nodes.of_pack(pack_at));
        let place = seek(order, guess, offset)?;
        // Nodes stand by offset, too: where the pack's objects are all its own there is nothing to look up.
        if nodes.len() == order.len() {
            return Some((nodes.start + place) as u32);
        }
        Some(self.store.nodes.of(self.catalog.rank(pack_at, order[place].1).ix()))
    }

    fn kinds_of_loose_bases(&self, parent: &[u32], kind: &mut [u8]) {
        let loose = self.store.nodes.of_pack(self.store.packs.len());
        let mut inflater = Inflater::new();
        for &base in parent.iter().filter(|base| loose.contains(&(**base as usize))) {
            if kind[base as usize] == 0
                && let Place::Loose(dir) = self.store.place(base)
            {
                let path = loose::path(dir, &self.store.id(self.store.nodes.ix(base)));
                kind[base as usize] = loose::header(&path, &mut inflater).map_or(0, |header| header.kind as u8);
            }
        }
    }
}

/// The place of an offset, looking in ever larger steps from a place near by: most bases are close.
fn seek(order: &[(u64, u32)], guess: usize, offset: u64) -> Option<usize> {
    let mut high = guess.min(order.len());
    let mut low = high;
    let mut step = 1;
    while low > 0 && order.get(low).is_none_or(|entry| entry.0 > offset) {
        high = low;
        low = low.saturating_sub(step);
        step *= 2;
    }
    if low == high {
        high = order.len();
    }
    let at = low + order[low..high].partition_point(|entry| entry.0 < offset);
    order.get(at).filter(|entry| entry.0 == offset).map(|_| at)
}

#[cfg(test)]
mod tests {
    use super::seek;

    #[test]
    fn seeks_from_anywhere() {
        for len in 0..20u32 {
            let order: Vec<_> = (0..len).map(|at| (u64::from(at) * 3 + 12, at)).collect();
            for guess in 0..25 {
                for offset in 0..90u64 {
                    let expected = order.iter().position(|entry| entry.0 == offset);
                    assert_eq!(seek(&order, guess, offset), expected, "{len} {guess} {offset}");
                }
            }
        }
    }
}
