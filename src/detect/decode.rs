//! Encoded text inside a text: base64 in either alphabet, hex, gzip and zlib in base64, and the escapes of strings, URLs
//! and HTML, and literals that are joined by a sign.
//!
//! A run of base64 is decoded when its first twelve bytes would be plain text (or the mark of a compressed stream): a
//! random run passes that with a chance of one in a hundred thousand, so ordinary keys and hashes cost next to nothing.
//! Escapes are undone only in a small piece round places where several stand together.

use std::{io::Read, ops::Range, sync::OnceLock};

use aho_corasick::packed;
use base64::Engine;

use super::runs::{Run, find_runs};
use crate::model::Span;

/// Shortest run that is decoded: eighteen bytes of text hold no secret worth the name.
const SHORTEST: usize = 24;
/// Longest run that is decoded: a megabyte of text.
const LONGEST: usize = 4 << 20;
/// Most that a compressed stream may become.
const MOST_INFLATED: u64 = 8 << 20;
/// How deep encodings are undone in one another.
pub const DEPTH: usize = 3;
/// Bytes round escapes that are looked at with them.
const AROUND: usize = 96;
/// Escapes further apart than this stand in different pieces.
const APART: usize = 48;
/// Bytes of one piece, at most.
const PIECE: usize = 2048;

/// A text that was inside another.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The encoded bytes.
    pub span: Span,
    /// What was undone: `base64`, `hex`, `gzip`, `escapes`.
    pub encoding: &'static str,
    /// The text.
    pub text: Vec<u8>,
    /// For escapes: pairs (offset in `text`, offset in the encoded bytes), ascending.
    steps: Vec<(usize, usize)>,
}

impl Decoded {
    /// Where a span of the text stands in the encoded bytes. For base64 and hex that is the whole run; for escapes it is
    /// exact, and `None` where nothing of the span was escaped: then the plain text has it too.
    #[must_use]
    pub fn stored(&self, span: Span) -> Option<Span> {
        if self.steps.is_empty() {
            return Some(self.span);
        }
        let at = |offset: usize| {
            let step = self.steps.partition_point(|&(text, _)| text <= offset) - 1;
            let (text, stored) = self.steps[step];
            stored + (offset - text)
        };
        let found = Span::new(at(span.start), at(span.end));
        (found.len() != span.len()).then_some(found)
    }
}

/// All texts that stand encoded in `text`, in the order of their kinds and places.
#[must_use]
pub fn decode(text: &[u8]) -> Vec<Decoded> {
    let mut found = Vec::new();
    let mut runs = Vec::new();
    find_runs(text, 0..text.len(), SHORTEST, &mut runs);
    for run in &runs {
        decode_run(text, *run, &mut found);
    }
    escapes(text, &mut found);
    found
}

/// The parts of a run between dots: a JWT has three.
fn decode_run(text: &[u8], run: Run, found: &mut Vec<Decoded>) {
    let mut start = run.start;
    let end = run.end.min(text.len());
    while start < end {
        let dot = memchr::memchr2(b'.', b'=', &text[start..end]).map_or(end, |dot| start + dot);
        if (SHORTEST..LONGEST).contains(&(dot - start)) {
            found.extend(decode_part(text, Span::new(start, dot)));
        }
        start = dot + 1;
    }
}

fn decode_part(text: &[u8], span: Span) -> Option<Decoded> {
    let part = span.of(text);
    if let Some(bytes) = hex(part) {
        return Some(Decoded { span, encoding: "hex", text: bytes, steps: Vec::new() });
    }
    let head = first_bytes(part)?;
    let stream = matches!(head[..2], [0x1f, 0x8b] | [0x78, 0x01 | 0x5e | 0x9c | 0xda]);
    if !stream && !head.iter().all(|&b| is_text(b)) {
        return None;
    }
    let bytes = base64(part)?;
    if stream {
        let (encoding, bytes) = inflate(&bytes)?;
        return Some(Decoded { span, encoding, text: bytes, steps: Vec::new() });
    }
    is_mostly_text(&bytes).then_some(Decoded { span, encoding: "base64", text: bytes, steps: Vec::new() })
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')
}

