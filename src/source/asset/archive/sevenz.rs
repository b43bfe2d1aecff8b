//! 7z.

use crate::source::asset::walk::Walk;

pub(in super::super) fn open(walk: &mut Walk<'_>, _bytes: &[u8]) {
    walk.broken("7z is not read yet");
}
