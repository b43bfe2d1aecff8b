//! Compiled Python: strings of the marshal format (`Python/marshal.c`), told by their type byte and length.

use super::{Strings, printable};
use crate::source::asset::archive::u32_at;

/// A longer string is none: its length has a byte of zero at most three bytes in, which keeps the search linear.
const LONGEST: usize = 16 << 20;

/// Marshal's flag for an object that is referred to later.
const REFERENCED: u8 = 0x80;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let mut at = 8;
    while at < bytes.len() {
        match string(&bytes[at..]) {
            Some((skip, text)) if printable::is_text(text) => {
                let start = at + skip;
                if strings.push(start as u64, text).is_none() {
                    return Some(());
                }
                at = start + text.len();
            }
            _ => at += 1,
        }
    }
    Some(())
}

/// The string that may start here: how long its head is, and its bytes.
fn string(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (skip, length): (usize, usize) = match bytes.first()? & !REFERENCED {
        b'z' | b'Z' => (2, usize::from(*bytes.get(1)?)),
        b'a' | b'A' | b'u' | b's' | b't' => (5, u32_at(bytes, 1)? as usize),
        _ => return None,
    };
    if !(super::LEAST..=LONGEST).contains(&length) {
        return None;
    }
    let text = bytes.get(skip..skip.checked_add(length)?)?;
    Some((skip, text))
}
