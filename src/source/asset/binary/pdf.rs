//! PDF: the text that pages show, and what else its deflated streams hold (ISO 32000-1).

use std::io::Read;

use memchr::memmem;

use super::{Strings, printable};
use crate::source::asset::unit::Nature;
use crate::source::asset::walk::Walk;

/// How far before `stream` its dictionary may begin.
const MOST_DICTIONARY: usize = 2048;

pub(in super::super) fn open(walk: &mut Walk<'_>, bytes: &[u8]) {
    let mut plain = Vec::new();
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
            stream(walk, number, &bytes[data..end]);
        } else {
            plain.push(done..if is_dull(dictionary) { at } else { end });
        }
        (done, from) = (end, end);
        if walk.is_stopped() {
            return;
        }
    }
    plain.push(done..bytes.len());
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

/// The innermost dictionary that ends here is not told from outer ones; names in it are what matters.
fn dictionary(before: &[u8]) -> &[u8] {
    let start = memmem::rfind(before, b" obj").unwrap_or(0);
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

fn stream(walk: &mut Walk<'_>, number: u64, data: &[u8]) {
    if !walk.count() {
        return;
    }
    walk.within(format!("stream {number}").as_bytes(), |walk| {
        let mut text = Vec::new();
        let zlib = flate2::bufread::ZlibDecoder::new(data);
        if let Err(error) = walk.ledger.meter(zlib, data.len() as u64).read_to_end(&mut text) {
            walk.failed("PDF stream", &error);
        }
        let shown = shown(&text);
        if shown.is_empty() {
            walk.open(&text, Nature::Unpacked, &crate::source::asset::walk::no_siblings);
        } else {
            walk.text(&shown, Nature::Unpacked, None);
        }
    });
}

/// The text that a page's operators show: strings of one `TJ` belong together, a new line begins where the page
/// moves to one. Empty if this is no page.
fn shown(content: &[u8]) -> Vec<u8> {
    if memmem::find(content, b"BT").is_none() || memmem::find(content, b"Tf").is_none() {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut at = 0;
    while at < content.len() {
        match content[at] {
            b'(' => at = literal(content, at + 1, &mut out),
            b'<' if content.get(at + 1) != Some(&b'<') => at = hexadecimal(content, at + 1, &mut out),
            b'-' => {
                // A wide step to the left within a `TJ` is a space between words.
                let digits = content[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
                if digits >= 3 && in_array(&out) {
                    out.push(b' ');
                }
                at += 1 + digits;
            }
            b'T' | b'E' if starts_line(&content[at..]) => {
                if !out.ends_with(b"\n") && !out.is_empty() {
                    out.push(b'\n');
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
    out
}

fn in_array(out: &[u8]) -> bool {
    !out.ends_with(b"\n") && !out.ends_with(b" ") && !out.is_empty()
}

fn starts_line(operator: &[u8]) -> bool {
    [&b"Td"[..], b"TD", b"T*", b"Tm", b"ET"].iter().any(|name| operator.starts_with(name))
        && operator.get(2).is_none_or(|b| b.is_ascii_whitespace())
}

/// Reads a literal string; yields where it ends.
fn literal(content: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    let mut depth = 1;
    while at < content.len() {
        match content[at] {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b'\\' => {
                at = escape(content, at + 1, out);
                continue;
            }
            _ => {}
        }
        out.push(content[at]);
        at += 1;
    }
    at
}

fn escape(content: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    match content.get(at) {
        Some(b'0'..=b'7') => {
            let digits = content[at..].iter().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
            let value = content[at..at + digits].iter().fold(0u32, |n, b| n * 8 + u32::from(b - b'0'));
            out.push(value as u8);
            return at + digits;
        }
        Some(b'n') => out.push(b'\n'),
        Some(b'r') => out.push(b'\r'),
        Some(b't') => out.push(b'\t'),
        // A line end that is escaped is none.
        Some(b'\n' | b'\r') | None => {}
        Some(other) => out.push(*other),
    }
    at + 1
}

/// Reads a string of hexadecimal digits; yields where it ends. Fonts with two bytes per character and codes of their
/// own are not undone.
fn hexadecimal(content: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let end = content[at..].iter().position(|b| *b == b'>').map_or(content.len(), |length| at + length);
    let digits: Vec<u8> = content[at..end].iter().filter_map(|b| (*b as char).to_digit(16)).map(|d| d as u8).collect();
    let bytes = digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0));
    out.extend(bytes.filter(|b| *b != 0));
    end + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_text_is_put_together() {
        let page =
            b"BT /F1 12 Tf 72 700 Td [(ab) -20 (cd\\051) -300 (e)] TJ 0 -14 Td (next \\(line\\)) Tj T* <4869> Tj ET";
        assert_eq!(shown(page), b"abcd) e\nnext (line)\nHi\n");
        assert_eq!(shown(b"no page at all"), b"");
    }
}
