//! Private keys in PEM: PKCS#1, PKCS#8, SEC 1, OpenSSH; open or encrypted; in a file, a string literal or base64.

use super::text::{decode64, encode64};
use crate::detect::checksum::Structure;

/// The text between the first `-----BEGIN x-----` and its end, with the label.
fn armored(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let plain = unescape(text);
    let begin = find(&plain, b"-----BEGIN ")? + 11;
    let label_end = begin + find(&plain[begin..], b"-----")?;
    let label = String::from_utf8_lossy(&plain[begin..label_end]).into_owned();
    let body = label_end + 5;
    let end = body + find(&plain[body..], b"-----END ")?;
    Some((label, plain[body..end].to_vec()))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

/// Undoes what string literals do to line ends: `\n`, `\r\n`, also with the backslash doubled.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let letter = (at..text.len()).find(|&next| text[next] != b'\\').unwrap_or(text.len());
        match text.get(letter) {
            Some(b'n' | b'r') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'/') => out.push(b'/'),
            _ => out.push(b'\n'),
        }
        at = letter + usize::from(matches!(text.get(letter), Some(b'n' | b'r' | b't' | b'/')));
    }
    out
}

/// Headers (`Proc-Type: …`) and the base64 of a body whose lines may be indented, quoted, commented or joined by `+`.
fn body(text: &[u8]) -> (bool, Vec<u8>) {
    let mut encrypted = false;
    let mut data = Vec::with_capacity(text.len());
    for line in text.split(|&b| b == b'\n') {
        if find(line, b"ENCRYPTED").is_some() || find(line, b"DEK-Info").is_some() {
            encrypted = true;
            continue;
        }
        data.extend(literal(line).iter().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')));
    }
    (encrypted, data)
}

/// The part of a source line that is inside its string literal: between two quotes, or on the longer side of one.
fn literal(line: &[u8]) -> &[u8] {
    let Some(quote) = line.iter().copied().find(|b| matches!(b, b'"' | b'\'')) else { return line };
    let first = line.iter().position(|&b| b == quote).unwrap_or(0);
    let last = line.iter().rposition(|&b| b == quote).unwrap_or(first);
    let inner = match (&line[..first], &line[first + 1..]) {
        _ if last > first => &line[first + 1..last],
        (before, after) if before.len() > after.len() => before,
        (_, after) => after,
    };
    if inner.iter().any(u8::is_ascii_alphanumeric) { inner } else { &[] }
}

/// The length that a DER value at the start of `bytes` claims, header included, and where its content begins.
fn der(bytes: &[u8], tag: u8) -> Option<(usize, usize)> {
    let (&found, &first) = (bytes.first()?, bytes.get(1)?);
    if found != tag {
        return None;
    }
    if first < 0x80 {
        return Some((2 + usize::from(first), 2));
    }
    let count = usize::from(first & 0x7f);
    let length = bytes
        .get(2..2 + count)
        .filter(|_| (1..=3).contains(&count))?
        .iter()
        .fold(0, |sum, &b| sum << 8 | usize::from(b));
    Some((2 + count + length, 2 + count))
}

/// Bits of the modulus of an RSA key: SEQUENCE { INTEGER version, INTEGER n, … }.
fn rsa_bits(bytes: &[u8]) -> Option<usize> {
    let (_, start) = der(bytes, 0x30)?;
    let (version, _) = der(bytes.get(start..)?, 2)?;
    let modulus = bytes.get(start + version..)?;
    let (end, at) = der(modulus, 2)?;
    let number = modulus.get(at..end.min(modulus.len()))?;
    let zeros = number.iter().take_while(|&&b| b == 0).count();
    Some((end - at - zeros) * 8)
}

/// The bytes inside a PEM block.
pub(in crate::detect) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let (_, inner) = armored(text)?;
    let (_, data) = body(&inner);
    decode64(&data[..data.len() - usize::from(data.len() % 4 == 1)])
}

