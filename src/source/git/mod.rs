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
