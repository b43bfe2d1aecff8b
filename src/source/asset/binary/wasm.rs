//! WebAssembly: printable runs of data segments and custom sections; code is passed over.

use super::{Strings, printable};

const CUSTOM: u8 = 0;
const CODE: u8 = 10;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let mut at = 8;
    while at < bytes.len() {
        let id = bytes[at];
        let (length, size) = leb(bytes.get(at + 1..)?)?;
        let start = at + 1 + size;
        let section = bytes.get(start..start.checked_add(length)?)?;
        // DWARF is large and holds names of the compiler's.
        let debug = id == CUSTOM && section.get(1..).is_some_and(|name| name.starts_with(b".debug_"));
        if id != CODE && !debug && printable::runs(strings, section, start as u64).is_none() {
            return Some(());
        }
        at = start + length;
    }
    Some(())
}

/// An unsigned LEB128 number of 32 bits and how many bytes it takes.
fn leb(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, at + 1));
        }
    }
    None
}