fn is_mostly_text(bytes: &[u8]) -> bool {
    let odd = bytes.iter().filter(|&&b| !is_text(b) && b < 0x80).count();
    !bytes.is_empty() && odd * 50 <= bytes.len() && std::str::from_utf8(bytes).is_ok()
}

/// Values of both base64 alphabets; 255 for anything else.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < 64 {
        values[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
};

/// The first twelve bytes of a run of base64.
fn first_bytes(part: &[u8]) -> Option<[u8; 12]> {
    let mut bytes = [0; 12];
    for (four, out) in part[..16].chunks_exact(4).zip(bytes.chunks_exact_mut(3)) {
        let mut word = 0u32;
        for &b in four {
            let value = VALUES[usize::from(b)];
            if value == 255 {
                return None;
            }
            word = word << 6 | u32::from(value);
        }
        out.copy_from_slice(&word.to_be_bytes()[1..]);
    }
    Some(bytes)
}

fn base64(part: &[u8]) -> Option<Vec<u8>> {
    use base64::{
        alphabet,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    // A run may have been cut at any character, so stray bits at its end are no fault.
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let whole = if part.len() % 4 == 1 { &part[..part.len() - 1] } else { part };
    let is_url = memchr::memchr2(b'-', b'_', whole).is_some();
    let alphabet = if is_url { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, CONFIG).decode(whole).ok()
}

/// Hex that is text: nothing but hex digits, and every byte printable.
fn hex(part: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    if part.len() % 2 == 1 || part.len() < 32 {
        return None;
    }
    let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?).filter(|&b| is_text(b));
    part.chunks_exact(2).map(byte).collect()
}

fn inflate(bytes: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    let mut text = Vec::new();
    let (name, result) = if bytes.starts_with(&[0x1f, 0x8b]) {
        ("gzip", flate2::read::GzDecoder::new(bytes).take(MOST_INFLATED).read_to_end(&mut text))
    } else {
        ("zlib", flate2::read::ZlibDecoder::new(bytes).take(MOST_INFLATED).read_to_end(&mut text))
    };
    // A stream that breaks off still gave what came before.
    let _ = result;
    (!text.is_empty() && is_mostly_text(&text[..text.len().min(4096)])).then_some((name, text))
}

/// Beginnings of escapes and signs between joined literals; three bytes or more, so that few other places look like them.
const MARKS: &[&str] = &[
    "\\u00", "\\x2", "\\x3", "\\x4", "\\x5", "\\x6", "\\x7", "%2F", "%3A", "%40", "&#x", "&#3", "&#4", "&#5", "&#6",
    "&#7", "&#8", "&#9", "&#1", "&quot", ":\\/", "\" + \"", "' + '", "\"+\"", "'+'", "\" . \"", "' . '", "=3D",
];

fn marks() -> Option<&'static packed::Searcher> {
    static SEARCHER: OnceLock<Option<packed::Searcher>> = OnceLock::new();
    SEARCHER.get_or_init(|| packed::Searcher::new(MARKS)).as_ref()
}

/// Pieces round escapes that stand together, with the escapes undone.
fn escapes(text: &[u8], found: &mut Vec<Decoded>) {
    let Some(marks) = marks() else { return };
    let mut cluster: Option<Range<usize>> = None;
    for mark in marks.find_iter(text) {
        match &mut cluster {
            Some(range) if mark.start() - range.end <= APART && mark.end() - range.start <= PIECE => {
                range.end = mark.end()
            }
            _ => {
                found.extend(cluster.take().and_then(|range| unescape(text, range)));
                cluster = Some(mark.start()..mark.end());
            }
        }
    }
    found.extend(cluster.and_then(|range| unescape(text, range)));
}

fn unescape(text: &[u8], range: Range<usize>) -> Option<Decoded> {
    let span = Span::new(range.start.saturating_sub(AROUND), text.len().min(range.end + AROUND));
    let mut plain = Vec::with_capacity(span.len());
    let mut steps = vec![(0, span.start)];
    let mut at = span.start;
    while at < span.end {
        match escape(&text[at..span.end]) {
            Some((byte, length)) => {
                plain.extend(byte);
                at += length;
                steps.push((plain.len(), at));
            }
            None => {
                plain.push(text[at]);
                at += 1;
            }
        }
    }
    (steps.len() > 1).then_some(Decoded { span, encoding: "escapes", text: plain, steps })
}

