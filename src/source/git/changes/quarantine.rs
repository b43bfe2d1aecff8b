//! What a push brings and no ref will lead to: the objects of the quarantine, whoever names them.

use std::collections::HashSet;

use git2::{Odb, Oid};

use super::super::error::GitError;
use super::super::objects::object::{ObjectIx, ObjectKind};
use super::super::objects::store::ObjectStore;
use super::super::repo::Repo;
use super::range::Range;
use crate::model::BlobId;

impl Repo {
    /// Blobs, commits and tags of the quarantine that are not among what `reached` holds and not in the repository
    /// already. Git takes all that is in a pushed pack, and keeps it for whoever knows an id.
    ///
    /// # Errors
    /// If the object databases cannot be opened.
    pub fn unreached(&self, reached: &Range) -> Result<Vec<BlobId>, GitError> {
        let layout = self.layout();
        let Some(quarantine) = &layout.quarantine else { return Ok(Vec::new()) };
        let mut known: HashSet<BlobId> = reached.commits.iter().chain(&reached.tags).copied().collect();
        known.extend(reached.blobs.iter().map(|new| new.file.blob));
        // Bases that complete a thin pack are in the repository already.
        let here = Odb::new()?;
        for directory in layout.objects.iter().filter(|directory| *directory != quarantine) {
            here.add_disk_alternate(&directory.to_string_lossy())?;
        }
        let (store, _) = ObjectStore::open(std::slice::from_ref(quarantine), layout.hash);
        let objects = (0..store.len() as u32).map(ObjectIx).map(|ix| (ix, store.id(ix)));
        let is_new = |(ix, id): &(ObjectIx, BlobId)| {
            !known.contains(id)
                && store.kind(*ix).is_some_and(|kind| kind != ObjectKind::Tree)
                && Oid::from_bytes(id.as_bytes()).is_ok_and(|oid| !here.exists(oid))
        };
        Ok(objects.filter(is_new).map(|(_, id)| id).collect())
    }
}
