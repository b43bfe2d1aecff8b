//! `Unit`: one piece of text out of a container; `Unpacked`: what came of the whole.

use std::cell::Cell;

use bstr::BString;

use super::budget::{Budget, Ledger};
use super::numbering::Numbering;
use super::web::{Beside, BundleMap};
use crate::model::SkipReason;

/// What the lines of a unit are.
#[derive(Clone, Copy, Debug)]
pub enum Lines<'a> {
    /// Lines of a text: an editor finds them.
    Text,
    /// Strings of a table: line `n` stands for [`Numbering::number`]`(n)`, shown as `app.apk!classes2.dex:string 4711`.
    Numbered(&'a Numbering),
}

/// How the bytes of a unit relate to the outermost bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// They are the outermost bytes, offset for offset.
    Stored,
    /// They were unpacked or decoded, or are an original file that a source map carries.
    Unpacked,
}

/// One thing to scan.
#[derive(Clone, Copy)]
pub struct Unit<'a> {
    /// Members from the outside in, for instance `["assets.zip", "app.js"]`; empty for the outermost bytes themselves
    /// (or what a bare `.gz` holds).
    pub inside: &'a [BString],
    /// The text.
    pub bytes: &'a [u8],
    /// What its lines are.
    pub lines: Lines<'a>,
    /// Where the bytes come from.
    pub nature: Nature,
    /// The source map of this text, where it may have one. Nothing is read before it is asked.
    pub map: Option<&'a BundleMap<'a>>,
    /// Whether `data:` URLs are looked for in it next; a visitor that has read it may know that there is none.
    pub may_carry: &'a Cell<bool>,
}

/// A text from inside a container, kept so that the container need not be opened again.
#[derive(Clone, Debug)]
pub struct Inner {
    inside: Box<[BString]>,
    bytes: Box<[u8]>,
    numbering: Option<Numbering>,
    /// Whether something may tell where its parts come from, and the map that does.
    map: Option<Option<Box<[u8]>>>,
}

impl Inner {
    /// None of what may look different once the container's own path is known: the outermost bytes, and what stands in it
    /// under no name, for which a map may lie beside it.
    #[must_use]
    pub fn of(unit: &Unit<'_>) -> Option<Self> {
        if unit.nature == Nature::Stored || unit.map.is_some() && unit.inside.is_empty() {
            return None;
        }
        let numbering = match unit.lines {
            Lines::Text => None,
            Lines::Numbered(numbering) => Some(numbering.clone()),
        };
        let map = unit.map.map(|map| map.json().map(Box::from));
        Some(Self { inside: unit.inside.into(), bytes: unit.bytes.into(), numbering, map })
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn size(&self) -> usize {
        let map = self.map.as_ref().and_then(Option::as_deref);
        self.bytes.len() + map.map_or(0, <[u8]>::len)
    }

    /// Hands it over again.
    pub fn visit(&self, budget: &Budget, visit: &mut dyn FnMut(&Unit<'_>)) {
        let ledger = Ledger::new(budget);
        let map = self.map.as_ref().map(|json| match json {
            Some(json) => BundleMap::inline(&self.bytes, json.to_vec(), &ledger),
            None => BundleMap::unnamed(&self.bytes, Beside::named(b""), &ledger),
        });
        visit(&Unit {
            inside: &self.inside,
            bytes: &self.bytes,
            lines: self.numbering.as_ref().map_or(Lines::Text, Lines::Numbered),
            nature: Nature::Unpacked,
            map: map.as_ref(),
            may_carry: &Cell::default(),
        });
    }
}

/// A source map that was met, for the report that a shipped map carries sources at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MapNote {
    /// Way inward to the map; empty when it is the outermost thing. An inline map ends in `source map`.
    pub inside: Vec<BString>,
    /// Files it names.
    pub sources: u64,
    /// Files whose whole text it carries.
    pub with_content: u64,
    /// Names of some of these; somebody else's packages only where there is nothing else.
    pub names: Vec<BString>,
}

/// Names of originals that a note tells.
const NAMES: usize = 3;

impl MapNote {
    pub(super) fn name(&mut self, name: &[u8]) {
        let foreign = |name: &[u8]| memchr::memmem::find(name, b"node_modules/").is_some();
        if self.names.len() < NAMES {
            self.names.push(name.into());
        } else if !foreign(name)
            && let Some(other) = self.names.iter_mut().find(|other| foreign(other))
        {
            *other = name.into();
        }
    }
}

/// What came of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// What could not be read, by its way inward, and why.
    pub skipped: Vec<(Vec<BString>, SkipReason)>,
    /// Members met.
    pub members: u64,
    /// Bytes handed to the visitor.
    pub bytes: u64,
    /// Source maps met.
    pub maps: Vec<MapNote>,
}
