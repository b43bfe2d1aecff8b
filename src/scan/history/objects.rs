//! The walk over all objects: which of them hold which secrets.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use bstr::BString;

use crate::{
    detect::Scratch,
    model::{BlobId, Place, Provenance, SkipReason, Skipped, Stats},
    scan::{
        Scanner,
        inherit::{Carried, Heir, Version},
        outcome::Collector,
        worker::Worker,
    },
    source::{
        asset,
        git::{
            history::{FileNames, Text, commit_texts, tag_texts},
            object::{ObjectIx, ObjectKind},
            store::ObjectStore,
            walk::{Entry, WalkOptions},
        },
        text,
    },
};

/// A secret: the rule that found it, and its bytes.
pub(super) type Key = (u32, Box<[u8]>);

/// Where a secret was found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Holder {
    /// A file's content.
    Blob(ObjectIx),
    /// A commit's or a tag's own text.
    Text(ObjectIx),
    /// The name of a file.
    Name(BString),
}

/// Everything found in the objects of a repository.
#[derive(Default)]
pub(super) struct Found {
    /// Which objects hold each secret.
    pub(super) secrets: BTreeMap<Key, BTreeSet<Holder>>,
    /// All commits.
    pub(super) commits: Vec<BlobId>,
}

/// One thread's share.
struct Search<'s> {
    scanner: &'s Scanner<'s>,
    store: &'s ObjectStore,
    worker: Worker<'s>,
    scratch: Scratch,
    names: FileNames,
    found: Found,
    items: u64,
    bytes: u64,
}

impl Found {
    /// Visits every object once.
    pub(super) fn search(scanner: &Scanner<'_>, store: &ObjectStore, collector: &Mutex<Collector>) -> Self {
        let heir = Heir::new(&scanner.detector);
        let options = WalkOptions {
            threads: scanner.settings.threads(),
            memory: scanner.settings.memory,
            stop: Some(scanner.stop),
            ..WalkOptions::default()
        };
        let start = || Search::new(scanner, store, collector);
        let (searches, problems) = store
            .walk(&options, start, |search, entry, base: Option<&Option<Carried>>| search.visit(&heir, entry, base));
        scanner.note(collector, problems.into_iter().map(Skipped::from));
        let mut all = Self::default();
        for mut search in searches {
            search.settle(collector);
            for (key, holders) in search.found.secrets {
                all.secrets.entry(key).or_default().extend(holders);
            }
            all.commits.extend(search.found.commits);
        }
        all.commits.sort();
        all
    }
}

impl<'s> Search<'s> {
    fn new(scanner: &'s Scanner<'s>, store: &'s ObjectStore, collector: &'s Mutex<Collector>) -> Self {
        let worker = scanner.worker(collector);
        let (scratch, names, found) = (Scratch::default(), FileNames::default(), Found::default());
        Self { scanner, store, worker, scratch, names, found, items: 0, bytes: 0 }
    }

    /// Hands over the counts.
    fn settle(&mut self, collector: &Mutex<Collector>) {
        let mut all = collector.lock().expect("no holder panics");
        let Stats { anchors, regexes } = self.scratch.stats;
        all.stats.anchors += anchors;
        all.stats.regexes += regexes;
        all.coverage.items += self.items;
        all.coverage.bytes += self.bytes;
    }

    /// One object; a fault of ours costs this object only.
    fn visit(&mut self, heir: &Heir<'_>, entry: &Entry<'_>, base: Option<&Option<Carried>>) -> Option<Carried> {
        self.items += 1;
        self.bytes += entry.data.len() as u64;
        if self.items % 64 == 0 {
            self.scanner.observer.scanned(64, 0);
        }
        let done = catch_unwind(AssertUnwindSafe(|| match entry.kind {
            ObjectKind::Blob => self.blob(heir, entry, base.and_then(Option::as_ref)),
            kind => {
                self.text(entry, kind);
                None
            }
        }));
        done.unwrap_or_else(|_| {
            self.scratch = Scratch::default();
            let what = BString::from(format!("object {}", self.store.id(entry.ix)));
            self.worker.skip(Skipped { what, reason: SkipReason::Panicked("please report it".into()), asked: false });
            None
        })
    }

    fn blob(&mut self, heir: &Heir<'_>, entry: &Entry<'_>, base: Option<&Carried>) -> Option<Carried> {
        if !is_plain(entry.data) {
            self.container(entry);
            return None;
        }
        let carried = match (base, entry.from.filter(|_| self.scanner.settings.inherit)) {
            (Some(base), Some(from)) => {
                let version = Version { text: entry.data, base_len: from.data.len(), delta: from.delta };
                heir.inherit(base, &version, &mut self.scratch)
            }
            _ => heir.plain(entry.data, &mut self.scratch),
        };
        for found in [&carried.verified, &carried.contexts] {
            for (rule, secret) in self.scanner.detector.secrets(entry.data, found) {
                hold(&mut self.found, rule, secret, Holder::Blob(entry.ix));
            }
        }
        entry.has_children.then_some(carried)
    }

    /// A blob that must be unpacked or converted: scanned plainly, and again once its path is known.
    fn container(&mut self, entry: &Entry<'_>) {
        let provenance = Provenance::History { path: BString::default(), blob: self.store.id(entry.ix), commit: None };
        for (rule, secret) in self.worker.secrets(&Place::plain(provenance), entry.data) {
            hold(&mut self.found, rule, &secret, Holder::Blob(entry.ix));
        }
    }

    fn text(&mut self, entry: &Entry<'_>, kind: ObjectKind) {
        let id = self.store.id(entry.ix);
        let (detector, scratch, found) = (&self.scanner.detector, &mut self.scratch, &mut self.found);
        let mut scan = |text: Text<'_>, holder: Holder| {
            let raw = detector.scan_raw(text.bytes, scratch);
            for (rule, secret) in detector.secrets(text.bytes, &raw) {
                hold(found, rule, secret, holder.clone());
            }
        };
        match kind {
            ObjectKind::Commit => {
                commit_texts(id, entry.data).for_each(|text| scan(text, Holder::Text(entry.ix)));
                self.found.commits.push(id);
            }
            ObjectKind::Tag => tag_texts(id, entry.data).for_each(|text| scan(text, Holder::Text(entry.ix))),
            ObjectKind::Tree => self.names.meet(id, entry.data, |text| scan(text, Holder::Name(text.bytes.into()))),
            ObjectKind::Blob => {}
        }
    }
}

fn hold(found: &mut Found, rule: u32, secret: &[u8], holder: Holder) {
    found.secrets.entry((rule, secret.into())).or_default().insert(holder);
}

/// Whether the detector can take the bytes as they are, and so what was found can be inherited.
fn is_plain(data: &[u8]) -> bool {
    let marked = data.starts_with(&[0xff, 0xfe]) || data.starts_with(&[0xfe, 0xff]);
    !marked && !text::is_binary(data) && asset::recognise(data).is_none() && asset::recognise_text(data).is_none()
}
