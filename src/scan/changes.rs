//! What a change brings: the index against HEAD, or the commits of a range against their parents.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
};

use bstr::BString;
use rayon::prelude::*;

use super::{Scanner, outcome::Collector, worker::Worker};
use crate::{
    model::{BlobId, CommitInfo, ObjectPart, Place, Provenance, Skipped},
    source::git::{
        ChangedFile, GitError, GitSource, Repo, TreeSource,
        changes::range::{Range, RangeQuery},
        objects::object::ObjectKind,
        origin::introduce::commit_info,
        parts::parts_of,
    },
};

/// Fewer files than this are scanned on the spot: starting threads would cost more.
const FEW: usize = 32;

/// One version of a file that a change brings.
struct Change<'c> {
    file: &'c ChangedFile,
    /// The commit, and whether the end of the range still has the file so; `None` for the index.
    commit: Option<(BlobId, bool)>,
}

impl Scanner<'_> {
    /// Scans the blobs of the index that differ from HEAD, and reports what they bring; with `whole_file`, all they hold.
    pub(super) fn scan_staged(&self, path: Option<&Path>, whole_file: bool, collector: &Mutex<Collector>) {
        self.asked(collector, "staged changes".to_owned());
        let scan = || {
            let repo = path.map_or_else(Repo::from_env, Repo::at)?;
            let staged = repo.staged()?;
            self.note(collector, staged.problems);
            let changes: Vec<_> = staged.files.iter().map(|file| Change { file, commit: None }).collect();
            self.scan_changes(&repo, path, &changes, whole_file, collector);
            let mut worker = self.worker(collector);
            let names: BTreeSet<&BString> =
                staged.files.iter().filter(|file| file.old.is_empty()).map(|file| &file.path).collect();
            names.into_iter().for_each(|name| self.scan_name(&mut worker, name, None));
            Ok(())
        };
        self.settle(scan(), "index", collector);
    }

    /// Scans what the commits of a range bring: files, messages, people, tags.
    pub(super) fn scan_range(&self, path: Option<&Path>, query: &RangeQuery, collector: &Mutex<Collector>) {
        let scan = || {
            let repo = path.map_or_else(Repo::from_env, Repo::at)?;
            let range = repo.range(query)?;
            self.asked(collector, format!("{} commits, {} files", range.commits.len(), range.blobs.len()));
            let changes: Vec<_> = range
                .blobs
                .iter()
                .map(|new| Change { file: &new.file, commit: Some((new.commit, new.at_end)) })
                .collect();
            self.scan_changes(&repo, path, &changes, false, collector);
            self.scan_texts(&repo, &range, collector)?;
            self.note(collector, range.problems);
            collector.lock().expect("no holder panics").coverage.commits += range.commits.len() as u64;
            Ok(())
        };
        self.settle(scan(), "range", collector);
    }

    fn asked(&self, collector: &Mutex<Collector>, what: String) {
        collector.lock().expect("no holder panics").ask(what);
    }

    fn settle(&self, result: Result<(), GitError>, what: &str, collector: &Mutex<Collector>) {
        if let Err(error) = result {
            self.unread(what, &error, collector);
        }
    }

    fn scan_changes(
        &self,
        repo: &Repo,
        path: Option<&Path>,
        changes: &[Change<'_>],
        whole: bool,
        collector: &Mutex<Collector>,
    ) {
        let one = |repo: &Repo, state: &mut (GitSource<'_>, Worker<'_>), change: &Change<'_>| {
            if !self.is_stopped() {
                self.scan_change(repo, &mut state.0, &mut state.1, change, whole);
            }
        };
        if changes.len() < FEW || self.settings.threads() == 1 {
            let scan = || {
                let mut state = (repo.objects()?, self.worker(collector));
                changes.iter().for_each(|change| one(repo, &mut state, change));
                Ok(())
            };
            return self.settle(scan(), "repository", collector);
        }
        // A handle of libgit2 cannot be shared: each share of the work opens its own.
        let share = changes.len().div_ceil(self.settings.threads() * 4);
        self.pool().install(|| {
            changes.par_chunks(share).for_each(|changes| {
                let scan = || {
                    let repo = path.map_or_else(Repo::from_env, Repo::at)?;
                    let mut state = (repo.objects()?, self.worker(collector));
                    changes.iter().for_each(|change| one(&repo, &mut state, change));
                    Ok(())
                };
                self.settle(scan(), "repository", collector);
            });
        });
    }

    fn scan_change(
        &self,
        repo: &Repo,
        source: &mut GitSource<'_>,
        worker: &mut Worker<'_>,
        change: &Change<'_>,
        whole: bool,
    ) {
        let file = change.file;
        let (mut new, mut old) = (Vec::new(), Vec::new());
        if let Err(error) = source.blob(&file.blob, &mut new) {
            return worker.skip(Skipped { what: file.path.clone(), ..error.into_skipped(false) });
        }
        for id in file.old.iter().filter(|_| !whole) {
            let mut text = Vec::new();
            // An old version that cannot be read makes more lines look new, never fewer.
            if source.blob(id, &mut text).is_ok() {
                old.push(text);
            }
        }
        let (path, blob) = (file.path.clone(), file.blob);
        let provenance = match change.commit {
            None => Provenance::Staged { path, blob },
            Some((id, at_end)) => Provenance::History { path, blob, commit: commit_of(source, id, Some(at_end)) },
        };
        let old: Vec<&[u8]> = old.iter().map(Vec::as_slice).collect();
        worker.change(repo, &Place::plain(provenance), &new, &old);
    }

    /// Scans blobs, and the texts of commits and tags, whatever they belong to.
    pub(super) fn scan_objects(&self, ids: &[BlobId], collector: &Mutex<Collector>) {
        self.asked(collector, format!("{} objects", ids.len()));
        let scan = || {
            let repo = Repo::from_env()?;
            let mut source = repo.objects()?;
            let mut worker = self.worker(collector);
            let mut data = Vec::new();
            for id in ids.iter().take_while(|_| !self.is_stopped()) {
                match source.object(id, &mut data) {
                    Ok(ObjectKind::Blob) => {
                        let history = Provenance::History { path: BString::default(), blob: *id, commit: None };
                        worker.item(history, &data, false);
                    }
                    Ok(kind) => scan_text(&mut worker, *id, kind, &data),
                    Err(error) => worker.skip(error.into_skipped(repo.is_partial())),
                }
            }
            Ok(())
        };
        self.settle(scan(), "objects", collector);
    }

    fn scan_name(&self, worker: &mut Worker<'_>, name: &BString, commit: Option<Arc<CommitInfo>>) {
        let object = Provenance::Object { part: ObjectPart::FileName, id: None, name: name.clone(), commit };
        worker.quiet(object, name);
    }

    /// Messages, people, tags, names of new files.
    fn scan_texts(&self, repo: &Repo, range: &Range, collector: &Mutex<Collector>) -> Result<(), GitError> {
        let mut source = repo.objects()?;
        let mut worker = self.worker(collector);
        let mut data = Vec::new();
        for id in range.commits.iter().chain(&range.tags) {
            match source.object(id, &mut data) {
                Ok(kind) => scan_text(&mut worker, *id, kind, &data),
                Err(error) => worker.skip(error.into_skipped(repo.is_partial())),
            }
        }
        for new in range.blobs.iter().filter(|new| new.file.old.is_empty()) {
            let commit = commit_of(&mut source, new.commit, Some(new.at_end));
            self.scan_name(&mut worker, &new.file.path, commit);
        }
        Ok(())
    }
}

/// Scans what a commit or a tag says itself.
fn scan_text(worker: &mut Worker<'_>, id: BlobId, kind: ObjectKind, data: &[u8]) {
    let commit = (kind == ObjectKind::Commit).then(|| Arc::new(commit_info(id, data)));
    for (part, text) in parts_of(kind, data) {
        let object = Provenance::Object { part, id: Some(id), name: BString::default(), commit: commit.clone() };
        worker.quiet(object, text);
    }
}

fn commit_of(source: &mut GitSource<'_>, id: BlobId, at_head: Option<bool>) -> Option<Arc<CommitInfo>> {
    let mut data = Vec::new();
    source.commit(&id, &mut data).ok()?;
    let mut commit = commit_info(id, &data);
    commit.at_head = at_head;
    Some(Arc::new(commit))
}
