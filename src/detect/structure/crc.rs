//! Tokens that end in a checksum of themselves.
#![expect(clippy::ptr_arg, reason = "all schemes share one signature; most make a token longer or shorter")]

use sha2::{Digest, Sha256};

use super::text::{decode32, digits, encode32, encode64};
use crate::detect::checksum::Structure;

const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn verdict(right: bool) -> Structure {
    if right { Structure::valid("the checksum is right") } else { Structure::invalid("the checksum is wrong") }
}

fn compare(token: &[u8], tail: Option<Vec<u8>>) -> Structure {
    tail.map_or_else(|| Structure::invalid("too short for its format"), |tail| verdict(token.ends_with(&tail)))
}

fn put(token: &mut [u8], tail: Option<Vec<u8>>) {
    if let Some(tail) = tail.filter(|tail| tail.len() <= token.len()) {
        let at = token.len() - tail.len();
        token[at..].copy_from_slice(&tail);
    }
}

/// GitHub ("Behind GitHub's new authentication token formats", 2021), npm and Vercel: a four-letter prefix, a body, and
/// the CRC-32 of the body in base 62, six digits.
fn github(token: &[u8]) -> Option<Vec<u8>> {
    let body = token.get(4..token.len().checked_sub(6)?)?;
    Some(digits(crc32fast::hash(body), BASE62, 6))
}

pub(in crate::detect) fn check_github(token: &[u8]) -> Structure {
    compare(token, github(token))
}

pub(in crate::detect) fn complete_github(token: &mut Vec<u8>) {
    let tail = github(token);
    put(token, tail);
}

/// Fine-grained tokens: `github_pat_`, 22, `_`, 43, eight digits of base32(SHA-256(all before)), eight free. Seen by
/// computing it on published tokens; GitHub has not described it.
const FINE_GRAINED_HEAD: usize = 11 + 22 + 1 + 43;

fn fine_grained(token: &[u8]) -> Option<Vec<u8>> {
    let head = token.get(..FINE_GRAINED_HEAD)?;
    token.get(FINE_GRAINED_HEAD..FINE_GRAINED_HEAD + 16)?;
    let mut sum = encode32(&Sha256::digest(head));
    sum.truncate(8);
    Some(sum)
}

pub(in crate::detect) fn check_github_fine_grained(token: &[u8]) -> Structure {
    match fine_grained(token) {
        None => Structure::invalid("too short for its format"),
        Some(sum) => verdict(token[FINE_GRAINED_HEAD..].starts_with(&sum)),
    }
}

pub(in crate::detect) fn complete_github_fine_grained(token: &mut Vec<u8>) {
    if let Some(sum) = fine_grained(token) {
        token[FINE_GRAINED_HEAD..FINE_GRAINED_HEAD + 8].copy_from_slice(&sum);
    }
}

/// GitLab routable tokens: the CRC-32 of all before in base 36, seven digits (GitLab docs: routable tokens).
fn gitlab(token: &[u8]) -> Option<Vec<u8>> {
    let body = token.get(..token.len().checked_sub(7)?)?;
    Some(digits(crc32fast::hash(body), BASE36, 7))
}

pub(in crate::detect) fn check_gitlab_routable(token: &[u8]) -> Structure {
    compare(token, gitlab(token))
}

pub(in crate::detect) fn complete_gitlab_routable(token: &mut Vec<u8>) {
    let tail = gitlab(token);
    put(token, tail);
}

/// Atlassian and Bitbucket: the CRC-32 of all before, eight hexadecimal digits, upper case.
fn atlassian(token: &[u8]) -> Option<Vec<u8>> {
    let body = token.get(..token.len().checked_sub(8)?)?;
    Some(format!("{:08X}", crc32fast::hash(body)).into_bytes())
}

pub(in crate::detect) fn check_atlassian(token: &[u8]) -> Structure {
    compare(token, atlassian(token))
}

pub(in crate::detect) fn complete_atlassian(token: &mut Vec<u8>) {
    let tail = atlassian(token);
    put(token, tail);
}

/// Grafana service accounts: `glsa_`, 32, `_`, and the CRC-32 of the first 37 characters, its bytes little-endian, in hex.
fn grafana(token: &[u8]) -> Option<Vec<u8>> {
    let sum = crc32fast::hash(token.get(..token.len().checked_sub(9)?)?);
    Some(format!("{:08x}", sum.swap_bytes()).into_bytes())
}

pub(in crate::detect) fn check_grafana(token: &[u8]) -> Structure {
    compare(&token.to_ascii_lowercase(), grafana(token))
}

pub(in crate::detect) fn complete_grafana(token: &mut Vec<u8>) {
    let tail = grafana(token);
    put(token, tail);
}

/// Zuplo: `zpka_`, 32, `_`, and the CRC-32 of the 32 in hex (Zuplo: API key format).
fn zuplo(token: &[u8]) -> Option<Vec<u8>> {
    let body = token.get(5..token.len().checked_sub(9)?)?;
    Some(format!("{:08x}", crc32fast::hash(body)).into_bytes())
}

