//! Repositories: packs, loose objects, history, ranges, the index.
//!
//! Objects come from [`store::ObjectStore`]: [`open`](store::ObjectStore::open) finds them,
//! [`walk`](store::ObjectStore::walk) visits all of them, each inflated once and each delta applied once, and a
//! [`read::ReadCache`] reads single ones. Below that lie files (`mapped`, `pack`, `pack_index`, `loose`,
//! `alternates`), what joins them (`catalog`, `id_table`, `nodes`, `link`, `forest`), decoding (`inflate`, `delta`,
//! `decode`, `recover`) and the threads of a walk (`walker`, `tasks`, `budget`).

mod alternates;
mod ancestry;
mod beside;
mod budget;
pub mod by_id;
mod catalog;
pub mod commit_rows;
mod commits;
mod decode;
pub mod delta;
pub mod error;
mod ewah;
mod fold_hash;
mod forest;
pub mod history;
mod id_hash;
mod id_table;
mod index_file;
mod index_pruner;
mod inflate;
pub mod introduce;
mod likely;
mod link;
mod lists;
mod loose;
pub(crate) mod namers;
mod new_lines;
mod nodes;
pub mod object;
pub mod object_set;
mod open;
mod pack;
mod pack_index;
pub mod parts;
mod prefetch;
mod pruned;
mod quarantine;
pub mod range;
pub mod read;
mod recover;
mod ref_names;
pub mod refs;
pub mod repo;
pub mod staged;
pub mod store;
mod tasks;
mod trace;
pub mod tree_diff;
pub mod tree_index;
mod tree_pruner;
mod tree_reader;
mod tree_splice;
pub mod walk;
mod walker;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod introduce_tests;
#[cfg(test)]
mod known_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod testing;

pub use by_id::{GitSource, StoreSource, TreeSource};
pub use error::GitError;
pub use history::Text;
pub use introduce::{Introduced, Known, Origin, Scope, Wanted, commit_info, introduce, introduce_known};
pub use new_lines::new_lines;
pub use range::{NewBlob, Range, RangeQuery};
pub use refs::{Tip, TipKind, Tips};
pub use repo::{Layout, Repo};
pub use staged::Staged;
pub use tree_diff::ChangedFile;
