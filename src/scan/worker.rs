//! One item: read, unpack, detect, judge. A worker belongs to one thread.

use std::{
    cell::Cell,
    collections::BTreeSet,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use bstr::BString;

use super::{
    Scanner, excerpt,
    outcome::{Collector, Placed},
    shipped,
};
use crate::{
    detect::{Detector, Known, Scratch},
    filter::inline,
    model::{Candidate, Exposure, Place, Provenance, Severity, SkipReason, Skipped, Span},
    source::{
        asset::{self, Beside, Inner, Lines, MapNote, Nature, Unit},
        git::{Repo, new_lines},
        read::{self, Buffer},
        text::{self, Converted},
        tree::File,
    },
};

/// Bytes of texts that are kept of one container, at most.
const MOST_INSIDE: usize = 8 << 20;

/// Secrets, by rule and bytes.
type Secrets = Vec<(u32, Box<[u8]>)>;

/// Reads and scans items, and hands over what it found when it is dropped.
pub(crate) struct Worker<'c> {
    scanner: &'c Scanner<'c>,
    collector: &'c Mutex<Collector>,
    scratch: Scratch,
    buffer: Buffer,
    found: Collector,
    /// What is known of the text at hand.
    known: Option<Wanted<'c>>,
}

/// What was found in an item when its place was not known.
pub(crate) enum Remembered {
    /// All that is in its own text.
    Text(Known),
    /// The texts inside it that hold something.
    Inside(Vec<Inner>),
}

/// All that was found in a text, and what of it is wanted, by rule and secret.
struct Wanted<'c> {
    /// Where the text stands in memory.
    place: (usize, usize),
    known: &'c Known,
    keys: &'c BTreeSet<&'c (u32, Box<[u8]>)>,
}

impl Wanted<'_> {
    fn scan(&self, detector: &Detector, text: &[u8], path: &[u8], scratch: &mut Scratch) -> Vec<Candidate> {
        let wanted = |rule, secret: &[u8]| self.keys.iter().any(|(index, bytes)| *index == rule && **bytes == *secret);
        detector.scan_known(text, path, self.known, wanted, scratch)
    }
}

impl<'c> Worker<'c> {
    pub(crate) fn new(scanner: &'c Scanner<'c>, collector: &'c Mutex<Collector>) -> Self {
        let (scratch, found) = (Scratch::default(), Collector::default());
        Self { scanner, collector, scratch, buffer: Buffer::default(), found, known: None }
    }