pub(in crate::detect) fn check_zuplo(token: &[u8]) -> Structure {
    compare(token, zuplo(token))
}

pub(in crate::detect) fn complete_zuplo(token: &mut Vec<u8>) {
    let tail = zuplo(token);
    put(token, tail);
}

/// Confluent Cloud: `cflt`, 54, and the CRC-32 of the 54, little-endian, in base64 without padding.
fn confluent(token: &[u8]) -> Option<Vec<u8>> {
    let body = token.get(4..token.len().checked_sub(6)?)?;
    let mut sum = encode64(&crc32fast::hash(body).to_le_bytes()).into_bytes();
    sum.truncate(6);
    Some(sum)
}

pub(in crate::detect) fn check_confluent(token: &[u8]) -> Structure {
    compare(token, confluent(token))
}

pub(in crate::detect) fn complete_confluent(token: &mut Vec<u8>) {
    let tail = confluent(token);
    put(token, tail);
}

/// crates.io, trusted publishing (crates.io source, `crates_io_trustpub`): `cio_tp_`, 31, and one of 62 letters and digits
/// by the exclusive or of the 31.
fn cratesio(token: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let body = token.get(7..token.len().checked_sub(1)?)?;
    let sum = body.iter().fold(0, |sum, b| sum ^ b);
    Some(vec![ALPHABET[usize::from(sum) % ALPHABET.len()]])
}

pub(in crate::detect) fn check_cratesio(token: &[u8]) -> Structure {
    compare(token, cratesio(token))
}

pub(in crate::detect) fn complete_cratesio(token: &mut Vec<u8>) {
    let tail = cratesio(token);
    put(token, tail);
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &b| {
        (0..8).fold(crc ^ u16::from(b) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

/// NATS seeds (nkeys specification): base32 of two bytes of roles, 32 of seed, and a CRC-16, little-endian.
pub(in crate::detect) fn check_nkey(token: &[u8]) -> Structure {
    let Some(bytes) = decode32(token).filter(|bytes| bytes.len() == 36) else {
        return Structure::invalid("not base32 of 36 bytes");
    };
    let (body, sum) = bytes.split_at(34);
    let role = match token.get(1) {
        Some(b'U') => "a user's seed",
        Some(b'A') => "an account's seed",
        Some(b'O') => "an operator's seed",
        Some(b'N') => "a server's seed",
        Some(b'C') => "a cluster's seed",
        _ => "a curve key's seed",
    };
    verdict(crc16(body).to_le_bytes() == sum).note(role)
}

pub(in crate::detect) fn complete_nkey(token: &mut Vec<u8>) {
    let Some(mut bytes) = decode32(token).filter(|bytes| bytes.len() == 36) else { return };
    let sum = crc16(&bytes[..34]).to_le_bytes();
    bytes[34..].copy_from_slice(&sum);
    *token = encode32(&bytes);
}

/// The alphabet of bech32 (BIP-173).
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    const STEP: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        STEP.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1).fold(shifted, |sum, (_, step)| sum ^ step)
    })
}

/// The human-readable part, then the data with its six last digits as given.
fn bech32(token: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let lower = token.to_ascii_lowercase();
    let one = lower.iter().rposition(|&b| b == b'1')?;
    let (head, data) = (&lower[..one], &lower[one + 1..]);
    let data: Option<Vec<u8>> = data.iter().map(|b| BECH32.iter().position(|c| c == b).map(|at| at as u8)).collect();
    let head = head.iter().map(|b| b >> 5).chain([0]).chain(head.iter().map(|b| b & 31)).collect();
    Some((head, data.filter(|data| data.len() >= 6)?))
}

/// age identities (age specification, C2SP): bech32 of 32 bytes.
pub(in crate::detect) fn check_age(token: &[u8]) -> Structure {
    match bech32(token) {
        None => Structure::invalid("not bech32"),
        Some((head, data)) => verdict(polymod(head.into_iter().chain(data)) == 1),
    }
}

pub(in crate::detect) fn complete_age(token: &mut Vec<u8>) {
    let Some((head, data)) = bech32(token) else { return };
    let body = data.len() - 6;
    let sum = polymod(head.into_iter().chain(data[..body].iter().copied()).chain([0; 6])) ^ 1;
    let at = token.len() - 6;
    for (place, byte) in token[at..].iter_mut().enumerate() {
        *byte = BECH32[(sum >> (5 * (5 - place)) & 31) as usize].to_ascii_uppercase();
    }
}

#[cfg(test)]
mod tests {
    use super::{bech32, crc16, polymod};

    #[test]
    fn crc16_of_the_usual_check_text() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn bech32_of_bip_173() {
        for right in
            ["A12UEL5L", "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs"]
        {
            let (head, data) = bech32(right.as_bytes()).unwrap();
            assert_eq!(polymod(head.into_iter().chain(data)), 1, "{right}");
        }
    }
}
