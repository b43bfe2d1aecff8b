//! Apple's binary property lists: strings, those of a dictionary under their keys (CFBinaryPList.c).

use std::borrow::Cow;

use super::{Strings, printable, utf8};

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let list = List::read(bytes)?;
    let mut used = vec![false; list.count];
    for number in 0..list.count {
        let Some((0xd, count, body)) = list.object(number) else { continue };
        if strings.charge(count as u64).is_none() {
            return Some(());
        }
        let references = body.get(..count.checked_mul(2)?.checked_mul(list.reference)?)?;
        let (keys, values) = references.split_at(count * list.reference);
        for (key, value) in keys.chunks_exact(list.reference).zip(values.chunks_exact(list.reference)) {
            let (key, value) = (big_endian(key), big_endian(value));
            // Each string once: dictionaries may share them, and hostile ones share a long one a million times.
            if used.get_mut(value).is_none_or(|used| std::mem::replace(used, true)) {
                continue;
            }
            let Some(text) = list.string(value, usize::MAX) else { continue };
            let name = list.string(key, MOST_NAME).unwrap_or_default();
            if strings.push_pair(value as u64, &name, &text).is_none() {
                return Some(());
            }
        }
    }
    for (number, _) in used.iter().enumerate().filter(|(_, used)| !**used) {
        let Some((_, count, _)) = list.object(number) else { continue };
        if strings.charge(count as u64).is_none() {
            return Some(());
        }
        if let Some(text) = list.string(number, usize::MAX)
            && strings.push(number as u64, &text).is_none()
        {
            return Some(());
        }
    }
    Some(())
}

/// Keys are cut at this many characters.
const MOST_NAME: usize = 256;

struct List<'a> {
    bytes: &'a [u8],
    offsets: &'a [u8],
    /// Bytes of an offset, of a reference to an object.
    offset: usize,
    reference: usize,
    count: usize,
}

impl<'a> List<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let trailer = bytes.get(bytes.len().checked_sub(32)?..)?;
        let (offset, reference) = (usize::from(trailer[6]), usize::from(trailer[7]));
        let (count, table) = (big_endian(&trailer[8..16]), big_endian(&trailer[24..32]));
        if !(1..=8).contains(&offset) || !(1..=8).contains(&reference) {
            return None;
        }
        let offsets = bytes.get(table..table.checked_add(count.checked_mul(offset)?)?)?;
        Some(Self { bytes, offsets, offset, reference, count })
    }

    /// Kind, count and body of an object.
    fn object(&self, number: usize) -> Option<(u8, usize, &'a [u8])> {
        let at = big_endian(self.offsets.get(number.checked_mul(self.offset)?..)?.get(..self.offset)?);
        let (marker, body) = self.bytes.get(at..)?.split_first()?;
        if marker & 0xf != 0xf {
            return Some((marker >> 4, usize::from(marker & 0xf), body));
        }
        // The count follows as an integer object.
        let (size, body) = body.split_first()?;
        let size = 1usize << (size & 3);
        Some((marker >> 4, big_endian(body.get(..size)?), &body[size..]))
    }

    /// A string cut at `most` characters, or data that is text.
    fn string(&self, number: usize, most: usize) -> Option<Cow<'a, [u8]>> {
        let (kind, count, body) = self.object(number)?;
        let count = count.min(most);
        match kind {
            0x5 | 0x7 => body.get(..count).map(Cow::Borrowed),
            0x6 => {
                let units = body.get(..count.checked_mul(2)?)?;
                Some(Cow::Owned(utf8(units.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])))))
            }
            0x4 => body.get(..count).filter(|data| printable::is_text(data)).map(Cow::Borrowed),
            _ => None,
        }
    }
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0usize, |n, b| n.wrapping_shl(8) | usize::from(*b))
}
