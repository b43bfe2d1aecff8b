//! Continuous integration: where the program runs, and which commits it is asked about.

pub(crate) mod deepen;
mod forge;
pub(crate) mod resolve;
pub(crate) mod trust;
