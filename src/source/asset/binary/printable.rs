//! Printable runs of a binary, in ASCII (with UTF-8) and in UTF-16.

use super::push;
use crate::source::asset::numbering::Sheet;
use crate::source::asset::walk::Walk;

/// Shorter runs are chance: `strings` says 4, and no key has fewer than 8.
const LEAST: usize = 8;

/// Runs of printable bytes, each numbered by its offset. Line breaks and tabs count as printable, so that a private key
/// stays whole.
pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let mut sheet = Sheet::new("byte");
    let mut at = 0;
    while at < bytes.len() && !walk.is_stopped() {
        let length = bytes[at..].iter().take_while(|b| PRINTABLE[usize::from(**b)]).count();
        if length >= LEAST {
            push(walk, &mut sheet, at as u64, bytes[at..at + length].trim_ascii_end());
        }
        at += length;
        at += bytes[at..].iter().take_while(|b| !PRINTABLE[usize::from(**b)]).count();
    }
    walk.sheet(&mut sheet);
}

/// ASCII that is shown, white space, and the bytes of UTF-8.
static PRINTABLE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'\t' | b'\n' | b'\r' | b' '..=b'~');
        byte += 1;
    }
    table
};
