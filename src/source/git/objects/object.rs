//! The words of an object database: kinds, dense numbers, what went wrong.

use std::fmt;
use std::ops::BitOr;
use std::path::Path;
use std::sync::Arc;

use crate::model::{BlobId, SkipReason, Skipped};

/// Which hash names the objects of a repository (`extensions.objectFormat`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HashKind {
    /// 20 bytes.
    #[default]
    Sha1,
    /// 32 bytes.
    Sha256,
}

impl HashKind {
    /// Bytes in an id.
    pub fn id_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// A distinct object of one [`ObjectStore`](super::store::ObjectStore): its rank among all ids, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectIx(pub u32);

impl ObjectIx {
    /// As an index into an array of [`ObjectStore::len`](super::store::ObjectStore::len) elements.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an object is. The numbers are those of a pack entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ObjectKind {
    /// A commit.
    Commit = 1,
    /// A directory.
    Tree = 2,
    /// The bytes of a file, of a symbolic link, or of a note.
    Blob = 3,
    /// An annotated tag.
    Tag = 4,
}

impl ObjectKind {
    pub(super) fn from_code(code: u8) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag].into_iter().find(|kind| *kind as u8 == code)
    }

    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag].into_iter().find(|kind| kind.name().as_bytes() == name)
    }

    /// As `git cat-file -t` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Some kinds of object: `KindSet::BLOBS | KindSet::TAGS`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindSet(u8);

impl KindSet {
    /// Commits only.
    pub const COMMITS: Self = Self::of(ObjectKind::Commit);
    /// Trees only.
    pub const TREES: Self = Self::of(ObjectKind::Tree);
    /// Blobs only.
    pub const BLOBS: Self = Self::of(ObjectKind::Blob);
    /// Annotated tags only.
    pub const TAGS: Self = Self::of(ObjectKind::Tag);
    /// Everything.
    pub const ALL: Self = Self(0b1_1110);

    /// The set of one kind.
    pub const fn of(kind: ObjectKind) -> Self {
        Self(1 << kind as u8)
    }

    /// Whether `kind` is in the set.
    pub fn contains(self, kind: ObjectKind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }
}

impl BitOr for KindSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// An object, or a file of objects, that cannot be read. It never stops the reading of the others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// The object, where one is known.
    pub id: Option<BlobId>,
    /// The pack, index or loose object.
    pub file: Option<Arc<Path>>,
    /// Where in the file, in bytes.
    pub offset: Option<u64>,
    /// What is wrong.
    pub reason: SkipReason,
}

impl Problem {
    pub(crate) fn corrupt(why: impl Into<String>) -> Self {
        Self::new(SkipReason::Corrupt(why.into()))
    }

    pub(crate) fn new(reason: SkipReason) -> Self {
        Self { id: None, file: None, offset: None, reason }
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::new(SkipReason::Unreadable(error.to_string())).in_file(&Arc::from(path))
    }

    pub(super) fn in_file(mut self, file: &Arc<Path>) -> Self {
        self.file.get_or_insert_with(|| Arc::clone(file));
        self
    }

    pub(super) fn at(mut self, offset: u64) -> Self {
        self.offset.get_or_insert(offset);
        self
    }

    pub(crate) fn object(mut self, id: BlobId) -> Self {
        self.id.get_or_insert(id);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.id {
            write!(f, "object {id} ")?;
        }
        if let Some(file) = &self.file {
            write!(f, "{} ", file.display())?;
        }
        if let Some(offset) = self.offset {
            write!(f, "at byte {offset} ")?;
        }
        write!(f, "{}", self.reason)
    }
}

impl From<Problem> for Skipped {
    fn from(problem: Problem) -> Self {
        let mut what = Vec::new();
        if let Some(id) = &problem.id {
            what.extend_from_slice(format!("object {id}").as_bytes());
        }
        if let Some(file) = &problem.file {
            let separator: &[u8] = if what.is_empty() { b"" } else { b" in " };
            what.extend_from_slice(separator);
            what.extend_from_slice(file.as_os_str().as_encoded_bytes());
        }
        if let Some(offset) = problem.offset {
            what.extend_from_slice(format!(" at byte {offset}").as_bytes());
        }
        Self { what: what.into(), reason: problem.reason, asked: false }
    }
}
