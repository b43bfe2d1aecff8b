//! `AuditError`: why an audit cannot go on at all. What is wrong with one repository is not an error but its status.

use std::path::{Path, PathBuf};

/// Why an audit cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file or directory of the audit itself.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The store cannot be used.
    #[error("the store {}: {error}", path.display())]
    Store {
        /// Which.
        path: PathBuf,
        /// What the database says.
        error: rusqlite::Error,
    },
    /// A plan or shard file does not hold what it should.
    #[error("{}: {why}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// What was asked for cannot be.
    #[error("{0}")]
    Usage(String),
    /// A forge did not list everything. A shorter list would look like a clean audit.
    #[error("the list of repositories at {origin} is incomplete: {why}")]
    Listing {
        /// The forge, without credentials.
        origin: String,
        /// What happened.
        why: String,
    },
    /// Shards that do not belong together.
    #[error("{}: {why}; only shards of one plan, rule set and configuration can be merged", path.display())]
    Mixed {
        /// The odd one.
        path: PathBuf,
        /// In what it differs.
        why: String,
    },
}

impl AuditError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |error| Self::Io { path: path.to_owned(), error }
    }

    pub(crate) fn malformed(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Malformed { path: path.to_owned(), why: why.to_string() }
    }
}
