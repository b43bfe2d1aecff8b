//! Text of a history that is not in files: messages, people, tags.

use super::parts::{commit_parts, tag_parts};
use crate::model::{BlobId, ObjectPart};

/// A piece of text of a git object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text<'a> {
    /// Which part.
    pub part: ObjectPart,
    /// The commit, the tag, or the tree that holds a name; `None` for the name of a ref.
    pub id: Option<BlobId>,
    /// The text, as stored.
    pub bytes: &'a [u8],
}

/// The text of a commit.
pub fn commit_texts(id: BlobId, data: &[u8]) -> impl Iterator<Item = Text<'_>> {
    commit_parts(data).map(move |(part, bytes)| Text { part, id: Some(id), bytes })
}

/// The text of an annotated tag.
pub fn tag_texts(id: BlobId, data: &[u8]) -> impl Iterator<Item = Text<'_>> {
    tag_parts(data).map(move |(part, bytes)| Text { part, id: Some(id), bytes })
}
