//! Repositories: packs, loose objects, history, ranges, the index.

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
