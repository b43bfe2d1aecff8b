//! Loose objects: one zlib file per object, named by its id.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::inflate::{Buffer, Inflater};
use super::object::{HashKind, ObjectKind, Problem};
use crate::model::{BlobId, SkipReason};

/// `commit 18446744073709551615\0` is shorter.
const MAX_HEADER: usize = 32;

/// The ids of all loose objects of a directory, sorted.
pub(super) fn list(dir: &Path, hash: HashKind, problems: &mut Vec<Problem>) -> Vec<BlobId> {
    let mut ids = Vec::new();
    for first in 0..=255u8 {
        let fan = format!("{first:02x}");
        let entries = match fs::read_dir(dir.join(&fan)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                problems.push(Problem::unreadable(&dir.join(&fan), &error));
                continue;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => ids.extend(id_of(&fan, entry.file_name().as_encoded_bytes(), hash)),
                Err(error) => problems.push(Problem::unreadable(&dir.join(&fan), &error)),
            }
        }
    }
    ids.sort_unstable();
    ids
}

/// `None` for files that are not objects, such as `tmp_obj_…`.
fn id_of(fan: &str, name: &[u8], hash: HashKind) -> Option<BlobId> {
    if name.len() + 2 != 2 * hash.len() {
        return None;
    }
    BlobId::from_hex(&[fan.as_bytes(), name].concat())
}

/// Where an object is, if it is loose in `dir`.
pub(super) fn path(dir: &Path, id: &BlobId) -> PathBuf {
    let hex = id.to_string();
    dir.join(&hex[..2]).join(&hex[2..])
}

/// What the header of a loose object says.
pub(super) struct LooseHeader {
    pub(super) kind: ObjectKind,
    pub(super) size: u64,
    /// Bytes of the header, before the object's own.
    len: usize,
}

impl LooseHeader {
    fn parse(start: &[u8]) -> Option<Self> {
        let end = start.iter().position(|&byte| byte == 0)?;
        let (kind, size) = start[..end].split_at(start.iter().position(|&byte| byte == b' ')?.min(end));
        let size = std::str::from_utf8(size.get(1..)?).ok()?;
        if !size.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self { kind: ObjectKind::from_name(kind)?, size: size.parse().ok()?, len: end + 1 })
    }

    fn inflate(input: &[u8], inflater: &mut Inflater) -> Result<Self, Problem> {
        let mut start = [0; MAX_HEADER];
        let len = inflater.inflate_start(input, &mut start)?;
        Self::parse(&start[..len]).ok_or_else(|| Problem::corrupt("the loose object has a bad header"))
    }
}

/// Kind and size, from the first bytes of the file.
pub(super) fn header(path: &Path, inflater: &mut Inflater) -> Result<LooseHeader, Problem> {
    let mut input = Vec::new();
    File::open(path)
        .and_then(|file| file.take(256).read_to_end(&mut input))
        .map_err(|error| Problem::unreadable(path, &error))?;
    LooseHeader::inflate(&input, inflater).map_err(|problem| problem.in_file(&Arc::from(path)))
}

/// The object's kind; its bytes go to `out`.
pub(super) fn read(path: &Path, limit: u64, inflater: &mut Inflater, out: &mut Buffer) -> Result<ObjectKind, Problem> {
    let file = File::open(path).map_err(|error| Problem::unreadable(path, &error))?;
    let in_file = |problem: Problem| problem.in_file(&Arc::from(path));
    let mut input = Vec::new();
    // Deflate never grows data by more than a few bytes in a thousand: a longer file cannot hold an object we take.
    let most = limit.saturating_add(limit / 64).saturating_add(4096);
    let len = file.take(most).read_to_end(&mut input).map_err(|error| Problem::unreadable(path, &error))?;
    if len as u64 == most {
        return Err(in_file(Problem::new(SkipReason::TooLarge { size: most, limit })));
    }
    let header = LooseHeader::inflate(&input, inflater).map_err(in_file)?;
    if header.size > limit {
        return Err(in_file(Problem::new(SkipReason::TooLarge { size: header.size, limit })));
    }
    let whole = header.size + header.len as u64;
    inflater.inflate(&input, whole, whole, out).map_err(in_file)?;
    out.drop_front(header.len);
    Ok(header.kind)
}
