//! `data:` URLs and percent encoding.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padding may be missing: browsers do not mind.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The media type and the content of a `data:` URL.
pub(super) fn data_url(url: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let rest = url.strip_prefix(b"data:")?;
    let comma = memchr::memchr(b',', &rest[..rest.len().min(256)])?;
    let (kind, body) = (&rest[..comma], &rest[comma + 1..]);
    match kind.strip_suffix(b";base64") {
        Some(kind) => Some((kind, base64(body)?)),
        None => Some((kind, percent(body))),
    }
}

/// Decodes base64, padding or none.
pub(super) fn base64(body: &[u8]) -> Option<Vec<u8>> {
    if memchr::memchr(b'%', body).is_some() {
        return LENIENT.decode(percent(body)).ok();
    }
    LENIENT.decode(body).ok()
}

/// Undoes percent encoding; what is no valid escape stays.
pub(super) fn percent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        let digit = |i: usize| rest.get(at + i).and_then(|b| (*b as char).to_digit(16));
        match (digit(1), digit(2)) {
            (Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                rest = &rest[at + 3..];
            }
            _ => {
                out.push(b'%');
                rest = &rest[at + 1..];
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_decoded() {
        for (url, expect) in [
            ("data:text/plain;base64,aGVsbG8=", Some("hello")),
            ("data:text/plain;charset=utf-8;base64,aGVsbG8", Some("hello")),
            ("data:,a%20b%zz%", Some("a b%zz%")),
            ("data:text/plain;base64,!!!", None),
            ("http://x/", None),
        ] {
            let content = data_url(url.as_bytes()).map(|(_, content)| content);
            assert_eq!(content.as_deref(), expect.map(str::as_bytes), "{url}");
        }
    }
}
