//! ELF, Mach-O and PE: printable runs. User strings of .NET are UTF-16 runs within a PE.

use super::{Strings, printable};

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    // What stops it is listed by the budget, not as a broken file.
    let _ = printable::runs(strings, bytes, 0);
    Some(())
}
