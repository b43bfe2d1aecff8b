//! Electron's ASAR: a JSON header with offsets, then the files.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::{ESCAPES, escapes, resolve, u32_at};
use crate::source::asset::walk::Walk;
use crate::source::asset::{Beside, Nature};

/// Longer paths are refused: a name of a megabyte with a thousand files under it would become a gigabyte.
const LONGEST_PATH: usize = 4096;

/// A file or directory in the header. Names are kept in order, so that the walk is the same every time.
#[derive(Deserialize)]
struct Node {
    files: Option<BTreeMap<String, Node>>,
    size: Option<u64>,
    /// A decimal number in a string: JSON's own numbers are too short.
    offset: Option<String>,
    #[serde(default)]
    unpacked: bool,
}

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let Some((json, data)) = parts(bytes) else { return walk.broken("asar: its header is broken or cut") };
    let root: Node = match serde_json::from_slice(json) {
        Ok(root) => root,
        Err(error) => return walk.broken(format!("asar: its header is not JSON (line {})", error.line())),
    };
    let mut files = BTreeMap::new();
    let mut lost = Vec::new();
    list(&root, &mut Vec::new(), data, &mut files, &mut lost);
    let mut free = data.len() as u64;
    for (name, data) in &files {
        if !walk.count() {
            return;
        }
        let past = (data.len() as u64).saturating_sub(free);
        free = free.saturating_sub(data.len() as u64);
        if let Err(spent) = walk.ledger.expand(past) {
            return walk.spend(spent);
        }
        walk.within(name, |walk| {
            if escapes(name) {
                walk.broken(ESCAPES);
            }
            let read = |reference: &[u8]| files.get(&resolve(name, reference)?).map(|data| data.to_vec());
            walk.open(data, Nature::Unpacked, Beside { path: name, read: &read });
        });
    }
    for name in lost {
        walk.within(&name, |walk| walk.broken("asar: it points outside the archive"));
    }
}

/// The JSON and what follows the header: two Chromium pickles, the first of which holds the second's size.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = u32_at(bytes, 4)? as usize;
    let length = u32_at(bytes, 12)? as usize;
    Some((bytes.get(16..16usize.checked_add(length)?)?, bytes.get(8usize.checked_add(header)?..)?))
}

/// Collects the files under `node`. The parser limits how deep a header can be.
fn list<'a>(
    node: &Node,
    path: &mut Vec<u8>,
    data: &'a [u8],
    files: &mut BTreeMap<Vec<u8>, &'a [u8]>,
    lost: &mut Vec<Vec<u8>>,
) {
    for (name, child) in node.files.iter().flatten() {
        let length = path.len();
        if length > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        if path.len() > LONGEST_PATH {
            lost.push(path[..LONGEST_PATH].to_vec());
        } else if child.files.is_some() {
            list(child, path, data, files, lost);
        } else if let (Some(size), Some(offset), false) = (child.size, &child.offset, child.unpacked) {
            let start = offset.parse::<usize>().ok();
            let end = start.and_then(|start| start.checked_add(usize::try_from(size).ok()?));
            match start.zip(end).and_then(|(start, end)| data.get(start..end)) {
                Some(data) => drop(files.insert(path.clone(), data)),
                None => lost.push(path.clone()),
            }
        }
        path.truncate(length);
    }
}
