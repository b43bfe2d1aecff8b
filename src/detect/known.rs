//! Values that everybody knows, recognised by their SHA-256: examples in vendors' documents, and keys that frameworks and
//! tutorials ship. The values themselves are nowhere in the program.

use sha2::{Digest, Sha256};

use super::structure::key;

/// `examples.txt` and `well-known.txt`, sorted: 32 bytes of digest and one that tells the list.
const TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/known.bin"));
const RECORD: usize = 33;

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// A vendor's documents show it: it never worked.
    Example,
    /// It is public, and works where nobody changed it.
    WellKnown,
    /// It is public and made for tests; worthless elsewhere.
    Test,
}

/// Whether a value is one of them: as it stands or, where it is a private key in PEM, by its decoded bytes, so that line
/// ends and quotes do not matter.
#[must_use]
pub fn look_up(value: &[u8]) -> Option<Known> {
    let decoded = || value.starts_with(b"-----BEGIN").then(|| key::decoded(value)).flatten();
    find(&Sha256::digest(value)).or_else(|| decoded().and_then(|key| find(&Sha256::digest(key))))
}

fn find(digest: &[u8]) -> Option<Known> {
    let record = |at: usize| &TABLE[at * RECORD..(at + 1) * RECORD];
    let (mut low, mut high) = (0, TABLE.len() / RECORD);
    while low < high {
        let middle = (low + high) / 2;
        match record(middle)[..32].cmp(digest) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => {
                return Some(match record(middle)[32] {
                    0 => Known::Example,
                    1 => Known::WellKnown,
                    _ => Known::Test,
                });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Known, look_up};

    #[test]
    fn knows_documented_examples_defaults_and_test_keys() {
        assert_eq!(look_up(format!("AKIA{}EXAMPLE", "IOSFODNN7").as_bytes()), Some(Known::Example));
        assert_eq!(look_up(["minio", "admin"].concat().as_bytes()), Some(Known::WellKnown));
        assert_eq!(look_up(format!("{}junk", "test ".repeat(11)).as_bytes()), Some(Known::Test));
        assert_eq!(look_up(b"q7Zp0Lm3Xv9Rt2Kd"), None);
    }
}
