//! The pattern files embedded in the program, compiled by the build script.

use std::borrow::Cow;

use super::table::Table;

/// The built-in rules.
#[must_use]
pub(crate) fn table() -> Table {
    Table::new(Cow::Borrowed(include_bytes!(concat!(env!("OUT_DIR"), "/rules.bin"))))
}
