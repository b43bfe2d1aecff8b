//! Binaries: tables of strings where the format has one, printable runs where it has not.

mod android;
mod class;
mod dex;
mod executable;
mod hermes;
mod il2cpp;

pub(super) mod pdf;
mod plist;
mod pool;
mod printable;
pub(super) mod protobuf;
mod python;
mod sqlite;
mod wasm;

#[cfg(test)]
pub(super) mod tests;

use super::budget::Spent;
use super::numbering::Sheet;
use super::recognise::{Container, zip_tail};
use super::unit::Nature;
use super::walk::Walk;

/// Hands over the strings of a binary. A table that is broken is listed, and the whole read as printable runs.
pub(super) fn open(walk: &mut Walk<'_>, kind: Container, bytes: &[u8], nature: Nature) {
    use Container::*;
    let noun = match kind {
        Dex | Resources | Hermes | Unity => "string",
        Class => "constant",
        BinaryXml => "line",
        Plist => "object",
        _ => "byte",
    };
    let mut strings = Strings::new(walk, noun, bytes.len());
    let whole = match kind {
        Dex => dex::read(&mut strings, bytes),
        Resources => android::resources(&mut strings, bytes),
        BinaryXml => android::xml(&mut strings, bytes),
        Class => class::read(&mut strings, bytes),
        Hermes => hermes::read(&mut strings, bytes),
        Plist => plist::read(&mut strings, bytes),
        Unity => il2cpp::read(&mut strings, bytes),
        Protobuf => protobuf::read(&mut strings, bytes),
        Wasm => wasm::read(&mut strings, bytes),
        Pyc => python::read(&mut strings, bytes),
        Sqlite => sqlite::read(&mut strings, bytes),
        _ => executable::read(&mut strings, bytes),
    };
    strings.finish();
    if whole.is_none() && !walk.is_stopped() {
        walk.broken(format!("{}: broken or cut; read as printable runs", kind.name()));
        let mut strings = Strings::new(walk, "byte", bytes.len());
        printable::runs(&mut strings, bytes, 0);
        strings.finish();
    }
    if kind == Executable && zip_tail(bytes) && nature == Nature::Stored {
        // A self-extracting archive; inside other containers its depth is not worth the risk.
        super::archive::zip::open(walk, bytes);
    }
}

/// Collects strings, hands them over a few megabytes at a time, and charges tables whose strings overlap.
struct Strings<'s, 'w> {
    walk: &'s mut Walk<'w>,
    sheet: Sheet,
    /// Bytes that may be collected before they are charged: no honest table yields more than its file holds.
    free: u64,
    spent: Option<Spent>,
}

/// Shorter strings hold no key, and nothing that gives one away.
const LEAST: usize = 4;

impl<'s, 'w> Strings<'s, 'w> {
    fn new(walk: &'s mut Walk<'w>, noun: &'static str, length: usize) -> Self {
        // Four times the length: read once and written once, UTF-16 that grows, names repeated for each value.
        Self { walk, sheet: Sheet::new(noun), free: 4 * length as u64, spent: None }
    }

    /// Adds a string unless it is short; `None` when no more can be afforded.
    fn push(&mut self, number: u64, string: &[u8]) -> Option<()> {
        if string.len() < LEAST { Some(()) } else { self.push_parts(number, &[string]) }
    }

    /// Adds a string made of parts.
    fn push_parts(&mut self, number: u64, parts: &[&[u8]]) -> Option<()> {
        let length: u64 = parts.iter().map(|part| part.len() as u64).sum();
        self.charge(length)?;
        self.sheet.push_parts(number, parts);
        if self.sheet.is_full() {
            self.walk.sheet(&mut self.sheet);
            if let Err(spent) = self.walk.ledger.time() {
                self.spent = Some(spent);
                return None;
            }
        }
        (!self.is_stopped()).then_some(())
    }

    /// Charges for reading some bytes of a table, which may be reached a million times over.
    fn charge(&mut self, bytes: u64) -> Option<()> {
        let past = bytes.saturating_sub(self.free);
        self.free = self.free.saturating_sub(bytes);
        self.spent = self.walk.ledger.expand(past).err();
        self.spent.is_none().then_some(())
    }

    /// Adds `name = "value"`, so that rules see the pair.
    fn push_pair(&mut self, number: u64, name: &[u8], value: &[u8]) -> Option<()> {
        if value.len() < LEAST {
            return Some(());
        }
        // A name belongs to its value; a long one is data that only looks like a name.
        let name = &name[..name.len().min(256)];
        self.push_parts(number, &[name, b" = \"", value, b"\""])
    }

    /// Whether no more can be afforded.
    fn is_stopped(&self) -> bool {
        self.spent.is_some() || self.walk.is_stopped()
    }

    fn finish(mut self) {
        self.walk.sheet(&mut self.sheet);
        if let Some(spent) = self.spent {
            self.walk.spend(spent);
        }
    }
}

/// UTF-16 as UTF-8, see [`push_utf8`].
fn utf8(units: impl Iterator<Item = u16>) -> Vec<u8> {
    let mut out = Vec::with_capacity(units.size_hint().0);
    push_utf8(units, &mut out);
    out
}

/// Appends UTF-16 as UTF-8; halves of pairs become the replacement character.
fn push_utf8(units: impl Iterator<Item = u16>, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for character in char::decode_utf16(units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    }
}

/// UTF-16 little-endian as UTF-8.
fn utf16le(bytes: &[u8]) -> Vec<u8> {
    utf8(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
}
