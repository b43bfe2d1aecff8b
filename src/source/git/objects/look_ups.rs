//! Ids that are looked up together: each look-up waits for memory, and they may as well wait at the same time.

use super::object::ObjectIx;
use super::store::ObjectStore;
use crate::model::BlobId;

/// So many look-ups are made together.
const BATCH: usize = 64;

/// Ids that are still to be looked up, each with what it is to whom.
pub(crate) struct LookUps<T> {
    ids: Vec<BlobId>,
    notes: Vec<T>,
    found: Vec<Option<ObjectIx>>,
}

impl<T> Default for LookUps<T> {
    fn default() -> Self {
        Self { ids: Vec::new(), notes: Vec::new(), found: Vec::new() }
    }
}

impl<T> LookUps<T> {
    /// Adds an id.
    pub(crate) fn push(&mut self, id: BlobId, note: T) {
        self.ids.push(id);
        self.notes.push(note);
    }

    /// Whether enough ids wait.
    pub(crate) fn are_due(&self) -> bool {
        self.ids.len() >= BATCH
    }

    /// Looks all of them up.
    pub(crate) fn settle(&mut self, store: &ObjectStore, mut each: impl FnMut(BlobId, T, Option<ObjectIx>)) {
        let Self { ids, notes, found } = self;
        store.lookup_all(ids, found);
        let notes = ids.drain(..).zip(notes.drain(..));
        notes.zip(found.drain(..)).for_each(|((id, note), object)| each(id, note, object));
    }
}
