//! RPM: lead, signature header, header, then a compressed cpio archive.

use super::compressed::{decoder, inner};
use crate::source::asset::numbering::Sheet;
use crate::source::asset::recognise::{Container, recognise};
use crate::source::asset::walk::Walk;
use crate::source::asset::{Beside, Nature};

const LEAD: usize = 96;
const HEADER_MAGIC: &[u8] = &[0x8e, 0xad, 0xe8];

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let Some((strings, payload)) = parts(bytes) else { return walk.broken("rpm: its headers are broken or cut") };
    // The header's store holds descriptions, changelogs and install scripts, one after the other, ended by NULs.
    let mut sheet = Sheet::new("string");
    for (number, string) in strings.split(|b| *b == 0).enumerate().filter(|(_, s)| s.len() > 3) {
        sheet.push(number as u64, string);
    }
    walk.within(b"header", |walk| walk.sheet(&mut sheet));
    match recognise(payload) {
        Some(kind @ (Container::Gzip | Container::Bzip2 | Container::Xz | Container::Zstd | Container::Lzma)) => {
            match decoder(kind, payload) {
                Ok(stream) => inner(walk, "rpm", stream, payload.len() as u64, Beside::named(b"")),
                Err(error) => walk.failed("rpm", &error),
            }
        }
        _ => walk.open(payload, Nature::Unpacked, Beside::named(b"")),
    }
}

/// The main header's store and the payload.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, signature_end) = header(bytes, LEAD)?;
    let (store, end) = header(bytes, signature_end.next_multiple_of(8))?;
    Some((store, bytes.get(end..)?))
}

/// The store of the header at `at`, and where the header ends.
fn header(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let header = bytes.get(at..)?;
    if !header.starts_with(HEADER_MAGIC) {
        return None;
    }
    let count = |from: usize| Some(u32::from_be_bytes(header.get(from..from + 4)?.try_into().ok()?) as usize);
    let store = 16 + count(8)?.checked_mul(16)?;
    let end = store.checked_add(count(12)?)?;
    Some((header.get(store..end)?, at + end))
}
