//! The walk over all objects: which of them hold which secrets.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use bstr::BString;

use super::hits::{Held, Hits, Holder};
use crate::{
    detect::Scratch,
    model::{ObjectPart, Place, Provenance, SkipReason, Skipped},
    scan::{
        Scanner,
        inherit::{Carried, Heir, Room, Version},
        outcome::Collector,
        worker::Worker,
    },
    source::{
        asset,
        git::{
            objects::{
                object::{KindSet, ObjectIx, ObjectKind},
                object_set::ObjectSet,
                store::ObjectStore,
                walk::{Entry, WalkOptions},
            },
            origin::commit_rows::{CommitReader, CommitRows},
            parts::parts_of,
            trees::tree_index::TreeIndex,
        },
        text,
    },
};

/// Everything found in the objects of a repository, and what says where it came from.
pub(super) struct Found {
    pub(super) held: Held,
    pub(super) commits: CommitRows,
    pub(super) trees: TreeIndex,
    /// Blobs that were looked at and hold nothing.
    pub(super) clean: ObjectSet,
}

/// So many people are remembered, with names and addresses of so many bytes.
const MOST_PEOPLE: usize = 1 << 16;
const LONGEST_PERSON: usize = 128;

/// One thread's share.
struct Search<'s> {
    scanner: &'s Scanner<'s>,
    store: &'s ObjectStore,
    worker: Worker<'s>,
    scratch: Scratch,
    room: Room,
    hits: Hits,
    commits: CommitReader<'s>,
    /// People that hold no secret.
    people: HashSet<Box<[u8]>, foldhash::quality::RandomState>,
    clean: ObjectSet,
    items: u64,
    bytes: u64,
    /// Where keywords stand in blobs, found anew or not.
    anchors: u64,
    /// What the observer has heard of them.
    told: (u64, u64),
}

impl Found {
    /// Visits every object once, but for blobs that are `known` to hold nothing: what holds text first, so that trees can
    /// be looked through for what was found.
    pub(super) fn search(
        scanner: &Scanner<'_>,
        store: &ObjectStore,
        partial: bool,
        known: &ObjectSet,
        collector: &Mutex<Collector>,
    ) -> Self {
        let heir = Heir::new(&scanner.detector);
        let others = (!known.is_empty()).then(|| store.others(known));
        let options = WalkOptions {
            kinds: KindSet::BLOBS | KindSet::COMMITS | KindSet::TAGS,
            only: others.as_ref(),
            threads: scanner.settings.threads(),
            memory: scanner.settings.memory,
            stop: Some(scanner.stop),
            ..WalkOptions::default()
        };
        let start = || Search::new(scanner, store, collector);
        let (searches, problems) = store.walk(&options, start, |search, entry, base: Option<&Option<Carried>>| {
            search.visit(&heir, known, entry, base)
        });
        scanner.note(collector, problems.into_iter().map(Skipped::from));
        let mut hits = Vec::new();
        let (mut commits, mut clean) = (CommitRows::default(), ObjectSet::default());
        for mut search in searches {
            search.settle(collector);
            commits.append(search.commits.finish());
            clean.append(&search.clean);
            hits.push(search.hits);
        }
        let wanted: ObjectSet = hits.iter().flat_map(Hits::blobs).collect();
        let options = WalkOptions { only: None, ..options };
        let scan = TreeIndex::read(store, &options, &wanted, start, Search::name);
        for mut search in scan.workers {
            search.settle(collector);
            hits.push(search.hits);
        }
        scanner.note(collector, scan.problems.into_iter().map(Skipped::from));
        scanner.note(collector, scan.missing.into_iter().map(|error| error.into_skipped(partial)));
        let mut all = collector.lock().expect("no holder panics");
        all.coverage.items += scan.index.trees() as u64;
        all.coverage.bytes += scan.bytes;
        scanner.observer.scanned(scan.index.trees() as u64, scan.bytes);
        Self { held: Held::join(hits), commits, trees: scan.index, clean }
    }
}

impl<'s> Search<'s> {
    fn new(scanner: &'s Scanner<'s>, store: &'s ObjectStore, collector: &'s Mutex<Collector>) -> Self {
        let worker = scanner.worker(collector);
        let (scratch, hits) = (Scratch::of_versions(), Hits::default());
        let (commits, people, clean) = (CommitReader::new(store), HashSet::default(), ObjectSet::default());
        Self {
            scanner,
            store,
            worker,
            scratch,
            room: Room::default(),
            hits,
            commits,
            people,
            clean,
            items: 0,
            bytes: 0,
            anchors: 0,
            told: (0, 0),
        }
    }

    /// Says how much has been read since the last time.
    fn tell(&mut self) {
        let (items, bytes) = std::mem::replace(&mut self.told, (self.items, self.bytes));
        self.scanner.observer.scanned(self.items - items, self.bytes - bytes);
    }

    /// Hands over the counts.
    fn settle(&mut self, collector: &Mutex<Collector>) {
        self.tell();
        let mut all = collector.lock().expect("no holder panics");
        all.coverage.items += self.items;
        all.coverage.bytes += self.bytes;
        all.stats.anchors += self.anchors;
    }

