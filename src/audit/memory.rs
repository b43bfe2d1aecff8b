//! `Memory`: blobs that are known to hold nothing, from this audit and from those before, so that no scan reads them again.

use std::collections::BTreeSet;

use super::{
    AuditError, Store,
    survey::{Id, SKETCH},
};
use crate::model::BlobId;

/// What is known of blobs while the repositories of a network are scanned.
pub struct Memory<'s> {
    store: &'s mut Store,
    context: &'s str,
    sketch: Vec<Id>,
    /// Families of the store that `known` has.
    met: BTreeSet<i64>,
    known: Vec<BlobId>,
    /// What the store does not know.
    fresh: Vec<BlobId>,
}

impl<'s> Memory<'s> {
    /// Remembers what was found out under the same rules and settings.
    pub fn new(store: &'s mut Store, context: &'s str) -> Self {
        Self { store, context, sketch: Vec::new(), met: BTreeSet::new(), known: Vec::new(), fresh: Vec::new() }
    }

    /// Calls to mind what is known of repositories that share objects with those of these sketches.
    pub(crate) fn recall<'a>(&mut self, sketches: impl Iterator<Item = &'a [Id]>) -> Result<(), AuditError> {
        let ids: BTreeSet<&Id> = sketches.flatten().collect();
        // As many stand for a network as for one repository.
        let sketch: Vec<Id> = ids.into_iter().take(SKETCH).cloned().collect();
        for family in self.store.families(&sketch)? {
            if self.met.insert(family) {
                self.known.extend(self.store.clean(family, self.context)?);
            }
        }
        // Parts of a network come after the whole of it.
        if self.sketch.is_empty() {
            self.sketch = sketch;
        }
        Ok(())
    }

    /// Blobs that hold nothing.
    pub(crate) fn known(&self) -> &[BlobId] {
        &self.known
    }

    /// More of them.
    pub(crate) fn learn(&mut self, clean: Vec<BlobId>) {
        self.known.extend_from_slice(&clean);
        self.fresh.extend(clean);
    }

    /// Keeps what was learned.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn save(self) -> Result<(), AuditError> {
        self.store.put_clean(&self.sketch, self.context, &self.fresh)
    }
}
