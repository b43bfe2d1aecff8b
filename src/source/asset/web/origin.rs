//! `BundleMap`: from a place in a bundle to the original file, line and column.

use std::cell::OnceCell;
use std::collections::HashMap;

use bstr::BString;

use super::Beside;
use super::content::Content;
use super::encoded::percent;
use super::evaluated;
use super::mappings::{Mappings, Segment, Source};
use super::sourcemap::{Map, Section};
use crate::model::{LineColumn, Original};
use crate::source::asset::budget::Ledger;

/// How far behind the mapped place the same bytes are looked for in the original's text.
const REACH: usize = 64 << 10;

/// How many bytes from a place in the bundle must be found again in the original to be sure of it.
const NEEDLE: usize = 24;

/// What scripts and style sheets are called: looking for the map of every other file would cost more than it finds.
const SCRIPTS: [&[u8]; 6] = [b".js", b".mjs", b".cjs", b".css", b".jsbundle", b".bundle"];

/// The source map of a bundle. It is found and read when it is first asked.
pub struct BundleMap<'a> {
    bundle: &'a [u8],
    /// Files that may hold it, the likeliest first, and whom to ask for them.
    files: Vec<Vec<u8>>,
    beside: Option<Beside<'a>>,
    ledger: &'a Ledger,
    json: OnceCell<Option<Vec<u8>>>,
}

/// A place in the bundle as maps count: line from 0, UTF-16 column from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    line: u32,
    column: u32,
}

impl<'a> BundleMap<'a> {
    /// The map that the bundle names. Where it says that the map lies elsewhere, on another server or from another
    /// directory on, it may all the same lie beside the bundle.
    pub(super) fn named(bundle: &'a [u8], reference: &[u8], beside: Beside<'a>, ledger: &'a Ledger) -> Self {
        let path = path(reference);
        let mut files: Vec<Vec<u8>> = relative(&path).then(|| path.clone()).into_iter().collect();
        let last = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
        for name in [last, &own(beside)] {
            if relative(name) && !files.iter().any(|file| file == name) {
                files.push(name.to_vec());
            }
        }
        Self { bundle, files, beside: Some(beside), ledger, json: OnceCell::new() }
    }

    /// The map that lies beside a bundle under its name, although the bundle does not name it: "hidden" maps are kept for
    /// error trackers, and shipped by mistake.
    pub(in super::super) fn unnamed(bundle: &'a [u8], beside: Beside<'a>, ledger: &'a Ledger) -> Self {
        let is_script = SCRIPTS.iter().any(|ending| beside.name().ends_with(ending));
        let files = is_script.then(|| own(beside)).into_iter().collect();
        Self { bundle, files, beside: Some(beside), ledger, json: OnceCell::new() }
    }

    /// The map that the bundle holds itself.
    pub(in super::super) fn inline(bundle: &'a [u8], json: Vec<u8>, ledger: &'a Ledger) -> Self {
        Self { bundle, files: Vec::new(), beside: None, ledger, json: Some(json).into() }
    }

    /// The original place of each byte offset in the bundle, in the order asked; `None` where the map is not there or
    /// says nothing. Without a map, modules that are kept as text may tell it themselves. One pass over bundle and map for all of them.
    #[must_use]
    pub fn originals(&self, offsets: &[usize]) -> Vec<Option<Original>> {
        let mut order: Vec<usize> = (0..offsets.len()).collect();
        order.sort_by_key(|at| offsets[*at]);
        let sorted: Vec<usize> = order.iter().map(|at| offsets[*at].min(self.bundle.len())).collect();
        let places = match self.json().and_then(Map::parse) {
            Some(map) => self.mapped(map, &sorted),
            None => evaluated::originals(self.bundle, &sorted),
        };
        let mut found = vec![None; offsets.len()];
        for (at, place) in order.into_iter().zip(places) {
            found[at] = place;
        }
        found
    }

