//! The pattern files embedded in the program, compiled by the build script.

use std::borrow::Cow;

use super::table::Table;

/// The built-in rules.
#[must_use]
pub(crate) fn table() -> Table {
    Table::new(Cow::Borrowed(include_bytes!(concat!(env!("OUT_DIR"), "/rules.bin"))))
}

/// The tables of the anchor pass over the built-in rules' keywords, as `detect::anchor` reads them.
pub(crate) const EVERYWHERE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/everywhere.bin"));
/// The same for the words that are looked for in front of runs.
pub(crate) const BEFORE_RUNS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/before_runs.bin"));
/// The same for the names of providers.
pub(crate) const NAMED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/named.bin"));

/// SHA-256 of the built-in rules' table, then of what the judge of names and values has learned.
const DIGESTS: &[u8; 64] = include_bytes!(concat!(env!("OUT_DIR"), "/digests.bin"));

/// SHA-256 of the built-in rules' table, so that no start-up pays for it.
pub(crate) fn digest() -> &'static [u8] {
    &DIGESTS[..32]
}

/// SHA-256 of what the judge has learned.
pub(crate) fn judge_digest() -> &'static [u8] {
    &DIGESTS[32..]
}
