//! Standard Webhooks signatures: HMAC-SHA-256 (`v1`) and ed25519 (`v1a`), made and checked.
//!
//! Source: Standard Webhooks specification 1.0.0. Signed is `id.timestamp.body`; the header is a list, so that keys can
//! be changed without a gap.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey as EdSigning, VerifyingKey as EdVerifying};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How far a timestamp may be from our clock, in seconds; what the reference libraries use.
pub const TOLERANCE: i64 = 300;
/// Signatures of one header that are looked at: more is no key change but an attempt to make us work.
const MOST_SIGNATURES: usize = 16;

/// Why a key is none. Never holds the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// No known prefix.
    #[error("a key starts with whsec_, whsk_ or whpk_")]
    Prefix,
    /// What follows the prefix is no base64.
    #[error("a key is its prefix and base64")]
    Base64,
    /// Too short, too long, or no point of the curve.
    #[error("a key of the wrong length: whsec_ takes 24 to 64 bytes, whsk_ 32 or 64, whpk_ 32")]
    Length,
}

/// A key to sign with.
#[derive(Clone)]
pub enum SigningKey {
    /// `whsec_`: shared with the receiver.
    Hmac(Vec<u8>),
    /// `whsk_`: the receiver knows only the public half.
    Ed25519(Box<EdSigning>),
}

/// A key to check signatures with.
#[derive(Clone)]
pub enum CheckingKey {
    /// `whsec_`.
    Hmac(Vec<u8>),
    /// `whpk_`.
    Ed25519(Box<EdVerifying>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Hmac(_)) { "SigningKey(hmac)" } else { "SigningKey(ed25519)" })
    }
}

impl fmt::Debug for CheckingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Hmac(_)) { "CheckingKey(hmac)" } else { "CheckingKey(ed25519)" })
    }
}

fn hmac_key(text: &str) -> Result<Vec<u8>, KeyError> {
    let key = STANDARD.decode(text).map_err(|_| KeyError::Base64)?;
    if (24..=64).contains(&key.len()) { Ok(key) } else { Err(KeyError::Length) }
}

impl SigningKey {
    /// From `whsec_…` or `whsk_…` (a 32-byte seed, or seed and public half as 64 bytes).
    ///
    /// # Errors
    /// It is no such key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if let Some(rest) = text.strip_prefix("whsec_") {
            return hmac_key(rest).map(Self::Hmac);
        }
        let rest = text.strip_prefix("whsk_").ok_or(KeyError::Prefix)?;
        let bytes = STANDARD.decode(rest).map_err(|_| KeyError::Base64)?;
        let key = match bytes.len() {
            32 => EdSigning::from_bytes(bytes.as_slice().try_into().map_err(|_| KeyError::Length)?),
            64 => EdSigning::from_keypair_bytes(bytes.as_slice().try_into().map_err(|_| KeyError::Length)?)
                .map_err(|_| KeyError::Length)?,
            _ => return Err(KeyError::Length),
        };
        Ok(Self::Ed25519(Box::new(key)))
    }

    /// All keys of a text, parted by white space: the first is the newest.
    ///
    /// # Errors
    /// One of them is no key, or there is none.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, KeyError> {
        let keys: Vec<_> = text.split_whitespace().map(Self::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(KeyError::Prefix) } else { Ok(keys) }
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn checking(&self) -> CheckingKey {
        match self {
            Self::Hmac(key) => CheckingKey::Hmac(key.clone()),
            Self::Ed25519(key) => CheckingKey::Ed25519(Box::new(key.verifying_key())),
        }
    }

    fn sign(&self, content: &[u8]) -> String {
        match self {
            Self::Hmac(key) => format!("v1,{}", STANDARD.encode(mac(key, content).finalize().into_bytes())),
            Self::Ed25519(key) => format!("v1a,{}", STANDARD.encode(key.sign(content).to_bytes())),
        }
    }
}

