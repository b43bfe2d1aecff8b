//! Unity's `global-metadata.dat`: string literals of C# code, which stand there without anything between them.

use super::Strings;
use crate::source::asset::archive::u32_at;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let field = |at: usize| u32_at(bytes, at).map(|n| n as usize);
    let table = bytes.get(field(8)?..field(8)?.checked_add(field(12)?)?)?;
    let text = bytes.get(field(16)?..field(16)?.checked_add(field(20)?)?)?;
    for (number, literal) in table.chunks_exact(8).enumerate() {
        let (length, start) = (u32_at(literal, 0)? as usize, u32_at(literal, 4)? as usize);
        let literal = text.get(start..start.checked_add(length)?)?;
        if strings.push(number as u64, literal).is_none() {
            return Some(());
        }
    }
    Some(())
}
