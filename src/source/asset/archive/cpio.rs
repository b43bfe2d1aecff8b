//! Cpio in its two ASCII forms ("newc" 070701/070702, "odc" 070707); RPM payloads and initramfs images are the first.

use std::io::{self, Read};

use super::compressed::{pass, take};
use super::{ESCAPES, escapes};
use crate::source::asset::walk::Walk;
use crate::source::asset::{Beside, Nature};

/// Longer names than this are nobody's.
const MOST_NAME: u64 = 64 << 10;

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let mut rest = bytes;
    stream(walk, "cpio", &mut rest);
}

/// Reads a cpio archive as it comes.
pub(super) fn stream(walk: &mut Walk<'_>, what: &str, stream: &mut dyn Read) {
    if let Err(error) = entries(walk, stream) {
        walk.failed(what, &error);
    }
}

struct Header {
    is_file: bool,
    name: u64,
    size: u64,
    /// To what name and data are rounded up; the header's own length counts with the name.
    align: u64,
    length: u64,
}

fn entries(walk: &mut Walk<'_>, stream: &mut dyn Read) -> io::Result<()> {
    loop {
        let magic = take(stream, 6)?;
        let header = match &magic[..] {
            b"070701" | b"070702" => newc(&take(stream, 104)?),
            b"070707" => odc(&take(stream, 70)?),
            _ => None,
        };
        let Some(header) = header.filter(|header| header.name <= MOST_NAME) else {
            return Err(io::Error::other("a header is broken or cut"));
        };
        let mut name = take(stream, header.name)?;
        while name.last() == Some(&0) {
            name.pop();
        }
        if name == b"TRAILER!!!" {
            return Ok(());
        }
        let padding = |length: u64| (header.align - length % header.align) % header.align;
        pass(stream, padding(header.length + header.name))?;
        if header.is_file {
            if !walk.count() {
                return Ok(());
            }
            let data = take(stream, header.size)?;
            walk.within(&name, |walk| {
                if escapes(&name) {
                    walk.broken(ESCAPES);
                }
                walk.open(&data, Nature::Unpacked, Beside::named(&name));
            });
            if (data.len() as u64) < header.size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        } else {
            pass(stream, header.size)?;
        }
        pass(stream, padding(header.size))?;
    }
}

fn is_file(mode: u64) -> bool {
    mode & 0o170_000 == 0o100_000
}

fn newc(fields: &[u8]) -> Option<Header> {
    let field = |at: usize| number(fields.get(at * 8..at * 8 + 8)?, 16);
    Some(Header { is_file: is_file(field(1)?), size: field(6)?, name: field(11)?, align: 4, length: 110 })
}

fn odc(fields: &[u8]) -> Option<Header> {
    let field = |from: usize, to: usize| number(fields.get(from..to)?, 8);
    Some(Header { is_file: is_file(field(12, 18)?), name: field(53, 59)?, size: field(59, 70)?, align: 1, length: 76 })
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}
