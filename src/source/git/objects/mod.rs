//! The object database: packs, loose objects and what is borrowed, read each once.
//!
//! Files: `mapped` (of the sources), `pack`, `pack_index`, `loose`, `alternates`. What joins them: `catalog`, `id_table`,
//! `nodes`, `link`, `forest`. Decoding: `inflate`, `delta`, `decode`, `recover`. The threads of a walk: `walker`, `tasks`,
//! `budget`.

mod alternates;
mod budget;
mod catalog;
mod decode;
pub mod delta;
mod forest;
mod id_table;
mod inflate;
pub(super) mod likely;
mod link;
pub(super) mod look_ups;
mod loose;
pub(crate) mod namers;
mod nodes;
pub mod object;
pub mod object_set;
mod open;
mod pack;
mod pack_index;
mod prefetch;
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
