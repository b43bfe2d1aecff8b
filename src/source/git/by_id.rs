//! `TreeSource`: trees and commits by id, from libgit2 or from another reader; and a cache of trees in front of one.

use std::collections::HashMap;
use std::rc::Rc;

use git2::{ErrorCode, ObjectType, Odb, OdbLookupFlags, Oid, Repository};

use super::error::GitError;
use super::objects::object::ObjectKind;
use super::objects::read::ReadCache;
use super::objects::store::ObjectStore;
use crate::model::BlobId;

/// The empty tree, which git knows without storing it (SHA-1 and SHA-256).
const EMPTY_TREES: [&[u8]; 2] =
    [b"4b825dc642cb6eb9a060e54bf8d69288fbee4904", b"6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"];

/// Something that reads objects by id: all that walks over commits and trees go through it.
pub trait TreeSource {
    /// Puts the bytes of an object into `buf`, replacing what it held, and tells its kind.
    ///
    /// # Errors
    /// `Missing` or `Corrupt`.
    fn object(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<ObjectKind, GitError>;

    /// The kind of an object.
    ///
    /// # Errors
    /// As above.
    fn kind(&mut self, id: &BlobId) -> Result<ObjectKind, GitError> {
        self.object(id, &mut Vec::new())
    }

    /// The same for an object that has to be of one kind.
    ///
    /// # Errors
    /// `Missing`, or `Corrupt` if it is of another kind.
    fn object_of(&mut self, kind: ObjectKind, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        match self.object(id, buf) {
            Ok(found) if found == kind => Ok(()),
            Ok(found) => {
                let why = format!("it is a {}", found.name());
                Err(GitError::Corrupt { kind: kind.name(), id: *id, why })
            }
            Err(GitError::Missing { id, .. }) => Err(GitError::Missing { kind: kind.name(), id }),
            Err(GitError::Corrupt { id, why, .. }) => Err(GitError::Corrupt { kind: kind.name(), id, why }),
            Err(error) => Err(error),
        }
    }

    /// The bytes of a tree.
    ///
    /// # Errors
    /// As above.
    fn tree(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        self.object_of(ObjectKind::Tree, id, buf)
    }

    /// The bytes of a commit.
    ///
    /// # Errors
    /// As above.
    fn commit(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        self.object_of(ObjectKind::Commit, id, buf)
    }
}

/// Objects by id, through libgit2.
pub struct GitSource<'repo> {
    odb: Odb<'repo>,
}

impl<'repo> GitSource<'repo> {
    /// Reads from a repository and its alternates.
    ///
    /// # Errors
    /// If the object database cannot be opened.
    pub fn new(git: &'repo Repository) -> Result<Self, GitError> {
        Ok(Self { odb: git.odb()? })
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// `Missing` or `Corrupt`.
    pub fn blob(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        self.object_of(ObjectKind::Blob, id, buf)
    }

    /// Whether there is an object of this id, readable or not.
    #[must_use]
    pub fn has(&self, id: &BlobId) -> bool {
        Oid::from_bytes(id.as_bytes()).is_ok_and(|id| self.odb.exists_ext(id, OdbLookupFlags::NO_REFRESH))
    }

    /// What kind of object an id names; `None` if it is not here.
    #[must_use]
    pub fn kind(&self, id: &BlobId) -> Option<ObjectKind> {
        let oid = Oid::from_bytes(id.as_bytes()).ok()?;
        self.odb.read_header(oid).ok().and_then(|(_, kind)| kind_of(kind))
    }
}

impl TreeSource for GitSource<'_> {
    fn object(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<ObjectKind, GitError> {
        let object = self.odb.read(Oid::from_bytes(id.as_bytes())?).map_err(|error| match error.code() {
            ErrorCode::NotFound => GitError::Missing { kind: "object", id: *id },
            _ => GitError::Corrupt { kind: "object", id: *id, why: error.message().to_owned() },
        })?;
        buf.clear();
        buf.extend_from_slice(object.data());
        let why = || "of a kind that does not exist".to_owned();
        kind_of(object.kind()).ok_or_else(|| GitError::Corrupt { kind: "object", id: *id, why: why() })
    }
}

fn kind_of(kind: ObjectType) -> Option<ObjectKind> {
    match kind {
        ObjectType::Commit => Some(ObjectKind::Commit),
        ObjectType::Tree => Some(ObjectKind::Tree),
        ObjectType::Blob => Some(ObjectKind::Blob),
        ObjectType::Tag => Some(ObjectKind::Tag),
        ObjectType::Any => None,
    }
}

/// Objects by id, through our own reader.
pub struct StoreSource<'s> {
    store: &'s ObjectStore,
    cache: ReadCache<'s>,
}

/// Enough bases for walks that go from a commit to its neighbours.
const BASES_BYTES: usize = 32 << 20;

impl<'s> StoreSource<'s> {
    /// Refuses objects of more than `limit` bytes.
    #[must_use]
    pub fn new(store: &'s ObjectStore, limit: u64) -> Self {
        Self { store, cache: ReadCache::new(store, BASES_BYTES, limit) }
    }
}

impl TreeSource for StoreSource<'_> {
    fn object(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<ObjectKind, GitError> {
        let kind = "object";
        let number = self.store.lookup(id).ok_or(GitError::Missing { kind, id: *id })?;
        let read = self.cache.read(number);
        let (kind, data) = read.map_err(|problem| GitError::Corrupt { kind, id: *id, why: problem.to_string() })?;
        *buf = data;
        Ok(kind)
    }

    fn kind(&mut self, id: &BlobId) -> Result<ObjectKind, GitError> {
        // Reading it would say why it has none.
        let kind = self.store.lookup(id).and_then(|number| self.store.kind(number));
        kind.map_or_else(|| self.object(id, &mut Vec::new()), Ok)
    }
}

impl<T: TreeSource + ?Sized> TreeSource for &mut T {
    fn object(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<ObjectKind, GitError> {
        (**self).object(id, buf)
    }
}

/// Whether this is the empty tree, which need not be stored.
#[must_use]
pub fn is_empty_tree(id: &BlobId) -> bool {
    EMPTY_TREES.iter().any(|hex| BlobId::from_hex(hex).as_ref() == Some(id))
}

/// Trees read lately. Neighbouring commits share most of theirs.
pub(crate) struct TreeCache<S> {
    pub(super) source: S,
    trees: HashMap<BlobId, Rc<[u8]>>,
    bytes: usize,
    buf: Vec<u8>,
}

/// Enough for the trees along the changed paths of thousands of commits.
const CACHE_BYTES: usize = 32 << 20;

impl<S: TreeSource> TreeCache<S> {
    pub(super) fn new(source: S) -> Self {
        Self { source, trees: HashMap::new(), bytes: 0, buf: Vec::new() }
    }

    pub(super) fn tree(&mut self, id: &BlobId) -> Result<Rc<[u8]>, GitError> {
        if let Some(tree) = self.trees.get(id) {
            return Ok(Rc::clone(tree));
        }
        if let Err(error) = self.source.tree(id, &mut self.buf) {
            if !is_empty_tree(id) {
                return Err(error);
            }
            self.buf.clear();
        }
        let tree: Rc<[u8]> = Rc::from(self.buf.as_slice());
        if self.bytes > CACHE_BYTES {
            self.trees.clear();
            self.bytes = 0;
        }
        self.bytes += tree.len() + size_of::<(BlobId, Rc<[u8]>)>();
        self.trees.insert(*id, Rc::clone(&tree));
        Ok(tree)
    }
}
