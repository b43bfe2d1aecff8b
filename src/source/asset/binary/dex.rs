//! DEX: the string table (Dalvik executable format, `string_ids` and `string_data_item`).

use super::Strings;
use crate::source::asset::archive::u32_at;

/// Bytes of a header of version 41, whose files are containers: headers one after the other that share the data.
const CONTAINER_HEADER: u32 = 0x78;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let (mut at, mut number) = (0usize, 0);
    loop {
        let header = bytes.get(at..)?;
        table(strings, bytes, header, &mut number)?;
        let length = u32_at(header, 0x20)? as usize;
        at = at.checked_add(length.max(CONTAINER_HEADER as usize))?;
        // Up to version 40 the header's length is the file's.
        if u32_at(header, 0x24)? < CONTAINER_HEADER || at >= bytes.len() || strings.is_stopped() {
            return Some(());
        }
        bytes[at..].starts_with(b"dex\n").then_some(())?;
    }
}

/// The strings that one header names; its offsets count from the start of the file. Their numbers go on from header to
/// header.
fn table(strings: &mut Strings<'_, '_>, bytes: &[u8], header: &[u8], number: &mut u64) -> Option<()> {
    let count = u32_at(header, 0x38)? as usize;
    let start = u32_at(header, 0x3c)? as usize;
    let ids = bytes.get(start..start.checked_add(count.checked_mul(4)?)?)?;
    // Any number of headers may name the same table.
    if strings.charge(ids.len() as u64).is_none() {
        return Some(());
    }
    for id in ids.chunks_exact(4) {
        let at = u32_at(id, 0)? as usize;
        let item = bytes.get(at..)?;
        // The length in UTF-16 units as ULEB128, then MUTF-8 up to a zero.
        let skip = item.iter().take(5).position(|b| b & 0x80 == 0)? + 1;
        let text = &item[skip..];
        let end = memchr::memchr(0, text)?;
        if strings.push(*number, &text[..end]).is_none() {
            return Some(());
        }
        *number += 1;
    }
    Some(())
}
