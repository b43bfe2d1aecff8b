//! `Provenance`, `Place`: where a blob came from.

use std::sync::Arc;

use bstr::BString;

use super::{BlobId, LineColumn};

/// A moment as git stores it: seconds since 1970 and the author's offset from UTC in minutes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub offset_minutes: i32,
}

/// The commit that brought some bytes in, and what became of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CommitInfo {
    /// The commit's id.
    pub id: BlobId,
    /// Author's name, as stored.
    pub author: BString,
    /// Author's mail address, as stored.
    pub email: BString,
    /// Author's date.
    pub date: Timestamp,
    /// First line of the message.
    pub summary: BString,
    /// Whether the same bytes are still in the tree of HEAD (at any path); `None` where that was not asked.
    pub at_head: Option<bool>,
    /// The first commit that no longer has the bytes at that path, where there is one.
    pub removed_by: Option<BlobId>,
    /// Names of refs whose history holds the bytes (sorted; full names).
    pub refs: Arc<[BString]>,
}

/// Which part of a git object that is not a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ObjectPart {
    /// A commit's message.
    CommitMessage,
    /// A commit's author line.
    CommitAuthor,
    /// A commit's committer line.
    CommitCommitter,
    /// Any other header of a commit (encoding, merge tag, unknown headers).
    CommitHeader,
    /// An annotated tag's message.
    TagMessage,
    /// An annotated tag's tagger line or headers.
    TagHeader,
    /// The name of a branch, tag or other ref.
    RefName,
    /// The name of a file or directory.
    FileName,
}

impl ObjectPart {
    /// The words shown to people, and the name in machine formats.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CommitMessage => "commit message",
            Self::CommitAuthor => "commit author",
            Self::CommitCommitter => "commit committer",
            Self::CommitHeader => "commit header",
            Self::TagMessage => "tag message",
            Self::TagHeader => "tag header",
            Self::RefName => "ref name",
            Self::FileName => "file name",
        }
    }
}

/// The outermost thing that some bytes came from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Provenance {
    /// A file of a working tree; the path as reached from the path the user named.
    File {
        /// Bytes of the path, `/` between parts.
        path: BString,
    },
    /// A file in git's index.
    Staged {
        /// Path from the top of the repository.
        path: BString,
        /// The blob.
        blob: BlobId,
    },
    /// A file in git's history.
    History {
        /// Path from the top of the repository; empty where no tree names the blob.
        path: BString,
        /// The blob.
        blob: BlobId,
        /// The commit that introduced it; `None` for an object that no commit reaches.
        commit: Option<Arc<CommitInfo>>,
    },
    /// Text of a git object that is not a file.
    Object {
        /// Which part of it.
        part: ObjectPart,
        /// The object's id, or the commit that brought a file name in; `None` for a ref name.
        id: Option<BlobId>,
        /// The ref's or file's name where it is one, else empty.
        name: BString,
        /// The commit, where there is one.
        commit: Option<Arc<CommitInfo>>,
    },
    /// Standard input.
    Stdin,
}

impl Provenance {
    /// The path people know it by; empty where there is none.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        match self {
            Self::File { path } | Self::Staged { path, .. } | Self::History { path, .. } => path,
            Self::Object { name, .. } => name,
            Self::Stdin => b"",
        }
    }

    /// The commit that brought it in, where that is known.
    #[must_use]
    pub fn commit(&self) -> Option<&CommitInfo> {
        match self {
            Self::History { commit, .. } | Self::Object { commit, .. } => commit.as_deref(),
            Self::File { .. } | Self::Staged { .. } | Self::Stdin => None,
        }
    }

    /// The blob's or object's id, where it has one.
    #[must_use]
    pub fn blob(&self) -> Option<BlobId> {
        match self {
            Self::Staged { blob, .. } | Self::History { blob, .. } => Some(*blob),
            Self::Object { id, .. } => *id,
            Self::File { .. } | Self::Stdin => None,
        }
    }
}

/// The original file that a source map names for a place in a bundle.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Original {
    /// Name in the map's `sources`.
    pub path: BString,
    /// Where in that file.
    pub at: LineColumn,
}

/// Where some scanned bytes were: the outermost thing and the way inward through containers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The outermost thing.
    pub provenance: Provenance,
    /// Members from the outside in, for instance `["assets.zip", "app.js"]`; empty for plain bytes.
    /// Shown as `outer!member!member`.
    pub inside: Vec<BString>,
}

impl Place {
    /// Bytes that are not inside any container.
    #[must_use]
    pub fn plain(provenance: Provenance) -> Self {
        Self { provenance, inside: Vec::new() }
    }

    /// `path!member!member`, as raw bytes: reports make control characters visible before they print it.
    #[must_use]
    pub fn path(&self) -> BString {
        let mut path = BString::from(self.provenance.path());
        for member in &self.inside {
            path.push(b'!');
            path.extend_from_slice(member);
        }
        path
    }
}
