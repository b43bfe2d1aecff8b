//! Zip: the central directory where there is one, local headers where it is lost (APPNOTE 6.3.10).
//!
//! Read in place, without an index in memory: a million members cost no more than their headers, and members that
//! overlap are charged as if they did not.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::Read;

use memchr::memmem;

use super::compressed::LZMA_MEMORY_KIB;
use super::{ESCAPES, escapes, resolve, u16_at, u32_at, u64_at};
use crate::source::asset::budget::Ledger;
use crate::source::asset::walk::Walk;
use crate::source::asset::{Beside, Nature};

const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
const END: &[u8] = b"PK\x05\x06";
const END64: &[u8] = b"PK\x06\x06";

/// Flags of a member.
const ENCRYPTED: u16 = 1;
const SIZES_FOLLOW: u16 = 8;

/// Members that claim up to this many bytes are inflated in one call into a buffer of that size.
const ONE_CALL: u64 = 64 << 20;

/// Deflate cannot do better than this; a claim beyond it is a lie.
const MOST_DEFLATED: u64 = 1032;

/// One member, as its header says.
#[derive(Clone, Copy)]
struct Entry<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    crc: u32,
    size: u64,
    /// The compressed bytes; `None` if the header points nowhere.
    data: Option<&'a [u8]>,
}

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let Some(directory) = Directory::find(bytes) else {
        walk.broken("a zip without its central directory: read from its local headers");
        return members(walk, &Headers::Local, LocalEntries { bytes, at: 0 });
    };
    let headers = Headers::Central(directory, OnceCell::new());
    members(walk, &headers, directory.entries());
    if directory.is_short() {
        walk.broken("a zip whose central directory is cut or broken");
    }
}

/// Where members can be looked up by name.
enum Headers<'a> {
    Local,
    Central(Directory<'a>, OnceCell<HashMap<&'a [u8], Entry<'a>>>),
}

impl Headers<'_> {
    /// The member that `reference` means when seen from `from`.
    fn sibling(&self, ledger: &Ledger, from: &[u8], reference: &[u8]) -> Option<Vec<u8>> {
        let Self::Central(directory, index) = self else { return None };
        let index = index.get_or_init(|| directory.entries().map(|entry| (entry.name, entry)).collect());
        let entry = index.get(&resolve(from, reference)?[..])?;
        let data = entry.data?;
        let mut out = Vec::new();
        ledger.meter(decoder(entry, data)?, data.len() as u64).read_to_end(&mut out).ok()?;
        Some(out)
    }
}

fn members<'a>(walk: &mut Walk<'_>, headers: &Headers<'a>, entries: impl Iterator<Item = Entry<'a>>) {
    // Stored members cost nothing unless they overlap.
    let mut free = match headers {
        Headers::Local => u64::MAX,
        Headers::Central(directory, _) => directory.bytes.len() as u64,
    };
    let mut inflater = libdeflater::Decompressor::new();
    for entry in entries {
        if entry.name.ends_with(b"/") && entry.size == 0 {
            continue;
        }
        if !walk.count() {
            return;
        }
        walk.within(entry.name, |walk| {
            if escapes(entry.name) {
                walk.broken(ESCAPES);
            }
            let ledger = walk.ledger;
            let read = |reference: &[u8]| headers.sibling(ledger, entry.name, reference);
            one(walk, &entry, &mut inflater, &mut free, Beside { path: entry.name, read: &read });
        });
    }
}

fn one(
    walk: &mut Walk<'_>,
    entry: &Entry<'_>,
    inflater: &mut libdeflater::Decompressor,
    free: &mut u64,
    beside: Beside<'_>,
) {
    let Some(data) = entry.data else { return walk.broken("its header points outside the archive") };
    let encrypted = entry.flags & ENCRYPTED != 0;
    if encrypted && entry.method != 8 {
        return walk.broken("encrypted");
    }
    if entry.method == 0 {
        let past = (data.len() as u64).saturating_sub(*free);
        *free = free.saturating_sub(data.len() as u64);
        if let Err(spent) = walk.ledger.expand(past) {
            return walk.spend(spent);
        }
        if crc32fast::hash(data) != entry.crc {
            walk.broken("the checksum is wrong");
        }
        return walk.open(data, Nature::Unpacked, beside);
    }
    // Android ignores the encryption flag, and some apps set it to keep tools out: the checksum tells.
    let text = match inflate(walk.ledger, entry, data, inflater) {
        Some(text) => text,
        None if encrypted => return walk.broken("encrypted"),
        None => match decoder(entry, data) {
            Some(stream) => {
                let listed = walk.out.skipped.len();
                let text = walk.read("cannot be unpacked to its end", stream, data.len() as u64);
                if walk.out.skipped.len() == listed && crc32fast::hash(&text) != entry.crc {
                    walk.broken("the checksum is wrong");
                }
                text
            }
            None => return walk.broken(format!("compression method {} is not supported", entry.method)),
        },
    };
    walk.open(&text, Nature::Unpacked, beside);
}

