//! Repositories: packs, loose objects, history, ranges, the index.
//!
//! Objects come from [`ObjectStore`](objects::store::ObjectStore) in [`objects`]: `open` finds them, `walk` visits all of
//! them, each inflated once and each delta applied once, and a [`ReadCache`](objects::read::ReadCache) reads single ones.
//! [`trees`] compares and indexes trees, [`origin`] finds the commits that brought things in, [`changes`] reads ranges and
//! the index. [`Repo`] is libgit2's side: refs, revwalk, configuration.

pub mod by_id;
pub mod changes;
pub mod error;
mod id_hash;
pub mod objects;
pub mod origin;
pub mod parts;
pub mod refs;
pub mod repo;
pub mod trees;

#[cfg(test)]
mod testing;

pub use by_id::{GitSource, StoreSource, TreeSource};
pub use changes::{
    new_lines::new_lines,
    range::{NewBlob, Range, RangeQuery},
    staged::Staged,
};
pub use error::GitError;
pub use origin::introduce::{Introduced, Known, Origin, Scope, Wanted, commit_info, introduce, introduce_known};
pub use refs::{Tip, TipKind, Tips};
pub use repo::{Layout, Repo};
pub use trees::tree_diff::ChangedFile;
