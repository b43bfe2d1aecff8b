//! `GitError`: why a repository could not be read, in words that say what to do.

use std::path::PathBuf;

use crate::model::{BlobId, SkipReason, Skipped};

/// Why a repository, a revision or an object could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository there or above it.
    #[error("no git repository at {}", path.display())]
    NotARepository {
        /// The path asked for.
        path: PathBuf,
    },
    /// git (and we) refuse a repository that somebody else owns: its configuration could run programs.
    #[error(
        "the repository at {0} belongs to another user, so git refuses it; if you trust it: \
         git config --global --add safe.directory {0}", path.display()
    )]
    Owner {
        /// The path asked for.
        path: PathBuf,
    },
    /// A repository in a format that we cannot read.
    #[error("the repository at {} cannot be opened: {why}", path.display())]
    Unsupported {
        /// The path asked for.
        path: PathBuf,
        /// What libgit2 said.
        why: String,
    },
    /// A name that stands for no object here.
    #[error("unknown revision '{rev}'{hint}")]
    UnknownRevision {
        /// As the user wrote it.
        rev: String,
        /// What to do about it; starts with `: `, or is empty.
        hint: String,
    },
    /// The commits asked for go past the point where a shallow clone was cut off.
    #[error(
        "the clone is shallow and ends inside the range, at commit {commit}: \
         deepen it (git fetch --deepen=50, git fetch --unshallow, or fetch-depth: 0 in CI) and scan again"
    )]
    Shallow {
        /// The commit whose parents are not here.
        commit: BlobId,
    },
    /// An object that the repository should have and has not.
    #[error("{kind} {id} is missing")]
    Missing {
        /// `commit`, `tree`, `blob`, `tag` or `object`.
        kind: &'static str,
        /// Its id.
        id: BlobId,
    },
    /// An object that cannot be decoded.
    #[error("{kind} {id} is corrupt: {why}")]
    Corrupt {
        /// As above.
        kind: &'static str,
        /// Its id.
        id: BlobId,
        /// What is wrong with it.
        why: String,
    },
    /// An index file that cannot be decoded.
    #[error("the index {} is corrupt: {why}", path.display())]
    Index {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of the repository that the system would not let us read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Anything else that libgit2 refuses.
    #[error("git: {0}")]
    Git(String),
}

impl GitError {
    /// The same as an item of the list of what was not scanned; `partial` says that the repository is a partial clone,
    /// where a missing object is one that was left at the remote.
    #[must_use]
    pub fn into_skipped(self, partial: bool) -> Skipped {
        let what = match &self {
            Self::Missing { kind, id } | Self::Corrupt { kind, id, .. } => format!("{kind} {id}"),
            Self::Shallow { commit } => format!("commit {commit}"),
            Self::Index { path, .. } | Self::Io { path, .. } => path.display().to_string(),
            _ => "repository".to_owned(),
        };
        let reason = match self {
            Self::Missing { .. } if partial => SkipReason::Promised,
            Self::Missing { .. } => SkipReason::Corrupt("missing".to_owned()),
            Self::Corrupt { why, .. } => SkipReason::Corrupt(why),
            Self::Shallow { .. } => SkipReason::Shallow("its parents are not here".to_owned()),
            Self::Io { error, .. } => SkipReason::Unreadable(error.to_string()),
            other => SkipReason::Unreadable(other.to_string()),
        };
        Skipped { what: what.into(), reason, asked: false }
    }
}

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}
