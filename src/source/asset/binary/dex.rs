//! DEX: the string table (Dalvik executable format, `string_ids` and `string_data_item`).

use super::Strings;
use crate::source::asset::archive::u32_at;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let count = u32_at(bytes, 0x38)? as usize;
    let start = u32_at(bytes, 0x3c)? as usize;
    let ids = bytes.get(start..start.checked_add(count.checked_mul(4)?)?)?;
    for (number, id) in ids.chunks_exact(4).enumerate() {
        let at = u32_at(id, 0)? as usize;
        let item = bytes.get(at..)?;
        // The length in UTF-16 units as ULEB128, then MUTF-8 up to a zero.
        let skip = item.iter().take(5).position(|b| b & 0x80 == 0)? + 1;
        let text = &item[skip..];
        let end = memchr::memchr(0, text)?;
        if strings.push(number as u64, &text[..end]).is_none() {
            return Some(());
        }
    }
    Some(())
}
