//! PDF.

use crate::source::asset::walk::Walk;

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    super::printable::open(walk, bytes);
}