/// The usual case, fast: deflate of an honest size with the right checksum. Anything else is for the careful way.
fn inflate(
    ledger: &Ledger,
    entry: &Entry<'_>,
    data: &[u8],
    inflater: &mut libdeflater::Decompressor,
) -> Option<Vec<u8>> {
    let compressed = data.len() as u64;
    if entry.method != 8 || entry.size > ONE_CALL || entry.size > compressed.saturating_mul(MOST_DEFLATED) {
        return None;
    }
    if entry.size > ledger.ceiling(compressed) || entry.size > ledger.left() {
        return None;
    }
    let mut text = vec![0; entry.size as usize];
    let got = inflater.deflate_decompress(data, &mut text).ok()?;
    if got != text.len() || crc32fast::hash(&text) != entry.crc {
        return None;
    }
    ledger.expand(entry.size).is_ok().then_some(text)
}

/// A stream of a member's text, or `None` if its method is not known.
fn decoder<'d>(entry: &Entry<'_>, data: &'d [u8]) -> Option<Box<dyn Read + 'd>> {
    Some(match entry.method {
        0 => Box::new(data),
        8 => Box::new(flate2::bufread::DeflateDecoder::new(data)),
        9 => Box::new(deflate64::Deflate64Decoder::new(data)),
        12 => Box::new(bzip2::bufread::BzDecoder::new(data)),
        14 => lzma(entry, data)?,
        20 | 93 => Box::new(super::compressed::zstd(data)),
        95 => Box::new(lzma_rust2::XzReader::new_mem_limit(data, true, LZMA_MEMORY_KIB)),
        98 => ppmd(entry, data)?,
        _ => return None,
    })
}

/// Method 14: version (2), length of properties (2), properties (5), stream (APPNOTE 5.8.8).
fn lzma<'d>(entry: &Entry<'_>, data: &'d [u8]) -> Option<Box<dyn Read + 'd>> {
    let length = usize::from(u16_at(data, 2)?);
    let (properties, stream) = (data.get(4..9)?, data.get(4 + length..)?);
    let dictionary = u32_at(properties, 1)?;
    if dictionary > LZMA_MEMORY_KIB * 1024 {
        return None;
    }
    // Bit 1 says that an end mark closes the stream; then the size is not needed.
    let size = if entry.flags & 2 != 0 { u64::MAX } else { entry.size };
    let reader = lzma_rust2::LzmaReader::new_with_props(stream, size, properties[0], dictionary, None).ok()?;
    Some(Box::new(reader))
}

/// Method 98: order, memory and way to start anew in two bytes, then the stream (APPNOTE 5.10.3).
fn ppmd<'d>(entry: &Entry<'_>, data: &'d [u8]) -> Option<Box<dyn Read + 'd>> {
    let parameters = u32::from(u16_at(data, 0)?);
    let (order, mebibytes, restore) = ((parameters & 15) + 1, (parameters >> 4 & 0xff) + 1, parameters >> 12);
    let reader = ppmd_rust::Ppmd8Decoder::new(&data[2..], order, mebibytes << 20, restore.into()).ok()?;
    Some(Box::new(reader.take(entry.size)))
}

/// The central directory.
#[derive(Clone, Copy)]
struct Directory<'a> {
    bytes: &'a [u8],
    /// Where it starts and ends.
    start: usize,
    end: usize,
    /// Bytes before the archive proper: a CRX header, a self-extractor.
    prefix: u64,
    count: u64,
}

impl<'a> Directory<'a> {
    /// Searches the last 64 KiB for an end record whose directory is where it says.
    fn find(bytes: &'a [u8]) -> Option<Self> {
        let from = bytes.len().saturating_sub(22 + 65_535);
        memmem::rfind_iter(&bytes[from..], END).find_map(|at| Self::at(bytes, from + at))
    }

    fn at(bytes: &'a [u8], end: usize) -> Option<Self> {
        let mut count = u64::from(u16_at(bytes, end + 10)?);
        let mut size = u64::from(u32_at(bytes, end + 12)?);
        let mut offset = u64::from(u32_at(bytes, end + 16)?);
        let mut top = end;
        if let Some(at) = Self::end64(bytes, end) {
            count = u64_at(bytes, at + 32)?;
            size = u64_at(bytes, at + 40)?;
            offset = u64_at(bytes, at + 48)?;
            top = at;
        }
        // The directory lies right before its end record, whatever was put before the archive.
        let start = (top as u64).checked_sub(size)?;
        let prefix = start.checked_sub(offset)?;
        let start = usize::try_from(start).ok()?;
        (count == 0 || bytes[start..].starts_with(CENTRAL)).then_some(Self { bytes, start, end: top, prefix, count })
    }

