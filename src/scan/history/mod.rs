//! A whole history: every object once, then the commits that brought in what was found.

mod hits;
mod objects;
mod places;

use std::{path::Path, sync::Mutex};

use bstr::BString;

use self::{
    objects::Found,
    places::{Again, Places},
};
use super::{Scanner, outcome::Collector};
use crate::{
    model::{BlobId, ObjectPart, Provenance, SkipReason, Skipped},
    source::git::{GitError, Repo, objects::store::ObjectStore, origin::introduce::Scope, refs::Tips},
};

impl Scanner<'_> {
    /// Scans every object of the repository at `path`, reachable or not, and the names of its refs; but no blob that is
    /// `known` to hold nothing. Which others hold nothing.
    pub(super) fn scan_history(&self, path: &Path, known: &[BlobId], collector: &Mutex<Collector>) -> Vec<BlobId> {
        collector.lock().expect("no holder panics").ask(format!("history of {}", crate::source::tree::shown(path)));
        self.try_history(path, known, collector).unwrap_or_else(|error| {
            self.unread(crate::source::tree::shown(path), &error, collector);
            Vec::new()
        })
    }

    fn try_history(
        &self,
        path: &Path,
        known: &[BlobId],
        collector: &Mutex<Collector>,
    ) -> Result<Vec<BlobId>, GitError> {
        let repo = Repo::at(path)?;
        let layout = repo.layout();
        let (store, problems) = ObjectStore::open(&layout.objects, layout.hash);
        self.note(collector, problems.into_iter().map(Skipped::from));
        let found = Found::search(self, &store, repo.is_partial(), &store.find_all(known), collector);
        let tips = repo.tips()?;
        self.names(&tips, collector);
        let scope = Scope {
            tips: tips.tips,
            dangling: Vec::new(),
            head: repo.head(),
            shallow: repo.shallow(),
            partial: repo.is_partial(),
        };
        let mut places = Places::new(self, &store, &found, &scope);
        self.note(collector, std::mem::take(&mut places.problems));
        self.report(path, &repo, Again { store: &store, held: &found.held, places: &places }, collector);
        let mut all = collector.lock().expect("no holder panics");
        all.coverage.commits += found.commits.len() as u64;
        Ok(found.clean.iter().map(|ix| store.id(ix)).collect())
    }

    /// Something of a repository that was asked for and cannot be read, or not any more.
    pub(super) fn unread(&self, what: impl Into<BString>, error: &GitError, collector: &Mutex<Collector>) {
        let words = error.to_string();
        let reason = match error {
            GitError::Shallow { .. } => SkipReason::Shallow(words),
            _ => SkipReason::Unreadable(words),
        };
        self.note(collector, [Skipped { what: what.into(), reason, asked: true }]);
    }

    pub(super) fn note(&self, collector: &Mutex<Collector>, skipped: impl IntoIterator<Item = Skipped>) {
        let mut all = collector.lock().expect("no holder panics");
        skipped.into_iter().for_each(|skipped| all.skip(skipped));
    }

    /// Names of refs, and the messages of reflogs.
    fn names(&self, tips: &Tips, collector: &Mutex<Collector>) {
        let mut worker = self.worker(collector);
        for name in tips.names.iter().chain(&tips.reflog_messages) {
            let name: &BString = name;
            worker.item(
                Provenance::Object { part: ObjectPart::RefName, id: None, name: name.clone(), commit: None },
                name,
                false,
            );
        }
        self.note(collector, tips.problems.iter().cloned());
    }
}
