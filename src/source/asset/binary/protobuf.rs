//! Protocol buffers without their schema: resources and manifests of Android app bundles (protobuf.dev/encoding).
//!
//! A length before a string may be a letter, and would glue itself to a key.

use super::{LEAST, Strings, printable};

/// Messages in messages, as far as Google's own parsers go.
const MOST_DEPTH: u32 = 64;

/// Field numbers beyond this are somebody else's bytes.
const MOST_FIELD: u64 = 2000;

/// One field of a message.
enum Field<'a> {
    /// A number of some width.
    Number,
    /// A string, bytes, or a message.
    Bytes(&'a [u8]),
}

/// Whether all of some bytes is a message, as far as its outermost fields say, and is no text.
pub(in super::super) fn is_message(bytes: &[u8]) -> bool {
    // Fields 1 to 3 that hold bytes: so begin a resource table and a manifest, and hardly any text.
    matches!(bytes.first(), Some(0x0a | 0x12 | 0x1a))
        && bytes.iter().take(4096).any(|b| matches!(b, 0..=8 | 0x0e..=0x1f))
        && parses(bytes)
}

fn parses(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match field(bytes) {
            Some((_, rest)) => bytes = rest,
            None => return false,
        }
    }
    true
}

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let _ = message(strings, bytes, bytes.as_ptr() as usize, 0);
    Some(())
}

/// Texts of a message in one line, with tabs between them; messages within follow.
fn message(strings: &mut Strings<'_, '_>, bytes: &[u8], base: usize, depth: u32) -> Option<()> {
    let offset = |part: &[u8]| (part.as_ptr() as usize).wrapping_sub(base) as u64;
    strings.charge(bytes.len() as u64)?;
    let mut texts: Vec<&[u8]> = Vec::new();
    let mut within: Vec<&[u8]> = Vec::new();
    let mut rest = bytes;
    while let Some((field, after)) = field(rest) {
        rest = after;
        let Field::Bytes(value) = field else { continue };
        if value.len() < LEAST {
            continue;
        }
        let tagged = value[0] < 0x20 && depth < MOST_DEPTH && parses(value);
        if !tagged && printable::is_text(value) {
            if !texts.is_empty() {
                texts.push(b"\t");
            }
            texts.push(value);
        } else {
            within.push(value);
        }
    }
    if let Some(first) = texts.first() {
        strings.push_parts(offset(first), &texts)?;
    }
    for value in within {
        if depth < MOST_DEPTH && parses(value) {
            message(strings, value, base, depth + 1)?;
        } else {
            printable::runs(strings, value, offset(value))?;
        }
    }
    Some(())
}

/// The first field and what is behind it.
fn field(bytes: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    if !(1..=MOST_FIELD).contains(&(tag >> 3)) {
        return None;
    }
    let length = match tag & 7 {
        0 => return varint(rest).map(|(_, rest)| (Field::Number, rest)),
        1 => 8,
        5 => 4,
        2 => {
            let (length, rest) = varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            return Some((Field::Bytes(value), rest));
        }
        _ => return None,
    };
    rest.get(length..).map(|rest| (Field::Number, rest))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}
