//! Android's compiled resource table and binary XML (`ResourceTypes.h`): names beside their values.

use super::Strings;
use super::pool::{Chunk, Pool};
use crate::source::asset::archive::{u16_at, u32_at};

/// Kinds of chunks.
const PACKAGE: u16 = 0x200;
const TYPE: u16 = 0x201;
const START_ELEMENT: u16 = 0x102;
const TEXT: u16 = 0x104;

/// A value that is a string of the pool.
const STRING: u8 = 3;

/// No string.
const NONE: u32 = u32::MAX;

/// A resource table: each string under the key of the entry that uses it, then those that no entry uses.
pub(super) fn resources(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let table = Chunk::first(bytes)?;
    let mut pool = None;
    let mut used = Vec::new();
    for chunk in table.inner() {
        let chunk = chunk?;
        match chunk.kind {
            Pool::KIND => {
                let read = Pool::read(&chunk)?;
                used = vec![false; read.len()];
                pool = Some(read);
            }
            PACKAGE => {
                if let Some(pool) = &pool
                    && package(strings, &chunk, pool, &mut used)?.is_stopped()
                {
                    return Some(());
                }
            }
            _ => {}
        }
    }
    let pool = pool?;
    for (number, _) in used.iter().enumerate().filter(|(_, used)| !**used) {
        if let Some(string) = pool.get(number as u32)
            && strings.push(number as u64, &string).is_none()
        {
            return Some(());
        }
    }
    Some(())
}

/// Whether a budget ended the reading.
#[derive(PartialEq, Eq)]
enum Flow {
    Go,
    Stop,
}

impl Flow {
    fn is_stopped(&self) -> bool {
        *self == Self::Stop
    }
}

fn package(strings: &mut Strings<'_, '_>, package: &Chunk<'_>, pool: &Pool<'_>, used: &mut [bool]) -> Option<Flow> {
    let keys = Chunk::first(package.bytes.get(u32_at(package.bytes, 276)? as usize..)?)?;
    let keys = Pool::read(&keys)?;
    for chunk in package.inner() {
        let chunk = chunk?;
        if chunk.kind == TYPE {
            for (key, value) in values(&chunk)? {
                let seen = used.get_mut(value as usize).is_some_and(|used| std::mem::replace(used, true));
                if seen {
                    continue;
                }
                let (Some(name), Some(text)) = (keys.name(key), pool.get(value)) else { continue };
                if strings.push_pair(u64::from(value), &name, &text).is_none() {
                    return Some(Flow::Stop);
                }
            }
        }
    }
    Some(Flow::Go)
}

/// Key and string of each entry of a type that has one.
fn values(chunk: &Chunk<'_>) -> Option<Vec<(u32, u32)>> {
    let bytes = chunk.bytes;
    let (flags, count, start) = (*bytes.get(9)?, u32_at(bytes, 12)? as usize, u32_at(bytes, 16)? as usize);
    // Offsets are words, half words (flag 2), or pairs of index and quarter offset (flag 1).
    let size = if flags & 2 != 0 { 2 } else { 4 };
    let offsets = bytes.get(chunk.header..chunk.header.checked_add(count.checked_mul(size)?)?)?;
    let mut out = Vec::new();
    for offset in offsets.chunks_exact(size) {
        let at = match flags & 3 {
            0 => u32_at(offset, 0).filter(|at| *at != NONE).map(|at| at as usize),
            1 => u16_at(offset, 2).map(|at| usize::from(at) * 4),
            _ => u16_at(offset, 0).filter(|at| *at != u16::MAX).map(|at| usize::from(at) * 4),
        };
        // A value takes eight bytes; more of them than fit means that entries overlap.
        if out.len() > bytes.len() / 8 {
            return None;
        }
        if let Some(entry) = at.and_then(|at| bytes.get(start.checked_add(at)?..)) {
            entry_values(entry, &mut out);
        }
    }
    Some(out)
}

fn entry_values(entry: &[u8], out: &mut Vec<(u32, u32)>) -> Option<()> {
    let (size, flags) = (u16_at(entry, 0)?, u16_at(entry, 2)?);
    if flags & 8 != 0 {
        // The compact form: the key where the size is, the kind of value in the flags.
        if (flags >> 8) as u8 == STRING {
            out.push((u32::from(size), u32_at(entry, 4)?));
        }
        return Some(());
    }
    let key = u32_at(entry, 4)?;
    if flags & 1 == 0 {
        out.extend(string(entry.get(usize::from(size)..)?).map(|value| (key, value)));
        return Some(());
    }
    // A bag: arrays, plurals, styles. No honest one has more values than this.
    let count = u32_at(entry, 12)?.min(4096) as usize;
    let values = entry.get(usize::from(size)..)?;
    for item in values.chunks_exact(12).take(count) {
        out.extend(string(&item[4..]).map(|value| (key, value)));
    }
    Some(())
}

/// The string of a `Res_value`, if it is one.
fn string(value: &[u8]) -> Option<u32> {
    (*value.get(3)? == STRING).then(|| u32_at(value, 4)).flatten()
}

/// Binary XML: each element as a line of text, numbered by its line in the source.
pub(super) fn xml(strings: &mut Strings<'_, '_>, bytes: &[u8]) -> Option<()> {
    let document = Chunk::first(bytes)?;
    let mut pool = None;
    for chunk in document.inner() {
        let chunk = chunk?;
        match (chunk.kind, &pool) {
            (Pool::KIND, _) => pool = Some(Pool::read(&chunk)?),
            (START_ELEMENT, Some(pool)) => {
                let text = element(&chunk, pool)?;
                if strings.push(u64::from(u32_at(chunk.bytes, 8)?), &text).is_none() {
                    return Some(());
                }
            }
            (TEXT, Some(pool)) => {
                let text = pool.get(u32_at(chunk.bytes, chunk.header)?).unwrap_or_default();
                if strings.push(u64::from(u32_at(chunk.bytes, 8)?), &text).is_none() {
                    return Some(());
                }
            }
            _ => {}
        }
    }
    pool.map(|_| ())
}

/// An element is cut at this length: attributes may all name one long string.
const LONGEST_ELEMENT: usize = 1 << 20;

fn element(chunk: &Chunk<'_>, pool: &Pool<'_>) -> Option<Vec<u8>> {
    let body = &chunk.bytes[chunk.header..];
    let (start, size, count) = (usize::from(u16_at(body, 8)?), usize::from(u16_at(body, 10)?), u16_at(body, 12)?);
    let mut text = b"<".to_vec();
    text.extend_from_slice(&pool.get(u32_at(body, 4)?).unwrap_or_default());
    for attribute in body.get(start..)?.chunks_exact(size.max(20)).take(usize::from(count)) {
        let (name, raw) = (u32_at(attribute, 4)?, u32_at(attribute, 8)?);
        let value = if raw == NONE { string(&attribute[12..]) } else { Some(raw) };
        if let (Some(name), Some(value)) = (pool.name(name), value.and_then(|value| pool.get(value))) {
            text.extend([b" ", &name[..], b"=\"", &value, b"\""].concat());
        }
        if text.len() > LONGEST_ELEMENT {
            break;
        }
    }
    text.push(b'>');
    Some(text)
}
