//! All distinct ids in order, and the rank of each.

use std::cmp::Ordering;
use std::sync::Arc;

use super::object::ObjectIx;
use super::pack_index::{Strided, lead};
use super::prefetch::prefetch;
use crate::model::BlobId;
use crate::source::mapped::Mapped;

/// Ids per bucket of the first step of a look-up: so few that the rest is one or two cache lines.
const BUCKET: usize = 8;

/// A sorted table of distinct ids.
pub(super) struct IdTable {
    bytes: Bytes,
    records: Strided,
    count: u32,
    /// `buckets[n]..buckets[n + 1]` are the ranks of ids whose first `bits` bits are `n`.
    buckets: Vec<u32>,
    bits: u32,
}

enum Bytes {
    /// In a pack index: costs no memory of ours.
    Mapped(Arc<Mapped>),
    Owned(Vec<u8>),
}

impl IdTable {
    /// A table inside a pack index; its ids are sorted and distinct.
    pub(super) fn mapped(file: Arc<Mapped>, records: Strided, count: u32) -> Self {
        Self::with_buckets(Bytes::Mapped(file), records, count)
    }

    /// A table of sorted, distinct ids of `len` bytes each, end to end.
    pub(super) fn owned(ids: Vec<u8>, len: usize) -> Self {
        let count = (ids.len() / len) as u32;
        Self::with_buckets(Bytes::Owned(ids), Strided { start: 0, stride: len, len }, count)
    }

    fn with_buckets(bytes: Bytes, records: Strided, count: u32) -> Self {
        let bits = (count as usize / BUCKET).max(1).ilog2().min(24);
        let mut table = Self { bytes, records, count, buckets: Vec::new(), bits };
        let mut buckets = Vec::with_capacity((1 << bits) + 1);
        for rank in 0..count {
            let bucket = table.bucket(table.raw(rank));
            // Every bucket up to this one that has no start yet starts here.
            buckets.resize((bucket + 1).max(buckets.len()), rank);
        }
        buckets.resize((1 << bits) + 1, count);
        table.buckets = buckets;
        table
    }

    fn bucket(&self, id: &[u8]) -> usize {
        let start = id.first_chunk().map_or(0, |chunk| u32::from_be_bytes(*chunk));
        (u64::from(start) >> (32 - self.bits)) as usize
    }

    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    /// The bytes of the id of a rank below [`len`](Self::len).
    #[inline]
    pub(super) fn raw(&self, rank: u32) -> &[u8] {
        self.records.get(self.bytes(), rank)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(file) => file,
            Bytes::Owned(ids) => ids,
        }
    }

    pub(super) fn id(&self, ix: ObjectIx) -> BlobId {
        BlobId::from_raw(self.raw(ix.0)).expect("records have the length of an id")
    }

    #[inline]
    pub(super) fn find(&self, id: &[u8]) -> Option<ObjectIx> {
        if id.len() != self.records.len {
            return None;
        }
        let (bucket, key) = (self.bucket(id), lead(id));
        let (mut low, mut high) = (self.buckets[bucket], self.buckets[bucket + 1]);
        while low < high {
            let middle = low + (high - low) / 2;
            let here = self.raw(middle);
            // The first bytes tell most ids apart without a call.
            match lead(here).cmp(&key).then_with(|| here.cmp(id)) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(ObjectIx(middle)),
            }
        }
        None
    }

    /// [`find`](Self::find) for each id, appended to `found`. The memory that they wait for is asked for beforehand.
    pub(super) fn find_all(&self, ids: &[BlobId], found: &mut Vec<Option<ObjectIx>>) {
        for id in ids {
            prefetch(&self.buckets, self.bucket(id.as_bytes()));
        }
        let (bytes, Strided { start, stride, .. }) = (self.bytes(), self.records);
        for id in ids {
            let low = start + self.buckets[self.bucket(id.as_bytes())] as usize * stride;
            (0..3).for_each(|line| prefetch(bytes, low + 64 * line));
        }
        found.extend(ids.iter().map(|id| self.find(id.as_bytes())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        for count in [0usize, 1, 7, 8, 16, 100, 5000] {
            let mut ids: Vec<_> = (0..count).map(|n| BlobId::of(&n.to_le_bytes())).collect();
            ids.sort();
            let bytes: Vec<u8> = ids.iter().flat_map(|id| id.as_bytes().to_vec()).collect();
            let table = IdTable::owned(bytes, 20);
            assert_eq!(table.len(), count);
            for (rank, id) in ids.iter().enumerate() {
                assert_eq!(table.find(id.as_bytes()), Some(ObjectIx(rank as u32)));
                assert_eq!(table.id(ObjectIx(rank as u32)), *id);
            }
            assert_eq!(table.find(BlobId::of(b"absent").as_bytes()), None);
            assert_eq!(table.find(&[0; 20]), None);
            assert_eq!(table.find(&[255; 20]), None);
            assert_eq!(table.find(&[255; 32]), None);
        }
    }
}
