//! Tables keyed by object ids: the ids are hashes already, so little needs to be done to them.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::model::BlobId;

/// A table from object ids.
pub(super) type IdMap<V> = HashMap<IdKey, V, IdHash>;

/// The first half of an id: nobody can make two objects that share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct IdKey(u64, u64);

impl IdKey {
    pub(super) fn of(id: &BlobId) -> Self {
        Self::raw(id.as_bytes())
    }

    /// From the bytes of an id.
    pub(super) fn raw(id: &[u8]) -> Self {
        let word = |at: usize| id.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
        Self(word(0), word(8))
    }
}

impl Hash for IdKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Keyed, so that nobody else can choose where ids land in our tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdHash(u64);

pub(super) struct IdHasher(u64);

impl Default for IdHash {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0u8) | 1)
    }
}

impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(self.0)
    }
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(word ^ self.0.rotate_left(32)) * u128::from(self.0);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}
