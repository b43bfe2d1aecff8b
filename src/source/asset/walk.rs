//! The way inward: from the outermost bytes through every container to the texts.

use std::cell::Cell;
use std::io::Read;
use std::ops::ControlFlow;

use bstr::BString;

use super::budget::{Budget, Ledger, Spent};
use super::numbering::Sheet;
use super::recognise::{Container, recognise};
use super::unit::{Lines, Nature, Unit, Unpacked};
use super::web::{self, Beside, BundleMap};
use super::{archive, binary};
use crate::model::SkipReason;

/// Most entries of `skipped`; a hostile archive has a million broken members.
const MOST_SKIPPED: usize = 10_000;

/// A member's name longer than this is cut: paths are at most 4096 bytes where they can be files.
const MOST_NAME: usize = 4096;

/// Goes through `bytes` and everything nested in it and hands each text to `visit`, the outermost bytes themselves
/// included where they are text. `beside` tells where they lie: it must refuse to read what leads out of what is scanned.
/// `visit` may end the walk.
///
/// Everything is text in the end: bytes that are no container are handed over as they are.
pub fn unpack(
    bytes: &[u8],
    budget: &Budget,
    beside: Beside<'_>,
    visit: &mut dyn FnMut(&Unit<'_>) -> ControlFlow<()>,
) -> Unpacked {
    let ledger = Ledger::new(budget);
    let mut walk = Walk {
        ledger: &ledger,
        visit,
        inside: Vec::new(),
        depth: 0,
        stopped: false,
        ended: false,
        out: Unpacked::default(),
    };
    walk.open(bytes, Nature::Stored, beside);
    walk.out.members = ledger.members();
    walk.out
}

/// One walk through an outermost container.
pub(super) struct Walk<'w> {
    pub(super) ledger: &'w Ledger,
    visit: &'w mut dyn FnMut(&Unit<'_>) -> ControlFlow<()>,
    inside: Vec<BString>,
    depth: u32,
    /// A budget of the whole container ran out: what is in hand is still handed over, nothing more is opened.
    stopped: bool,
    /// The visitor wants no more.
    ended: bool,
    pub(super) out: Unpacked,
}

