//! String pools of Android's binary resources (`ResStringPool` of `ResourceTypes.h`).

use std::borrow::Cow;

use super::utf16le;
use crate::source::asset::archive::{u16_at, u32_at};

const UTF8: u32 = 1 << 8;

/// The header of a chunk: its kind, the length of its own header, and all of its bytes.
pub(super) struct Chunk<'a> {
    pub(super) kind: u16,
    pub(super) header: usize,
    pub(super) bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The chunk at the start of some bytes.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        let (kind, header, size) = (u16_at(bytes, 0)?, usize::from(u16_at(bytes, 2)?), u32_at(bytes, 4)? as usize);
        (header >= 8 && size >= header).then_some(())?;
        Some(Self { kind, header, bytes: bytes.get(..size)? })
    }

    /// The chunks inside, one after the other; `None` for one that is broken.
    pub(super) fn inner(&self) -> impl Iterator<Item = Option<Chunk<'a>>> + use<'a> {
        let mut rest = &self.bytes[self.header..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let chunk = Chunk::first(rest);
            rest = chunk.as_ref().map_or(&[], |chunk| &rest[chunk.bytes.len()..]);
            Some(chunk)
        })
    }
}

/// Names are cut at this many characters.
const MOST_NAME: usize = 256;

/// A pool, read on demand.
pub(super) struct Pool<'a> {
    offsets: &'a [u8],
    strings: &'a [u8],
    utf8: bool,
}

impl<'a> Pool<'a> {
    pub(super) const KIND: u16 = 1;

    pub(super) fn read(chunk: &Chunk<'a>) -> Option<Self> {
        let bytes = chunk.bytes;
        let (count, flags, start) = (u32_at(bytes, 8)? as usize, u32_at(bytes, 16)?, u32_at(bytes, 20)? as usize);
        let offsets = bytes.get(chunk.header..chunk.header.checked_add(count.checked_mul(4)?)?)?;
        Some(Self { offsets, strings: bytes.get(start..).unwrap_or_default(), utf8: flags & UTF8 != 0 })
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len() / 4
    }

    /// The start of a string, as UTF-8: a name, which is short unless somebody wants to keep us busy.
    pub(super) fn name(&self, index: u32) -> Option<Cow<'a, [u8]>> {
        self.read_string(index, MOST_NAME)
    }

    /// A string, as UTF-8.
    pub(super) fn get(&self, index: u32) -> Option<Cow<'a, [u8]>> {
        self.read_string(index, usize::MAX)
    }

    fn read_string(&self, index: u32, most: usize) -> Option<Cow<'a, [u8]>> {
        let at = u32_at(self.offsets, (index as usize).checked_mul(4)?)? as usize;
        let item = self.strings.get(at..)?;
        if self.utf8 {
            // Length in characters, then length in bytes, each of one or two bytes.
            let (_, skip) = short(item)?;
            let (length, more) = short(&item[skip..])?;
            return item.get(skip + more..skip + more + length).map(Cow::Borrowed);
        }
        let first = usize::from(u16_at(item, 0)?);
        let (length, skip): (usize, usize) = match first {
            0x8000.. => ((first & 0x7fff) << 16 | usize::from(u16_at(item, 2)?), 4),
            _ => (first, 2),
        };
        let length = length.min(most);
        item.get(skip..skip.checked_add(length.checked_mul(2)?)?).map(|text| Cow::Owned(utf16le(text)))
    }
}

fn short(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes {
        [high @ 0x80..=0xff, low, ..] => Some((usize::from(high & 0x7f) << 8 | usize::from(*low), 2)),
        [length, ..] => Some((usize::from(*length), 1)),
        [] => None,
    }
}
