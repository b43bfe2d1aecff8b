//! PDF: the text that pages show, and what else its deflated streams hold (ISO 32000-1).

mod advances;
mod fonts;
mod page;

use std::io::Read;

use memchr::memmem;

use super::{Strings, printable};
use crate::source::asset::Beside;
use crate::source::asset::unit::Nature;
use crate::source::asset::walk::Walk;
use fonts::Fonts;

/// How far before `stream` its dictionary may begin.
const MOST_DICTIONARY: usize = 2048;

/// A deflated stream, unpacked.
struct Stream<'a> {
    /// From 1, in the order of the file.
    number: u64,
    /// What stands between `obj` and `stream`, with the object's number before it.
    dictionary: &'a [u8],
    text: Vec<u8>,
}

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let mut plain = Vec::new();
    let mut streams = Vec::new();
    let (mut done, mut from, mut number) = (0, 0, 0);
    while let Some(found) = memmem::find(&bytes[from..], b"stream") {
        let at = from + found;
        from = at + b"stream".len();
        let Some(data) = data_start(bytes, from).filter(|_| !bytes[..at].ends_with(b"end")) else { continue };
        let end = memmem::find(&bytes[data..], b"endstream").map_or(bytes.len(), |length| data + length);
        let dictionary = dictionary(&bytes[done.max(at.saturating_sub(MOST_DICTIONARY))..at]);
        number += 1;
        if is_deflated(dictionary) {
            plain.push(done..at);
            let Some(text) = inflate(walk, number, &bytes[data..end]) else { return };
            streams.push(Stream { number, dictionary, text });
        } else {
            plain.push(done..if is_dull(dictionary) { at } else { end });
        }
        (done, from) = (end, end);
    }
    plain.push(done..bytes.len());
    let fonts = Fonts::read(bytes, &streams);
    for stream in &streams {
        show(walk, stream, &fonts);
    }
    let mut strings = Strings::new(walk, "byte", bytes.len());
    for range in plain {
        let start = range.start as u64;
        if printable::runs(&mut strings, &bytes[range], start).is_none() {
            break;
        }
    }
    strings.finish();
}

/// Where the data behind the keyword starts: one line end, of which a lone carriage return is none.
fn data_start(bytes: &[u8], after: usize) -> Option<usize> {
    match bytes.get(after..)? {
        [b'\r', b'\n', ..] => Some(after + 2),
        [b'\n', ..] => Some(after + 1),
        _ => None,
    }
}

/// What belongs to the object that ends here: from its number on.
fn dictionary(before: &[u8]) -> &[u8] {
    let start = memmem::rfind(before, b" obj").unwrap_or(0);
    // `12 0 obj`: the number and the generation stand before.
    let start = before[..start].iter().rposition(|b| !b.is_ascii_digit() && *b != b' ').map_or(0, |at| at + 1);
    &before[start..]
}

fn has(dictionary: &[u8], name: &[u8]) -> bool {
    memmem::find(dictionary, name).is_some()
}

/// Pictures, fonts and colour profiles.
fn is_dull(dictionary: &[u8]) -> bool {
    [
        &b"/Image"[..],
        b"/DCTDecode",
        b"/JPXDecode",
        b"/Length1",
        b"/FontFile",
        b"/CIDFontType0C",
        b"/Type1C",
        b"/OpenType",
    ]
    .iter()
    .any(|name| has(dictionary, name))
}

fn is_deflated(dictionary: &[u8]) -> bool {
    (has(dictionary, b"/FlateDecode") || has(dictionary, b"/Fl ") || has(dictionary, b"/Fl\n")) && !is_dull(dictionary)
}

/// The name under which a stream is shown.
fn name(number: u64) -> Vec<u8> {
    format!("stream {number}").into_bytes()
}

/// Unpacks a stream as far as it can be read; `None` when nothing more can be afforded.
fn inflate(walk: &mut Walk<'_>, number: u64, data: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    if walk.count() {
        let zlib = flate2::bufread::ZlibDecoder::new(data);
        if let Err(error) = walk.ledger.meter(zlib, data.len() as u64).read_to_end(&mut text) {
            walk.within(&name(number), |walk| walk.failed("PDF stream", &error));
        }
    }
    (!walk.is_stopped()).then_some(text)
}

fn show(walk: &mut Walk<'_>, stream: &Stream<'_>, fonts: &Fonts) {
    walk.within(&name(stream.number), |walk| {
        let shown = page::shown(&stream.text, fonts);
        if shown.is_empty() {
            walk.open(&stream.text, Nature::Unpacked, Beside::named(b""));
        } else {
            walk.text(&shown, Nature::Unpacked, None);
        }
    });
}
