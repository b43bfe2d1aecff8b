//! Fonts whose characters have codes of their own, and the tables that lead back to Unicode.

use std::collections::HashMap;

use memchr::memmem;

use super::Stream;
use super::advances::{Advances, Objects, Widths};
use super::page::from_hexadecimal;
use crate::source::asset::binary::push_utf8;

/// Fonts by the name under which pages choose them.
#[derive(Default)]
pub(super) struct Fonts {
    tables: Vec<Codes>,
    widths: Widths,
    fonts: Vec<Entry>,
    names: HashMap<Vec<u8>, usize>,
}

/// A font: its table of codes, how many bytes a code takes, its widths.
struct Entry {
    table: usize,
    bytes: usize,
    widths: Option<usize>,
}

/// A font as a page sees it.
#[derive(Clone, Copy)]
pub(super) struct Font<'f> {
    codes: &'f Codes,
    bytes: usize,
    advances: Option<&'f Advances>,
}

impl Font<'_> {
    /// Writes the text of a string of codes; codes without a meaning are left out.
    pub(super) fn decode(&self, string: &[u8], out: &mut Vec<u8>) {
        string.chunks(self.bytes).for_each(|code| self.codes.decode(number(code), out));
    }

    /// How far a string of codes reaches, in sizes of the font; `None` where the font does not say.
    pub(super) fn advance(&self, string: &[u8]) -> Option<f64> {
        let advances = self.advances?;
        Some(string.chunks(self.bytes).map(|code| advances.of(number(code))).sum())
    }
}

/// What the codes of a font mean.
#[derive(Default)]
struct Codes {
    /// Bytes of a code.
    width: usize,
    /// First and last code, and the text of the first: those behind it count up its last unit.
    ranges: Vec<(u32, u32, Vec<u16>)>,
}

impl Codes {
    /// Reads the `ToUnicode` table of a font.
    fn read(table: &[u8]) -> Self {
        let mut codes = Self { width: 1, ranges: Vec::new() };
        if let Some(space) = memmem::find(table, b"begincodespacerange").map(|at| &table[at..])
            && let Some((_, Token::Code(first))) = tokens(space).enumerate().next()
        {
            codes.width = first.len().clamp(1, 4);
        }
        for (begin, end) in [(&b"beginbfchar"[..], &b"endbfchar"[..]), (b"beginbfrange", b"endbfrange")] {
            let mut rest = table;
            while let Some(at) = memmem::find(rest, begin) {
                rest = &rest[at + begin.len()..];
                let block = &rest[..memmem::find(rest, end).unwrap_or(rest.len())];
                match begin.ends_with(b"char") {
                    true => codes.characters(block),
                    false => drop(codes.spans(block)),
                }
                rest = &rest[block.len()..];
            }
        }
        codes.ranges.sort();
        codes
    }

    fn characters(&mut self, block: &[u8]) {
        let mut tokens = tokens(block);
        while let (Some(Token::Code(code)), Some(Token::Code(text))) = (tokens.next(), tokens.next()) {
            self.ranges.push((number(&code), number(&code), units(&text)));
        }
    }

    fn spans(&mut self, block: &[u8]) -> Option<()> {
        let mut tokens = tokens(block);
        loop {
            let (Token::Code(first), Token::Code(last)) = (tokens.next()?, tokens.next()?) else { return None };
            let (first, last) = (number(&first), number(&last));
            match tokens.next()? {
                Token::Code(text) => self.ranges.push((first, last, units(&text))),
                Token::Open => {
                    let mut code = first;
                    while let Token::Code(text) = tokens.next()? {
                        self.ranges.push((code, code, units(&text)));
                        code = code.saturating_add(1);
                    }
                }
                Token::Close => return None,
            }
        }
    }

    fn decode(&self, code: u32, out: &mut Vec<u8>) {
        let after = self.ranges.partition_point(|range| range.0 <= code);
        let Some((first, last, text)) = after.checked_sub(1).map(|at| &self.ranges[at]) else { return };
        if code > *last {
            return;
        }
        let Some((unit, before)) = text.split_last() else { return };
        match (unit.wrapping_add((code - first) as u16), before) {
            // Letters that were joined for their looks: what was written has them apart.
            (unit @ 0xfb00..=0xfb06, []) => out.extend_from_slice(LIGATURES[usize::from(unit - 0xfb00)]),
            (unit, before) => push_utf8(before.iter().copied().chain([unit]), out),
        }
    }
}

/// From U+FB00 on.
const LIGATURES: [&[u8]; 7] = [b"ff", b"fi", b"fl", b"ffi", b"ffl", b"st", b"st"];

enum Token {
    /// A string of hexadecimal digits.
    Code(Vec<u8>),
    Open,
    Close,
}

fn tokens(text: &[u8]) -> impl Iterator<Item = Token> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (first, after) = rest.split_first()?;
            rest = after;
            match first {
                b'[' => return Some(Token::Open),
                b']' => return Some(Token::Close),
                b'<' => {
                    let end = memchr::memchr(b'>', rest)?;
                    // A code is of four bytes at most, a text of a few characters.
                    let code = from_hexadecimal(&rest[..end.min(32)]);
                    rest = &rest[end + 1..];
                    return Some(Token::Code(code));
                }
                _ => {}
            }
        }
    })
}

fn number(code: &[u8]) -> u32 {
    code.iter().fold(0, |n, b| n << 8 | u32::from(*b))
}

fn units(text: &[u8]) -> Vec<u16> {
    text.chunks(2).map(|pair| number(pair) as u16).collect()
}

