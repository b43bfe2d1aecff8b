//! Repositories: packs, loose objects, history, ranges, the index.
//!
//! Objects come from [`store::ObjectStore`]: [`open`](store::ObjectStore::open) finds them,
//! [`walk`](store::ObjectStore::walk) visits all of them, each inflated once and each delta applied once, and a
//! [`read::ReadCache`] reads single ones. Below that lie files (`mapped`, `pack`, `pack_index`, `loose`,
//! `alternates`), what joins them (`catalog`, `id_table`, `nodes`, `link`, `forest`), decoding (`inflate`, `delta`,
//! `decode`, `recover`) and the threads of a walk (`walker`, `tasks`, `budget`).

mod alternates;
mod budget;
mod catalog;
mod decode;
pub mod delta;
mod forest;
mod id_table;
mod inflate;
mod link;
mod loose;
mod mapped;
mod nodes;
pub mod object;
mod open;
mod pack;
mod pack_index;
pub mod read;
mod recover;
pub mod store;
mod tasks;
pub mod walk;
mod walker;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod store_tests;
