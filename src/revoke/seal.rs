//! Sealed secrets: HPKE (RFC 9180) to the receiver's public key, for services that must act on the secret itself.
//!
//! Suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, base mode; an IETF standard with implementations
//! in the standard library of Go and for Python, JavaScript, Java and C. The `hpke` crate is that and nothing else, on
//! the same `curve25519-dalek` as our signatures. age was the other candidate: a file format, with a far larger tree.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;

/// The `info` string of HPKE: binds a sealed secret to this protocol.
pub(crate) const INFO: &[u8] = b"stanch-webhook/1 sealed";
/// The name of the suite on the wire.
pub(crate) const SUITE: &str = "hpke-x25519-sha256-chacha20poly1305";
/// Before the base64 of 32 bytes: a key that secrets are sealed to.
const PREFIX: &str = "stanch-seal-";

/// Why something cannot be sealed or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// No such key.
    #[error("a recipient is stanch-seal- and the base64 of an X25519 public key")]
    Recipient,
    /// The message is no sealed secret, not for this key, or not for this item.
    #[error("cannot be opened")]
    Closed,
}

/// The public key that secrets are sealed to.
#[derive(Clone)]
pub struct Recipient(PublicKey);

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipient({PREFIX}{})", STANDARD.encode(self.0.to_bytes()))
    }
}

impl Recipient {
    /// From `stanch-seal-<base64>`.
    ///
    /// # Errors
    /// It is no such key.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let rest = text.trim().strip_prefix(PREFIX).ok_or(SealError::Recipient)?;
        let bytes = STANDARD.decode(rest).map_err(|_| SealError::Recipient)?;
        PublicKey::from_bytes(&bytes).map(Self).map_err(|_| SealError::Recipient)
    }

    /// Seals a secret; `item` is the id of the item it belongs to and is bound to it. Base64 of the encapsulated key
    /// (32 bytes) and the ciphertext. Differs each time.
    ///
    /// # Errors
    /// The public key is a weak point of the curve.
    pub fn seal(&self, secret: &[u8], item: &str) -> Result<String, SealError> {
        let (key, text) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &self.0,
            INFO,
            secret,
            item.as_bytes(),
        )
        .map_err(|_| SealError::Recipient)?;
        let mut sealed = key.to_bytes().to_vec();
        sealed.extend_from_slice(&text);
        Ok(STANDARD.encode(sealed))
    }
}

/// The receiver's private key; here for receivers in Rust and for tests.
#[derive(Clone)]
pub struct Opener(PrivateKey);

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener(..)")
    }
}

impl Opener {
    /// A new key pair.
    #[must_use]
    pub fn generate() -> (Self, Recipient) {
        let (private, public) = X25519HkdfSha256::gen_keypair();
        (Self(private), Recipient(public))
    }

    /// From the 32 bytes of the private key.
    ///
    /// # Errors
    /// They are no key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        PrivateKey::from_bytes(bytes).map(Self).map_err(|_| SealError::Recipient)
    }

    /// Opens what [`Recipient::seal`] sealed for the same item.
    ///
    /// # Errors
    /// See [`SealError::Closed`].
    pub fn open(&self, sealed: &str, item: &str) -> Result<Vec<u8>, SealError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| SealError::Closed)?;
        let (key, text) = bytes.split_at_checked(32).ok_or(SealError::Closed)?;
        let key = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(key).map_err(|_| SealError::Closed)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.0,
            &key,
            INFO,
            text,
            item.as_bytes(),
        )
        .map_err(|_| SealError::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_recipient_opens_it_and_only_for_the_item() {
        let (opener, recipient) = Opener::generate();
        let text = format!("{recipient:?}");
        let text = text.trim_start_matches("Recipient(").trim_end_matches(')');
        let sealed = Recipient::parse(text).unwrap().seal(b"a secret", "it_1").unwrap();
        assert_eq!(opener.open(&sealed, "it_1").unwrap(), b"a secret");
        assert_eq!(opener.open(&sealed, "it_2"), Err(SealError::Closed));
        assert_eq!(Opener::generate().0.open(&sealed, "it_1"), Err(SealError::Closed));
        assert_ne!(sealed, recipient.seal(b"a secret", "it_1").unwrap());
        for broken in ["", "AAAA", "!", &sealed[..40]] {
            assert_eq!(opener.open(broken, "it_1"), Err(SealError::Closed));
        }
        for none in ["", "stanch-seal-", "stanch-seal-AAAA", "age1xyz"] {
            assert_eq!(Recipient::parse(none).err(), Some(SealError::Recipient));
        }
    }
}
