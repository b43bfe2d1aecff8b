//! All objects of a repository, each once: packs, loose objects, and what is borrowed from other repositories.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator};

use super::catalog::{Catalog, Source};
use super::forest::{BROKEN, Forest, ROOT};
use super::id_table::IdTable;
use super::inflate::Inflater;
use super::object::{HashKind, ObjectIx, ObjectKind, Problem};
use super::pack::{Form, Pack};
use super::{alternates, loose};
use crate::model::{BlobId, SkipReason};

/// Room for two marks above the largest number of a node, and one bit.
const MAX_OBJECTS: u64 = (1 << 31) - 2;

/// Below this many objects, handing out work costs more than it saves.
const PARALLEL_FROM: usize = 1 << 13;

/// What a loose object is taken to cost to read; a guess, to save a system call for each.
const LOOSE_COST: u32 = 4096;

/// The objects of a repository, each under a dense number.
///
/// A *node* is an object where it is stored: packed nodes come first, by pack and offset, then loose ones.
pub struct ObjectStore {
    pub(super) hash: HashKind,
    pub(super) ids: IdTable,
    pub(super) packs: Vec<Pack>,
    pub(super) dirs: Vec<PathBuf>,
    /// The first node of each pack, and of the loose objects.
    pack_start: Vec<u32>,
    /// Offset in the pack; number of the directory for loose objects.
    offset: Vec<u64>,
    /// Node to number.
    pub(super) ix: Vec<u32>,
    /// Number to node.
    pub(super) node: Vec<u32>,
    pub(super) forest: Forest,
}

/// Where a node is stored.
pub(super) enum Place<'a> {
    /// In a pack, from the first offset to the second or before.
    Packed(&'a Pack, (u64, u64)),
    /// As a file below this directory.
    Loose(&'a Path),
}

impl ObjectStore {
    /// Opens `objects_dirs` (`.git/objects` and whatever the environment adds) and all that they borrow from.
    ///
    /// What cannot be read is listed; the rest is there. Reads indexes and entry headers, but no object.
    pub fn open(objects_dirs: &[PathBuf], hash: HashKind) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let dirs = alternates::resolve(objects_dirs, &mut problems);
        let mut packs = Vec::new();
        for dir in &dirs {
            open_packs(&dir.join("pack"), hash, &mut packs, &mut problems);
        }
        let mut loose: Vec<_> = dirs.iter().map(|dir| loose::list(dir, hash, &mut problems)).collect();
        limit_objects(&mut packs, &mut loose, &mut problems);
        let store = Self::join(dirs, packs, &loose, hash, &mut problems);
        problems.sort();
        (store, problems)
    }

    fn join(
        dirs: Vec<PathBuf>,
        packs: Vec<Pack>,
        loose: &[Vec<BlobId>],
        hash: HashKind,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let orders: Vec<Vec<(u64, u32)>> = packs.par_iter().map(Pack::by_offset).collect();
        let usable: Vec<&[(u64, u32)]> = packs.iter().zip(&orders).map(|(pack, order)| inside(pack, order)).collect();
        let sources = packs.iter().zip(&usable).map(|(pack, order)| Source::Pack { pack, order });
        let filled = loose.iter().enumerate().filter(|(_, ids)| !ids.is_empty());
        let (loose_dirs, loose_ids): (Vec<_>, Vec<_>) = filled.unzip();
        let sources: Vec<_> = sources.chain(loose_ids.iter().map(|ids| Source::Loose(ids.as_slice()))).collect();
        let catalog = Catalog::of(&sources, hash);
        let count = catalog.ids.len();
        let (mut pack_start, mut offset, mut ix) = (vec![0], Vec::with_capacity(count), Vec::with_capacity(count));
        let mut put = |place: u64, source: usize, at: u32| {
            let rank = catalog.rank(source, at);
            if !rank.repeated {
                offset.push(place);
                ix.push(rank.ix);
            }
            offset.len() as u32
        };
        for (source, order) in usable.iter().enumerate() {
            let end = order.iter().map(|(offset, at)| put(*offset, source, *at)).last();
            pack_start.push(end.unwrap_or(pack_start[source]));
        }
        for (n, (dir, ids)) in loose_dirs.iter().zip(loose_ids).enumerate() {
            for at in 0..ids.len() {
                put(*dir as u64, usable.len() + n, at as u32);
            }
        }
        let mut node = vec![0; count];
        for (at, ix) in ix.iter().enumerate() {
            node[*ix as usize] = at as u32;
        }
        let forest = Forest::grow(Vec::new(), Vec::new(), Vec::new());
        let mut store = Self { hash, ids: IdTable::owned(Vec::new(), hash.len()), packs, dirs, pack_start, offset, ix, node, forest };
        let linker = Linker { store: &store, catalog: &catalog, orders: &usable };
        store.forest = linker.forest(problems);
        for (pack, order) in store.packs.iter().zip(&orders) {
            report_outside(pack, order, inside(pack, order), &catalog.ids, problems);
        }
        store.ids = catalog.ids;
        store
    }

    /// How many distinct objects there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no object at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many packs were opened.
    pub fn pack_count(&self) -> usize {
        self.packs.len()
    }

    /// Which hash names the objects.
    pub fn hash(&self) -> HashKind {
        self.hash
    }

    /// The number of an object.
    pub fn lookup(&self, id: &BlobId) -> Option<ObjectIx> {
        self.ids.find(id.as_bytes())
    }

    /// The number of the object with these id bytes, as they stand in a tree.
    pub fn lookup_raw(&self, id: &[u8]) -> Option<ObjectIx> {
        self.ids.find(id)
    }

    /// The id of an object. Numbers rise with ids.
    pub fn id(&self, ix: ObjectIx) -> BlobId {
        self.ids.id(ix)
    }

    /// The kind of an object; `None` if it cannot be read. For a loose object this reads the start of its file.
    pub fn kind(&self, ix: ObjectIx) -> Option<ObjectKind> {
        let node = self.node[ix.index()];
        self.forest.kind(node).or_else(|| match self.place(node) {
            Place::Loose(dir) => {
                loose::header(&loose::path(dir, &self.id(ix)), &mut Inflater::new()).ok().map(|header| header.kind)
            }
            Place::Packed(..) => None,
        })
    }

    /// Where a node is stored.
    #[inline]
    pub(super) fn place(&self, node: u32) -> Place<'_> {
        let offset = self.offset[node as usize];
        let pack = self.pack_start.partition_point(|start| *start <= node) - 1;
        let Some(data) = self.packs.get(pack) else { return Place::Loose(&self.dirs[offset as usize]) };
        let last = self.pack_start[pack + 1] - 1;
        let end = if node == last { data.end() } else { self.offset[node as usize + 1] };
        Place::Packed(data, (offset, end))
    }

    pub(super) fn ix_of(&self, node: u32) -> ObjectIx {
        ObjectIx(self.ix[node as usize])
    }

    /// Says which object a problem is about.
    pub(super) fn name(&self, problem: Problem, node: u32) -> Problem {
        let problem = problem.object(self.id(self.ix_of(node)));
        match self.place(node) {
            Place::Packed(pack, (offset, _)) => problem.in_file(&pack.path).at(offset),
            Place::Loose(dir) => problem.in_file(&dir.into()),
        }
    }
}

