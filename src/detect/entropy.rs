//! Shannon entropy and counts of characters.

pub use crate::rules::example::entropy;

/// Number of decimal digits.
#[must_use]
pub fn digits(text: &[u8]) -> usize {
    text.iter().filter(|b| b.is_ascii_digit()).count()
}

/// Whether a byte can be part of a token, as far as boundaries go.
#[must_use]
pub fn is_word(byte: u8) -> bool {
    WORD_BYTES[usize::from(byte)]
}

/// Names are read byte by byte, and a look-up is half the work of comparing.
static WORD_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

/// Whether `text` holds `wanted` (lower case) in any case.
#[must_use]
pub fn holds_caseless(text: &[u8], wanted: &[u8]) -> bool {
    let [first, rest @ ..] = wanted else { return false };
    let mut places = memchr::memchr2_iter(*first, first.to_ascii_uppercase(), text);
    let fits = |at: usize| text.get(at + 1..at + wanted.len()).is_some_and(|part| part.eq_ignore_ascii_case(rest));
    places.any(fits)
}

/// Whether `text` holds `part`. Made for short texts: no table is made first.
#[must_use]
pub fn holds(text: &[u8], part: &[u8]) -> bool {
    let [first, rest @ ..] = part else { return true };
    memchr::memchr_iter(*first, text).any(|at| text[at + 1..].starts_with(rest))
}
