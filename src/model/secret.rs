//! `Secret`: bytes that never print themselves.

use std::fmt;

/// The bytes of a secret. Neither `Debug` nor `Display` shows them; only [`Secret::expose`] does, and only
/// `report::redact`, `revoke` and the fingerprint call it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
