//! Keys that are public knowledge, and examples of documents: known by their hash only.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::structure::key;

type Hash = [u8; 32];

/// What is known of a key by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A document shows it as an example; nobody uses it.
    Example(&'static str),
    /// A product or a tutorial ships with it: it opens whatever was left as it came.
    Default(&'static str),
    /// Made for tests, worthless elsewhere.
    Test(&'static str),
}

fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// The two lists as one, sorted by hash; read on first use, which is the first candidate.
fn list() -> &'static [(Hash, Known)] {
    static LIST: OnceLock<Vec<(Hash, Known)>> = OnceLock::new();
    LIST.get_or_init(|| {
        let defaults = include_str!("../../patterns/well-known.txt").lines().filter_map(|line| {
            let (hash, rest) = entry(line)?;
            let (class, what) = rest.split_once(' ')?;
            Some((hash, if class == "test" { Known::Test(what) } else { Known::Default(what) }))
        });
        let examples = include_str!("../../patterns/examples.txt").lines().filter_map(|line| {
            let (hash, what) = entry(line)?;
            Some((hash, Known::Example(what)))
        });
        let mut list: Vec<_> = defaults.chain(examples).collect();
        list.sort_unstable_by_key(|(hash, _)| *hash);
        list
    })
}

/// The hash in hexadecimal digits that a line begins with, and the rest; `None` for a comment.
fn entry(line: &'static str) -> Option<(Hash, &'static str)> {
    let (hex, rest) = line.split_once(' ')?;
    let mut hash = [0; 32];
    if hex.len() != 64 {
        return None;
    }
    for (place, pair) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some((hash, rest))
}

/// Looks a secret up: as it stands, and where it is a private key in PEM by its decoded bytes, so that line ends and
/// quoting do not matter.
#[must_use]
pub fn lookup(secret: &[u8]) -> Option<Known> {
    let find = |wanted: Hash| {
        let list = list();
        list.binary_search_by(|(hash, _)| hash.cmp(&wanted)).ok().map(|at| list[at].1)
    };
    find(hash(secret)).or_else(|| secret.starts_with(b"-----BEGIN").then(|| key::decoded(secret)).flatten().and_then(|key| find(hash(&key))))
}

#[cfg(test)]
mod tests {
    use super::{Known, entry, list, lookup};

    #[test]
    fn every_line_is_a_comment_or_an_entry() {
        for line in [include_str!("../../patterns/well-known.txt"), include_str!("../../patterns/examples.txt")].iter().flat_map(|text| text.lines()) {
            assert!(line.starts_with('#') || entry(line).is_some(), "{line}");
        }
        assert!(list().windows(2).all(|pair| pair[0].0 < pair[1].0), "no hash stands twice");
    }

    #[test]
    fn knows_documented_examples_and_defaults() {
        assert!(matches!(lookup(format!("AKIA{}EXAMPLE", "IOSFODNN7").as_bytes()), Some(Known::Example(_))));
        assert!(matches!(lookup(format!("{}junk", "test ".repeat(11)).as_bytes()), Some(Known::Test(_))));
        assert!(matches!(lookup(["minio", "admin"].concat().as_bytes()), Some(Known::Default(_))));
        assert_eq!(lookup(b"q7Zp0Lm3Xv9Rt2Kd"), None);
    }
}
