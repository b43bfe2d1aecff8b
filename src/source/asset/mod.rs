//! Containers: recognised by their bytes, unpacked within a budget.
//!
//! [`recognise`] looks at magic numbers and costs a few nanoseconds on ordinary text. [`unpack`] goes through a
//! container and everything nested in it and hands each piece of text (or strings of a binary) to a visitor as a
//! [`Unit`]. Nothing is written to disk, nothing is fetched, and no fault of the input is fatal: what could not be read
//! is listed in [`Unpacked::skipped`].

mod archive;
mod binary;
mod budget;
mod numbering;
mod recognise;
mod unit;
mod walk;
mod web;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub use archive::compressed::is_brotli_of_text;
pub(super) use archive::resolve;
pub use budget::Budget;
pub use numbering::Numbering;
pub use recognise::{Container, recognise};
pub use unit::{Inner, Lines, MapNote, Nature, Unit, Unpacked};
pub use walk::unpack;
pub use web::{Beside, BundleMap, carries_data};
