//! Source maps: their JSON, the original files inside them, and the rest of their text.

use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use crate::source::asset::unit::{MapNote, Nature};
use crate::source::asset::walk::Walk;

/// The members of a source map that matter here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Map<'a> {
    #[serde(default)]
    pub(super) source_root: Option<Text>,
    #[serde(default)]
    pub(super) sources: Vec<Option<Text>>,
    #[serde(borrow, default)]
    sources_content: Vec<Option<&'a RawValue>>,
    #[serde(borrow, default)]
    mappings: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) sections: Vec<Section<'a>>,
}

/// A section of an indexed map. Sections in sections are not allowed, and not read.
#[derive(Deserialize)]
pub(super) struct Section<'a> {
    pub(super) offset: Offset,
    #[serde(borrow)]
    pub(super) map: &'a RawValue,
}

/// Where in the bundle a section starts, from 0.
#[derive(Deserialize)]
pub(super) struct Offset {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A JSON string as bytes: half a surrogate pair is no reason to refuse a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(bytes.to_vec()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.as_bytes().to_vec()))
            }
        }
        from.deserialize_bytes(Bytes)
    }
}

impl<'a> Map<'a> {
    /// Reads a map; the line that keeps browsers from running it as a script is passed over.
    pub(super) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(Self::body(json)).ok()
    }

    fn body(json: &[u8]) -> &[u8] {
        match json.strip_prefix(b")]}'") {
            Some(rest) => memchr::memchr(b'\n', rest).map_or(rest, |at| &rest[at + 1..]),
            None => json,
        }
    }

    /// The name of a source, its root put before it.
    pub(super) fn source(&self, index: usize) -> Option<Vec<u8>> {
        let name = &self.sources.get(index)?.as_ref()?.0;
        match &self.source_root {
            Some(root) if !root.0.is_empty() => {
                let slash: &[u8] = if root.0.ends_with(b"/") { b"" } else { b"/" };
                Some([&root.0[..], slash, name].concat())
            }
            _ => Some(name.clone()),
        }
    }

    /// The text of a source, where the map carries it.
    pub(super) fn content(&self, index: usize) -> Option<Vec<u8>> {
        let raw = self.sources_content.get(index).copied().flatten()?;
        serde_json::from_str::<Text>(raw.get()).ok().map(|text| text.0)
    }

    /// The mappings, without escapes.
    pub(super) fn mappings(&self) -> Option<Vec<u8>> {
        serde_json::from_str::<Text>(self.mappings?.get()).ok().map(|text| text.0)
    }
}

/// A source map of its own: its original files, then the rest of it.
pub(in super::super) fn open(walk: &mut Walk<'_>, json: &[u8], nature: Nature) {
    match originals(walk, json) {
        Some(blanked) => walk.text(&blanked, nature, None),
        None => walk.text(json, nature, None),
    }
}

/// Hands over the original files in a map. Yields the map's own bytes with files and mappings blanked out, so that
/// what is left keeps its place; `None` if it is no map after all.
pub(super) fn originals(walk: &mut Walk<'_>, json: &[u8]) -> Option<Vec<u8>> {
    let map = Map::parse(json)?;
    if let Err(spent) = walk.ledger.expand(json.len() as u64) {
        walk.spend(spent);
        return None;
    }
    let mut blanked = json.to_vec();
    let mut note = MapNote { inside: walk.inside().to_vec(), ..MapNote::default() };
    one(walk, &map, json, &mut blanked, &mut note);
    for section in &map.sections {
        if let Ok(inner) = serde_json::from_str::<Map<'_>>(section.map.get()) {
            one(walk, &inner, json, &mut blanked, &mut note);
        }
    }
    walk.out.maps.push(note);
    Some(blanked)
}

fn one(walk: &mut Walk<'_>, map: &Map<'_>, json: &[u8], blanked: &mut [u8], note: &mut MapNote) {
    note.sources += map.sources.len() as u64;
    blank(json, blanked, map.mappings);
    for (index, content) in map.sources_content.iter().enumerate() {
        let Some(text) = content.and_then(|_| map.content(index)) else { continue };
        blank(json, blanked, *content);
        note.with_content += 1;
        if !walk.count() {
            return;
        }
        let name = map.source(index).unwrap_or_else(|| format!("source {index}").into_bytes());
        note.name(&name);
        walk.within(&name, |walk| walk.text(&text, Nature::Unpacked, None));
    }
}

/// Overwrites the inside of a string with spaces.
fn blank(json: &[u8], blanked: &mut [u8], value: Option<&RawValue>) {
    let Some(text) = value.map(RawValue::get).filter(|text| text.len() > 2 && text.starts_with('"')) else { return };
    // A raw value borrows from the text it was read from.
    let start = (text.as_ptr() as usize).wrapping_sub(json.as_ptr() as usize);
    if let Some(inside) = blanked.get_mut(start.saturating_add(1)..start.saturating_add(text.len() - 1)) {
        inside.fill(b' ');
    }
}
