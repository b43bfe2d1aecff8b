//! Hermes bytecode: its string table (hermes `BytecodeFileFormat.h`; seen with versions 84 and 99).

use super::{Strings, utf16le};
use crate::source::asset::archive::u32_at;

/// Size of the file's header, and of a string kind or an identifier's hash.
const HEADER: usize = 128;
const WORD: usize = 4;

/// From this version on a function's header takes 12 bytes; before, 16.
const SHORT_FUNCTIONS: u32 = 97;

/// A length that says "see the overflow table".
const OVERFLOW: u32 = 0xff;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let sizes = if u32_at(bytes, 8)? < SHORT_FUNCTIONS { [16, 12] } else { [12, 16] };
    // Versions in between differ; a table that is not where it should be points outside the strings.
    let table = sizes.into_iter().filter_map(|size| Table::find(bytes, size)).find(Table::is_sound)?;
    for number in 0..table.len() {
        let (wide, string) = table.get(number)?;
        let string = if wide { &utf16le(string)[..] } else { string };
        if strings.push(number as u64, string).is_none() {
            return Some(());
        }
    }
    Some(())
}

struct Table<'a> {
    small: &'a [u8],
    large: &'a [u8],
    text: &'a [u8],
}

impl<'a> Table<'a> {
    fn find(bytes: &'a [u8], function: usize) -> Option<Self> {
        let field = |at: usize| u32_at(bytes, at).map(|n| n as usize);
        let mut at = HEADER;
        let mut take = |count: usize, size: usize| {
            let (start, length) = (at, count.checked_mul(size)?);
            at = at.checked_add(length)?.checked_next_multiple_of(4)?;
            bytes.get(start..start.checked_add(length)?)
        };
        // Functions, kinds of strings, hashes of identifiers.
        take(field(40)?, function)?;
        take(field(44)?, WORD)?;
        take(field(48)?, WORD)?;
        Some(Self { small: take(field(52)?, WORD)?, large: take(field(56)?, 2 * WORD)?, text: take(field(60)?, 1)? })
    }

    fn len(&self) -> usize {
        self.small.len() / WORD
    }

    fn is_sound(&self) -> bool {
        (0..self.len()).all(|number| self.get(number).is_some())
    }

    /// Whether a string is in UTF-16, and its bytes.
    fn get(&self, number: usize) -> Option<(bool, &'a [u8])> {
        let entry = u32_at(self.small, number * WORD)?;
        let (wide, offset, length) = (entry & 1 == 1, (entry >> 1 & 0x7f_ffff) as usize, entry >> 24);
        let (offset, length) = match length {
            OVERFLOW => {
                let at = offset.checked_mul(2 * WORD)?;
                (u32_at(self.large, at)? as usize, u32_at(self.large, at + WORD)? as usize)
            }
            _ => (offset, length as usize),
        };
        let size = if wide { length.checked_mul(2)? } else { length };
        Some((wide, self.text.get(offset..offset.checked_add(size)?)?))
    }
}
