//! Pack indexes, versions 1 and 2, and reverse indexes (`gitformat-pack`, "pack-*.idx files").

use std::cmp::Ordering;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::object::{HashKind, Problem};
use crate::source::mapped::Mapped;

/// The ids of a pack's objects in order, and where each stands in the pack.
pub(super) struct PackIndex {
    map: Arc<Mapped>,
    count: u32,
    ids: Strided,
    offsets: Strided,
    /// Version 2 keeps offsets of 2 GiB and more here.
    wide: Range<usize>,
    pack_checksum: Range<usize>,
    distinct: bool,
}

/// An array of fixed-size records inside a file.
#[derive(Clone, Copy)]
pub(super) struct Strided {
    /// Where the first record starts.
    pub(super) start: usize,
    /// Bytes from one record to the next.
    pub(super) stride: usize,
    /// Bytes of a record.
    pub(super) len: usize,
}

impl Strided {
    #[inline]
    pub(super) fn get<'a>(&self, bytes: &'a [u8], at: u32) -> &'a [u8] {
        let start = self.start + self.stride * at as usize;
        &bytes[start..start + self.len]
    }
}

fn be32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |chunk| u32::from_be_bytes(*chunk))
}

/// The first eight bytes of an id, as a number that orders as they do.
#[inline]
pub(super) fn lead(id: &[u8]) -> u64 {
    id.first_chunk().map_or(0, |chunk| u64::from_be_bytes(*chunk))
}

impl PackIndex {
    /// Maps an index and checks its tables, except the offsets, which only the pack can judge.
    pub(super) fn open(path: &Path, hash: HashKind) -> Result<Self, Problem> {
        let map = Mapped::open(path).map_err(|error| Problem::unreadable(path, &error))?;
        Self::parse(map, hash).map_err(|why| Problem::corrupt(why).in_file(&Arc::from(path)))
    }

    fn parse(map: Mapped, hash: HashKind) -> Result<Self, &'static str> {
        let version_2 = map.starts_with(b"\xfftOc");
        if version_2 && be32(map.get(4..).unwrap_or_default()) != 2 {
            return Err("the index has a version that is not known");
        }
        let fan_start = if version_2 { 8 } else { 0 };
        let tables = fan_start + 256 * 4;
        let fan = map.get(fan_start..tables).ok_or("the index is cut short")?;
        let (fan, _) = fan.as_chunks::<4>();
        if !fan.is_sorted() {
            return Err("the index has a bad fan-out table");
        }
        let count = fan.last().map_or(0, |last| u32::from_be_bytes(*last));
        let n = count as usize;
        let id = hash.id_len();
        let (ids, offsets, end) = if version_2 {
            let offsets = n.saturating_mul(id + 4).saturating_add(tables);
            let ids = Strided { start: tables, stride: id, len: id };
            (ids, Strided { start: offsets, stride: 4, len: 4 }, offsets.saturating_add(n.saturating_mul(4)))
        } else {
            let stride = id + 4;
            let ids = Strided { start: tables + 4, stride, len: id };
            (ids, Strided { start: tables, stride, len: 4 }, n.saturating_mul(stride).saturating_add(tables))
        };
        let tail = map.len().checked_sub(2 * id).filter(|tail| *tail >= end).ok_or("the index is cut short")?;
        let wide = if version_2 { end..tail } else { end..end };
        let pack_checksum = tail..tail + id;
        let mut index = Self { map: Arc::new(map), count, ids, offsets, wide, pack_checksum, distinct: true };
        // Nearly all differ from the next in the first eight bytes.
        let mut last = if count > 0 { lead(index.id(0)) } else { 0 };
        for at in 1..count {
            let next = lead(index.id(at));
            if last >= next {
                match index.id(at - 1).cmp(index.id(at)) {
                    Ordering::Less => {}
                    Ordering::Equal => index.distinct = false,
                    Ordering::Greater => return Err("the index is not sorted"),
                }
            }
            last = next;
        }
        Ok(index)
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The id at a position below [`count`](Self::count).
    #[inline]
    pub(super) fn id(&self, at: u32) -> &[u8] {
        self.ids.get(&self.map, at)
    }

    /// The position of an id.
    pub(super) fn find(&self, id: &[u8]) -> Option<u32> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(middle).cmp(id) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    /// Whether no id comes twice; git tolerates packs where one does.
    pub(super) fn is_distinct(&self) -> bool {
        self.distinct
    }

    /// The file and where in it the sorted ids stand.
    pub(super) fn ids(&self) -> (Arc<Mapped>, Strided) {
        (Arc::clone(&self.map), self.ids)
    }

    /// The checksum of the pack that this index was made for.
    pub(super) fn pack_checksum(&self) -> &[u8] {
        &self.map[self.pack_checksum.clone()]
    }

    /// Where the object at a position below [`count`](Self::count) stands in the pack; nonsense if the index lies.
    #[inline]
    pub(super) fn offset(&self, at: u32) -> u64 {
        let offset = be32(self.offsets.get(&self.map, at));
        if self.wide.is_empty() || offset & 0x8000_0000 == 0 {
            return u64::from(offset);
        }
        let start = (offset & 0x7fff_ffff) as usize * 8;
        let wide = &self.map[self.wide.clone()];
        wide.get(start..).and_then(|rest| rest.first_chunk()).map_or(u64::MAX, |chunk| u64::from_be_bytes(*chunk))
    }

    /// All `(offset, position)` in the order of the pack. With a sound `.rev` beside the index nothing is sorted.
    pub(super) fn by_offset(&self, index_path: &Path) -> Vec<(u64, u32)> {
        if let Some(order) = self.by_reverse_index(&index_path.with_extension("rev")) {
            return order;
        }
        let mut order: Vec<_> = (0..self.count).map(|at| (self.offset(at), at)).collect();
        if self.wide.is_empty() {
            // Half as much to move, and one comparison.
            let mut keys: Vec<u64> = order.iter().map(|&(offset, at)| offset << 32 | u64::from(at)).collect();
            keys.sort_unstable();
            keys.iter().zip(&mut order).for_each(|(key, slot)| *slot = (key >> 32, *key as u32));
        } else {
            order.sort_unstable();
        }
        order
    }

    /// `None` unless the file is there and lists every position once, by rising offset.
    fn by_reverse_index(&self, path: &Path) -> Option<Vec<(u64, u32)>> {
        let map = Mapped::open(path).ok()?;
        let positions = map.strip_prefix(b"RIDX\0\0\0\x01")?.get(4..)?.get(..self.count as usize * 4)?;
        let mut order = Vec::with_capacity(self.count as usize);
        let mut last = 0;
        for position in positions.as_chunks::<4>().0 {
            let at = u32::from_be_bytes(*position);
            if at >= self.count {
                return None;
            }
            let offset = self.offset(at);
            // Rising offsets mean that no position comes twice, so none is missing.
            if offset <= last {
                return None;
            }
            last = offset;
            order.push((offset, at));
        }
        Some(order)
    }
}
