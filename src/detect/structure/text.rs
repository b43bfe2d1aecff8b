//! Encodings that tokens are written in.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const UNPADDED: GeneralPurposeConfig = GeneralPurposeConfig::new().with_encode_padding(false);

/// Base64 in either alphabet, padded or not.
pub(in crate::detect) fn decode64(text: &[u8]) -> Option<Vec<u8>> {
    let url = text.iter().any(|b| matches!(b, b'-' | b'_'));
    let alphabet = if url { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, LENIENT).decode(text).ok()
}

/// Base64 of the standard alphabet, padded.
pub(in crate::detect) fn encode64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Base64 of the URL alphabet, not padded.
pub(in crate::detect) fn encode64url(bytes: &[u8]) -> String {
    GeneralPurpose::new(&alphabet::URL_SAFE, UNPADDED).encode(bytes)
}

/// The digits of `value` in base 62 or 36 (0-9, A-Z, a-z, or 0-9, a-z), padded with zeros.
pub(in crate::detect) fn digits(mut value: u32, alphabet: &[u8], width: usize) -> Vec<u8> {
    let base = alphabet.len() as u32;
    let mut out = vec![alphabet[0]; width];
    for place in out.iter_mut().rev() {
        *place = alphabet[(value % base) as usize];
        value /= base;
    }
    out
}

/// RFC 4648 base32, upper case.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base32 without padding; the bits of a last, incomplete byte are dropped.
pub(in crate::detect) fn decode32(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut out) = (0u32, 0, Vec::new());
    for b in text {
        bits = bits << 5 | BASE32.iter().position(|c| c == b)? as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

/// Base32 without padding.
pub(in crate::detect) fn encode32(bytes: &[u8]) -> Vec<u8> {
    let (mut bits, mut held, mut out) = (0u32, 0, Vec::new());
    for &b in bytes {
        bits = bits << 8 | u32::from(b);
        held += 8;
        while held >= 5 {
            held -= 5;
            out.push(BASE32[(bits >> held & 31) as usize]);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        out.push(BASE32[(bits << (5 - held) & 31) as usize]);
    }
    out
}

/// The first JSON object in `bytes`, where that is all there is.
pub(in crate::detect) fn object(bytes: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    // A token's JSON is small; deep nesting is refused by the parser itself.
    if bytes.len() > 64 * 1024 {
        return None;
    }
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{decode32, decode64, digits, encode32, encode64, encode64url};

    #[test]
    fn encodings_round_trip() {
        for text in [&b"f"[..], b"fo", b"foo", b"foob", b"\xff\xfe\xfd\xfc"] {
            assert_eq!(decode64(encode64(text).as_bytes()).as_deref(), Some(text));
            assert_eq!(decode64(encode64url(text).as_bytes()).as_deref(), Some(text));
            assert_eq!(decode32(&encode32(text)).as_deref(), Some(text));
        }
        assert_eq!(encode32(b"foobar"), b"MZXW6YTBOI");
        assert_eq!(decode32(b"1"), None);
        assert_eq!(digits(61, b"0123456789abcdefghijklmnopqrstuvwxyz", 3), b"01p");
    }
}