/// Opens every pack of a directory, the largest first: then most objects come from one pack.
fn open_packs(dir: &Path, hash: HashKind, packs: &mut Vec<Pack>, problems: &mut Vec<Problem>) {
    let names = match fs::read_dir(dir) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => return problems.push(Problem::unreadable(dir, &error)),
    };
    let mut indexes = Vec::new();
    for name in names {
        match name {
            Ok(name) => {
                let path = name.path();
                if path.extension().is_some_and(|extension| extension == "idx") {
                    indexes.push(path);
                } else if path.extension().is_some_and(|extension| extension == "pack")
                    && !path.with_extension("idx").exists()
                {
                    problems.push(Problem::corrupt("the pack has no index").in_file(&path.into()));
                }
            }
            Err(error) => problems.push(Problem::unreadable(dir, &error)),
        }
    }
    indexes.sort();
    let first = packs.len();
    packs.extend(indexes.into_iter().filter_map(|path| Pack::open(path, hash, problems)));
    packs[first..].sort_by_key(|pack| std::cmp::Reverse(pack.index.count()));
}

fn limit_objects(packs: &mut Vec<Pack>, loose: &mut [Vec<BlobId>], problems: &mut Vec<Problem>) {
    let mut left = MAX_OBJECTS;
    let mut take = |count: u64| {
        let fits = count <= left;
        left -= if fits { count } else { 0 };
        fits
    };
    let over = || Problem::new(SkipReason::Budget(format!("more than {MAX_OBJECTS} objects")));
    packs.retain(|pack| {
        let fits = take(pack.index.count().into());
        if !fits {
            problems.push(over().in_file(&pack.path));
        }
        fits
    });
    for ids in loose {
        if !take(ids.len() as u64) {
            problems.push(over());
            ids.clear();
        }
    }
}

/// The entries that start inside the pack.
fn inside<'a>(pack: &Pack, order: &'a [(u64, u32)]) -> &'a [(u64, u32)] {
    let start = order.partition_point(|(offset, _)| *offset < 12);
    let end = order.partition_point(|(offset, _)| *offset < 12 || pack.holds(*offset));
    &order[start..end]
}

