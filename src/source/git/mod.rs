//! Repositories: packs, loose objects, history, ranges, the index.

mod alternates;
mod budget;
pub mod by_id;
mod catalog;
mod commits;
mod decode;
pub mod delta;
pub mod error;
mod ewah;
mod forest;
pub mod history;
mod id_hash;
mod id_table;
mod index_file;
mod inflate;
pub mod introduce;
mod link;
mod loose;
mod mapped;
mod new_lines;
mod nodes;
pub mod object;
mod open;
mod pack;
mod pack_index;
pub mod parts;
mod pruned;
pub mod range;
pub mod read;
mod recover;
pub mod refs;
pub mod repo;
pub mod staged;
pub mod store;
mod tasks;
pub mod tree_diff;
mod tree_splice;
pub mod walk;
mod walker;
mod wanted_set;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod testing;

pub use by_id::{GitSource, StoreSource, TreeSource};
pub use commits::CommitNode;
pub use error::GitError;
pub use history::{FileNames, Text};
pub use introduce::{Introduced, Origin, Scope, Wanted, commit_info, introduce, introduce_among};
pub use new_lines::new_lines;
pub use range::{NewBlob, Range, RangeQuery};
pub use refs::{Tip, TipKind, Tips};
pub use repo::{Layout, Repo};
pub use staged::Staged;
pub use tree_diff::ChangedFile;
