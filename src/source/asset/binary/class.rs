//! Java class files: UTF-8 entries of the constant pool (JVMS 4.4).

use super::Strings;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let count = u16::from_be_bytes(bytes.get(8..10)?.try_into().ok()?);
    let mut rest = &bytes[10..];
    let mut number = 1;
    while number < count {
        let (tag, body) = rest.split_first()?;
        let length = match tag {
            1 => {
                let length = usize::from(u16::from_be_bytes(body.get(..2)?.try_into().ok()?));
                let text = body.get(2..2 + length)?;
                if strings.push(u64::from(number), text).is_none() {
                    return Some(());
                }
                2 + length
            }
            7 | 8 | 16 | 19 | 20 => 2,
            15 => 3,
            3 | 4 | 9..=12 | 17 | 18 => 4,
            5 | 6 => 8,
            _ => return None,
        };
        // Long and double take two numbers.
        number += if matches!(tag, 5 | 6) { 2 } else { 1 };
        rest = body.get(length..)?;
    }
    Some(())
}