    /// What the map says of sorted offsets.
    fn mapped(&self, map: Map<'_>, sorted: &[usize]) -> Vec<Option<Original>> {
        let targets = targets(self.bundle, sorted);
        let maps = flatten(map);
        let mut contents = Contents::default();
        let place = |(at, segment): (usize, Option<(usize, Segment)>)| {
            let (index, segment) = segment?;
            let place = Place { bundle: self.bundle, offset: sorted[at], target: targets[at], segment };
            place.original(&maps[index].map, index, &mut contents)
        };
        segments(&maps, &targets).into_iter().enumerate().map(place).collect()
    }

    /// The original place of one byte offset; see [`BundleMap::originals`] for many.
    #[must_use]
    pub fn original(&self, offset: usize) -> Option<Original> {
        self.originals(&[offset]).pop().flatten()
    }

    /// The map, if it can be read.
    pub(in super::super) fn json(&self) -> Option<&[u8]> {
        let read = || {
            let json = self.files.iter().find_map(|file| (self.beside?.read)(file))?;
            self.ledger.expand(json.len() as u64).ok().map(|()| json)
        };
        self.json.get_or_init(read).as_deref()
    }
}

/// A reference with query and fragment taken off.
fn path(reference: &[u8]) -> Vec<u8> {
    let end = reference.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(reference.len());
    percent(&reference[..end])
}

/// Whether a path names a file nearby: no scheme, no host, no root.
fn relative(path: &[u8]) -> bool {
    !path.is_empty() && path[0] != b'/' && !path.iter().any(|b| matches!(b, b':' | b'\\' | 0))
}

/// What the map of a bundle is called by custom.
fn own(beside: Beside<'_>) -> Vec<u8> {
    match beside.name() {
        b"" => Vec::new(),
        name => [name, b".map"].concat(),
    }
}

/// The places of sorted offsets, in one pass.
fn targets(bundle: &[u8], sorted: &[usize]) -> Vec<Target> {
    let (mut line, mut column, mut done) = (0u32, 0u32, 0);
    let count = |&offset: &usize| {
        let step = &bundle[done..offset];
        let mut tail = step;
        if let Some(last) = memchr::memrchr(b'\n', step) {
            line = line.saturating_add(memchr::memchr_iter(b'\n', step).count() as u32);
            column = 0;
            tail = &step[last + 1..];
        }
        column = column.saturating_add(utf16(tail));
        done = offset;
        Target { line, column }
    };
    sorted.iter().map(count).collect()
}

/// How many UTF-16 units some UTF-8 makes.
fn utf16(text: &[u8]) -> u32 {
    text.iter().map(|b| u32::from(b & 0xc0 != 0x80) + u32::from(*b >= 0xf0)).sum()
}

/// A map and where in the bundle it begins.
struct Part<'a> {
    start: Target,
    map: Map<'a>,
}

/// The map itself, or the maps of its sections.
fn flatten(map: Map<'_>) -> Vec<Part<'_>> {
    if map.sections.is_empty() {
        return vec![Part { start: Target { line: 0, column: 0 }, map }];
    }
    let mut parts: Vec<Part<'_>> = Vec::new();
    for section in &map.sections {
        if let Some((start, map)) = parse_section(section) {
            parts.push(Part { start, map });
        }
    }
    parts.sort_by_key(|part| part.start);
    parts
}

fn parse_section<'a>(section: &Section<'a>) -> Option<(Target, Map<'a>)> {
    let start = Target { line: section.offset.line, column: section.offset.column };
    serde_json::from_str(section.map.get()).ok().map(|map| (start, map))
}

