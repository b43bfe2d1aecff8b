//! Binaries: tables of strings and printable runs.

pub(super) mod pdf;
mod printable;

use super::numbering::Sheet;
use super::recognise::Container;
use super::unit::Nature;
use super::walk::Walk;

/// Hands over the strings of a binary.
pub(super) fn open(walk: &mut Walk<'_>, kind: Container, bytes: &[u8], nature: Nature) {
    let _ = (kind, nature);
    printable::open(walk, bytes);
}

/// Adds a string to a sheet and hands the sheet over when it is full.
fn push(walk: &mut Walk<'_>, sheet: &mut Sheet, number: u64, string: &[u8]) {
    sheet.push(number, string);
    if sheet.is_full() {
        walk.sheet(sheet);
    }
}
