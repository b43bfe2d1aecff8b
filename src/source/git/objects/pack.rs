//! One pack file: entry headers and compressed data (`gitformat-pack`, "pack-*.pack files").

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::inflate::{Buffer, Inflater, SLACK};
use super::object::{HashKind, ObjectKind, Problem};
use super::pack_index::PackIndex;
use super::prefetch::prefetch;
use crate::source::mapped::Mapped;

/// A mapped pack with its index.
pub(super) struct Pack {
    pub(super) path: Arc<Path>,
    pub(super) index: PackIndex,
    index_path: PathBuf,
    data: Mapped,
    /// Where the entries end and the checksum begins.
    end: u64,
}

/// What stands in front of the compressed data of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EntryHeader<'a> {
    pub(super) form: Form<'a>,
    /// Bytes after inflating: of the object, or of the delta.
    pub(super) size: u64,
    /// Bytes of this header.
    pub(super) len: usize,
}

/// How an entry holds its object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form<'a> {
    Whole(ObjectKind),
    /// A delta against the entry this many bytes before.
    BackDelta(u64),
    /// A delta against the object of this id.
    IdDelta(&'a [u8]),
}

impl<'a> EntryHeader<'a> {
    /// Reads the header at the front of `bytes`.
    #[inline]
    pub(super) fn parse(bytes: &'a [u8], hash: HashKind) -> Option<Self> {
        let first = *bytes.first()?;
        let mut size = u64::from(first & 15);
        let mut len = 1;
        let mut shift = 4;
        let mut byte = first;
        while byte & 0x80 != 0 {
            byte = *bytes.get(len)?;
            if shift > 57 {
                return None;
            }
            size |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            len += 1;
        }
        let form = match first >> 4 & 7 {
            6 => Form::BackDelta(read_back(bytes, &mut len)?),
            7 => {
                let id = bytes.get(len..len + hash.id_len())?;
                len += hash.id_len();
                Form::IdDelta(id)
            }
            code => Form::Whole(ObjectKind::from_code(code)?),
        };
        Some(Self { form, size, len })
    }
}

/// A distance in groups of seven bits, the highest first, each step adding one so that no number has two forms.
fn read_back(bytes: &[u8], len: &mut usize) -> Option<u64> {
    let mut byte = *bytes.get(*len)?;
    *len += 1;
    let mut back = u64::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = *bytes.get(*len)?;
        *len += 1;
        back = (back + 1).checked_mul(128)? | u64::from(byte & 0x7f);
    }
    Some(back)
}

impl Pack {
    /// Opens the pack that belongs to an index. What is wrong with the pair as a whole goes to `problems`.
    pub(super) fn open(index_path: &Path, hash: HashKind, problems: &mut Vec<Problem>) -> Option<Self> {
        let path: Arc<Path> = Arc::from(index_path.with_extension("pack"));
        let index = PackIndex::open(index_path, hash).map_err(|problem| problems.push(problem)).ok()?;
        let data = match Mapped::open(&path) {
            Ok(data) => data,
            Err(error) => {
                problems.push(Problem::unreadable(&path, &error));
                return None;
            }
        };
        let mut fault = |why: &str| problems.push(Problem::corrupt(why).in_file(&path));
        if data.len() < 12 || !data.starts_with(b"PACK") || !matches!(data[4..8], [0, 0, 0, 2 | 3]) {
            fault("it is not a pack of version 2 or 3");
            return None;
        }
        let mut end = data.len() as u64;
        if data.ends_with(index.pack_checksum()) {
            end -= hash.id_len() as u64;
        } else {
            fault("the pack is cut short, or its index belongs to another pack");
        }
        if data[8..12] != index.count().to_be_bytes() {
            fault("the pack and its index do not agree on the number of objects");
        }
        Some(Self { path, index, index_path: index_path.to_path_buf(), data, end })
    }

    /// All `(offset, position in the index)` by offset.
    pub(super) fn by_offset(&self) -> Vec<(u64, u32)> {
        self.index.by_offset(&self.index_path)
    }

    /// Whether an entry can start at `offset`.
    pub(super) fn holds(&self, offset: u64) -> bool {
        (12..self.end).contains(&offset)
    }

    /// Where the last entry ends.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Asks for the header at an offset, which will be read soon.
    #[inline]
    pub(super) fn expect(&self, offset: u64) {
        prefetch(&self.data, usize::try_from(offset).unwrap_or(0));
    }

    /// Gives back the memory of the entries that stand in `offset..end`, until they are read again.
    pub(super) fn release(&self, offset: u64, end: u64) {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        self.data.release(place(offset)..place(end));
    }

    /// The header of the entry that stands in `offset..end`.
    #[inline]
    pub(super) fn header(&self, offset: u64, end: u64, hash: HashKind) -> Result<EntryHeader<'_>, Problem> {
        EntryHeader::parse(self.entry(offset, end), hash).ok_or_else(|| Problem::corrupt("the entry has a bad header"))
    }

    #[inline]
    fn entry(&self, offset: u64, end: u64) -> &[u8] {
        let usable = |at: u64| usize::try_from(at.min(self.end)).unwrap_or(0);
        self.data.get(usable(offset)..usable(end)).unwrap_or_default()
    }

    /// Inflates the object or delta of the entry that stands in `offset..end`.
    pub(super) fn inflate(
        &self,
        (offset, end): (u64, u64),
        header: &EntryHeader<'_>,
        limit: u64,
        inflater: &mut Inflater,
        out: &mut Buffer,
    ) -> Result<(), Problem> {
        let input = self.entry(offset, end.saturating_add(SLACK as u64)).get(header.len..).unwrap_or_default();
        inflater.inflate(input, header.size, limit, out)
    }
}