impl CheckingKey {
    /// From `whsec_…` or `whpk_…`.
    ///
    /// # Errors
    /// It is no such key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if let Some(rest) = text.strip_prefix("whsec_") {
            return hmac_key(rest).map(Self::Hmac);
        }
        let rest = text.strip_prefix("whpk_").ok_or(KeyError::Prefix)?;
        let bytes = STANDARD.decode(rest).map_err(|_| KeyError::Base64)?;
        let bytes = bytes.as_slice().try_into().map_err(|_| KeyError::Length)?;
        EdVerifying::from_bytes(bytes).map(|key| Self::Ed25519(Box::new(key))).map_err(|_| KeyError::Length)
    }

    /// All keys of a text, parted by white space.
    ///
    /// # Errors
    /// One of them is no key, or there is none.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, KeyError> {
        let keys: Vec<_> = text.split_whitespace().map(Self::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(KeyError::Prefix) } else { Ok(keys) }
    }

    /// Whether one entry of the signature list is by this key. The comparison takes the same time for every wrong MAC.
    fn accepts(&self, content: &[u8], version: &str, signature: &str) -> bool {
        let Ok(bytes) = STANDARD.decode(signature) else { return false };
        match (self, version) {
            (Self::Hmac(key), "v1") => mac(key, content).verify_slice(&bytes).is_ok(),
            (Self::Ed25519(key), "v1a") => {
                Signature::from_slice(&bytes).is_ok_and(|signature| key.verify_strict(content, &signature).is_ok())
            }
            _ => false,
        }
    }
}

fn mac(key: &[u8], content: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(content);
    mac
}

fn content(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    content
}

/// The value of `webhook-signature`: one signature for every key.
#[must_use]
pub fn sign(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let content = content(id, timestamp, body);
    let list: Vec<_> = keys.iter().map(|key| key.sign(&content)).collect();
    list.join(" ")
}

/// Why a signed message is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or not of its form.
    #[error("missing or malformed signature headers")]
    Missing,
    /// The timestamp is too far from our clock.
    #[error("timestamp outside the window of 300 s")]
    Timestamp,
    /// No signature of the list is by a known key.
    #[error("no signature by a known key")]
    Unknown,
}

