//! Trees: compared, all of them indexed in one pass, and cut down to what is looked for.

pub(super) mod index_pruner;
mod lists;
pub(super) mod pruned;
pub mod tree_diff;
pub mod tree_index;
pub(super) mod tree_pruner;
mod tree_reader;
mod tree_splice;
