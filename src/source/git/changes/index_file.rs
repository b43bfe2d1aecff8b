//! The index file: versions 2 to 4, the cache of trees, split and sparse indexes (git's `index-format` document).

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use super::super::error::GitError;
use super::super::objects::object::HashKind;
use super::ewah::Bitmap;
use crate::model::BlobId;

const FLAG_EXTENDED: u16 = 0x4000;
const FLAG_NAME: u16 = 0x0fff;
const FLAG_INTENT_TO_ADD: u16 = 0x2000;
/// Bytes of an entry before its id: times, device, inode, mode, owner, size.
const STAT_BYTES: usize = 40;

/// What an index says, as far as a scan needs it.
#[derive(Debug, Default)]
pub(super) struct IndexFile {
    names: Vec<u8>,
    pub(super) entries: Vec<IndexEntry>,
    /// Depth first; the first is the root.
    pub(super) trees: Vec<CachedTree>,
    link: Option<SplitLink>,
}

/// One path of the index.
#[derive(Clone, Debug)]
pub(super) struct IndexEntry {
    name: Range<usize>,
    pub(super) mode: u32,
    pub(super) id: BlobId,
    /// 0, or a side of an unfinished merge.
    pub(super) stage: u8,
    /// `git add --intent-to-add`: a name without content yet.
    pub(super) intent_to_add: bool,
}

/// A directory whose tree was known when the index was written.
#[derive(Clone, Debug)]
pub(super) struct CachedTree {
    name: Range<usize>,
    names: CacheNames,
    /// Entries below it, and its tree; `None` if something below it has changed since.
    pub(super) valid: Option<(usize, BlobId)>,
    /// One past its last descendant.
    pub(super) end: usize,
}

/// Names of the cache lie in its own bytes.
type CacheNames = std::rc::Rc<[u8]>;

impl CachedTree {
    pub(super) fn name(&self) -> &[u8] {
        &self.names[self.name.clone()]
    }
}

/// A split index holds changes to a shared one.
#[derive(Debug)]
struct SplitLink {
    base: BlobId,
    deleted: Bitmap,
    replaced: Bitmap,
}

impl IndexFile {
    /// Reads an index; one that does not exist is empty.
    pub(super) fn read(path: &Path, git_dir: &Path, hash: HashKind) -> Result<Self, GitError> {
        let data = match fs::read(path) {
            Ok(data) => data,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(GitError::Io { path: path.to_owned(), error }),
        };
        // As git does: a new file of no bytes is an empty index.
        if data.is_empty() {
            return Ok(Self::default());
        }
        let corrupt = |why| GitError::Index { path: path.to_owned(), why };
        let mut index = Self::parse(data, hash.id_len()).map_err(corrupt)?;
        let Some(link) = index.link.take() else { return Ok(index) };
        let base_path = git_dir.join(format!("sharedindex.{}", link.base));
        let data = fs::read(&base_path).map_err(|error| GitError::Io { path: base_path, error })?;
        let base = Self::parse(data, hash.id_len()).map_err(corrupt)?;
        index.join(base, &link).map_err(corrupt)
    }

    /// The path of an entry.
    pub(super) fn name(&self, entry: &IndexEntry) -> &[u8] {
        &self.names[entry.name.clone()]
    }

    /// Everything before the check sum, which git does not verify either when it reads.
    fn parse(data: Vec<u8>, hash_len: usize) -> Result<Self, &'static str> {
        let end = data.len().checked_sub(hash_len).ok_or("too short")?;
        let mut bytes = Bytes { data: &data[..end], at: 0 };
        if bytes.take(4)? != b"DIRC" {
            return Err("no index signature");
        }
        let version = bytes.u32()?;
        if !(2..=4).contains(&version) {
            return Err("a version that is not 2, 3 or 4");
        }
        let count = bytes.u32()? as usize;
        // The count may lie; no entry is shorter than its fixed part.
        let mut entries = Vec::with_capacity(count.min(end / (STAT_BYTES + hash_len)));
        let mut arena = Vec::new();
        let mut last = 0..0;
        for _ in 0..count {
            let entry = if version == 4 {
                bytes.compressed_entry(hash_len, &mut arena, &mut last)?
            } else {
                bytes.entry(hash_len)?
            };
            entries.push(entry);
        }
        let mut index = Self { entries, ..Self::default() };
        while bytes.at < end {
            let signature = bytes.take(4)?;
            let size = bytes.u32()? as usize;
            index.extension(signature, bytes.take(size)?, hash_len)?;
        }
        index.names = if version == 4 { arena } else { data };
        Ok(index)
    }

    fn extension(&mut self, signature: &[u8], body: &[u8], hash_len: usize) -> Result<(), &'static str> {
        match signature {
            // A cache that makes no sense is no cache.
            b"TREE" => self.trees = cached_trees(body, hash_len).unwrap_or_default(),
            b"link" => {
                let (base, mut rest) = body.split_at_checked(hash_len).ok_or("split index: too short")?;
                let base = BlobId::from_raw(base).ok_or("split index: no base")?;
                if base.as_bytes().iter().any(|&byte| byte != 0) {
                    let deleted = Bitmap::parse(&mut rest).ok_or("split index: bad bitmap")?;
                    let replaced = Bitmap::parse(&mut rest).ok_or("split index: bad bitmap")?;
                    self.link = Some(SplitLink { base, deleted, replaced });
                }
            }
            // Entries that stand for whole directories are known by their mode.
            b"sdir" => {}
            [b'A'..=b'Z', ..] => {}
            _ => return Err("an extension that must be understood and is not"),
        }
        Ok(())
    }

    /// The entries of a split index on top of its base: replacements come first, in the base's order and without a
    /// name of their own; the rest are additions.
    fn join(self, base: Self, link: &SplitLink) -> Result<Self, &'static str> {
        let mut joined = Self { trees: self.trees, ..Self::default() };
        let mut changes = self.entries.into_iter();
        let mut all: Vec<(IndexEntry, bool)> = Vec::with_capacity(base.entries.len());
        for (at, entry) in base.entries.into_iter().enumerate() {
            let replacement = if link.replaced.contains(at) {
                let change = changes.next().ok_or("split index: a replacement is missing")?;
                Some(IndexEntry { name: entry.name.clone(), ..change })
            } else {
                None
            };
            if !link.deleted.contains(at) {
                all.push((replacement.unwrap_or(entry), false));
            }
        }
        all.extend(changes.map(|entry| (entry, true)));
        let name = |(entry, own): &(IndexEntry, bool)| {
            let names: &[u8] = if *own { &self.names } else { &base.names };
            names[entry.name.clone()].to_vec()
        };
        all.sort_by_cached_key(|item| (name(item), item.0.stage));
        for item in all {
            let start = joined.names.len();
            joined.names.extend(name(&item));
            joined.entries.push(IndexEntry { name: start..joined.names.len(), ..item.0 });
        }
        Ok(joined)
    }
}

