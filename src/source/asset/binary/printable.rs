//! Printable runs of a binary, in ASCII and in UTF-16.

use super::{Strings, utf16le};

/// Shorter runs are chance: `strings` says 4, and no key has fewer than 8.
const LEAST_RUN: usize = 8;

/// Runs of printable bytes, each numbered by its offset from `base`. Line breaks and tabs count as printable, so that a
/// private key stays whole. UTF-16 runs are told by their zeros. Yields `None` when no more can be afforded.
pub(super) fn runs(strings: &mut Strings<'_, '_>, bytes: &[u8], base: u64) -> Option<()> {
    let mut at = 0;
    while at < bytes.len() {
        if !PRINTABLE[usize::from(bytes[at])] {
            at += 1;
            continue;
        }
        if is_wide(&bytes[at..]) {
            let length = 2 * bytes[at..].chunks_exact(2).take_while(|pair| is_unit(pair)).count();
            if length >= 2 * LEAST_RUN {
                strings.push(base + at as u64, &utf16le(&bytes[at..at + length]))?;
            }
            at += length;
            continue;
        }
        let length = bytes[at..].iter().take_while(|b| PRINTABLE[usize::from(**b)]).count();
        // The last byte of a run may be the first character of a wide string.
        let last = at + length - 1;
        let narrow = if is_wide(&bytes[last..]) { length - 1 } else { length };
        if narrow >= LEAST_RUN {
            strings.push(base + at as u64, bytes[at..at + narrow].trim_ascii_end())?;
        }
        at += narrow.max(1);
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