/// RFC 7468, 5958, 8017, 5915; OpenSSH's PROTOCOL.key.
pub(in crate::detect) fn check_pem(text: &[u8]) -> Structure {
    let Some((label, inner)) = armored(text) else { return Structure::invalid("no BEGIN and END lines") };
    let (legacy_encrypted, data) = body(&inner);
    if data.len() < 40 {
        return Structure::invalid("no key between the BEGIN and END lines");
    }
    // A last, incomplete group comes from padding that was dropped, or from a body that was cut.
    let whole = data.len() - usize::from(data.len() % 4 == 1);
    let Some(bytes) = decode64(&data[..whole]) else { return Structure::invalid("the body is not base64") };
    if label.contains("OPENSSH") {
        return openssh(&bytes);
    }
    if legacy_encrypted {
        return Structure::encrypted("PEM");
    }
    let Some((length, _)) = der(&bytes, 0x30) else { return Structure::invalid("the body is no ASN.1 sequence") };
    if length > bytes.len() + 2 || length + 4 < bytes.len() {
        return Structure::invalid("the body is cut or padded: its length is not what it says");
    }
    if label.starts_with("ENCRYPTED") {
        return Structure::encrypted("PKCS#8");
    }
    match label.split(' ').next() {
        Some("RSA") => rsa_bits(&bytes)
            .map_or(Structure::valid("RSA, open"), |bits| Structure::valid(format!("RSA, {bits} bits, open"))),
        Some("EC" | "ECDSA") => Structure::valid("EC, open"),
        Some("DSA") => Structure::valid("DSA, open"),
        _ => Structure::valid("PKCS#8, open"),
    }
}

fn openssh(bytes: &[u8]) -> Structure {
    let Some(rest) = bytes.strip_prefix(b"openssh-key-v1\0") else { return Structure::invalid("not an OpenSSH key") };
    let cipher = rest.get(..4).map(|length| length.iter().fold(0, |sum, &b| sum << 8 | usize::from(b)));
    match cipher.and_then(|length| rest.get(4..4 + length.min(64))) {
        Some(b"none") if rest.len() < 64 => Structure::invalid("the body is cut"),
        Some(b"none") => Structure::valid("OpenSSH, open"),
        Some(_) => Structure::encrypted("OpenSSH"),
        None => Structure::invalid("the body is cut"),
    }
}

/// A PKCS#8-like sequence of the right length, whose bytes come from the sample.
pub(in crate::detect) fn complete_pem(text: &mut Vec<u8>) {
    let mut state = text.iter().fold(1u32, |sum, &b| sum.wrapping_mul(16_777_619) ^ u32::from(b));
    let mut bytes = vec![0x30, 0x82, 1, 0x80];
    bytes.extend(
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        })
        .take(0x180),
    );
    let data = encode64(&bytes);
    let escaped = !text.contains(&b'\n') && find(text, b"\\n").is_some();
    let end = if escaped { "\\n" } else { "\n" };
    let mut out = format!("-----BEGIN PRIVATE KEY-----{end}");
    for line in data.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push_str(end);
    }
    out.push_str("-----END PRIVATE KEY-----");
    *text = out.into_bytes();
}

/// Base64 of a whole PEM file; of a certificate just as well, which is no secret.
pub(in crate::detect) fn check_base64_pem(text: &[u8]) -> Structure {
    match decode64(text) {
        Some(inner) if find(&inner, b"PRIVATE KEY").is_some() => {
            if find(&inner, b"PGP").is_some() {
                Structure::unknown()
            } else {
                check_pem(&inner)
            }
        }
        Some(_) => Structure::invalid("decodes to something else than a private key"),
        None => Structure::invalid("not base64"),
    }
}

pub(in crate::detect) fn complete_base64_pem(text: &mut Vec<u8>) {
    complete_pem(text);
    *text = encode64(text).into_bytes();
}

