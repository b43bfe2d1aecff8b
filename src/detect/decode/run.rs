//! Runs of base64 in either alphabet, of hex, and gzip and zlib in base64.
//!
//! A run of base64 is decoded when its first twelve bytes would be plain text (or the mark of a compressed stream): a
//! random run passes that with a chance of one in a hundred thousand, so ordinary keys and hashes cost next to nothing.

use std::io::Read;

use base64::Engine;

use super::Decoded;
use crate::{detect::runs::Run, model::Span};

/// Shortest run that is decoded: eighteen bytes of text hold no secret worth the name.
const SHORTEST: usize = 24;
/// Longest run that is decoded: a megabyte of text.
const LONGEST: usize = 4 << 20;
/// Most that a compressed stream may become.
const MOST_INFLATED: u64 = 8 << 20;

/// What stands encoded in the parts of a run between dots (a JWT has three).
pub(crate) fn decode_run(text: &[u8], run: Run, found: &mut Vec<Decoded>) {
    let mut start = run.start;
    while start + SHORTEST <= run.end {
        let rest = &text[start..run.end];
        // Hardly any part begins as one that can be decoded. Of others only the next part matters, if one may begin.
        let may_begin = may_begin(rest);
        let asked = if may_begin { rest } else { &rest[..rest.len() - SHORTEST] };
        let end = start + memchr::memchr2(b'.', b'=', asked).unwrap_or(rest.len());
        if may_begin && (SHORTEST..LONGEST).contains(&(end - start)) {
            found.extend(decode_part(text, Span::new(start, end)));
        }
        start = end + 1;
    }
}

/// Whether what is encoded may begin here.
#[inline]
fn may_begin(part: &[u8]) -> bool {
    hex_byte(part[0], part[1]).is_some_and(is_text) || begins_as(part).is_some()
}

fn decode_part(text: &[u8], span: Span) -> Option<Decoded> {
    let part = span.of(text);
    if let Some(bytes) = hex(part) {
        return Some(Decoded { span, encoding: "hex", text: bytes, steps: Vec::new() });
    }
    let stream = begins_as(part)? == Beginning::Stream;
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

/// What a run of base64 begins as.
#[derive(PartialEq)]
enum Beginning {
    Text,
    Stream,
}

/// What the first twelve bytes of a run of base64 are; `None` as soon as they are neither text nor the mark of a compressed
/// stream.
fn begins_as(part: &[u8]) -> Option<Beginning> {
    for (at, four) in part[..16].chunks_exact(4).enumerate() {
        let mut word = 0u32;
        for &b in four {
            let value = VALUES[usize::from(b)];
            if value == 255 {
                return None;
            }
            word = word << 6 | u32::from(value);
        }
        let [_, bytes @ ..] = word.to_be_bytes();
        if at == 0 && matches!(bytes, [0x1f, 0x8b, _] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, _]) {
            return Some(Beginning::Stream);
        }
        if !bytes.iter().all(|&b| is_text(b)) {
            return None;
        }
    }
    Some(Beginning::Text)
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
    if part.len() % 2 == 1 || part.len() < 32 {
        return None;
    }
    part.chunks_exact(2).map(|pair| hex_byte(pair[0], pair[1]).filter(|&b| is_text(b))).collect()
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    Some(digit(high)? << 4 | digit(low)?)
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
