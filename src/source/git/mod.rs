//! Repositories: packs, loose objects, history, ranges, the index.
//!
//! Objects come from [`store::ObjectStore`]: [`open`](store::ObjectStore::open) finds them,
//! [`walk`](store::ObjectStore::walk) visits all of them, each inflated once and each delta applied once, and a
//! [`read::ReadCache`] reads single ones. Below that lie files (`mapped`, `pack`, `pack_index`, `loose`,
//! `alternates`), what joins them (`catalog`, `id_table`, `nodes`, `link`, `forest`), decoding (`inflate`, `delta`,
//! `decode`, `recover`) and the threads of a walk (`walker`, `tasks`, `budget`).

mod alternates;
mod ancestry;
mod budget;
mod catalog;
mod decode;
pub mod delta;
mod fold_hash;
mod forest;
mod id_table;
mod inflate;
mod link;
mod loose;
mod mapped;
mod nodes;
pub mod object;
pub mod object_set;
mod open_store;
mod pack;
mod pack_index;
pub mod read;
mod recover;
pub mod store;
mod tasks;
pub mod walk;
mod walker;

pub mod by_id;
pub mod commit_rows;
mod commits;
#[cfg(test)]
mod damage_tests;
pub mod error;
mod ewah;
pub mod history;
#[cfg(test)]
mod hostile_tests;
mod index_file;
mod index_pruner;
pub mod introduce;
#[cfg(test)]
mod introduce_tests;
#[cfg(test)]
mod known_tests;
mod new_lines;
pub mod open;
pub mod parts;
mod pruned;
pub mod range;
mod ref_names;
pub mod refs;
pub mod staged;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod testing;
mod trace;
pub mod tree_diff;
pub mod tree_index;
mod tree_pruner;
mod tree_reader;

pub use by_id::{GitSource, ObjectKind, TreeSource};
pub use error::GitError;
pub use history::{FileNames, Text};
pub use introduce::{Introduced, Known, Origin, Scope, Wanted, commit_info, introduce, introduce_known};
pub use new_lines::new_lines;
pub use open::{HashKind, Layout, Repo};
pub use range::{NewBlob, Range, RangeQuery};
pub use refs::{Tip, TipKind, Tips};
pub use staged::Staged;
pub use tree_diff::ChangedFile;
