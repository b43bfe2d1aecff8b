//! Tables keyed by object ids: the ids are hashes already, so little needs to be done to them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use crate::model::BlobId;

/// The hash of tables of numbers and names, keyed so that nobody can choose where things land in them.
pub(super) type FoldHash = foldhash::quality::RandomState;

/// A table from object ids.
pub(super) type IdMap<V> = HashMap<IdKey, V, FoldHash>;

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
