//! All objects of a repository, each once: packs, loose objects, and what is borrowed from other repositories.

use std::path::PathBuf;

use super::forest::Forest;
use super::id_table::IdTable;
use super::inflate::Inflater;
use super::loose;
use super::nodes::{Nodes, Place};
use super::object::{HashKind, ObjectIx, ObjectKind, Problem};
use super::object_set::ObjectSet;
use super::pack::Pack;
use crate::model::BlobId;

/// Compressed bytes that a worker reads before it gives back the memory of packs. Far less would cost more page faults
/// than the memory is worth.
pub(super) const RELEASED_AFTER: u64 = 192 << 20;

/// The objects of a repository, each under a dense number.
///
/// [`open`](Self::open) finds them, [`walk`](Self::walk) visits all of them, and a
/// [`ReadCache`](super::read::ReadCache) reads one.
///
/// ```
/// use stanch::source::git::objects::object::{HashKind, KindSet};
/// use stanch::source::git::objects::store::ObjectStore;
/// use stanch::source::git::objects::walk::WalkOptions;
///
/// let (store, mut problems) = ObjectStore::open(&[".git/objects".into()], HashKind::Sha1);
/// let options = WalkOptions { kinds: KindSet::BLOBS, threads: 2, ..WalkOptions::default() };
/// // Each worker adds up what it sees; the state handed to delta children is how deep they are.
/// let (sums, more) = store.walk(&options, || 0, |sum, entry, depth: Option<&u32>| {
///     *sum += entry.data.len();
///     depth.map_or(0, |depth| depth + 1)
/// });
/// problems.extend(more);
/// println!("{} bytes, {} problems", sums.iter().sum::<usize>(), problems.len());
/// ```
pub struct ObjectStore {
    pub(super) hash: HashKind,
    pub(super) ids: IdTable,
    pub(super) packs: Vec<Pack>,
    pub(super) dirs: Vec<PathBuf>,
    pub(super) nodes: Nodes,
    pub(super) forest: Forest,
}

impl ObjectStore {
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

    /// Whether some pack came from a partial clone: then objects may be missing that the remote has promised.
    pub fn has_promisor_packs(&self) -> bool {
        self.packs.iter().any(|pack| pack.path.with_extension("promisor").exists())
    }

    /// The object directories: those given, then those that they borrow from.
    pub fn objects_dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// The number of an object.
    pub fn lookup(&self, id: &BlobId) -> Option<ObjectIx> {
        self.ids.find(id.as_bytes())
    }

    /// The number of the object with these id bytes, as they stand in a tree.
    #[inline]
    pub fn lookup_raw(&self, id: &[u8]) -> Option<ObjectIx> {
        self.ids.find(id)
    }

    /// The number of the object of each id, appended to `found`.
    pub(crate) fn lookup_all(&self, ids: &[BlobId], found: &mut Vec<Option<ObjectIx>>) {
        self.ids.find_all(ids, found);
    }

    /// The objects of these ids that are here.
    pub fn find_all(&self, ids: &[BlobId]) -> ObjectSet {
        ids.iter().filter_map(|id| self.lookup(id)).collect()
    }

    /// All objects but these.
    pub(crate) fn others(&self, known: &ObjectSet) -> ObjectSet {
        (0..self.ids.len() as u32).map(ObjectIx).filter(|ix| !known.contains(*ix)).collect()
    }

    /// The id of an object. Numbers rise with ids.
    pub fn id(&self, ix: ObjectIx) -> BlobId {
        self.ids.id(ix)
    }

    /// The kind of an object; `None` if its entry is damaged. For a loose object this reads the start of its file.
    pub fn kind(&self, ix: ObjectIx) -> Option<ObjectKind> {
        let node = self.nodes.of(ix);
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
        self.nodes.place(node, &self.packs, &self.dirs)
    }

    /// Asks for what is known of a node, and for its entry, which will be read soon.
    #[inline]
    pub(super) fn expect(&self, node: u32) {
        self.forest.expect(node);
        if let Place::Packed(pack, (offset, _)) = self.place(node) {
            pack.expect(offset);
        }
    }

    /// Whether the packs take no more memory than may be held of larger ones, so that nothing need be given back.
    pub(super) fn fits(&self) -> bool {
        self.packs.iter().map(Pack::end).sum::<u64>() <= RELEASED_AFTER
    }

    /// Gives back the memory of what was read in packs.
    pub(super) fn release(&self) {
        self.packs.iter().for_each(|pack| pack.release(0, pack.end()));
    }

    /// Says which object a problem is about.
    pub(super) fn name(&self, problem: Problem, node: u32) -> Problem {
        let id = self.id(self.nodes.ix(node));
        match self.place(node) {
            Place::Packed(pack, (offset, _)) => problem.object(id).in_file(&pack.path).at(offset),
            Place::Loose(dir) => problem.object(id).in_file(&loose::path(dir, &id).into()),
        }
    }
}