/// For each target the last segment at or before it on its line, with the index of its map.
fn segments(maps: &[Part<'_>], targets: &[Target]) -> Vec<Option<(usize, Segment)>> {
    let mut found = Vec::with_capacity(targets.len());
    for (index, part) in maps.iter().enumerate() {
        let until = maps.get(index + 1).map(|next| next.start);
        let end = targets.partition_point(|target| until.is_none_or(|until| *target < until));
        let begin = targets.partition_point(|target| *target < part.start).max(found.len());
        found.resize(begin, None);
        if begin < end {
            let mine = &targets[begin..end];
            found.extend(nearest(part, mine).into_iter().map(|segment| segment.map(|segment| (index, segment))));
        }
    }
    found.resize(targets.len(), None);
    found
}

fn nearest(part: &Part<'_>, targets: &[Target]) -> Vec<Option<Segment>> {
    let Some(mappings) = part.map.mappings() else { return vec![None; targets.len()] };
    let mut found = Vec::with_capacity(targets.len());
    let mut last: Option<Segment> = None;
    let on_line = |last: Option<Segment>, target: &Target| last.filter(|segment| segment.line == target.line);
    for mut segment in Mappings::new(&mappings) {
        if segment.line == 0 {
            segment.column = segment.column.saturating_add(part.start.column);
        }
        segment.line = segment.line.saturating_add(part.start.line);
        let here = Target { line: segment.line, column: segment.column };
        while let Some(target) = targets.get(found.len()).filter(|target| **target < here) {
            found.push(on_line(last, target));
        }
        if found.len() == targets.len() {
            return found;
        }
        last = Some(segment);
    }
    found.extend(targets[found.len()..].iter().map(|target| on_line(last, target)));
    found
}

/// One place asked for and the segment that covers it.
struct Place<'a> {
    bundle: &'a [u8],
    offset: usize,
    target: Target,
    segment: Segment,
}

/// Texts of originals, read once each.
#[derive(Default)]
struct Contents(HashMap<(usize, usize), Option<Content>>);

impl Contents {
    fn of(&mut self, map: &Map<'_>, key: (usize, usize)) -> Option<&Content> {
        self.0.entry(key).or_insert_with(|| map.content(key.1).map(Content::new)).as_ref()
    }
}

impl Place<'_> {
    fn original(&self, map: &Map<'_>, index: usize, contents: &mut Contents) -> Option<Original> {
        let source = self.segment.source?;
        let path = BString::from(map.source(source.index)?);
        let known = contents.of(map, (index, source.index)).and_then(|content| self.within(content, source));
        let at = known.unwrap_or_else(|| LineColumn {
            line: source.line.saturating_add(1),
            column: source.column.saturating_add(1).saturating_add(self.literal_offset()),
        });
        Some(Original { path, at })
    }

    /// The place in a text that is known: where the bundle's own bytes stand again behind the mapped place. Where they do
    /// not, a literal stands in place of an expression (`process.env.KEY`), or was written with escapes.
    fn within(&self, content: &Content, source: Source) -> Option<LineColumn> {
        let start = content.offset(source.line, source.column)?;
        let within = &content.text[start..content.text.len().min(start + REACH)];
        let needle = &self.bundle[self.offset..self.bundle.len().min(self.offset + NEEDLE)];
        let found = prefix_of(needle).find_map(|needle| memchr::memmem::find(within, needle));
        let is_literal = matches!(within.first(), Some(b'"' | b'\'' | b'`'));
        match found {
            Some(found) => Some(content.line_column(start + found)),
            None if is_literal => None,
            None => Some(content.line_column(start)),
        }
    }

    /// How far into a string literal that starts at the segment the place lies: literals are copied as they are.
    fn literal_offset(&self) -> u32 {
        let distance = (self.target.column - self.segment.column.min(self.target.column)) as usize;
        let Some(literal) = self.offset.checked_sub(distance).map(|start| &self.bundle[start..self.offset]) else {
            return 0;
        };
        match literal.split_first() {
            Some((quote @ (b'"' | b'\'' | b'`'), rest)) if literal.is_ascii() && !rest.contains(quote) => {
                distance as u32
            }
            _ => 0,
        }
    }
}

/// The needle, then shorter ones: what follows a secret may have been changed by the minifier.
fn prefix_of(needle: &[u8]) -> impl Iterator<Item = &[u8]> {
    [NEEDLE, 16, 12].into_iter().filter_map(move |length| needle.get(..length))
}
