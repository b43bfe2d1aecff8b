//! A hash for tables of numbers and ids: a multiplication for each word.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Keyed, so that nobody can choose where things land in our tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoldHash(u64);

/// One hash in the making.
pub(super) struct FoldHasher(u64);

impl Default for FoldHash {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0u8) | 1)
    }
}

impl BuildHasher for FoldHash {
    type Hasher = FoldHasher;

    fn build_hasher(&self) -> FoldHasher {
        FoldHasher(self.0)
    }
}

impl Hasher for FoldHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        // The length tells apart what differs in zeros at the end.
        self.write_u64(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        // Odd constants keep a word that equals the state from making it zero for good.
        let state = self.0.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(word ^ state) * u128::from(self.0 | 1);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn small_differences_make_other_hashes() {
        let hash = FoldHash::default();
        let mut met = HashSet::new();
        for a in 0..100u32 {
            for b in 0..100u32 {
                assert!(met.insert(hash.hash_one([a, b])), "{a} {b}");
            }
        }
        for zeros in 0..100 {
            assert!(met.insert(hash.hash_one(vec![0u8; zeros])), "{zeros} zeros");
        }
    }
}
