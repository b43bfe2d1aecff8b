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
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether `text` holds `wanted` (lower case) in any case.
#[must_use]
pub fn holds_caseless(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len().max(1)).any(|part| part.eq_ignore_ascii_case(wanted))
}
