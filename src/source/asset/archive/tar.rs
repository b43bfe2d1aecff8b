//! Tar: in place where it is in memory, as it comes where it is streamed.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

use super::{ESCAPES, escapes, resolve};
use crate::source::asset::walk::Walk;
use crate::source::asset::{Beside, Nature};

/// A member that lies in memory: its name and its bytes.
struct Member<'a> {
    name: Vec<u8>,
    data: &'a [u8],
}

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let (members, failure) = list(bytes);
    let index: OnceCell<HashMap<&[u8], &[u8]>> = OnceCell::new();
    let find = |path: &[u8]| {
        let index = index.get_or_init(|| members.iter().map(|member| (&member.name[..], member.data)).collect());
        index.get(path).map(|data| data.to_vec())
    };
    for member in &members {
        if !walk.count() {
            return;
        }
        walk.within(&member.name, |walk| {
            if escapes(&member.name) {
                walk.broken(ESCAPES);
            }
            let read = |reference: &[u8]| find(&resolve(&member.name, reference)?);
            walk.open(member.data, Nature::Unpacked, Beside { path: &member.name, read: &read });
        });
    }
    if let Some(error) = failure {
        walk.failed("tar", &error);
    }
}

/// The members, as far as the archive can be read.
fn list(bytes: &[u8]) -> (Vec<Member<'_>>, Option<io::Error>) {
    let mut archive = tar::Archive::new(io::Cursor::new(bytes));
    let mut members = Vec::new();
    let mut failure = None;
    let entries = match archive.entries_with_seek() {
        Ok(entries) => entries,
        Err(error) => return (members, Some(error)),
    };
    for entry in entries {
        match entry {
            Ok(entry) if is_file(&entry) => {
                let rest = usize::try_from(entry.raw_file_position()).ok().and_then(|at| bytes.get(at..));
                let rest = rest.unwrap_or_default();
                // What a sparse file says of its size counts its holes.
                let sparse = entry.header().entry_type().is_gnu_sparse();
                let size = if sparse { entry.header().entry_size().unwrap_or(0) } else { entry.size() };
                let length = usize::try_from(size).unwrap_or(usize::MAX);
                if length > rest.len() {
                    failure = Some(io::ErrorKind::UnexpectedEof.into());
                }
                let data = &rest[..rest.len().min(length)];
                members.push(Member { name: entry.path_bytes().into_owned(), data });
            }
            Ok(_) => {}
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    (members, failure)
}

fn is_file<R: Read>(entry: &tar::Entry<'_, R>) -> bool {
    let kind = entry.header().entry_type();
    kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()
}

/// A stream that seeks forward by reading: left to itself, the crate clears 32 KiB for each member to do so.
struct Forward<'s> {
    stream: &'s mut dyn Read,
    at: u64,
}

impl Read for Forward<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.stream.read(buffer)?;
        self.at += got as u64;
        Ok(got)
    }
}

impl Seek for Forward<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Current(by) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        let by = u64::try_from(by).map_err(|_| io::ErrorKind::Unsupported)?;
        if io::copy(&mut self.by_ref().take(by), &mut io::sink())? < by {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.at)
    }
}

/// Reads a tar as it comes; only the member at hand is in memory.
pub(super) fn stream(walk: &mut Walk<'_>, what: &str, stream: &mut dyn Read) {
    if let Err(error) = entries(walk, stream) {
        walk.failed(what, &error);
    }
}

fn entries(walk: &mut Walk<'_>, stream: &mut dyn Read) -> io::Result<()> {
    for entry in tar::Archive::new(Forward { stream, at: 0 }).entries_with_seek()? {
        let mut entry = entry?;
        if !is_file(&entry) {
            continue;
        }
        if !walk.count() {
            return Ok(());
        }
        let mut data = Vec::new();
        let result = entry.read_to_end(&mut data);
        let name = entry.path_bytes().into_owned();
        walk.within(&name, |walk| {
            if escapes(&name) {
                walk.broken(ESCAPES);
            }
            walk.open(&data, Nature::Unpacked, Beside::named(&name));
        });
        result?;
    }
    Ok(())
}
