//! Repositories: packs, loose objects, history, ranges, the index.

mod alternates;
mod catalog;
mod decode;
pub mod delta;
mod forest;
mod id_table;
mod inflate;
mod loose;
mod mapped;
pub mod object;
mod pack;
mod pack_index;
pub mod read;
pub mod store;
mod tasks;
pub mod walk;

#[cfg(test)]
mod store_tests;
pub mod by_id;
mod commits;
pub mod error;
mod ewah;
pub mod history;
mod index_file;
pub mod introduce;
mod new_lines;
pub mod open;
pub mod parts;
mod pruned;
pub mod range;
pub mod refs;
pub mod staged;
#[cfg(test)]
mod testing;
pub mod tree_diff;

pub use by_id::{GitSource, ObjectKind, TreeSource};
pub use error::GitError;
pub use history::{FileNames, Text};
pub use introduce::{Introduced, Origin, Scope, Wanted, commit_info, introduce};
pub use new_lines::new_lines;
pub use open::{HashKind, Layout, Repo};
pub use range::{NewBlob, Range, RangeQuery};
pub use refs::{Tip, TipKind, Tips};
pub use staged::Staged;
pub use tree_diff::ChangedFile;