/// The byte that an escape stands for (none for the sign between joined literals), and the escape's length.
fn escape(text: &[u8]) -> Option<(Option<u8>, usize)> {
    let hex = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok().and_then(|value| u8::try_from(value).ok()).filter(|&b| b < 0x80)
    };
    let byte = |digits: Range<usize>| text.get(digits.clone()).and_then(hex).map(|byte| (Some(byte), digits.end));
    match text {
        [b'\\', b'u', b'0', b'0', ..] => byte(2..6),
        [b'\\', b'x', ..] => byte(2..4),
        [b'%', ..] | [b'=', b'3', b'D', ..] => byte(1..3),
        [b'\\', b'/', ..] => Some((Some(b'/'), 2)),
        [b'&', b'#', ..] => {
            let end = text.iter().take(8).position(|&b| b == b';')?;
            let digits = std::str::from_utf8(&text[2..end]).ok()?;
            let value = digits
                .strip_prefix(['x', 'X'])
                .map_or_else(|| digits.parse().ok(), |hex| u8::from_str_radix(hex, 16).ok())?;
            (value < 0x80).then_some((Some(value), end + 1))
        }
        _ => {
            const NAMED: &[(&[u8], u8)] =
                &[(b"&quot;", b'"'), (b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&apos;", b'\'')];
            const JOINS: &[&[u8]] = &[b"\" + \"", b"' + '", b"\"+\"", b"'+'", b"\" . \"", b"' . '"];
            let named =
                NAMED.iter().find(|(name, _)| text.starts_with(name)).map(|(name, byte)| (Some(*byte), name.len()));
            named.or_else(|| JOINS.iter().find(|join| text.starts_with(join)).map(|join| (None, join.len())))
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::*};

    use super::decode;
    use crate::model::Span;

    const TEXT: &str = "export password=hunter2 and then some more text 42";

    fn decoded(text: &str) -> Vec<(&'static str, String)> {
        let show = |found: super::Decoded| (found.encoding, String::from_utf8_lossy(&found.text).into_owned());
        decode(text.as_bytes()).into_iter().map(show).collect()
    }

    #[test]
    fn undoes_base64_and_hex() {
        for encoded in [BASE64_STANDARD.encode(TEXT), BASE64_STANDARD_NO_PAD.encode(TEXT), BASE64_URL_SAFE.encode(TEXT)]
        {
            assert_eq!(decoded(&format!("data: {encoded}\n")), [("base64", TEXT.to_owned())]);
        }
        let hex: String = TEXT.bytes().map(|b| format!("{b:02x}")).collect();
        assert_eq!(decoded(&format!("x = \"{hex}\"")), [("hex", TEXT.to_owned())]);
    }

    #[test]
    fn leaves_keys_hashes_and_names_alone() {
        for text in
            ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "thisIsAVeryLongIdentifierName2"]
        {
            assert_eq!(decoded(text), []);
        }
    }

    #[test]
    fn undoes_escapes_and_finds_the_way_back() {
        let text = r#"a = "\x41\x4b\x49\x41 tail" "#;
        let found = decode(text.as_bytes());
        assert_eq!(found[0].encoding, "escapes");
        let at = found[0].text.windows(4).position(|part| part == b"AKIA").unwrap();
        assert_eq!(found[0].stored(Span::new(at, at + 4)), Some(Span::new(5, 21)));
        let tail = found[0].text.windows(4).position(|part| part == b"tail").unwrap();
        assert_eq!(found[0].stored(Span::new(tail, tail + 4)), None);
        assert_eq!(decoded("u = 'https:\\/\\/x'")[0].1, "u = 'https://x'");
        assert_eq!(decoded("k = 'abc' + 'def'")[0].1, "k = 'abcdef'");
        assert_eq!(decoded("p=%3A%42%43")[0].1, "p=:BC");
        assert_eq!(decoded("p=&#65;&#x42;&quot;")[0].1, "p=AB\"");
    }

    #[test]
    fn undoes_gzip_in_base64() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(TEXT.as_bytes()).unwrap();
        let encoded = BASE64_STANDARD.encode(gzip.finish().unwrap());
        assert_eq!(decoded(&format!("x={encoded}")), [("gzip", TEXT.to_owned())]);
    }
}