/// The three headers of a signed message, as they came.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// Checks a signed message: its timestamp first, then its signatures against all keys.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify(keys: &[CheckingKey], headers: Signed<'_>, body: &[u8], now: i64) -> Result<(), SignatureError> {
    let id_is_plain = !headers.id.is_empty() && headers.id.len() <= 256 && !headers.id.contains('.');
    let timestamp: i64 = headers.timestamp.parse().map_err(|_| SignatureError::Missing)?;
    // `+1` and `01` parse too, but are not what was signed.
    if !id_is_plain || timestamp.to_string() != headers.timestamp || headers.signature.is_empty() {
        return Err(SignatureError::Missing);
    }
    if now.abs_diff(timestamp) > TOLERANCE.unsigned_abs() {
        return Err(SignatureError::Timestamp);
    }
    let content = content(headers.id, timestamp, body);
    let entries = headers.signature.split(' ').filter_map(|entry| entry.split_once(',')).take(MOST_SIGNATURES);
    for (version, signature) in entries {
        if keys.iter().any(|key| key.accepts(&content, version, signature)) {
            return Ok(());
        }
    }
    Err(SignatureError::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    /// The key of the specification's vector, in parts.
    fn vector_key() -> String {
        ["whsec_", "MfKQ9r8GKYqrTwjUPD8I", "LPZIo2LaLaSw"].concat()
    }

    fn ed_key(seed: u8) -> (String, String) {
        let key = EdSigning::from_bytes(&[seed; 32]);
        let public = STANDARD.encode(key.verifying_key().to_bytes());
        (format!("whsk_{}", STANDARD.encode([seed; 32])), format!("whpk_{public}"))
    }

    fn check(keys: &[CheckingKey], timestamp: &str, signature: &str, now: i64) -> Result<(), SignatureError> {
        verify(keys, Signed { id: ID, timestamp, signature }, BODY, now)
    }

    #[test]
    fn the_vector_of_the_specification() {
        let key = SigningKey::parse(&vector_key()).unwrap();
        let made = sign(&[key], ID, AT, BODY);
        assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let keys = CheckingKey::parse_all(&vector_key()).unwrap();
        assert_eq!(check(&keys, &AT.to_string(), &made, AT), Ok(()));
    }

    #[test]
    fn keys_can_be_changed_without_a_gap() {
        let (secret, public) = ed_key(7);
        let keys = SigningKey::parse_all(&format!("{}\n{secret}", vector_key())).unwrap();
        let made = sign(&keys, ID, AT, BODY);
        assert!(made.starts_with("v1,") && made.contains(" v1a,"));
        for known in [vector_key(), public.clone(), format!("{} {public}", ed_key(9).1)] {
            let known = CheckingKey::parse_all(&known).unwrap();
            assert_eq!(check(&known, &AT.to_string(), &made, AT + 299), Ok(()));
        }
        let strangers = CheckingKey::parse_all(&ed_key(9).1).unwrap();
        assert_eq!(check(&strangers, &AT.to_string(), &made, AT), Err(SignatureError::Unknown));
        assert!(keys.iter().zip(["hmac", "ed25519"]).all(|(key, name)| format!("{key:?}").contains(name)));
    }

    #[test]
    fn what_is_not_taken() {
        let key = SigningKey::parse(&vector_key()).unwrap();
        let made = sign(std::slice::from_ref(&key), ID, AT, BODY);
        let keys = [key.checking()];
        let at = AT.to_string();
        let swapped = made.replace("v1,", "v1a,");
        let mut flood = "v1,AAAA ".repeat(20);
        flood.push_str(&made);
        let table = [
            (at.as_str(), made.as_str(), AT + 301, SignatureError::Timestamp),
            (&at, &made, AT - 301, SignatureError::Timestamp),
            (&at, "", AT, SignatureError::Missing),
            ("", &made, AT, SignatureError::Missing),
            ("+1614265330", &made, AT, SignatureError::Missing),
            ("1614265331", &made, AT, SignatureError::Unknown),
            (&at, "v1,", AT, SignatureError::Unknown),
            (&at, "v1", AT, SignatureError::Unknown),
            (&at, &made[..made.len() - 4], AT, SignatureError::Unknown),
            (&at, &swapped, AT, SignatureError::Unknown),
            (&at, &flood, AT, SignatureError::Unknown),
        ];
        for (timestamp, signature, now, error) in table {
            assert_eq!(check(&keys, timestamp, signature, now), Err(error), "{timestamp} {signature}");
        }
        let signed = Signed { id: "a.b", timestamp: &at, signature: &made };
        assert_eq!(verify(&keys, signed, BODY, AT), Err(SignatureError::Missing));
        assert_eq!(verify(&[], Signed { id: ID, ..signed }, BODY, AT), Err(SignatureError::Unknown));
    }

    #[test]
    fn what_is_no_key() {
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        let odd = format!("whsk_{}", STANDARD.encode([1; 33]));
        let table = [
            ("", KeyError::Prefix),
            ("secret", KeyError::Prefix),
            ("whsec_!!", KeyError::Base64),
            (&short, KeyError::Length),
            (&long, KeyError::Length),
            (&odd, KeyError::Length),
        ];
        for (text, error) in table {
            assert_eq!(SigningKey::parse(text).err(), Some(error), "{text}");
        }
        assert_eq!(SigningKey::parse_all(" \n").err(), Some(KeyError::Prefix));
        let pair = EdSigning::from_bytes(&[3; 32]).to_keypair_bytes();
        assert!(SigningKey::parse(&format!("whsk_{}", STANDARD.encode(pair))).is_ok());
    }
}