#[cfg(test)]
mod tests {
    use super::{check_base64_pem, check_pem, complete_base64_pem, complete_pem, encode64};
    use crate::{
        detect::checksum::State,
        model::{Confidence, Severity},
    };

    fn pem(label: &str, head: &str, bytes: &[u8], end: &str) -> Vec<u8> {
        let data = encode64(bytes);
        let lines: Vec<_> = data.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        format!("-----BEGIN {label}-----{end}{head}{}{end}-----END {label}-----", lines.join(end)).into_bytes()
    }

    fn sequence(length: u8) -> Vec<u8> {
        let mut bytes = vec![0x30, 0x81, length];
        bytes.extend((0..length).map(|at| at.wrapping_mul(37).wrapping_add(11)));
        bytes
    }

    #[test]
    fn a_whole_sequence_is_a_key_and_a_cut_one_is_not() {
        for end in ["\n", "\\n", "\r\n", "\n    ", "\\\\n"] {
            assert_eq!(check_pem(&pem("PRIVATE KEY", "", &sequence(200), end)).state, State::Valid, "{end:?}");
        }
        assert!(matches!(check_pem(&pem("PRIVATE KEY", "", &sequence(200)[..150], "\n")).state, State::Invalid(_)));
        assert!(matches!(
            check_pem(b"-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----").state,
            State::Invalid(_)
        ));
        assert!(matches!(check_pem(&pem("PRIVATE KEY", "", &[7; 90], "\n")).state, State::Invalid(_)));
    }

    #[test]
    fn lines_of_string_literals_are_joined() {
        let plain = String::from_utf8(pem("RSA PRIVATE KEY", "", &sequence(200), "\n")).unwrap();
        let source = plain.lines().map(|line| format!("    \"{line}\\n\" +")).collect::<Vec<_>>().join("\n");
        assert_eq!(check_pem(source.as_bytes()).state, State::Valid);
    }

    #[test]
    fn encrypted_keys_are_less_severe() {
        let old =
            check_pem(&pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", &[9; 200], "\n"));
        let new = check_pem(&pem("ENCRYPTED PRIVATE KEY", "", &sequence(200), "\n"));
        for found in [old, new] {
            assert_eq!((found.state, found.severity), (State::Valid, Some(Severity::Medium)));
            assert_eq!(found.confidence, Some(Confidence::Medium));
        }
    }

    #[test]
    fn openssh_says_whether_it_is_open() {
        let key = |cipher: &str| {
            let mut bytes = b"openssh-key-v1\0".to_vec();
            bytes.extend((cipher.len() as u32).to_be_bytes());
            bytes.extend(cipher.as_bytes());
            bytes.extend([1; 200]);
            check_pem(&pem("OPENSSH PRIVATE KEY", "", &bytes, "\n"))
        };
        assert_eq!((key("none").state, key("none").severity), (State::Valid, None));
        assert_eq!(key("aes256-ctr").severity, Some(Severity::Medium));
    }

    #[test]
    fn base64_of_a_key_but_not_of_a_certificate() {
        let key = encode64(&pem("EC PRIVATE KEY", "", &sequence(120), "\n"));
        assert_eq!(check_base64_pem(key.as_bytes()).state, State::Valid);
        let certificate = encode64(&pem("CERTIFICATE", "", &sequence(120), "\n"));
        assert!(matches!(check_base64_pem(certificate.as_bytes()).state, State::Invalid(_)));
    }

    #[test]
    fn samples_are_made_right() {
        let mut sample = b"-----BEGIN PRIVATE KEY-----abc\\n-----END".to_vec();
        complete_pem(&mut sample);
        assert!(!sample.contains(&b'\n'));
        assert_eq!(check_pem(&sample).state, State::Valid);
        complete_base64_pem(&mut sample);
        assert_eq!(check_base64_pem(&sample).state, State::Valid);
    }
}
