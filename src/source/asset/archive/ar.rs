//! Unix `ar`: Debian packages, static libraries (System V and BSD long names).

use crate::source::asset::walk::Walk;
use crate::source::asset::{Beside, Nature};

const HEADER: usize = 60;

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let mut rest = &bytes[8.min(bytes.len())..];
    let mut long_names: &[u8] = b"";
    while !rest.is_empty() {
        let Some((name, size)) = header(rest) else { return walk.broken("ar: a header is broken or cut") };
        let body = &rest[HEADER..];
        let data = &body[..body.len().min(size)];
        let (name, data) = match name {
            b"//" => {
                long_names = data;
                rest = body.get(size + size % 2..).unwrap_or_default();
                continue;
            }
            // Tables of symbols hold no text of anybody's.
            b"/" | b"/SYM64/" | b"__.SYMDEF" | b"__.SYMDEF SORTED" => {
                rest = body.get(size + size % 2..).unwrap_or_default();
                continue;
            }
            _ => long_name(name, data, long_names),
        };
        if !walk.count() {
            return;
        }
        // Names with directories are usual here, and nothing unpacks into them.
        walk.within(name, |walk| {
            if size > body.len() {
                walk.broken("ar: cut off");
            }
            walk.open(data, Nature::Unpacked, Beside::named(name));
        });
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
}

/// Name and size out of a member's header.
fn header(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let header = bytes.get(..HEADER)?;
    if &header[58..] != b"`\n" {
        return None;
    }
    Some((header[..16].trim_ascii_end(), decimal(&header[48..58])?))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits.trim_ascii()).ok()?.parse().ok()
}

/// `/12` is a name in the table of long ones, `#1/12` one of 12 bytes before the data, `name/` is ended by its slash.
fn long_name<'a>(name: &'a [u8], data: &'a [u8], table: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    if let Some(length) = name.strip_prefix(b"#1/").and_then(decimal).filter(|length| *length <= data.len()) {
        let (name, data) = data.split_at(length);
        return (name.split(|b| *b == 0).next().unwrap_or_default(), data);
    }
    if let Some(at) = name.strip_prefix(b"/").and_then(decimal) {
        let name = table.get(at..).unwrap_or_default().split(|b| *b == b'\n').next().unwrap_or_default();
        return (name.strip_suffix(b"/").unwrap_or(name), data);
    }
    (name.strip_suffix(b"/").unwrap_or(name), data)
}
