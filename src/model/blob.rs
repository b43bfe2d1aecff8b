//! `BlobId`: the name git gives to some bytes.

use std::fmt;

use sha1::{Digest, Sha1};

/// A git object id: 20 bytes (SHA-1) or 32 bytes (SHA-256).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId {
    bytes: [u8; 32],
    len: u8,
}

impl BlobId {
    /// The id that `git hash-object` gives to a blob of these bytes (SHA-1).
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Sha1::new();
        hasher.update(format!("blob {}\0", bytes.len()));
        hasher.update(bytes);
        Self::from_raw(&hasher.finalize()).expect("a SHA-1 digest has 20 bytes")
    }

    /// From the raw bytes of an id; `None` unless there are 20 or 32 of them.
    #[must_use]
    pub fn from_raw(raw: &[u8]) -> Option<Self> {
        if raw.len() != 20 && raw.len() != 32 {
            return None;
        }
        let mut bytes = [0; 32];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { bytes, len: raw.len() as u8 })
    }

    /// From hexadecimal digits, 40 or 64 of them, in either case.
    #[must_use]
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        /// The value of each digit; a larger one for what is none.
        static DIGITS: [u8; 256] = {
            let mut digits = [16; 256];
            let mut value = 0;
            while value < 16 {
                digits[b"0123456789abcdef"[value] as usize] = value as u8;
                digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
                value += 1;
            }
            digits
        };
        if hex.len() != 40 && hex.len() != 64 {
            return None;
        }
        let (mut bytes, mut all) = ([0; 32], 0);
        for (byte, pair) in bytes.iter_mut().zip(hex.as_chunks::<2>().0) {
            let [high, low] = pair.map(|digit| DIGITS[usize::from(digit)]);
            *byte = high << 4 | low;
            all |= high | low;
        }
        (all < 16).then_some(Self { bytes, len: (hex.len() / 2) as u8 })
    }

    /// The raw bytes of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.as_bytes()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        f.write_str(std::str::from_utf8(&text[..2 * self.as_bytes().len()]).expect("digits are ASCII"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::BlobId;

    #[test]
    fn names_bytes_as_git_hash_object_does() {
        assert_eq!(BlobId::of(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(BlobId::of(b"hello\n").to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn hex_round_trips() {
        let id = BlobId::of(b"x");
        assert_eq!(BlobId::from_hex(id.to_string().as_bytes()), Some(id));
        assert_eq!(BlobId::from_hex(b"abc"), None);
        assert_eq!(BlobId::from_hex(b"zz"), None);
    }
}