    /// One object; a fault of ours costs this object only.
    fn visit(
        &mut self,
        heir: &Heir<'_>,
        known: &ObjectSet,
        entry: &Entry<'_>,
        base: Option<&Option<Carried>>,
    ) -> Option<Carried> {
        if known.contains(entry.ix) {
            return None;
        }
        let noted = (self.hits.len(), self.worker.skips());
        self.items += 1;
        self.bytes += entry.data.len() as u64;
        if self.items.is_multiple_of(64) {
            self.tell();
        }
        let done = catch_unwind(AssertUnwindSafe(|| match entry.kind {
            ObjectKind::Blob => self.blob(heir, entry, base.and_then(Option::as_ref)),
            kind => {
                self.text(entry, kind);
                None
            }
        }));
        let carried = done.unwrap_or_else(|_| {
            self.panicked(format!("object {}", self.store.id(entry.ix)));
            None
        });
        if entry.kind == ObjectKind::Blob && noted == (self.hits.len(), self.worker.skips()) {
            self.clean.insert(entry.ix);
        }
        carried
    }

    /// The name of a file or directory: whether it holds a secret.
    fn name(&mut self, name: &[u8]) -> bool {
        let done = catch_unwind(AssertUnwindSafe(|| {
            let (hits, mut holder) = (&mut self.hits, None);
            self.scanner.detector.all_secrets(name, &mut self.scratch, &mut |rule, secret| {
                let holder = *holder.get_or_insert_with(|| hits.name(name));
                hits.hold(rule, secret, holder);
            });
            holder.is_some()
        }));
        done.unwrap_or_else(|_| {
            self.panicked("name of a file".to_owned());
            false
        })
    }

    fn panicked(&mut self, what: String) {
        self.scratch = Scratch::of_versions();
        self.worker.skip(Skipped {
            what: what.into(),
            reason: SkipReason::Panicked("please report it".into()),
            asked: false,
        });
    }

    fn blob(&mut self, heir: &Heir<'_>, entry: &Entry<'_>, base: Option<&Carried>) -> Option<Carried> {
        if !is_plain(entry.data) {
            self.container(entry);
            return None;
        }
        let carried = match (base, entry.from.filter(|_| self.scanner.settings.inherit)) {
            (Some(base), Some(from)) => {
                let version = Version { text: entry.data, base_len: from.data.len(), delta: from.delta };
                heir.inherit(base, &version, &mut self.room, &mut self.scratch)
            }
            _ => heir.plain(entry.data, &mut self.scratch),
        };
        if heir.may_carry(&carried) && asset::carries_data(entry.data) {
            self.container(entry);
            return None;
        }
        self.anchors += carried.anchors() as u64;
        let (detector, held) = (&self.scanner.detector, self.hits.len());
        for found in [&carried.verified, &carried.contexts] {
            for (rule, secret) in detector.secrets(entry.data, found) {
                self.hits.hold(rule, secret, Holder::Blob(entry.ix));
            }
        }
        for (rule, secret) in carried.encoded.secrets() {
            self.hits.hold(rule, secret, Holder::Blob(entry.ix));
        }
        if self.hits.len() > held && !detector.explains() {
            self.hits.keep(entry.ix, [&carried.verified, &carried.contexts], carried.encoded.places());
        }
        entry.has_children.then_some(carried)
    }

    /// A blob that must be unpacked or converted: scanned plainly, and again once its path is known.
    fn container(&mut self, entry: &Entry<'_>) {
        let provenance = Provenance::History { path: BString::default(), blob: self.store.id(entry.ix), commit: None };
        let (secrets, inner) = self.worker.secrets(&Place::plain(provenance), entry.data);
        for (rule, secret) in &secrets {
            self.hits.hold(*rule, secret, Holder::Blob(entry.ix));
        }
        // A name may still tell what bytes that nothing else tells are.
        let is_told = || asset::recognise(entry.data).is_some() && !self.scanner.detector.explains();
        if let Some(texts) = inner.filter(|_| !secrets.is_empty() && is_told()) {
            self.hits.keep_inner(entry.ix, texts);
        }
    }

    fn text(&mut self, entry: &Entry<'_>, kind: ObjectKind) {
        parts_of(kind, entry.data).for_each(|(part, text)| self.part(entry.ix, part, text));
        if kind == ObjectKind::Commit {
            self.commits.add(entry.ix, entry.data);
        }
    }

    /// A part of a commit or tag. The same people wrote most of them.
    fn part(&mut self, ix: ObjectIx, part: ObjectPart, text: &[u8]) {
        let is_person = matches!(part, ObjectPart::CommitAuthor | ObjectPart::CommitCommitter);
        if is_person && self.people.contains(text) {
            return;
        }
        let (hits, mut is_clean) = (&mut self.hits, true);
        self.scanner.detector.all_secrets(text, &mut self.scratch, &mut |rule, secret| {
            hits.hold(rule, secret, Holder::Text(ix));
            is_clean = false;
        });
        if is_person && is_clean && self.people.len() < MOST_PEOPLE && text.len() <= LONGEST_PERSON {
            self.people.insert(text.into());
        }
    }
}

/// Whether the detector can take the bytes as they are, and so what was found can be inherited.
fn is_plain(data: &[u8]) -> bool {
    let marked = data.starts_with(&[0xff, 0xfe]) || data.starts_with(&[0xfe, 0xff]);
    let is_container = || asset::recognise(data).is_some() || asset::is_brotli_of_text(data);
    !marked && !text::is_binary(data) && !is_container()
}
