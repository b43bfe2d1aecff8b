//! Printable runs of a binary, in ASCII and in UTF-16.

use super::{Strings, utf16le};

/// Shorter runs are chance: `strings` says 4, and no key has fewer than 8.
const LEAST_RUN: usize = 8;

/// Runs of printable bytes, each numbered by its offset from `base`. Line breaks and tabs count as printable, so that a
/// private key stays whole. Yields `None` when no more can be afforded.
pub(super) fn runs(strings: &mut Strings<'_, '_>, bytes: &[u8], base: u64) -> Option<()> {
    let mut at = 0;
    // A run that is long enough covers the last byte of the next eight, so most bytes need not be looked at.
    while let Some(last) = bytes.get(at + LEAST_RUN - 1) {
        if !PRINTABLE[usize::from(*last)] {
            at += LEAST_RUN;
            continue;
        }
        let back = bytes[at..at + LEAST_RUN].iter().rev().take_while(|b| PRINTABLE[usize::from(**b)]).count();
        let start = at + LEAST_RUN - back;
        let mut end = start + back + bytes[at + LEAST_RUN..].iter().take_while(|b| PRINTABLE[usize::from(**b)]).count();
        at = end + 1;
        // The last byte may be the first character of a wide string.
        if is_wide(&bytes[end - 1..]) {
            end -= 1;
        }
        if end - start >= LEAST_RUN {
            strings.push(base + start as u64, bytes[start..end].trim_ascii_end())?;
        }
    }
    wide_runs(strings, bytes, base)
}

/// Runs of UTF-16 little-endian, told by a zero at every other byte.
fn wide_runs(strings: &mut Strings<'_, '_>, bytes: &[u8], base: u64) -> Option<()> {
    const SPAN: usize = 2 * LEAST_RUN;
    let mut at = 0;
    while let Some([before, last]) = bytes.get(at + SPAN - 2..at + SPAN) {
        // A run that is long enough covers both, and they are a character and a zero in either order.
        let start = match (before, last) {
            (character, 0) if PRINTABLE[usize::from(*character)] => at + SPAN - 2,
            (0, character) if PRINTABLE[usize::from(*character)] => at + SPAN - 3,
            _ => {
                at += SPAN - 1;
                continue;
            }
        };
        let back = bytes[at..start].rchunks_exact(2).take_while(|pair| is_unit(pair)).count();
        let start = start - 2 * back;
        let length = 2 * bytes[start..].chunks_exact(2).take_while(|pair| is_unit(pair)).count();
        if length >= SPAN {
            strings.push(base + start as u64, &utf16le(&bytes[start..start + length]))?;
        }
        at = (start + length).max(at + 1);
    }
    Some(())
}

fn is_unit(pair: &[u8]) -> bool {
    pair[1] == 0 && PRINTABLE[usize::from(pair[0])]
}

fn is_wide(bytes: &[u8]) -> bool {
    bytes.len() >= 4 && is_unit(&bytes[..2]) && is_unit(&bytes[2..4])
}

/// ASCII that is shown, and white space.
static PRINTABLE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'\t' | b'\n' | b'\r' | b' '..=b'~');
        byte += 1;
    }
    table
};

/// Whether every byte is printable ASCII or part of UTF-8 text.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| PRINTABLE[usize::from(*b)] || *b >= 0x80) && std::str::from_utf8(bytes).is_ok()
}