    /// Where the zip64 end record stands, if there is one: its locator is right before the end record.
    fn end64(bytes: &[u8], end: usize) -> Option<usize> {
        let locator = end.checked_sub(20)?;
        if !bytes[locator..].starts_with(b"PK\x06\x07") {
            return None;
        }
        let stated = usize::try_from(u64_at(bytes, locator + 8)?).ok()?;
        let usual = locator.checked_sub(56);
        [Some(stated), usual].into_iter().flatten().find(|at| bytes.get(*at..).is_some_and(|b| b.starts_with(END64)))
    }

    fn entries(&self) -> CentralEntries<'a> {
        CentralEntries { directory: *self, at: self.start }
    }

    /// Whether it holds fewer entries than it says (counts are modulo 65,536 where zip64 is not used).
    fn is_short(&self) -> bool {
        let mut entries = self.entries();
        let found = entries.by_ref().count() as u64;
        found & 0xffff != self.count & 0xffff
    }
}

struct CentralEntries<'a> {
    directory: Directory<'a>,
    at: usize,
}

impl<'a> Iterator for CentralEntries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let header = self.directory.bytes.get(self.at..self.directory.end)?;
        if !header.starts_with(CENTRAL) {
            return None;
        }
        let lengths = [u16_at(header, 28)?, u16_at(header, 30)?, u16_at(header, 32)?].map(usize::from);
        let name = header.get(46..46 + lengths[0])?;
        let extra = header.get(46 + lengths[0]..46 + lengths[0] + lengths[1])?;
        self.at += 46 + lengths.iter().sum::<usize>();
        let mut wide = [u64::from(u32_at(header, 24)?), u64::from(u32_at(header, 20)?), u64::from(u32_at(header, 42)?)];
        zip64(extra, &mut wide);
        let [size, compressed, offset] = wide;
        let data = data(self.directory.bytes, self.directory.prefix.checked_add(offset), compressed);
        Some(Entry {
            name,
            flags: u16_at(header, 8)?,
            method: u16_at(header, 10)?,
            crc: u32_at(header, 16)?,
            size,
            data,
        })
    }
}

/// Replaces the values that do not fit 32 bits by those of the zip64 extra field.
fn zip64(mut extra: &[u8], wide: &mut [u64]) {
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some(field) = extra.get(4..4 + usize::from(length)) else { return };
        if id == 1 {
            let mut at = 0;
            for value in wide.iter_mut().filter(|value| **value == u64::from(u32::MAX)) {
                let Some(real) = u64_at(field, at) else { return };
                *value = real;
                at += 8;
            }
            return;
        }
        extra = &extra[4 + usize::from(length)..];
    }
}

/// The compressed bytes behind the local header at `offset`.
fn data(bytes: &[u8], offset: Option<u64>, compressed: u64) -> Option<&[u8]> {
    let at = usize::try_from(offset?).ok()?;
    let header = bytes.get(at..)?;
    if !header.starts_with(LOCAL) {
        return None;
    }
    let skip = 30 + usize::from(u16_at(header, 26)?) + usize::from(u16_at(header, 28)?);
    let data = header.get(skip..)?;
    // What is cut off is read as far as it goes; the checksum tells.
    Some(&data[..data.len().min(usize::try_from(compressed).ok()?)])
}

/// Members found by their local headers, one after the other.
struct LocalEntries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for LocalEntries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let at = self.at + memmem::find(self.bytes.get(self.at..)?, LOCAL)?;
            self.at = at + LOCAL.len();
            if let Some((entry, next)) = local(self.bytes, at) {
                self.at = next;
                return Some(entry);
            }
        }
    }
}

fn local(bytes: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    let header = &bytes[at..];
    let flags = u16_at(header, 6)?;
    let (names, extras) = (usize::from(u16_at(header, 26)?), usize::from(u16_at(header, 28)?));
    let name = header.get(30..30 + names)?;
    let extra = header.get(30 + names..30 + names + extras)?;
    let mut wide = [u64::from(u32_at(header, 22)?), u64::from(u32_at(header, 18)?)];
    zip64(extra, &mut wide);
    let rest = &header[30 + names + extras..];
    let length = if flags & SIZES_FOLLOW != 0 && wide[1] == 0 {
        // The sizes follow the data; the next header ends it at the latest, and deflate knows its own end.
        memmem::find(rest, b"PK\x07\x08").or_else(|| memmem::find(rest, b"PK\x01\x02")).unwrap_or(rest.len())
    } else {
        rest.len().min(usize::try_from(wide[1]).ok()?)
    };
    let after = &rest[length..];
    let described = after.starts_with(b"PK\x07\x08") && flags & SIZES_FOLLOW != 0 && wide[1] == 0;
    let (crc, size) =
        if described { (u32_at(after, 4)?, u64::from(u32_at(after, 12)?)) } else { (u32_at(header, 14)?, wide[0]) };
    let entry = Entry { name, flags, method: u16_at(header, 8)?, crc, size, data: Some(&rest[..length]) };
    Some((entry, at + 30 + names + extras + length))
}