/// Lists what a short pack has lost, unless another source has it.
fn report_outside(
    pack: &Pack,
    order: &[(u64, u32)],
    inside: &[(u64, u32)],
    ids: &IdTable,
    problems: &mut Vec<Problem>,
) {
    if inside.len() == order.len() {
        return;
    }
    for &(offset, at) in order.iter().filter(|(offset, _)| !pack.holds(*offset)) {
        let id = pack.index.id(at);
        if ids.find(id).is_none() {
            let problem = Problem::corrupt("the entry lies outside the pack").in_file(&pack.path).at(offset);
            problems.extend(BlobId::from_raw(id).map(|id| problem.object(id)));
        }
    }
}

/// Finds the base of every entry, while the tables for that are at hand.
struct Linker<'a> {
    store: &'a ObjectStore,
    catalog: &'a Catalog,
    orders: &'a [&'a [(u64, u32)]],
}

impl Linker<'_> {
    fn forest(&self, problems: &mut Vec<Problem>) -> Forest {
        let count = self.store.offset.len();
        let (mut parent, mut kind, mut cost) = (vec![ROOT; count], vec![0; count], vec![LOOSE_COST; count]);
        let found = Mutex::new(Vec::new());
        for pack in 0..self.store.packs.len() {
            let nodes = self.store.pack_start[pack] as usize..self.store.pack_start[pack + 1] as usize;
            let link = |((n, parent), (kind, cost)): ((usize, &mut u32), (&mut u8, &mut u32))| {
                match self.link(pack, (nodes.start + n) as u32, cost) {
                    Ok(link) => (*parent, *kind) = link,
                    Err(problem) => {
                        *parent = BROKEN;
                        found.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
                    }
                }
            };
            let parents = &mut parent[nodes.clone()];
            let rest = (&mut kind[nodes.clone()], &mut cost[nodes.clone()]);
            if nodes.len() < PARALLEL_FROM {
                parents.iter_mut().enumerate().zip(rest.0.iter_mut().zip(rest.1)).for_each(link);
            } else {
                parents.par_iter_mut().enumerate().zip(rest.0.par_iter_mut().zip(rest.1)).with_min_len(1024).for_each(link);
            }
        }
        problems.extend(found.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.kinds_of_loose_bases(&parent, &mut kind);
        let broken: Vec<_> = parent.iter().map(|parent| *parent == BROKEN).collect();
        let forest = Forest::grow(parent, kind, cost);
        for (node, was_broken) in broken.iter().enumerate() {
            if forest.parent[node] == BROKEN && !was_broken {
                problems.push(self.name(Problem::corrupt("its delta base cannot be read"), node as u32));
            }
        }
        forest
    }

    /// The base and, for roots, the kind of a packed node.
    fn link(&self, pack_at: usize, node: u32, cost: &mut u32) -> Result<(u32, u8), Problem> {
        let Place::Packed(pack, (offset, end)) = self.store.place(node) else { return Ok((ROOT, 0)) };
        *cost = u32::try_from(end.saturating_sub(offset)).unwrap_or(u32::MAX);
        let header = pack.header(offset, end, self.store.hash).map_err(|problem| self.name(problem, node))?;
        let base = match header.form {
            Form::Whole(kind) => return Ok((ROOT, kind as u8)),
            Form::BackDelta(back) => {
                let guess = (node - self.store.pack_start[pack_at]) as usize;
                let at = offset.checked_sub(back).and_then(|base| seek(self.orders[pack_at], guess, base));
                at.map(|at| self.catalog.rank(pack_at, at).ix)
            }
            Form::IdDelta(id) => self.catalog.ids.find(id).map(|ix| ix.0),
        };
        let base = base.ok_or_else(|| self.name(Problem::corrupt("its delta base is missing"), node))?;
        Ok((self.store.node[base as usize], 0))
    }

    fn kinds_of_loose_bases(&self, parent: &[u32], kind: &mut [u8]) {
        let first = self.store.pack_start[self.store.packs.len()];
        let mut inflater = Inflater::new();
        for &base in parent.iter().filter(|base| **base >= first && (**base as usize) < parent.len()) {
            if kind[base as usize] == 0
                && let Place::Loose(dir) = self.store.place(base)
            {
                let path = loose::path(dir, &self.catalog.ids.id(self.store.ix_of(base)));
                kind[base as usize] = loose::header(&path, &mut inflater).map_or(0, |header| header.kind as u8);
            }
        }
    }

    fn name(&self, problem: Problem, node: u32) -> Problem {
        let problem = problem.object(self.catalog.ids.id(self.store.ix_of(node)));
        match self.store.place(node) {
            Place::Packed(pack, (offset, _)) => problem.in_file(&pack.path).at(offset),
            Place::Loose(dir) => problem.in_file(&Arc::from(dir)),
        }
    }
}

/// The position that goes with an offset, looking in ever larger steps from a place near by: most bases are close.
fn seek(order: &[(u64, u32)], guess: usize, offset: u64) -> Option<u32> {
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
    order.get(at).filter(|entry| entry.0 == offset).map(|entry| entry.1)
}