impl Fonts {
    /// Finds fonts with a table of codes, and under which names they are used anywhere.
    pub(super) fn read(bytes: &[u8], streams: &[Stream<'_>]) -> Self {
        let mut fonts = Self::default();
        let tables: HashMap<u32, &[u8]> = streams
            .iter()
            .filter(|stream| memmem::find(&stream.text, b"begincmap").is_some())
            .filter_map(|stream| Some((leading(stream.dictionary)?.0, &stream.text[..])))
            .collect();
        if tables.is_empty() {
            return fonts;
        }
        let mut bodies = objects(bytes);
        streams
            .iter()
            .filter(|s| memmem::find(s.dictionary, b"/ObjStm").is_some())
            .for_each(|s| packed(s, &mut bodies));
        let objects = Objects::of(&bodies);
        let (mut by_object, mut read) = (HashMap::new(), HashMap::new());
        for (object, body) in &bodies {
            let Some(at) = memmem::find(body, b"/ToUnicode") else { continue };
            let Some((number, _)) = leading(&body[at + 10..]) else { continue };
            let Some(table) = tables.get(&number) else { continue };
            // Each table is read once, however many fonts share it.
            let table = *read.entry(number).or_insert_with(|| {
                fonts.tables.push(Codes::read(table));
                fonts.tables.len() - 1
            });
            let simple = [&b"/Type1"[..], b"/TrueType", b"/Type3", b"/MMType1"];
            let bytes = match simple.iter().any(|kind| memmem::find(body, kind).is_some()) {
                true => 1,
                false => fonts.tables[table].width,
            };
            by_object.insert(*object, fonts.fonts.len());
            let widths = fonts.widths.of_font(*object, body, &objects);
            fonts.fonts.push(Entry { table, bytes, widths });
        }
        for (_, body) in &bodies {
            for (name, object) in references(body) {
                if let Some(font) = by_object.get(&object) {
                    fonts.names.entry(name.to_vec()).or_insert(*font);
                }
            }
        }
        fonts
    }

    /// The font that a page calls by a name; `None` for one whose codes are its characters.
    pub(super) fn font(&self, name: &[u8]) -> Option<Font<'_>> {
        let entry = self.fonts.get(*self.names.get(name)?)?;
        let advances = entry.widths.map(|at| self.widths.get(at));
        Some(Font { codes: &self.tables[entry.table], bytes: entry.bytes, advances })
    }
}

/// A number at the start, behind white space, and the rest.
pub(super) fn leading(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let text = bytes.trim_ascii_start();
    let length = text.iter().take(9).take_while(|b| b.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..length]).ok()?.parse().ok()?;
    Some((number, &text[length..]))
}

/// Objects of the file by number, each up to its end or its stream.
fn objects(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(found) = memmem::find(&bytes[from..], b" obj") {
        let at = from + found;
        from = at + 4;
        // `12 0 obj`
        let head = &bytes[at.saturating_sub(16)..at];
        let start = head.iter().rposition(|b| !b.is_ascii_digit() && *b != b' ').map_or(0, |at| at + 1);
        let Some((number, _)) = leading(&head[start..]) else { continue };
        let rest = &bytes[from..];
        let end = memmem::find(rest, b"endobj").unwrap_or(rest.len());
        let end = memmem::find(&rest[..end], b"stream").unwrap_or(end);
        out.push((number, &rest[..end]));
        from += end;
    }
    out
}

/// Objects in a stream: pairs of number and offset, then the objects from `/First` on.
fn packed<'s>(stream: &'s Stream<'_>, out: &mut Vec<(u32, &'s [u8])>) {
    let field = |name: &[u8]| {
        let at = memmem::find(stream.dictionary, name)?;
        leading(&stream.dictionary[at + name.len()..]).map(|(number, _)| number as usize)
    };
    let Some(first) = field(b"/First").filter(|first| *first <= stream.text.len()) else { return };
    let (mut head, body) = stream.text.split_at(first);
    let mut places = Vec::new();
    while let Some((number, rest)) = leading(head) {
        let Some((offset, rest)) = leading(rest) else { break };
        places.push((number, offset as usize));
        head = rest;
    }
    for (at, (number, start)) in places.iter().enumerate() {
        let end = places.get(at + 1).map_or(body.len(), |next| next.1);
        if let Some(object) = body.get(*start..end) {
            out.push((*number, object));
        }
    }
}

/// Names that refer to objects: `/F1 12 0 R`.
fn references(body: &[u8]) -> impl Iterator<Item = (&[u8], u32)> {
    memchr::memchr_iter(b'/', body).filter_map(|at| {
        let rest = &body[at + 1..];
        let length = rest
            .iter()
            .take(64)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+' | b'.'))
            .count();
        let (object, after) = leading(&rest[length..])?;
        let (_, after) = leading(after)?;
        after.trim_ascii_start().starts_with(b"R").then_some((&rest[..length], object))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_their_table() {
        let table = b"begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange\n\
            3 beginbfchar <0003> <0020> <0005> <D83DDE00> <0006> <FB03> endbfchar\n\
            2 beginbfrange <0010> <0019> <0041> <0020> <0021> [<0061> <00660069>] endbfrange endcmap";
        let mut out = Vec::new();
        let codes = Codes::read(table);
        let font = Font { codes: &codes, bytes: codes.width, advances: None };
        font.decode(b"\0\x10\0\x11\0\x03\0\x20\0\x21\0\x05\0\x06\0\x99", &mut out);
        assert_eq!(out, "AB afi😀ffi".as_bytes());
    }
}
