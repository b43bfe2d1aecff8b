//! Loose objects: one zlib file per object, named by its id.

use std::ffi::OsString;
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
    for fan in names(dir, problems) {
        let Some(fan) = fan.to_str().filter(|fan| fan.len() == 2 && fan.bytes().all(|byte| byte.is_ascii_hexdigit()))
        else {
            continue;
        };
        let found = names(&dir.join(fan), problems);
        ids.extend(found.iter().filter_map(|name| id_of(fan, name.as_encoded_bytes(), hash)));
    }
    ids.sort_unstable();
    ids
}

fn names(dir: &Path, problems: &mut Vec<Problem>) -> Vec<OsString> {
    let mut names = Vec::new();
    match fs::read_dir(dir) {
        Ok(entries) => {
            for entry in entries {
                match entry {
                    Ok(entry) => names.push(entry.file_name()),
                    Err(error) => problems.push(Problem::unreadable(dir, &error)),
                }
            }
        }
        // git removes a directory with its last object.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => problems.push(Problem::unreadable(dir, &error)),
    }
    names
}

/// `None` for files that are not objects, such as `tmp_obj_…`.
fn id_of(fan: &str, name: &[u8], hash: HashKind) -> Option<BlobId> {
    if name.len() + 2 != 2 * hash.id_len() {
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

/// A loose object whose file has been read, but not inflated.
pub(super) struct LooseFile {
    input: Vec<u8>,
    pub(super) header: LooseHeader,
}

impl LooseFile {
    /// Reads the file, if it can hold an object of up to `limit` bytes.
    pub(super) fn open(path: &Path, limit: u64, inflater: &mut Inflater) -> Result<Self, Problem> {
        let unreadable = |error: &std::io::Error| Problem::unreadable(path, error);
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let mut input = Vec::new();
        // Deflate never grows data by more than a few bytes in a thousand: a longer file cannot hold such an object.
        let most = limit.saturating_add(limit / 64).saturating_add(4096);
        let len = file.take(most).read_to_end(&mut input).map_err(|error| unreadable(&error))?;
        let header = LooseHeader::inflate(&input, inflater)?;
        if header.size > limit || len as u64 == most {
            return Err(Problem::new(SkipReason::TooLarge { size: header.size, limit }));
        }
        Ok(Self { input, header })
    }

    /// Puts the object's bytes into `out`.
    pub(super) fn inflate(&self, inflater: &mut Inflater, out: &mut Buffer) -> Result<(), Problem> {
        let whole = self.header.size + self.header.len as u64;
        inflater.inflate(&self.input, whole, whole, out)?;
        out.drop_front(self.header.len);
        Ok(())
    }
}
