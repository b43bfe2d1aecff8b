//! The other spellings in which a secret may stand on its own line.

use base64::Engine as _;

/// Secrets above this many bytes are looked for as they are only: nobody writes a certificate chain twice on one line.
const LONGEST: usize = 4096;

/// Spellings shorter than this are not looked for: they would be found in any text.
pub(super) const SHORTEST: usize = 4;

/// No spelling is shorter than the secret by more than this many bytes.
pub(super) const SHORTER: usize = 4;

/// The secret as it is, percent-encoded, as a JSON or source string, in hexadecimal, in Base64 at each of the three
/// alignments, in HTML, and in UTF-16.
pub(super) fn variants(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![secret.to_vec()];
    if secret.len() >= SHORTEST && secret.len() <= LONGEST {
        for upper in [false, true] {
            all.push(percent(secret, upper, |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
            all.push(percent(secret, upper, |b| b.is_ascii_graphic() && !b"%#?/@:&=+ ".contains(&b)));
            all.push(hexadecimal(secret, upper));
        }
        all.push(escaped(secret, false));
        all.push(escaped(secret, true));
        all.push(html(secret));
        all.extend(base64(secret));
        all.push(secret.iter().flat_map(|b| [*b, 0]).collect());
        all.push(secret.iter().flat_map(|b| [0, *b]).collect());
    }
    all.retain(|text| text.len() >= SHORTEST);
    all.sort_unstable();
    all.dedup();
    all
}

fn percent(secret: &[u8], upper: bool, plain: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(2 * secret.len());
    for &byte in secret {
        if plain(byte) {
            text.push(byte);
        } else {
            text.push(b'%');
            text.extend(digits(byte, upper));
        }
    }
    text
}

fn hexadecimal(secret: &[u8], upper: bool) -> Vec<u8> {
    secret.iter().flat_map(|&byte| digits(byte, upper)).collect()
}

fn digits(byte: u8, upper: bool) -> [u8; 2] {
    let digits = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]
}

/// As a string literal: quotes and backslashes escaped, and slashes too where `slash` says so, as PHP's JSON does.
fn escaped(secret: &[u8], slash: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(secret.len() + 8);
    for &byte in secret {
        match byte {
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            b'/' if slash => text.extend_from_slice(b"\\/"),
            _ => text.push(byte),
        }
    }
    text
}

fn html(secret: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(secret.len() + 8);
    for &byte in secret {
        match byte {
            b'&' => text.extend_from_slice(b"&amp;"),
            b'<' => text.extend_from_slice(b"&lt;"),
            b'>' => text.extend_from_slice(b"&gt;"),
            b'"' => text.extend_from_slice(b"&quot;"),
            _ => text.push(byte),
        }
    }
    text
}

/// The characters of the Base64 of `before + secret + after` that depend on the secret alone, for 0, 1 and 2 bytes
/// before it.
fn base64(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for before in 0..3 {
        let skip = if before == 0 { 0 } else { 3 - before };
        let Some(whole) = secret.get(skip..).map(|rest| &rest[..rest.len() / 3 * 3]).filter(|w| !w.is_empty()) else {
            continue;
        };
        all.push(base64::engine::general_purpose::STANDARD.encode(whole).into_bytes());
        all.push(base64::engine::general_purpose::URL_SAFE.encode(whole).into_bytes());
    }
    all
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use bstr::ByteSlice as _;

    use super::variants;

    fn check(secret: &[u8], text: &[u8]) {
        assert!(variants(secret).iter().any(|v| text.contains_str(v)), "{:?}", text.as_bstr());
    }

    #[test]
    fn no_spelling_is_much_shorter_than_the_secret() {
        for len in 4..60 {
            let secret: Vec<u8> = (0..len).map(|n| b"ab/&c\""[n % 6]).collect();
            assert!(variants(&secret).iter().all(|text| text.len() + super::SHORTER >= len), "{len}");
        }
    }

    #[test]
    fn every_usual_spelling_is_known() {
        let secret = b"p&ss/w\"rd=1";
        check(secret, b"https://u:p%26ss%2Fw%22rd%3D1@h"); // stanch:allow made up
        check(secret, b"p%26ss%2fw%22rd%3d1");
        check(secret, br#"{"k":"p&ss\/w\"rd=1"}"#);
        check(secret, br#"<a title="p&amp;ss/w&quot;rd=1">"#);
        check(secret, b"7026737357".replace("57", "2f772272643d31").as_slice());
        for before in ["", "a", "ab"] {
            check(secret, STANDARD.encode(format!("{before}p&ss/w\"rd=1 and more")).as_bytes());
        }
    }
}
