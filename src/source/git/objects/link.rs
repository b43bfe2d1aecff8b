//! Finding the delta base of every packed object, while the tables for that are at hand.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::catalog::Catalog;
use super::forest::{BROKEN, Forest, ROOT};
use super::inflate::Inflater;
use super::loose;
use super::nodes::Place;
use super::pack::Form;
use super::store::ObjectStore;

/// Objects that are handed out together. Their part of a large pack is given back then: all headers of a pack stand in
/// nearly all of its pages.
const SHARE: usize = 1 << 14;

/// Headers are asked for so many before they are read: they stand too far apart for the processor to guess.
const AHEAD: u32 = 16;

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
            let offsets = Offsets::of(self.orders[pack]);
            let link = |(n, links): (usize, &mut [Link])| self.links(pack, &offsets, first + n * SHARE, links);
            if nodes.len() <= SHARE {
                links[nodes].chunks_mut(SHARE).enumerate().for_each(link);
            } else {
                links[nodes].par_chunks_mut(SHARE).enumerate().for_each(link);
            }
        }
        let parent: Vec<u32> = links.iter().map(|link| link.parent).collect();
        let mut kind: Vec<u8> = links.iter().map(|link| link.kind).collect();
        let cost = links.iter().map(|link| link.cost).collect();
        drop(links);
        self.kinds_of_loose_bases(&parent, &mut kind);
        Forest::grow(parent, kind, cost)
    }

    /// Links of neighbours in a pack.
    fn links(&self, pack: usize, offsets: &Offsets<'_>, first: usize, links: &mut [Link]) {
        for (n, link) in links.iter_mut().enumerate() {
            *link = self.link(pack, offsets, (first + n) as u32);
        }
        let end = first + links.len() - 1;
        if !self.store.fits()
            && let (Place::Packed(pack, (start, _)), Place::Packed(_, (_, end))) =
                (self.store.place(first as u32), self.store.place(end as u32))
        {
            pack.release(start, end);
        }
    }

    fn link(&self, pack_at: usize, offsets: &Offsets<'_>, node: u32) -> Link {
        let broken = Link { parent: BROKEN, kind: 0, cost: 0 };
        let Place::Packed(pack, (offset, end)) = self.store.place(node) else { return broken };
        pack.expect(self.store.nodes.offset_of(node + AHEAD));
        let cost = u32::try_from(end.saturating_sub(offset)).unwrap_or(u32::MAX);
        let Ok(header) = pack.header(offset, end, self.store.hash) else { return broken };
        let base = match header.form {
            Form::Whole(kind) => return Link { parent: ROOT, kind: kind as u8, cost },
            Form::BackDelta(back) => offset.checked_sub(back).and_then(|base| self.node_at(pack_at, offsets, base)),
            Form::IdDelta(id) => self.store.ids.find(id).map(|base| self.store.nodes.of(base)),
        };
        base.map_or(broken, |parent| Link { parent, kind: 0, cost })
    }

    /// The node of the object at an offset of a pack.
    fn node_at(&self, pack_at: usize, offsets: &Offsets<'_>, offset: u64) -> Option<u32> {
        let (place, nodes) = (offsets.find(offset)?, self.store.nodes.of_pack(pack_at));
        // Nodes stand by offset, too: where the pack's objects are all its own there is nothing to look up.
        if nodes.len() == offsets.order.len() {
            return Some((nodes.start + place) as u32);
        }
        Some(self.store.nodes.of(self.catalog.rank(pack_at, offsets.order[place].1).ix()))
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

/// The offsets of a pack, found in one or two steps.
struct Offsets<'a> {
    /// `(offset, position in the index)` by offset.
    order: &'a [(u64, u32)],
    /// Where in `order` each stretch of `1 << shift` bytes of the pack begins, and the end.
    starts: Vec<u32>,
    shift: u32,
}

impl<'a> Offsets<'a> {
    /// Entries per stretch.
    const FEW: u64 = 8;

    fn of(order: &'a [(u64, u32)]) -> Self {
        let last = order.last().map_or(0, |entry| entry.0);
        let shift = (last.saturating_mul(Self::FEW) / order.len().max(1) as u64).max(1).ilog2();
        let mut starts = Vec::with_capacity((last >> shift) as usize + 2);
        for (at, entry) in order.iter().enumerate() {
            let stretch = (entry.0 >> shift) as usize;
            // Every stretch up to this one that has no start yet starts here.
            starts.resize((stretch + 1).max(starts.len()), at as u32);
        }
        starts.push(order.len() as u32);
        Self { order, starts, shift }
    }

    fn find(&self, offset: u64) -> Option<usize> {
        let stretch = usize::try_from(offset >> self.shift).ok()?;
        let [low, high] = *self.starts.get(stretch..)?.first_chunk()?;
        let at = low as usize + self.order[low as usize..high as usize].partition_point(|entry| entry.0 < offset);
        self.order.get(at).filter(|entry| entry.0 == offset).map(|_| at)
    }
}

#[cfg(test)]
mod tests {
    use super::Offsets;

    #[test]
    fn finds_each_offset_and_no_other() {
        for len in 0..40u64 {
            for gap in [1, 3, 100] {
                let order: Vec<_> = (0..len).map(|at| (at * gap + 12 + at % 5 * gap / 7, at as u32)).collect();
                let offsets = Offsets::of(&order);
                for offset in 0..len * gap + 90 {
                    let expected = order.iter().position(|entry| entry.0 == offset);
                    assert_eq!(offsets.find(offset), expected, "{len} {gap} {offset}");
                }
            }
        }
    }
}