    /// Reads and scans one file.
    pub(crate) fn file(&mut self, file: &File) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut fault = read::read(&file.path, self.scanner.settings.max_file_size, &mut buffer).err();
        // What was read of a file that changed is scanned all the same.
        if matches!(fault, None | Some(SkipReason::Changed)) {
            self.item(Provenance::File { path: file.name.clone() }, &buffer, file.asked);
            fault = fault.or(buffer.is_changed().then_some(SkipReason::Changed));
        }
        if let Some(reason) = fault {
            self.skip(Skipped { what: file.name.clone(), reason, asked: file.asked });
        }
        self.buffer = buffer;
    }

    /// Scans bytes that were handed in.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.found.ask("standard input".to_owned());
        self.item(Provenance::Stdin, bytes, true);
    }

    /// Notes something that was not read.
    pub(crate) fn skip(&mut self, skipped: Skipped) {
        self.found.skip(skipped);
    }

    /// How much was noted that was not read.
    pub(crate) fn skips(&self) -> usize {
        self.found.skips()
    }

    /// Scans the bytes of one item; a fault of ours costs this item only.
    pub(crate) fn item(&mut self, provenance: Provenance, bytes: &[u8], asked: bool) {
        self.item_of(None, provenance, bytes, asked);
    }

    /// The same for an item of a repository, where a bundle's map may lie beside it.
    fn item_of(&mut self, repo: Option<&Repo>, provenance: Provenance, bytes: &[u8], asked: bool) {
        let what = BString::from(provenance.path());
        let place = Place::plain(provenance);
        if !self.works(|worker| worker.unpack(repo, &place, bytes, asked)) {
            self.panicked(what, asked);
        }
        self.found.coverage.items += 1;
        self.scanner.observer.scanned(1, bytes.len() as u64);
    }

    /// Works on one item, and tells whether that went without a fault of ours.
    fn works(&mut self, work: impl FnOnce(&mut Self)) -> bool {
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        if done.is_err() {
            // Its buffers may be half-written.
            self.scratch = Scratch::default();
        }
        done.is_ok()
    }

    fn panicked(&mut self, what: BString, asked: bool) {
        self.skip(Skipped { what, reason: SkipReason::Panicked("please report it".into()), asked });
    }

    /// The secrets in some bytes and everything that they contain, before their path is known; and the texts inside that
    /// hold them, where that is all there is to know.
    pub(crate) fn secrets(&mut self, place: &Place, bytes: &[u8]) -> (Secrets, Option<Vec<Inner>>) {
        let (mut secrets, mut inner, mut room) = (Vec::new(), Some(Vec::new()), MOST_INSIDE);
        let (detector, path) = (&self.scanner.detector, place.provenance.path());
        let scratch = &mut self.scratch;
        let unpacked = asset::unpack(bytes, &self.scanner.settings.budget, Beside::named(path), &mut |unit| {
            let known = secrets.len();
            scratch.may_carry = false;
            for text in texts(unit.bytes) {
                let text = text.as_bytes(unit.bytes);
                detector.all_secrets(text, scratch, &mut |rule, secret| secrets.push((rule, secret.into())));
            }
            unit.may_carry.set(scratch.may_carry);
            if let Some(texts) = inner.as_mut().filter(|_| secrets.len() > known) {
                match Inner::of(unit).filter(|text| text.size() <= room) {
                    Some(text) => {
                        room -= text.size();
                        texts.push(text);
                    }
                    None => inner = None,
                }
            }
            ControlFlow::Continue(())
        });
        for (inside, reason) in unpacked.skipped {
            let mut what = Place { provenance: place.provenance.clone(), inside }.path();
            if let Some(blob) = place.provenance.blob() {
                what = BString::from([format!("object {blob} ").as_bytes(), &what].concat());
            }
            self.skip(Skipped { what, reason, asked: false });
        }
        let maps_count = self.scanner.settings.exposure == Exposure::Shipped && !unpacked.maps.is_empty();
        (secrets, inner.filter(|_| !maps_count))
    }

    /// Scans a short text that is no item of its own: a message, a name.
    pub(crate) fn quiet(&mut self, provenance: Provenance, bytes: &[u8]) {
        let may_carry = &Cell::default();
        let unit = Unit { inside: &[], bytes, lines: Lines::Text, nature: Nature::Stored, map: None, may_carry };
        self.detect(&Place::plain(provenance), &unit, bytes, None);
    }

    /// Scans a version of a file, and keeps what stands on lines that none of its `old` versions has.
    pub(crate) fn change(&mut self, repo: &Repo, place: &Place, bytes: &[u8], old: &[&[u8]]) {
        let sink = std::mem::take(&mut self.found);
        self.item_of(Some(repo), place.provenance.clone(), bytes, false);
        let brought = std::mem::replace(&mut self.found, sink);
        if old.is_empty() {
            return self.found.merge(brought);
        }
        let fresh = new_lines(old, bytes);
        // In a container lines say nothing: there, what an old version holds as well is not new.
        let mut known = None;
        let mut is_new = |placed: &Placed| {
            let span = placed.candidate.location.span;
            if placed.stored {
                return fresh.iter().any(|range| span.start < range.end && range.start < span.end);
            }
            let known = known.get_or_insert_with(|| {
                old.iter().flat_map(|bytes| self.secrets(place, bytes).0).collect::<BTreeSet<_>>()
            });
            !known.iter().any(|(_, secret)| **secret == *placed.candidate.secret.expose())
        };
        let mut brought = brought;
        brought.retain(&mut is_new);
        self.found.merge(brought);
    }

    /// Scans bytes whose secrets are known, now that their place is, and keeps those among `keys`. What is remembered is
    /// not looked for again. Counts nothing: all was counted when it was found.
    pub(crate) fn report(
        &mut self,
        repo: &Repo,
        place: &Place,
        bytes: &[u8],
        keys: &'c BTreeSet<&'c (u32, Box<[u8]>)>,
        remembered: Option<&'c Remembered>,
    ) {
        let (kept, stats) = (std::mem::take(&mut self.found), self.scratch.stats);
        let done = match remembered {
            Some(Remembered::Inside(texts)) => self.works(|worker| worker.visit_again(place, texts)),
            Some(Remembered::Text(known)) => {
                self.known = Some(Wanted { place: place_of(bytes), known, keys });
                self.works(|worker| worker.unpack(Some(repo), place, bytes, false))
            }
            None => self.works(|worker| worker.unpack(Some(repo), place, bytes, false)),
        };
        (self.known, self.scratch.stats) = (None, stats);
        let sink = std::mem::replace(&mut self.found, kept);
        if !done {
            self.panicked(place.path(), true);
        }
        let rules = self.scanner.detector.rules();
        let wanted = |rule: &str, secret: &[u8]| {
            keys.iter().any(|(index, bytes)| **bytes == *secret && rules.get(*index).info.id == rule)
        };
        self.found.take(sink, wanted);
    }

    /// Scans bytes and everything that they contain.
    fn unpack(&mut self, repo: Option<&Repo>, place: &Place, bytes: &[u8], asked: bool) {
        let (scanner, settings) = (self.scanner, self.scanner.settings);
        let read = |reference: &[u8]| scanner.beside(&place.provenance, repo, reference);
        let beside = Beside { path: place.provenance.path(), read: &read };
        let unpacked = asset::unpack(bytes, &settings.budget, beside, &mut |unit| {
            let place = Place { provenance: place.provenance.clone(), inside: unit.inside.to_vec() };
            self.unit(&place, unit);
            if scanner.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        for (inside, reason) in unpacked.skipped {
            let what = Place { provenance: place.provenance.clone(), inside }.path();
            self.skip(Skipped { what, reason, asked });
        }
        for note in unpacked.maps {
            self.map(place, note);
        }
        self.found.coverage.members += unpacked.members;
        self.found.coverage.bytes += unpacked.bytes;
    }

    /// Scans texts that were unpacked before.
    fn visit_again(&mut self, place: &Place, texts: &[Inner]) {
        let budget = &self.scanner.settings.budget;
        for text in texts {
            text.visit(budget, &mut |unit| {
                let place = Place { provenance: place.provenance.clone(), inside: unit.inside.to_vec() };
                self.unit(&place, unit);
            });
        }
    }

    /// Scans one text in whatever encoding.
    fn unit(&mut self, place: &Place, unit: &Unit<'_>) {
        self.scratch.may_carry = false;
        for text in texts(unit.bytes) {
            match text {
                Text::Stored => self.detect(place, unit, unit.bytes, None),
                Text::Converted(converted) => self.detect(place, unit, &converted.text, Some(&converted)),
            }
        }
        unit.may_carry.set(self.scratch.may_carry);
    }

    /// A source map that is shipped gives everybody the sources it carries: no leak by itself, but worth knowing.
    fn map(&mut self, place: &Place, note: MapNote) {
        let exposure = self.scanner.settings.exposure;
        if exposure != Exposure::Shipped || note.with_content == 0 {
            return;
        }
        let Some(candidate) = self.scanner.map_candidate(&note) else { return };
        let place = Place { provenance: place.provenance.clone(), inside: note.inside };
        let excerpt = excerpt::cut(b"", Span::default());
        self.found.add(Placed { candidate, place, original: None, exposure, excerpt, stored: true, inline: None });
    }

    fn detect(&mut self, place: &Place, unit: &Unit<'_>, text: &[u8], converted: Option<&Converted>) {
        let (detector, path) = (&self.scanner.detector, place.path());
        let candidates = match &self.known {
            Some(known) if known.place == place_of(text) => known.scan(detector, text, &path, &mut self.scratch),
            _ => detector.scan(text, &path, &mut self.scratch),
        };
        if candidates.is_empty() {
            return;
        }
        let starts: Vec<usize> = candidates.iter().map(|candidate| candidate.location.span.start).collect();
        let originals = unit.map.filter(|_| converted.is_none()).map(|map| map.originals(&starts)).unwrap_or_default();
        for (at, candidate) in candidates.into_iter().enumerate() {
            let mut placed = self.place(place, text, candidate, converted);
            placed.original = originals.get(at).cloned().flatten();
            placed.stored = unit.nature == Nature::Stored;
            if let Lines::Numbered(numbering) = unit.lines {
                // `app.apk!classes2.dex:string 4711`.
                let name = numbering.name(placed.candidate.location.start.line);
                match placed.place.inside.last_mut() {
                    Some(last) => last.extend_from_slice(format!(":{name}").as_bytes()),
                    None => placed.place.inside.push(name.into()),
                }
            }
            self.scanner.observer.found(1);
            self.found.add(placed);
        }
    }

    fn place(&self, place: &Place, bytes: &[u8], mut candidate: Candidate, converted: Option<&Converted>) -> Placed {
        let span = candidate.location.span;
        let rules = self.scanner.detector.rules();
        let is_other_rule = |word: &str| word.contains('-') && rules.find(word).is_some();
        let inline = inline::check(bytes, span, &candidate.rule.id, &is_other_rule);
        let excerpt = excerpt::cut(bytes, span);
        if candidate.expires.zip(self.scanner.settings.now).is_some_and(|(expires, now)| expires < now) {
            candidate.severity = candidate.severity.min(Severity::Low);
            candidate.notes.push("it has expired".into());
        }
        if self.scanner.settings.exposure == Exposure::Shipped {
            shipped::judge(&mut candidate, bytes);
        }
        if let Some(converted) = converted {
            candidate.location.span = Span::new(converted.stored(span.start), converted.stored(span.end));
            candidate.decoded.insert(0, converted.wide.name());
        }
        Placed {
            candidate,
            place: place.clone(),
            original: None,
            exposure: self.scanner.settings.exposure,
            excerpt,
            stored: true,
            inline,
        }
    }
}

/// Where bytes stand in memory.
fn place_of(bytes: &[u8]) -> (usize, usize) {
    (bytes.as_ptr().addr(), bytes.len())
}

/// A text that some bytes hold.
enum Text {
    /// The bytes themselves.
    Stored,
    /// Made from them.
    Converted(Converted),
}

impl Text {
    fn as_bytes<'t>(&'t self, stored: &'t [u8]) -> &'t [u8] {
        match self {
            Self::Stored => stored,
            Self::Converted(converted) => &converted.text,
        }
    }
}

/// The texts that bytes hold, in whatever encoding.
fn texts(bytes: &[u8]) -> Vec<Text> {
    let marked = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if !marked && !text::is_binary(bytes) {
        return vec![Text::Stored];
    }
    match text::from_wide(bytes) {
        Some(wide) => vec![Text::Converted(wide)],
        None => std::iter::once(Text::Stored).chain(text::wide_strings(bytes).map(Text::Converted)).collect(),
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.found.stats = self.scratch.stats;
        let mut all = self.collector.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.merge(std::mem::take(&mut self.found));
    }
}