impl Walk<'_> {
    /// Recognises bytes and goes into them, or hands them over as text.
    pub(super) fn open(&mut self, bytes: &[u8], nature: Nature, beside: Beside<'_>) {
        if self.stopped {
            return self.text(bytes, nature, None);
        }
        let Some(kind) = self.recognise(bytes, beside) else {
            let map = BundleMap::unnamed(bytes, beside, self.ledger);
            return web::text::text(self, bytes, nature, Some(&map));
        };
        if !kind.nests() {
            return self.leaf(kind, bytes, nature, beside);
        }
        if !self.deeper(|walk| walk.nest(kind, bytes, beside)) {
            self.text(bytes, nature, None);
        }
    }

    /// Runs something that may open other containers; `false` where that would be too deep, or too late.
    pub(super) fn deeper(&mut self, run: impl FnOnce(&mut Self)) -> bool {
        self.depth += 1;
        let asked = self.ledger.depth(self.depth).and_then(|()| self.ledger.time());
        match asked {
            Ok(()) => run(self),
            Err(spent) => self.spend(spent),
        }
        self.depth -= 1;
        asked.is_ok()
    }

    fn recognise(&self, bytes: &[u8], beside: Beside<'_>) -> Option<Container> {
        let protobuf = || (self.depth > 0 && binary::protobuf::is_message(bytes)).then_some(Container::Protobuf);
        let unnamed = self.inside.is_empty() && beside.path.is_empty();
        let is_brotli = || match unnamed {
            true => archive::compressed::is_brotli_of_text(bytes),
            false => archive::compressed::is_brotli(beside.path, bytes),
        };
        let brotli = || is_brotli().then_some(Container::Brotli);
        recognise(bytes).or_else(protobuf).or_else(brotli)
    }

    fn nest(&mut self, kind: Container, bytes: &[u8], beside: Beside<'_>) {
        match kind {
            Container::Zip => archive::zip::open(self, bytes),
            Container::Tar => archive::tar::open(self, bytes),
            Container::SevenZip => archive::sevenz::open(self, bytes),
            Container::Ar => archive::ar::open(self, bytes),
            Container::Rpm => archive::rpm::open(self, bytes),
            Container::Cpio => archive::cpio::open(self, bytes),
            Container::Asar => archive::asar::open(self, bytes),
            Container::Pdf => binary::pdf::open(self, bytes),
            _ => archive::compressed::open(self, kind, bytes, beside),
        }
    }

    fn leaf(&mut self, kind: Container, bytes: &[u8], nature: Nature, beside: Beside<'_>) {
        match kind {
            Container::SourceMap => web::sourcemap::open(self, bytes, nature),
            Container::Bundle => web::text::bundle(self, bytes, nature, beside),
            Container::Office => web::office::open(self, bytes, nature),
            _ => binary::open(self, kind, bytes, nature),
        }
    }

    /// Opens a member under its name.
    pub(super) fn member(&mut self, name: &[u8], bytes: &[u8]) {
        self.within(name, |walk| walk.open(bytes, Nature::Unpacked, Beside::named(b"")));
    }

    /// Counts a member, before it is read; `false` when no more can be afforded.
    pub(super) fn count(&mut self) -> bool {
        if self.stopped {
            return false;
        }
        match self.ledger.member() {
            Ok(()) => true,
            Err(spent) => {
                self.spend(spent);
                false
            }
        }
    }

    /// Runs something one step further in.
    pub(super) fn within(&mut self, name: &[u8], run: impl FnOnce(&mut Self)) {
        self.inside.push(BString::from(&name[..name.len().min(MOST_NAME)]));
        run(self);
        self.inside.pop();
    }

    /// Hands over text.
    pub(super) fn text(&mut self, bytes: &[u8], nature: Nature, map: Option<&BundleMap<'_>>) {
        self.hand(bytes, Lines::Text, nature, map);
    }

    /// Hands over the strings collected so far and empties the sheet.
    pub(super) fn sheet(&mut self, sheet: &mut Sheet) {
        if !sheet.is_empty() {
            self.hand(sheet.text(), Lines::Numbered(sheet.numbering()), Nature::Unpacked, None);
        }
        sheet.clear();
    }

    /// Tells whether `data:` URLs may stand in what was handed over.
    pub(super) fn hand(&mut self, bytes: &[u8], lines: Lines<'_>, nature: Nature, map: Option<&BundleMap<'_>>) -> bool {
        if self.ended || bytes.is_empty() {
            return false;
        }
        self.out.bytes += bytes.len() as u64;
        let may_carry = Cell::new(true);
        let unit = Unit { inside: &self.inside, bytes, lines, nature, map, may_carry: &may_carry };
        let visit = &mut *self.visit;
        if self.ledger.away(|| visit(&unit)).is_break() {
            self.skip(SkipReason::Interrupted);
            (self.stopped, self.ended) = (true, true);
        }
        may_carry.get()
    }

    /// Whether nothing more can be read.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The way inward to where the walk stands.
    pub(super) fn inside(&self) -> &[BString] {
        &self.inside
    }

    /// Lists the current place as not read, or not to its end.
    pub(super) fn skip(&mut self, reason: SkipReason) {
        let listed = self.out.skipped.len();
        if listed < MOST_SKIPPED {
            self.out.skipped.push((self.inside.clone(), reason));
        } else if listed == MOST_SKIPPED {
            let more = SkipReason::Container(format!("more than {MOST_SKIPPED} members could not be read"));
            self.out.skipped.push((Vec::new(), more));
        }
    }

    /// Lists the current place as broken.
    pub(super) fn broken(&mut self, why: impl Into<String>) {
        self.skip(SkipReason::Container(why.into()));
    }

    /// A budget ran out: lists it, and ends the walk if it was one of the whole container.
    pub(super) fn spend(&mut self, spent: Spent) {
        self.skip(spent.reason());
        self.stopped |= spent.is_final();
    }

    /// Lists a failed read: a budget, or broken bytes.
    pub(super) fn failed(&mut self, what: &str, error: &std::io::Error) {
        match Spent::of(error) {
            Some(spent) => self.spend(spent),
            None => self.broken(format!("{what}: {error}")),
        }
    }

    /// Reads a stream that comes from `compressed` bytes to its end, or as far as it can be read; a failure is listed.
    pub(super) fn read(&mut self, what: &str, stream: impl Read, compressed: u64) -> Vec<u8> {
        let mut out = Vec::new();
        if let Err(error) = self.ledger.meter(stream, compressed).read_to_end(&mut out) {
            self.failed(what, &error);
        }
        out
    }
}
