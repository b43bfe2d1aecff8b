//! `TreeSource`: trees and commits by id, from libgit2 or from another reader; and a cache of trees in front of one.

use std::collections::HashMap;
use std::rc::Rc;

use git2::{ErrorCode, ObjectType, Odb, Oid, Repository};

use super::error::GitError;
use crate::model::BlobId;

/// The empty tree, which git knows without storing it (SHA-1 and SHA-256).
const EMPTY_TREES: [&[u8]; 2] =
    [b"4b825dc642cb6eb9a060e54bf8d69288fbee4904", b"6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"];

/// Something that reads trees and commits.
pub trait TreeSource {
    /// Puts the bytes of a tree into `buf`, replacing what it held.
    ///
    /// # Errors
    /// `Missing` or `Corrupt`.
    fn tree(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError>;

    /// Puts the bytes of a commit into `buf`, replacing what it held.
    ///
    /// # Errors
    /// `Missing` or `Corrupt`.
    fn commit(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError>;
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

    /// Puts the bytes of a blob into `buf`, replacing what it held.
    ///
    /// # Errors
    /// `Missing` or `Corrupt`.
    pub fn blob(&self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        self.read(id, ObjectType::Blob, "blob", buf)
    }

    /// Puts the bytes of an annotated tag into `buf`, replacing what it held.
    ///
    /// # Errors
    /// `Missing` or `Corrupt`.
    pub fn tag(&self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        self.read(id, ObjectType::Tag, "tag", buf)
    }

    /// What kind of object an id names; `None` if it is not here.
    #[must_use]
    pub fn kind(&self, id: &BlobId) -> Option<ObjectType> {
        let oid = Oid::from_bytes(id.as_bytes()).ok()?;
        self.odb.read_header(oid).ok().map(|(_, kind)| kind)
    }

    fn read(&self, id: &BlobId, want: ObjectType, kind: &'static str, buf: &mut Vec<u8>) -> Result<(), GitError> {
        let object = self.odb.read(Oid::from_bytes(id.as_bytes())?).map_err(|error| match error.code() {
            ErrorCode::NotFound => GitError::Missing { kind, id: *id },
            _ => GitError::Corrupt { kind, id: *id, why: error.message().to_owned() },
        })?;
        if object.kind() != want {
            return Err(GitError::Corrupt { kind, id: *id, why: format!("it is a {}", object.kind().str()) });
        }
        buf.clear();
        buf.extend_from_slice(object.data());
        Ok(())
    }
}

impl TreeSource for GitSource<'_> {
    fn tree(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        self.read(id, ObjectType::Tree, "tree", buf)
    }

    fn commit(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        self.read(id, ObjectType::Commit, "commit", buf)
    }
}

impl<T: TreeSource + ?Sized> TreeSource for &mut T {
    fn tree(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        (**self).tree(id, buf)
    }

    fn commit(&mut self, id: &BlobId, buf: &mut Vec<u8>) -> Result<(), GitError> {
        (**self).commit(id, buf)
    }
}

/// Whether this is the empty tree, which need not be stored.
#[must_use]
pub fn is_empty_tree(id: &BlobId) -> bool {
    EMPTY_TREES.iter().any(|hex| BlobId::from_hex(hex).as_ref() == Some(id))
}

/// Trees read lately. Neighbouring commits share most of theirs.
pub(super) struct TreeCache<S> {
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
