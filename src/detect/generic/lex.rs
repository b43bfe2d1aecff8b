//! The smallest pieces: names, quotes, blanks and lines, read without knowing the language.

use crate::{detect::runs::byte_set, model::Span};

/// How a value is quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Quote {
    /// Bare.
    #[default]
    None,
    /// `"…"`.
    Double,
    /// `'…'`.
    Single,
    /// `` `…` ``.
    Backtick,
    /// `\"…\"`: a string inside a string.
    Escaped,
}

/// A byte of an identifier in nearly every language, dotted and dashed names included.
#[inline(always)]
pub(super) fn is_name(byte: u8) -> bool {
    static NAMES: [bool; 256] =
        byte_set!(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$') || b >= 0x80);
    NAMES[usize::from(byte)]
}

/// A byte of a word proper.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The name round `anchor`, at most 64 bytes to either side, never outside `window`.
pub(super) fn name_around(hay: &[u8], anchor: Span, window: Span) -> Span {
    let mut start = anchor.start;
    let left = window.start.max(anchor.start.saturating_sub(64));
    while start > left && is_name(hay[start - 1]) {
        start -= 1;
    }
    let mut end = anchor.end;
    let right = window.end.min(anchor.end + 64);
    while end < right && is_name(hay[end]) {
        end += 1;
    }
    // `obj->key`, `key--`, `word.`: punctuation at the rim is not part of the name
    while end > anchor.end && matches!(hay[end - 1], b'-' | b'.') {
        end -= 1;
    }
    Span::new(start, end)
}

/// First position at or after `at` that is no space or tab.
pub(super) fn skip_blank(hay: &[u8], mut at: usize, end: usize) -> usize {
    while at < end && matches!(hay[at], b' ' | b'\t') {
        at += 1;
    }
    at
}

/// As [`skip_blank`], over line ends too.
pub(super) fn skip_space(hay: &[u8], mut at: usize, end: usize) -> usize {
    while at < end && hay[at].is_ascii_whitespace() {
        at += 1;
    }
    at
}

/// An opening quote at `at`: its sort, and where the text begins.
pub(super) fn quote_at(hay: &[u8], at: usize, end: usize) -> Option<(Quote, usize)> {
    if at >= end {
        return None;
    }
    match hay[at] {
        b'"' if hay[at..end].starts_with(b"\"\"\"") => Some((Quote::Double, at + 3)),
        b'\'' if hay[at..end].starts_with(b"'''") => Some((Quote::Single, at + 3)),
        b'"' => Some((Quote::Double, at + 1)),
        b'\'' => Some((Quote::Single, at + 1)),
        b'`' if hay[at..end].starts_with(b"``") => Some((Quote::Backtick, at + 2)),
        b'`' => Some((Quote::Backtick, at + 1)),
        b'\\' => {
            let mut next = at + 1;
            while next < end && hay[next] == b'\\' && next < at + 3 {
                next += 1;
            }
            (next < end && matches!(hay[next], b'"' | b'\'')).then_some((Quote::Escaped, next + 1))
        }
        b'&' => entity(&hay[at..end]).map(|len| (Quote::Escaped, at + len)),
        _ => None,
    }
}

/// Length of a quote written as a character entity.
fn entity(text: &[u8]) -> Option<usize> {
    [&b"&quot;"[..], b"&#34;", b"&#39;"].iter().find(|e| text.starts_with(e)).map(|e| e.len())
}

/// Where the string that began at `start` ends; none where it does not on its line and within the window.
pub(super) fn closing(hay: &[u8], quote: Quote, start: usize, end: usize) -> Option<usize> {
    let mark = match quote {
        Quote::Single => b'\'',
        Quote::Backtick => b'`',
        _ => b'"',
    };
    let mut at = start;
    while at < end {
        let byte = hay[at];
        if quote == Quote::Escaped {
            if matches!(byte, b'"' | b'\'') || (byte == b'\\' && at + 1 < end && matches!(hay[at + 1], b'"' | b'\'')) {
                return Some(at);
            }
            if byte == b'&' && entity(&hay[at..end]).is_some() {
                return Some(at);
            }
            if byte == b'\\' && hay[at..end].starts_with(b"\\\\\\\"") {
                return Some(at);
            }
        } else if byte == mark {
            return Some(at);
        } else if byte == b'\\' {
            at += 1;
        }
        if byte == b'\n' || byte == b'\r' {
            return None;
        }
        at += 1;
    }
    None
}

/// Start of the line of `at`, not before `begin`.
pub(super) fn line_start(hay: &[u8], at: usize, begin: usize) -> usize {
    memchr::memrchr2(b'\n', b'\r', &hay[begin..at]).map_or(begin, |i| begin + i + 1)
}

/// End of the line of `at`, not after `end`.
pub(super) fn line_end(hay: &[u8], at: usize, end: usize) -> usize {
    memchr::memchr2(b'\n', b'\r', &hay[at..end]).map_or(end, |i| at + i)
}

/// Whether `text` begins with `word`, letters of either case, and no letter follows.
pub(super) fn starts_word(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len()
        && text[..word.len()].eq_ignore_ascii_case(word)
        && !text.get(word.len()).is_some_and(u8::is_ascii_alphanumeric)
}
