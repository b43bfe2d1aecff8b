//! Where each object is stored.

use std::path::{Path, PathBuf};

use super::catalog::Rank;
use super::object::ObjectIx;
use super::pack::Pack;
use super::prefetch::prefetch;

/// Objects where they are stored: a *node* each, packed ones by pack and offset, then loose ones by directory and id.
pub(super) struct Nodes {
    /// The first node of each pack, and of the loose objects.
    pack_start: Vec<u32>,
    /// Offset in the pack; number of the directory for loose objects.
    offset: Vec<u64>,
    /// Node to number.
    ix: Vec<u32>,
    /// Number to node.
    node: Vec<u32>,
}

/// Where a node is stored.
pub(super) enum Place<'a> {
    /// In a pack, from the first offset to the second or before.
    Packed(&'a Pack, (u64, u64)),
    /// As a file below this directory.
    Loose(&'a Path),
}

impl Nodes {
    pub(super) fn with_capacity(count: usize) -> Self {
        let (offset, ix) = (Vec::with_capacity(count), Vec::with_capacity(count));
        Self { pack_start: vec![0], offset, ix, node: Vec::new() }
    }

    /// Adds an object, unless an earlier source has it.
    pub(super) fn put(&mut self, place: u64, rank: Rank) {
        if !rank.repeated {
            self.offset.push(place);
            self.ix.push(rank.ix);
        }
    }

    /// Ends the nodes of a pack.
    pub(super) fn end_pack(&mut self) {
        self.pack_start.push(self.offset.len() as u32);
    }

    /// Ends the list: every number below its length has been put once.
    pub(super) fn finish(&mut self) {
        self.node = vec![0; self.ix.len()];
        for (node, ix) in self.ix.iter().enumerate() {
            self.node[*ix as usize] = node as u32;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.offset.len()
    }

    /// The nodes of a pack; of the loose objects if there is none of this number.
    pub(super) fn of_pack(&self, pack: usize) -> std::ops::Range<usize> {
        let end = self.pack_start.get(pack + 1).map_or(self.offset.len(), |end| *end as usize);
        self.pack_start[pack] as usize..end
    }

    #[inline]
    pub(super) fn ix(&self, node: u32) -> ObjectIx {
        ObjectIx(self.ix[node as usize])
    }

    #[inline]
    pub(super) fn of(&self, ix: ObjectIx) -> u32 {
        self.node[ix.index()]
    }

    /// Asks for what is known of a node, which will be read soon.
    #[inline]
    pub(super) fn expect(&self, node: u32) {
        prefetch(&self.offset, node as usize);
        prefetch(&self.ix, node as usize);
    }

    /// Where a node may stand in its pack; 0 behind the last.
    #[inline]
    pub(super) fn offset_of(&self, node: u32) -> u64 {
        self.offset.get(node as usize).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn place<'a>(&self, node: u32, packs: &'a [Pack], dirs: &'a [PathBuf]) -> Place<'a> {
        let offset = self.offset[node as usize];
        let at = self.pack_start.partition_point(|start| *start <= node) - 1;
        let Some(pack) = packs.get(at) else { return Place::Loose(&dirs[offset as usize]) };
        let is_last = node + 1 == self.pack_start[at + 1];
        Place::Packed(pack, (offset, if is_last { pack.end() } else { self.offset[node as usize + 1] }))
    }
}
