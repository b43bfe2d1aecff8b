//! Tokens of clouds and registries that say whose they are: AWS key ids, PyPI macaroons.

use super::text::{decode32, decode64, encode64url};
use crate::{
    detect::checksum::Structure,
    model::{Kind, Severity},
};

/// AWS accounts whose keys are honeypots, each named in public: the first shown by "Canary Token is great…" (onappsec,
/// 2022), the others by the lists of "Indicator of Canary" (2023) and "covert canary detection".
const CANARY_ACCOUNTS: &[u64] = &[595_918_472_158, 706_555_150_306, 992_382_622_183];

/// AWS key ids: the characters after the prefix are base32, and bits 1 to 40 of it are the account ("A short note on AWS
/// key id", T. Be'ery, 2023). Ids of before about 2019 say nothing; no id has a checksum.
pub(in crate::detect) fn check_aws_key_id(token: &[u8]) -> Structure {
    let Some(bytes) = token.get(4..).and_then(decode32).filter(|bytes| bytes.len() >= 6) else {
        return Structure::invalid("not base32");
    };
    let head = bytes[..6].iter().fold(0u64, |sum, &b| sum << 8 | u64::from(b));
    let account = (head & 0x7fff_ffff_ff80) >> 7;
    let found = Structure::unknown();
    // Ids of the old kind begin with I or J; what they decode to is no account.
    if matches!(token.get(4), Some(b'I' | b'J')) || account >= 1_000_000_000_000 {
        return found.note("an id of before 2019, which does not say its account");
    }
    let found = found.note(format!("account {account:012}"));
    if CANARY_ACCOUNTS.binary_search(&account).is_ok() {
        return found.note("an account that issues honeypots").kind(Kind::Canary).severity(Severity::Info);
    }
    match token.get(..4) {
        Some(b"ASIA") => found.note("temporary: of no use without its session token"),
        _ => found,
    }
}

/// A variable-length integer of a macaroon packet.
fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for shift in (0..28).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// One field: its type and its data; type 0 ends a section.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<(usize, &'a [u8])> {
    let kind = varint(bytes)?;
    if kind == 0 {
        return Some((0, &[]));
    }
    let length = varint(bytes)?;
    let data = bytes.get(..length)?;
    *bytes = &bytes[length..];
    Some((kind, data))
}

/// The caveats of a macaroon (format 2): location, identifier, caveats, signature of 32 bytes.
fn caveats(bytes: &[u8]) -> Option<Vec<String>> {
    let mut rest = bytes.strip_prefix(&[2])?;
    let mut found = Vec::new();
    let mut sections = 0;
    loop {
        let (kind, data) = field(&mut rest)?;
        match kind {
            0 => sections += 1,
            2 if sections > 0 => found.push(String::from_utf8_lossy(data).into_owned()),
            6 => return (sections >= 2 && data.len() == 32 && rest.is_empty()).then_some(found),
            _ => {}
        }
        if sections > 64 {
            return None;
        }
    }
}

/// PyPI tokens: `pypi-` and a macaroon (pymacaroons format 2) whose caveats say what it may do.
pub(in crate::detect) fn check_pypi(token: &[u8]) -> Structure {
    let body = token.strip_prefix(b"pypi-").unwrap_or_default();
    let Some(caveats) = decode64(body).and_then(|bytes| caveats(&bytes)) else {
        return Structure::invalid("not a whole macaroon");
    };
    let limited = caveats.iter().any(|caveat| caveat.contains("\"projects\"") || caveat.starts_with("[1,"));
    Structure::valid(if limited { "limited to some projects" } else { "for all projects of the account" })
}

pub(in crate::detect) fn complete_pypi(token: &mut Vec<u8>) {
    let id: String =
        token.iter().rev().filter(|b| b.is_ascii_alphanumeric()).take(36).map(|&b| char::from(b)).collect();
    let place: &[u8] = if token.starts_with(b"pypi-AgEN") { b"test.pypi.org" } else { b"pypi.org" };
    let caveat = br#"{"permissions": "user", "version": 1}"#;
    let mut bytes = vec![2, 1, place.len() as u8];
    bytes.extend(place);
    bytes.extend([2, id.len() as u8]);
    bytes.extend(id.as_bytes());
    bytes.extend([0, 2, caveat.len() as u8]);
    bytes.extend(caveat);
    bytes.extend([0, 0, 6, 32]);
    bytes.extend(token.iter().chain([0u8; 32].iter()).take(32).map(|b| b.wrapping_mul(181)));
    *token = format!("pypi-{}", encode64url(&bytes)).into_bytes();
}

#[cfg(test)]
mod tests {
    use super::{CANARY_ACCOUNTS, check_aws_key_id, check_pypi, complete_pypi};
    use crate::{
        detect::{checksum::State, structure::text::encode32},
        model::Kind,
    };

    /// A key id of an account, as AWS makes them: the first bit is set.
    fn key_of(account: u64) -> Vec<u8> {
        let mut bytes = ((account << 7 | 0x8000_0000_0000) << 16).to_be_bytes().to_vec();
        bytes.extend([0xa5, 0x5a]);
        [b"AKIA", &encode32(&bytes)[..16]].concat()
    }

    #[test]
    fn a_key_id_says_its_account() {
        let found = check_aws_key_id(&key_of(581_039_954_779));
        assert_eq!(found.state, State::Unknown);
        assert!(found.notes.iter().any(|note| note.to_string() == "account 581039954779"), "{found:?}");
    }

    #[test]
    fn a_honeypots_account_makes_a_canary() {
        assert!(CANARY_ACCOUNTS.is_sorted());
        assert_eq!(check_aws_key_id(&key_of(CANARY_ACCOUNTS[1])).kind, Some(Kind::Canary));
    }

    #[test]
    fn a_pypi_token_is_a_whole_macaroon() {
        let mut sample = [&b"pypi-AgEIcHlwaS5vcmc"[..], &[b'x'; 46]].concat();
        assert!(matches!(check_pypi(&sample).state, State::Invalid(_)));
        complete_pypi(&mut sample);
        let found = check_pypi(&sample);
        assert_eq!(found.state, State::Valid);
        assert_eq!(found.notes[0].to_string(), "for all projects of the account");
        sample.truncate(sample.len() - 8);
        assert!(matches!(check_pypi(&sample).state, State::Invalid(_)));
    }
}
