//! Private keys in armour of their own: OpenPGP and PuTTY.

use super::text::{decode64, encode64};
use crate::detect::checksum::Structure;

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

/// CRC-24 of OpenPGP armour (RFC 9580, 6.1.1).
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00b7_04ce, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b) << 16, |crc: u32, _| {
            let next = crc << 1;
            if next & 0x0100_0000 == 0 { next } else { (next ^ 0x0186_4cfb) & 0x00ff_ffff }
        })
    })
}

/// The bytes inside the armour, and the checksum it ends in where it has one.
fn dearmor(text: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let text = String::from_utf8_lossy(text).replace("\\n", "\n");
    let (_, rest) = text.split_once("BLOCK-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let mut data = String::new();
    let mut sum = None;
    for line in body
        .lines()
        .map(|line| line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '\\' | '>' | '|')))
    {
        if line.contains(": ") {
            continue;
        }
        match line.strip_prefix('=').filter(|tail| tail.len() == 4) {
            Some(tail) => sum = decode64(tail.as_bytes()),
            None => data.push_str(line),
        }
    }
    Some((decode64(data.trim_end_matches('=').as_bytes())?, sum))
}

/// Tag and content of the first packet.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    if head & 0x80 == 0 {
        return None;
    }
    if head & 0x40 == 0 {
        let skip = match head & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => 0,
        };
        return Some((head >> 2 & 15, rest.get(skip..)?));
    }
    let skip = match rest.first()? {
        0..=191 => 1,
        192..=223 => 2,
        255 => 5,
        _ => 1,
    };
    Some((head & 63, rest.get(skip..)?))
}

/// Steps over one multi-precision integer.
fn integer(bytes: &[u8]) -> Option<&[u8]> {
    let bits = usize::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]));
    bytes.get(2 + bits.div_ceil(8)..)
}

/// The octet that says how the secret half of a version 4 key is protected: 0 means not at all.
fn usage(key: &[u8]) -> Option<u8> {
    let (&version, algorithm) = (key.first()?, *key.get(5)?);
    if version != 4 {
        return None;
    }
    let mut rest = key.get(6..)?;
    let integers = match algorithm {
        1..=3 => 2,
        16 => 3,
        17 => 4,
        18 | 19 | 22 => {
            rest = rest.get(1 + usize::from(*rest.first()?)..)?;
            1
        }
        _ => return None,
    };
    for _ in 0..integers {
        rest = integer(rest)?;
    }
    if algorithm == 18 {
        rest = rest.get(1 + usize::from(*rest.first()?)..)?;
    }
    rest.first().copied()
}

/// RFC 9580: an armoured secret key packet.
pub(in crate::detect) fn check_pgp(text: &[u8]) -> Structure {
    let Some((bytes, sum)) = dearmor(text) else { return Structure::invalid("the armour holds no base64") };
    if sum.is_some_and(|sum| sum[..] != crc24(&bytes).to_be_bytes()[1..]) {
        return Structure::invalid("the checksum of the armour is wrong");
    }
    match packet(&bytes) {
        Some((5, key)) => match usage(key) {
            Some(0) => Structure::valid("OpenPGP, open"),
            Some(_) => Structure::encrypted("OpenPGP"),
            None => Structure::valid("OpenPGP secret key"),
        },
        _ => Structure::invalid("the first packet is no secret key"),
    }
}

pub(in crate::detect) fn complete_pgp(text: &mut Vec<u8>) {
    // A version 4 EdDSA key: tag 5, creation time, curve, public integer, and an open secret integer.
    let noise: Vec<u8> = text.iter().chain([7u8; 64].iter()).take(64).map(|b| b.wrapping_mul(149) | 1).collect();
    let mut key = vec![4, 0x60, 1, 2, 3, 22, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
    key.extend([1, 7, 0x40]);
    key.extend(&noise[..32]);
    key.extend([0, 1, 0]);
    key.extend(&noise[32..]);
    key.extend([0, 0]);
    let mut bytes = vec![0xc5, key.len() as u8];
    bytes.extend(key);
    let data = encode64(&bytes);
    let lines: Vec<_> = data.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let sum = encode64(&crc24(&bytes).to_be_bytes()[1..]);
    *text = format!(
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n={sum}\n-----END PGP PRIVATE KEY BLOCK-----",
        lines.join("\n")
    )
    .into_bytes();
}

/// PuTTY's PPK (PuTTY manual, appendix C): named fields; `Encryption: none` or a cipher.
pub(in crate::detect) fn check_putty(text: &[u8]) -> Structure {
    let field = |name: &[u8]| {
        let at = find(text, name)? + name.len();
        let line = text[at..].split(|&b| b == b'\n').next()?;
        Some(String::from_utf8_lossy(line).trim().to_owned())
    };
    if find(text, b"Public-Lines:").is_none() || find(text, b"Private-Lines:").is_none() {
        return Structure::invalid("no public and private lines");
    }
    match field(b"Encryption:").as_deref() {
        Some("none") => Structure::valid("PuTTY, open"),
        Some(_) => Structure::encrypted("PuTTY"),
        None => Structure::invalid("does not say how it is encrypted"),
    }
}

pub(in crate::detect) fn complete_putty(text: &mut Vec<u8>) {
    let noise: Vec<u8> = text.iter().chain([7u8; 96].iter()).take(96).map(|b| b.wrapping_mul(149) | 1).collect();
    let (public, private) = (encode64(&noise[..48]), encode64(&noise[48..]));
    let mac: String = noise[..20].iter().map(|b| format!("{b:02x}")).collect();
    *text = format!(
        "PuTTY-User-Key-File-2: ssh-ed25519\nEncryption: none\nComment: a key\nPublic-Lines: 1\n{public}\nPrivate-Lines: 1\n{private}\nPrivate-MAC: {mac}"
    )
    .into_bytes();
}

#[cfg(test)]
mod tests {
    use super::{check_pgp, check_putty, complete_pgp, complete_putty, crc24};
    use crate::{detect::checksum::State, model::Severity};

    #[test]
    fn crc24_of_the_usual_check_text() {
        assert_eq!(crc24(b"123456789"), 0x0021_cf02);
    }

    #[test]
    fn a_pgp_key_with_a_wrong_checksum_is_none() {
        let mut text = b"x".to_vec();
        complete_pgp(&mut text);
        let found = check_pgp(&text);
        assert_eq!((found.state, found.notes[0].to_string().as_str()), (State::Valid, "OpenPGP, open"));
        let at = text.len() - 60;
        text[at] = if text[at] == b'a' { b'b' } else { b'a' };
        assert!(matches!(check_pgp(&text).state, State::Invalid(_)));
    }

    #[test]
    fn putty_says_whether_it_is_open() {
        let mut text = b"y".to_vec();
        complete_putty(&mut text);
        assert_eq!(check_putty(&text).severity, None);
        let locked = String::from_utf8(text).unwrap().replace("Encryption: none", "Encryption: aes256-cbc");
        assert_eq!(check_putty(locked.as_bytes()).severity, Some(Severity::Medium));
        assert!(matches!(check_putty(b"PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n").state, State::Invalid(_)));
    }
}
