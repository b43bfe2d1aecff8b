//! What is looked for in trees: objects by id and names of entries.

use std::collections::HashMap;

use bstr::BString;

use super::parts::TreeEntry;
use crate::model::BlobId;

/// Number of a thing that is wanted.
pub(super) type WantedIndex = u32;

/// Turns nearly every entry away in one look.
pub(super) struct WantedSet {
    ids: HashMap<BlobId, WantedIndex>,
    names: HashMap<BString, WantedIndex>,
    /// A bit for each pair of leading bytes that a wanted id has.
    filter: Vec<u64>,
}

impl WantedSet {
    pub(super) fn new(ids: HashMap<BlobId, WantedIndex>, names: HashMap<BString, WantedIndex>) -> Self {
        let mut filter = vec![0u64; 1 << 10];
        for id in ids.keys() {
            let bits = lead(id.as_bytes());
            filter[bits >> 6] |= 1 << (bits & 63);
        }
        Self { ids, names, filter }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.names.is_empty()
    }

    /// Calls `found` for the entry's object, if it is wanted, and for its name.
    pub(super) fn look(&self, entry: &TreeEntry<'_>, mut found: impl FnMut(WantedIndex)) {
        let bits = lead(entry.id);
        if self.filter[bits >> 6] >> (bits & 63) & 1 != 0 {
            self.ids.get(&entry.blob_id()).copied().into_iter().for_each(&mut found);
        }
        if !self.names.is_empty() {
            self.names.get(entry.name).copied().into_iter().for_each(found);
        }
    }
}

fn lead(id: &[u8]) -> usize {
    usize::from(id[0]) << 8 | usize::from(id[1])
}
