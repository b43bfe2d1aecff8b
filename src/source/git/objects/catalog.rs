//! The objects of several packs and directories, as one sorted list without repeats.

use std::cmp::Ordering;

use rayon::slice::ParallelSliceMut;

use super::id_table::IdTable;
use super::object::{HashKind, ObjectIx};
use super::pack::Pack;
use super::pack_index::lead;
use crate::model::BlobId;

/// Marks a rank whose object an earlier source already has.
const REPEATED: u32 = 1 << 31;

/// One source of objects, in order of preference.
pub(super) enum Source<'a> {
    /// A pack, and which of its entries can be used.
    Pack { pack: &'a Pack, order: &'a [(u64, u32)] },
    /// The sorted ids of loose objects.
    Loose(&'a [BlobId]),
}

impl Source<'_> {
    fn count(&self) -> u32 {
        match self {
            Self::Pack { pack, .. } => pack.index.count(),
            Self::Loose(ids) => ids.len() as u32,
        }
    }

    fn id(&self, at: u32) -> &[u8] {
        match self {
            Self::Pack { pack, .. } => pack.index.id(at),
            Self::Loose(ids) => ids[at as usize].as_bytes(),
        }
    }

    /// Its usable entries in the order of their ids, counted from `start`.
    fn keys(&self, start: u32) -> Vec<Key> {
        let key = |at| (lead(self.id(at)), start + at);
        self.usable().into_iter().map(key).collect()
    }

    fn usable(&self) -> Vec<u32> {
        match self {
            Self::Pack { pack, order } if order.len() == pack.index.count() as usize => {
                (0..pack.index.count()).collect()
            }
            Self::Pack { order, .. } => {
                let mut positions: Vec<_> = order.iter().map(|(_, at)| *at).collect();
                positions.sort_unstable();
                positions
            }
            Self::Loose(ids) => (0..ids.len() as u32).collect(),
        }
    }
}

/// The rank of every object of every source among all distinct ids.
pub(super) struct Catalog {
    /// Where the objects of each source start in `ranks`.
    starts: Vec<u32>,
    /// Empty when there is but one source and its positions are the ranks.
    ranks: Vec<u32>,
}

/// Where an object of a source stands among all.
#[derive(Clone, Copy)]
pub(super) struct Rank {
    pub(super) ix: u32,
    /// Whether an earlier source has the same object.
    pub(super) repeated: bool,
}

impl Rank {
    pub(super) fn ix(self) -> ObjectIx {
        ObjectIx(self.ix)
    }
}

impl Catalog {
    /// Joins the sources, which have less than 2^31 objects together.
    pub(super) fn of(sources: &[Source<'_>], hash: HashKind) -> (IdTable, Self) {
        if let [Source::Pack { pack, order }] = sources
            && pack.index.is_distinct()
            && order.len() == pack.index.count() as usize
        {
            let (file, records) = pack.index.ids();
            let ids = IdTable::mapped(file, records, pack.index.count());
            return (ids, Self { starts: vec![0], ranks: Vec::new() });
        }
        let mut starts = Vec::with_capacity(sources.len());
        let mut total = 0;
        for source in sources {
            starts.push(total);
            total += source.count();
        }
        let (ids, ranks) = merge(sources, &starts, total, hash);
        (ids, Self { starts, ranks })
    }

    /// The rank of the object at a usable position of a source.
    #[inline]
    pub(super) fn rank(&self, source: usize, at: u32) -> Rank {
        if self.ranks.is_empty() {
            return Rank { ix: at, repeated: false };
        }
        let rank = self.ranks[(self.starts[source] + at) as usize];
        Rank { ix: rank & !REPEATED, repeated: rank & REPEATED != 0 }
    }
}

/// The first eight bytes of an id, in which most differ, and the entry: few comparisons have to look at an index.
type Key = (u64, u32);

/// Packs of forks and mirrors hold much the same objects, so what the first source has is told by walking along it, and
/// only the others' own objects are sorted.
fn merge(sources: &[Source<'_>], starts: &[u32], total: u32, hash: HashKind) -> (IdTable, Vec<u32>) {
    let raw = |entry: u32| {
        let source = starts.partition_point(|start| *start <= entry) - 1;
        sources[source].id(entry - starts[source])
    };
    let order = |a: &Key, b: &Key| a.0.cmp(&b.0).then_with(|| raw(a.1).cmp(raw(b.1)));
    let keys = |at: usize| sources[at].keys(starts[at]);
    let mut first = if sources.is_empty() { Vec::new() } else { keys(0) };
    // One source may have an object twice; the first of them stands for both.
    let mut others: Vec<Key> = Vec::new();
    if !first.is_sorted_by(|a, b| order(a, b).is_lt()) {
        others.append(&mut first);
    }
    let mut ranks = vec![0; total as usize];
    for source in 1..sources.len() {
        let beside = |known: &Key, key: &Key| {
            let ids = || sources[0].id(known.1 - starts[0]).cmp(sources[source].id(key.1 - starts[source]));
            known.0.cmp(&key.0).then_with(ids)
        };
        let mut at = 0;
        for key in keys(source) {
            let mut met = Ordering::Less;
            while met.is_lt()
                && let Some(known) = first.get(at)
            {
                met = beside(known, &key);
                at += usize::from(met.is_lt());
            }
            if met.is_eq() {
                ranks[key.1 as usize] = at as u32 | REPEATED;
            } else {
                others.push(key);
            }
        }
    }
    // A stable sort merges the runs, one per source, and keeps the preferred source of a repeated object in front.
    others.par_sort_by(order);
    let mut table = Table { ids: Vec::with_capacity(first.len() * hash.id_len()), count: 0 };
    let (mut of_first, mut of_others) = (Vec::with_capacity(first.len()), Vec::with_capacity(others.len()));
    let mut rest = &others[..];
    for key in &first {
        while let Some((other, more)) = rest.split_first().filter(|(other, _)| order(other, key).is_lt()) {
            of_others.push(table.put(raw(other.1)));
            rest = more;
        }
        of_first.push(table.put(raw(key.1)));
    }
    of_others.extend(rest.iter().map(|other| table.put(raw(other.1))));
    for rank in ranks.iter_mut().filter(|rank| **rank & REPEATED != 0) {
        *rank = of_first[(*rank & !REPEATED) as usize] | REPEATED;
    }
    let placed = first.iter().zip(of_first).chain(others.iter().zip(of_others));
    placed.for_each(|(key, rank)| ranks[key.1 as usize] = rank);
    (IdTable::owned(table.ids, hash.id_len()), ranks)
}

/// Distinct ids, end to end.
struct Table {
    ids: Vec<u8>,
    count: u32,
}

impl Table {
    /// The rank of the next id, which may be the last one again.
    fn put(&mut self, id: &[u8]) -> u32 {
        if self.ids.ends_with(id) {
            return (self.count - 1) | REPEATED;
        }
        self.ids.extend_from_slice(id);
        self.count += 1;
        self.count - 1
    }
}