/// A reader that never reads past the end.
struct Bytes<'a> {
    data: &'a [u8],
    at: usize,
}

const SHORT: &str = "it ends too early";

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let taken = self.data.get(self.at..).and_then(|rest| rest.get(..count)).ok_or(SHORT)?;
        self.at += count;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes(bytes.try_into().map_err(|_| SHORT)?))
    }

    fn u16(&mut self) -> Result<u16, &'static str> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes(bytes.try_into().map_err(|_| SHORT)?))
    }

    /// The part before the name.
    fn fixed(&mut self, hash_len: usize) -> Result<(IndexEntry, u16), &'static str> {
        let stat = self.take(STAT_BYTES)?;
        let mode = u32::from_be_bytes([stat[24], stat[25], stat[26], stat[27]]);
        let id = BlobId::from_raw(self.take(hash_len)?).ok_or("an id of odd length")?;
        let flags = self.u16()?;
        let more = if flags & FLAG_EXTENDED != 0 { self.u16()? } else { 0 };
        let stage = (flags >> 12 & 3) as u8;
        let intent_to_add = more & FLAG_INTENT_TO_ADD != 0;
        Ok((IndexEntry { name: 0..0, mode, id, stage, intent_to_add }, flags))
    }

    fn entry(&mut self, hash_len: usize) -> Result<IndexEntry, &'static str> {
        let start = self.at;
        let (mut entry, flags) = self.fixed(hash_len)?;
        let mut length = usize::from(flags & FLAG_NAME);
        if length == usize::from(FLAG_NAME) {
            length = memchr::memchr(0, &self.data[self.at..]).ok_or(SHORT)?;
        }
        entry.name = self.at..self.at + length;
        self.take(length)?;
        // One to eight zero bytes, to a multiple of eight.
        let padded = (self.at - start + 8) & !7;
        self.take(start + padded - self.at)?;
        Ok(entry)
    }

    /// Version 4: how many bytes of the last name to drop, then what to put there.
    fn compressed_entry(
        &mut self,
        hash_len: usize,
        arena: &mut Vec<u8>,
        last: &mut Range<usize>,
    ) -> Result<IndexEntry, &'static str> {
        let (mut entry, _) = self.fixed(hash_len)?;
        let drop = self.varint()?;
        let kept = last.len().checked_sub(drop).ok_or("a name shorter than nothing")?;
        let length = memchr::memchr(0, &self.data[self.at..]).ok_or(SHORT)?;
        let suffix = self.take(length)?;
        self.take(1)?;
        // A few long names, shortened and repeated, could stand for more bytes than there is memory.
        if arena.len() > self.data.len().saturating_mul(64).saturating_add(1 << 20) {
            return Err("names that expand without end");
        }
        let start = arena.len();
        arena.extend_from_within(last.start..last.start + kept);
        arena.extend_from_slice(suffix);
        *last = start..arena.len();
        entry.name = last.clone();
        Ok(entry)
    }

    fn varint(&mut self) -> Result<usize, &'static str> {
        let mut byte = self.take(1)?[0];
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.take(1)?[0];
            value = value.checked_add(1).and_then(|v| v.checked_mul(128)).ok_or("a length out of range")?;
            value |= usize::from(byte & 0x7f);
        }
        Ok(value)
    }
}

/// The `TREE` extension; `None` if it makes no sense.
fn cached_trees(body: &[u8], hash_len: usize) -> Option<Vec<CachedTree>> {
    let names: CacheNames = body.into();
    let mut trees: Vec<CachedTree> = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    loop {
        let name_end = at + memchr::memchr(0, body.get(at..)?)?;
        let line_end = name_end + 1 + memchr::memchr(b'\n', &body[name_end + 1..])?;
        let mut numbers = std::str::from_utf8(&body[name_end + 1..line_end]).ok()?.split(' ');
        let count: i64 = numbers.next()?.parse().ok()?;
        let children: usize = numbers.next()?.parse().ok()?;
        let name = at..name_end;
        at = line_end + 1;
        let valid = match usize::try_from(count) {
            Ok(count) => {
                at += hash_len;
                Some((count, BlobId::from_raw(body.get(at - hash_len..at)?)?))
            }
            Err(_) => None,
        };
        open.push((trees.len(), children));
        trees.push(CachedTree { name, names: names.clone(), valid, end: 0 });
        while let Some((tree, 0)) = open.last().copied() {
            trees[tree].end = trees.len();
            open.pop();
        }
        match open.last_mut() {
            Some((_, left)) => *left -= 1,
            None => return Some(trees),
        }
    }
}
