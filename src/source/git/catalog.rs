//! The objects of several packs and directories, as one sorted list without repeats.

use rayon::slice::ParallelSliceMut;

use super::id_table::IdTable;
use super::object::{HashKind, ObjectIx};
use super::pack::Pack;
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

    fn usable(&self) -> Vec<u32> {
        match self {
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

fn merge(sources: &[Source<'_>], starts: &[u32], total: u32, hash: HashKind) -> (IdTable, Vec<u32>) {
    let raw = |entry: u32| {
        let source = starts.partition_point(|start| *start <= entry) - 1;
        sources[source].id(entry - starts[source])
    };
    // Most pairs differ in the first eight bytes, so few comparisons have to look at an index.
    let mut entries: Vec<(u64, u32)> = Vec::with_capacity(total as usize);
    for (source, start) in sources.iter().zip(starts) {
        entries.extend(source.usable().into_iter().map(|at| {
            let prefix = source.id(at).first_chunk().map_or(0, |chunk| u64::from_be_bytes(*chunk));
            (prefix, start + at)
        }));
    }
    // A stable sort merges the runs, one per source, and keeps the preferred source of a repeated object in front.
    entries.par_sort_by(|a, b| a.0.cmp(&b.0).then_with(|| raw(a.1).cmp(raw(b.1))));
    let mut ids: Vec<u8> = Vec::with_capacity(entries.len() * hash.id_len());
    let mut ranks = vec![0; total as usize];
    let mut count = 0;
    for (_, entry) in entries {
        let id = raw(entry);
        if ids.ends_with(id) {
            ranks[entry as usize] = (count - 1) | REPEATED;
        } else {
            ids.extend_from_slice(id);
            ranks[entry as usize] = count;
            count += 1;
        }
    }
    (IdTable::owned(ids, hash.id_len()), ranks)
}
