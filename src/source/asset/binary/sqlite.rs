//! SQLite: rows of tables, and printable runs of pages that are free (sqlite.org/fileformat2.html).

use super::{Strings, printable};

/// Kinds of b-tree pages that hold rows.
const TABLE_LEAF: u8 = 0x0d;
const INDEX_LEAF: u8 = 0x0a;
const INDEX_INNER: u8 = 0x02;
const TABLE_INNER: u8 = 0x05;

pub(super) fn read(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let size = match u16::from_be_bytes(bytes.get(16..18)?.try_into().ok()?) {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => usize::from(size),
        _ => return None,
    };
    let usable = size.checked_sub(usize::from(*bytes.get(20)?)).filter(|usable| *usable >= 480)?;
    let mut file = File { bytes, size, usable, chained: vec![false; bytes.len() / size + 2] };
    for number in 0..bytes.len().div_ceil(size) {
        if file.rows(strings, number).is_none() {
            return Some(());
        }
    }
    // What no row led to is free, or in use in ways we do not know: deleted rows are still there.
    for number in 0..bytes.len().div_ceil(size) {
        let page = file.page(number)?;
        let known = matches!(page.body.first(), Some(&(TABLE_LEAF | INDEX_LEAF | INDEX_INNER | TABLE_INNER)));
        if !known && !file.chained[number] && printable::runs(strings, page.bytes, page.start as u64).is_none() {
            return Some(());
        }
    }
    Some(())
}

struct File<'a> {
    bytes: &'a [u8],
    size: usize,
    /// Page size less what is reserved at the end of each page.
    usable: usize,
    /// Pages that hold the rest of a row.
    chained: Vec<bool>,
}

struct Page<'a> {
    start: usize,
    bytes: &'a [u8],
    /// Where the b-tree header stands: behind the file's header in the first page.
    body: &'a [u8],
}

impl<'a> File<'a> {
    fn page(&self, number: usize) -> Option<Page<'a>> {
        let start = number.checked_mul(self.size)?;
        let bytes = self.bytes.get(start..self.bytes.len().min(start.checked_add(self.size)?))?;
        let header = if number == 0 { 100 } else { 0 };
        Some(Page { start, bytes, body: bytes.get(header..)? })
    }

    /// Rows of a page, and its unused middle; `None` when no more can be afforded.
    fn rows(&mut self, strings: &mut Strings<'_, '_>, number: usize) -> Option<()> {
        let Some(page) = self.page(number) else { return Some(()) };
        let (pointers, is_table) = match page.body.first() {
            Some(&TABLE_LEAF) => (8, true),
            Some(&INDEX_LEAF) => (8, false),
            Some(&INDEX_INNER) => (12, false),
            _ => return Some(()),
        };
        let skip = if pointers == 12 { 4 } else { 0 };
        let count = word(page.body, 3).unwrap_or(0);
        for cell in page.body.get(pointers..).unwrap_or_default().chunks_exact(2).take(count) {
            let at = usize::from(u16::from_be_bytes([cell[0], cell[1]]));
            if let Some((payload, at)) = self.payload(strings, &page, at + skip, is_table) {
                row(strings, (page.start + at) as u64, &payload)?;
            }
            if strings.spent.is_some() {
                return None;
            }
        }
        let header = page.bytes.len() - page.body.len();
        let content = word(page.body, 5).filter(|at| *at > 0).unwrap_or(65_536);
        let gap = header + pointers + 2 * count;
        match page.bytes.get(gap..content) {
            Some(unused) => printable::runs(strings, unused, (page.start + gap) as u64),
            None => Some(()),
        }
    }

    /// The payload of a cell, overflow pages included, and where it starts in its page.
    fn payload(
        &mut self,
        strings: &mut Strings<'_, '_>,
        page: &Page<'_>,
        at: usize,
        table: bool,
    ) -> Option<(Vec<u8>, usize)> {
        let (length, skip) = varint(page.bytes.get(at..)?)?;
        let mut start = at + skip;
        if table {
            start += varint(page.bytes.get(start..)?)?.1;
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= self.bytes.len())?;
        strings.charge(length as u64)?;
        let most = if table { self.usable - 35 } else { (self.usable - 12) * 64 / 255 - 23 };
        let local = if length <= most {
            length
        } else {
            let least = (self.usable - 12) * 32 / 255 - 23;
            let fit = least + (length - least) % (self.usable - 4);
            if fit <= most { fit } else { least }
        };
        let mut payload = page.bytes.get(start..start.checked_add(local)?)?.to_vec();
        if local < length {
            self.overflow(page.bytes.get(start + local..)?, length, &mut payload);
        }
        Some((payload, start))
    }

    /// Follows a chain of overflow pages until the payload is whole, or the chain ends.
    fn overflow(&mut self, pointer: &[u8], length: usize, payload: &mut Vec<u8>) -> Option<()> {
        let mut next = pointer.get(..4)?;
        while payload.len() < length {
            let number = (u32::from_be_bytes(next.try_into().ok()?) as usize).checked_sub(1)?;
            let page = self.page(number)?;
            *self.chained.get_mut(number)? = true;
            next = page.bytes.get(..4)?;
            let data = page.bytes.get(4..self.usable.min(page.bytes.len()))?;
            if data.is_empty() {
                return None;
            }
            payload.extend_from_slice(&data[..data.len().min(length - payload.len())]);
        }
        Some(())
    }
}

/// Hands over the texts of a record, with tabs between them.
fn row(strings: &mut Strings<'_, '_>, number: u64, payload: &[u8]) -> Option<()> {
    let Some((header, mut at)) = varint(payload) else { return Some(()) };
    let header = usize::try_from(header).unwrap_or(usize::MAX).min(payload.len());
    let mut body = header;
    let mut parts: Vec<&[u8]> = Vec::new();
    while at < header {
        let Some((kind, skip)) = varint(&payload[at..header]) else { break };
        at += skip;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => break,
            _ => usize::try_from((kind - 12) / 2).unwrap_or(usize::MAX),
        };
        let end = body.saturating_add(length).min(payload.len());
        let value = &payload[body..end];
        if kind >= 12 && !value.is_empty() && printable::is_text(value) {
            if !parts.is_empty() {
                parts.push(b"\t");
            }
            parts.push(value);
        }
        body = end;
    }
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length < super::LEAST { Some(()) } else { strings.push_parts(number, &parts) }
}

/// A big-endian word of 16 bits.
fn word(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

/// SQLite's big-endian number of one to nine bytes, and how many it takes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().take(8).enumerate() {
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    bytes.get(8).map(|last| (value << 8 | u64::from(*last), 9))
}
