//! Shannon entropy and counts of characters.

use super::runs::byte_set;
pub use crate::rules::example::entropy;

/// Number of decimal digits.
#[must_use]
pub fn digits(text: &[u8]) -> usize {
    text.iter().filter(|b| b.is_ascii_digit()).count()
}

/// Whether a byte can be part of a token, as far as boundaries go.
#[must_use]
pub fn is_word(byte: u8) -> bool {
    static WORD: [bool; 256] = byte_set!(|b| b.is_ascii_alphanumeric() || b == b'_');
    WORD[usize::from(byte)]
}

/// Whether `text` holds `wanted` (lower case) in any case.
#[must_use]
pub fn holds_caseless(text: &[u8], wanted: &[u8]) -> bool {
    let [first, rest @ ..] = wanted else { return false };
    let mut places = memchr::memchr2_iter(*first, first.to_ascii_uppercase(), text);
    let fits = |at: usize| text.get(at + 1..at + wanted.len()).is_some_and(|part| part.eq_ignore_ascii_case(rest));
    places.any(fits)
}

/// Whether `text` holds any of the words (lower case) in any case. Made for short texts, which lack some byte of most words.
#[must_use]
pub fn holds_any_caseless(text: &[u8], words: &[&[u8]]) -> bool {
    let kinds = |bytes: &[u8]| bytes.iter().fold(0u64, |kinds, byte| kinds | 1 << ((byte | 0x20) & 63));
    let missing = !kinds(text);
    words.iter().any(|word| kinds(word) & missing == 0 && holds_caseless(text, word))
}

/// Whether a name holds a word (lower case) that tells what it names; a short one is met by chance as well, and must end a
/// word of the name: `id` in `appId`, not in `video`.
#[must_use]
pub fn holds_name(name: &[u8], wanted: &[u8]) -> bool {
    if wanted.len() > 3 || !wanted.ends_with(b"id") {
        return holds_caseless(name, wanted);
    }
    let ends = |at: usize| match (name[at - 1], name.get(at)) {
        (_, None | Some(b's' | b'S')) => true,
        (last, Some(next)) => !next.is_ascii_alphabetic() || last.is_ascii_lowercase() && next.is_ascii_uppercase(),
    };
    let is_word = |at: usize| name[at..at + wanted.len()].eq_ignore_ascii_case(wanted) && ends(at + wanted.len());
    (0..(name.len() + 1).saturating_sub(wanted.len())).any(is_word)
}

/// Whether `text` begins with `wanted` in any case.
#[must_use]
pub fn begins_caseless(text: &[u8], wanted: &[u8]) -> bool {
    text.len() >= wanted.len() && text[..wanted.len()].eq_ignore_ascii_case(wanted)
}

/// Whether `text` ends in `wanted` in any case.
#[must_use]
pub fn ends_caseless(text: &[u8], wanted: &[u8]) -> bool {
    text.len() >= wanted.len() && text[text.len() - wanted.len()..].eq_ignore_ascii_case(wanted)
}

/// Whether `text` holds `part`. Made for short texts: no table is made first.
#[must_use]
pub fn holds(text: &[u8], part: &[u8]) -> bool {
    let [first, rest @ ..] = part else { return true };
    memchr::memchr_iter(*first, text).any(|at| text[at + 1..].starts_with(rest))
}
