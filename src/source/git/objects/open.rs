//! Opening an object store: finding packs and loose objects, and joining them.

use std::cmp::Reverse;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::catalog::{Catalog, Source};
use super::forest::Forest;
use super::link::Linker;
use super::nodes::Nodes;
use super::object::{HashKind, Problem};
use super::pack::Pack;
use super::store::ObjectStore;
use super::{alternates, loose};
use crate::model::{BlobId, SkipReason};

/// Room for two marks above the largest number of a node, and one bit.
const MAX_OBJECTS: u64 = (1 << 31) - 2;

impl ObjectStore {
    /// Opens `objects_dirs` (`.git/objects` and whatever the environment adds) and all that they borrow from.
    ///
    /// Files that cannot be read are listed, and the objects lost with them; the rest is there. Reads indexes and entry
    /// headers, but no object: those that turn out to be damaged are listed by [`walk`](Self::walk).
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
        let usable: Vec<_> = packs.iter().zip(&orders).map(|(pack, order)| inside(pack, order)).collect();
        let mut sources: Vec<_> = packs.iter().zip(&usable).map(|(pack, order)| Source::Pack { pack, order }).collect();
        let loose: Vec<_> = loose.iter().enumerate().filter(|(_, ids)| !ids.is_empty()).collect();
        sources.extend(loose.iter().map(|(_, ids)| Source::Loose(ids)));
        let (ids, catalog) = Catalog::of(&sources, hash);

        let mut nodes = Nodes::with_capacity(ids.len());
        for (source, order) in usable.iter().enumerate() {
            order.iter().for_each(|&(offset, at)| nodes.put(offset, catalog.rank(source, at)));
            nodes.end_pack();
        }
        for (n, (dir, ids)) in loose.iter().enumerate() {
            (0..ids.len()).for_each(|at| nodes.put(*dir as u64, catalog.rank(usable.len() + n, at as u32)));
        }
        nodes.finish();

        for (pack, (order, usable)) in packs.iter().zip(orders.iter().zip(&usable)) {
            if usable.len() < order.len() {
                let lost =
                    order.iter().filter(|(offset, at)| !pack.holds(*offset) && ids.find(pack.index.id(*at)).is_none());
                problems.extend(lost.map(|&(offset, at)| outside(pack, offset, at)));
            }
        }
        let mut store = Self { hash, ids, packs, dirs, nodes, forest: Forest::default() };
        store.forest = Linker { store: &store, catalog: &catalog, orders: &usable }.forest();
        store
    }
}

/// How often a directory is listed again because a pack went away after it was listed, as `git repack` makes them do.
const LISTINGS: usize = 3;

/// Opens every pack of a directory, the largest first: then most objects come from one pack.
fn open_packs(dir: &Path, hash: HashKind, packs: &mut Vec<Pack>, problems: &mut Vec<Problem>) {
    for last in (0..LISTINGS).rev() {
        let mut found = Vec::new();
        let mut faults = Vec::new();
        let indexes = list_indexes(dir, &mut faults);
        found.extend(indexes.iter().filter_map(|path| Pack::open(path, hash, &mut faults)));
        if last == 0 || indexes.iter().all(|path| path.exists()) {
            found.sort_by_key(|pack| Reverse(pack.index.count()));
            packs.append(&mut found);
            problems.append(&mut faults);
            return;
        }
    }
}

fn list_indexes(dir: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let names = match fs::read_dir(dir) {
        Ok(names) => names,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                problems.push(Problem::unreadable(dir, &error));
            }
            return Vec::new();
        }
    };
    let mut indexes = Vec::new();
    for name in names {
        let path = match name {
            Ok(name) => name.path(),
            Err(error) => {
                problems.push(Problem::unreadable(dir, &error));
                continue;
            }
        };
        match path.extension().map(|extension| extension.as_encoded_bytes()) {
            Some(b"idx") => indexes.push(path),
            Some(b"pack") if !path.with_extension("idx").exists() && path.exists() => {
                problems.push(Problem::corrupt("the pack has no index").in_file(&path.into()));
            }
            _ => {}
        }
    }
    indexes.sort();
    indexes
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

fn outside(pack: &Pack, offset: u64, at: u32) -> Problem {
    let problem = Problem::corrupt("the entry lies outside the pack").in_file(&pack.path).at(offset);
    match BlobId::from_raw(pack.index.id(at)) {
        Some(id) => problem.object(id),
        None => problem,
    }
}
