//! Hermes bytecode: its string table (hermes `BytecodeFileFormat.h`; versions 60 to 96).

use super::{Strings, utf16le};
use crate::source::asset::archive::u32_at;

/// Size of the file's header, of a function's header, and of a string kind or an identifier's hash.
const HEADER: usize = 128;
const FUNCTION: usize = 16;
const WORD: usize = 4;

/// A length that says "see the overflow table".
const OVERFLOW: u32 = 0xff;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let field = |at: usize| u32_at(bytes, at).map(|n| n as usize);
    let (functions, kinds, identifiers) = (field(40)?, field(44)?, field(48)?);
    let (count, overflows, storage) = (field(52)?, field(56)?, field(60)?);
    let mut at = HEADER;
    let mut table = |count: usize, size: usize| {
        let start = at;
        at = at.checked_add(count.checked_mul(size)?)?.checked_next_multiple_of(4)?;
        bytes.get(start..at.min(bytes.len()))
    };
    table(functions, FUNCTION)?;
    table(kinds, WORD)?;
    table(identifiers, WORD)?;
    let small = table(count, WORD)?;
    let large = table(overflows, 2 * WORD)?;
    let text = table(storage, 1)?;
    if small.len() != count * WORD || large.len() != overflows * 2 * WORD || text.len() < storage {
        return None;
    }
    for (number, entry) in small.chunks_exact(WORD).enumerate() {
        let entry = u32_at(entry, 0)?;
        let (wide, offset, length) = (entry & 1 == 1, (entry >> 1 & 0x7f_ffff) as usize, entry >> 24);
        let (offset, length) = match length {
            OVERFLOW => (u32_at(large, offset.checked_mul(8)?)? as usize, u32_at(large, offset * 8 + 4)? as usize),
            _ => (offset, length as usize),
        };
        let size = if wide { length.checked_mul(2)? } else { length };
        let string = text.get(offset..offset.checked_add(size)?)?;
        let pushed =
            if wide { strings.push(number as u64, &utf16le(string)) } else { strings.push(number as u64, string) };
        if pushed.is_none() {
            return Some(());
        }
    }
    Some(())
}
