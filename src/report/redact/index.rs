//! Every secret of an outcome, indexed, so that none is shown on another's line, path or message.

use std::{
    cell::OnceCell,
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use bstr::ByteSlice as _;

use super::{MASK, masked, prefix, variants, visible, visible_line};
use crate::model::{Finding, Kind, Occurrence, Outcome, Span};

/// Shortest secret that is masked wherever it occurs; shorter ones are masked on their own lines only.
const SHORTEST: usize = 6;

/// Bytes of a secret that are looked up: from its middle, where the keys of one format differ.
const KEY: usize = 6;

/// A line as it may be shown.
pub(crate) struct ShownExcerpt {
    /// The line, masked and with controls made visible.
    pub(crate) text: String,
    /// Where in `text` the (masked) secret is, in characters.
    pub(crate) start: usize,
    /// One past it.
    pub(crate) end: usize,
}

/// The spellings of one finding's secret and partner, for its own lines.
pub(crate) struct Known {
    secrets: Vec<Vec<u8>>,
    /// Made for the first text that is long enough to hold one.
    spellings: OnceCell<Spellings>,
    /// Whether the finding is a fact and no key, so that its own text may be shown.
    fact: bool,
    /// Every run of six bytes of them, sorted: what a half-encoded or cut copy still shows.
    runs: Vec<[u8; KEY]>,
    /// Which keys `runs` has.
    filter: Filter,
    mask: String,
}

impl Known {
    fn spans(&self, text: &[u8]) -> Vec<Span> {
        let mut spans = Vec::new();
        if self.secrets.iter().any(|secret| secret.len() <= text.len() + variants::SHORTER) {
            self.spellings.get_or_init(|| Spellings::of(&self.secrets)).find(text, &mut spans);
        }
        if !self.runs.is_empty() {
            let starts = 0..(text.len() + 1).saturating_sub(KEY);
            let is_known = |key| self.filter.may_have(key) && self.runs.binary_search(&key).is_ok();
            let runs = starts.filter(|&at| is_known(key_at(text, at)));
            spans.extend(runs.map(|at| Span::new(at, at + KEY)));
        }
        spans
    }
}

/// All spellings of some secrets.
struct Spellings {
    all: Vec<Vec<u8>>,
    /// What they begin with.
    heads: Filter,
}

impl Spellings {
    fn of(secrets: &[Vec<u8>]) -> Self {
        let all: Vec<_> = secrets.iter().flat_map(|secret| variants::variants(secret)).collect();
        let mut heads = Filter::new(all.len());
        all.iter().for_each(|text| heads.add(head_at(text, 0)));
        Self { all, heads }
    }

    /// Adds every place of each.
    fn find(&self, text: &[u8], spans: &mut Vec<Span>) {
        let starts = 0..(text.len() + 1).saturating_sub(variants::SHORTEST);
        for at in starts.filter(|&at| self.heads.may_have(head_at(text, at))) {
            let here = self.all.iter().filter(|spelling| text[at..].starts_with(spelling));
            spans.extend(here.map(|spelling| Span::new(at, at + spelling.len())));
        }
    }
}

/// All secrets of an outcome.
pub(crate) struct Redactor {
    show: bool,
    pieces: Vec<Box<[u8]>>,
    /// Reversed pieces, sorted: what a line that is cut at its start may begin with the end of.
    reversed: Vec<Box<[u8]>>,
    middles: HashMap<[u8; KEY], Vec<u32>>,
    /// Which keys `middles` has.
    filter: Filter,
    /// Which keys `pieces` begin with, and which `reversed`.
    heads: [Filter; 2],
    /// Words too plain to mask everywhere, by the place and line where they are secrets.
    lines: HashMap<u64, Vec<Box<[u8]>>>,
}

impl Redactor {
    /// Learns every secret of the outcome, suppressed ones too. With `show`, nothing is masked.
    pub(crate) fn new(outcome: &Outcome, show: bool) -> Self {
        let mut this = Self {
            show,
            pieces: Vec::new(),
            reversed: Vec::new(),
            middles: HashMap::new(),
            filter: Filter::new(0),
            heads: [Filter::new(0), Filter::new(0)],
            lines: HashMap::new(),
        };
        if show {
            return this;
        }
        let suppressed = outcome.suppressed.iter().map(|suppressed| &suppressed.finding);
        for finding in outcome.findings.iter().chain(suppressed).filter(|finding| !is_fact(finding)) {
            this.learn(finding);
        }
        this.pieces.sort_unstable();
        this.pieces.dedup();
        this.reversed = this.pieces.iter().map(|piece| piece.iter().rev().copied().collect()).collect();
        this.reversed.sort_unstable();
        let filter = || Filter::new(this.pieces.len());
        (this.filter, this.heads) = (filter(), [filter(), filter()]);
        for (number, piece) in this.pieces.iter().enumerate() {
            let key = key_at(piece, middle(piece));
            this.filter.add(key);
            this.heads[0].add(key_at(piece, 0));
            this.heads[1].add(key_at(&this.reversed[number], 0));
            this.middles.entry(key).or_default().push(number as u32);
        }
        this
    }

    fn learn(&mut self, finding: &Finding) {
        let secrets = std::iter::once(&finding.secret).chain(&finding.partner);
        for secret in secrets {
            for line in secret.expose().split(|b| matches!(b, b'\n' | b'\r')) {
                self.learn_line(finding, line);
            }
        }
        for occurrence in &finding.occurrences {
            let run = span_text(occurrence);
            if run != finding.secret.expose() && is_distinctive(run) {
                self.pieces.push(run.into());
            }
        }
    }

    fn learn_line(&mut self, finding: &Finding, line: &[u8]) {
        if is_distinctive(line) {
            self.pieces.push(line.into());
        } else if line.len() >= variants::SHORTEST {
            for occurrence in &finding.occurrences {
                self.lines.entry(line_key(occurrence)).or_default().push(line.into());
            }
        }
    }

    /// A path, name, message or reason: every distinctive secret masked, controls made visible.
    pub(crate) fn text(&self, raw: &[u8]) -> String {
        Self::without(raw, self.known_spans(raw))
    }

    /// As [`Redactor::text`], for words about a finding: its own secret is masked there however plain it is.
    pub(crate) fn words(&self, known: &Known, raw: &[u8]) -> String {
        let mut spans = self.known_spans(raw);
        spans.extend(known.spans(raw));
        Self::without(raw, spans)
    }

    fn without(raw: &[u8], spans: Vec<Span>) -> String {
        if spans.is_empty() {
            return visible(raw).into_owned();
        }
        let (mut shown, mut at) = (String::new(), 0);
        for span in merged(spans) {
            shown.push_str(&visible(&raw[at..span.start]));
            shown.push_str(MASK);
            at = span.end;
        }
        shown.push_str(&visible(&raw[at..]));
        shown
    }

    /// Whether [`Redactor::text`] would mask something there.
    pub(crate) fn would_mask(&self, raw: &[u8]) -> bool {
        !self.known_spans(raw).is_empty()
    }

    /// What a report shows for a secret.
    pub(crate) fn secret(&self, finding: &Finding, secret: &[u8]) -> String {
        match () {
            () if self.show => visible(secret).into_owned(),
            () if is_fact(finding) => self.text(secret),
            () => masked(secret),
        }
    }

    /// Prepares the spellings of a finding's own secrets.
    pub(crate) fn known(&self, finding: &Finding) -> Known {
        let (mut secrets, mut runs) = (Vec::new(), Vec::new());
        let fact = is_fact(finding);
        if !self.show && !fact {
            let own = std::iter::once(&finding.secret).chain(&finding.partner);
            for secret in own.map(|secret| secret.expose()) {
                secrets.push(secret.to_vec());
                let from = prefix::shown(secret);
                runs.extend((from..(secret.len() + 1).saturating_sub(KEY)).map(|at| key_at(secret, at)));
            }
        }
        runs.sort_unstable();
        let mut filter = Filter::new(runs.len());
        runs.iter().for_each(|&key| filter.add(key));
        Known { secrets, spellings: OnceCell::new(), fact, runs, filter, mask: masked(finding.secret.expose()) }
    }

    /// The line of an occurrence, with every secret in it masked, in any spelling.
    pub(crate) fn excerpt(&self, known: &Known, occurrence: &Occurrence) -> ShownExcerpt {
        let text = occurrence.excerpt.text.trim_end_with(|c| c == '\r');
        let own = whole_span(occurrence, text.len());
        let indent = if occurrence.excerpt.cut_before { 0 } else { indent_of(text).min(own.start) };
        if self.show || known.fact && self.known_spans(text).is_empty() {
            let before = visible_line(&text[indent..own.start]);
            let middle = visible_line(own.of(text));
            let (start, len) = (before.chars().count(), middle.chars().count());
            return ShownExcerpt { text: before + &middle + &visible_line(&text[own.end..]), start, end: start + len };
        }
        let mut spans = self.known_spans(text);
        spans.push(own);
        spans.extend(known.spans(text));
        for word in self.lines.get(&line_key(occurrence)).into_iter().flatten() {
            // In runs, as a cut line may hold a part of it only.
            for run in word.windows(KEY.min(word.len())) {
                spans.extend(text.find_iter(run).map(|at| Span::new(at, at + run.len())));
            }
        }
        spans.extend(self.cut_spans(occurrence));
        render(text, indent, own, &merged(spans), &known.mask)
    }

    /// Where whole pieces occur.
    fn known_spans(&self, text: &[u8]) -> Vec<Span> {
        let mut spans = Vec::new();
        if self.pieces.is_empty() {
            return spans;
        }
        for at in 0..(text.len() + 1).saturating_sub(KEY) {
            let key = key_at(text, at);
            if !self.filter.may_have(key) {
                continue;
            }
            for &number in self.middles.get(&key).into_iter().flatten() {
                let piece = &self.pieces[number as usize];
                if let Some(start) = at.checked_sub(middle(piece))
                    && text[start..].starts_with(piece)
                {
                    spans.push(Span::new(start, start + piece.len()));
                }
            }
        }
        spans
    }

    /// A piece of another secret that the cutting of the line left at its ends.
    fn cut_spans(&self, occurrence: &Occurrence) -> Vec<Span> {
        let excerpt = &occurrence.excerpt;
        let text = excerpt.text.as_slice();
        let mut spans = Vec::new();
        if excerpt.cut_after
            && let Some(len) = longest_head(&self.pieces, &self.heads[0], text)
        {
            spans.push(Span::new(text.len() - len, text.len()));
        }
        if excerpt.cut_before {
            let backwards: Vec<u8> = text.iter().rev().copied().collect();
            if let Some(len) = longest_head(&self.reversed, &self.heads[1], &backwards) {
                spans.push(Span::new(0, len));
            }
        }
        spans
    }
}

/// The length of the longest end of `text` that some of the sorted `pieces` begins with, if over 5.
fn longest_head(pieces: &[Box<[u8]>], heads: &Filter, text: &[u8]) -> Option<usize> {
    let lens = (SHORTEST..=text.len().min(1024)).rev();
    lens.into_iter().find(|len| {
        let tail = &text[text.len() - len..];
        if !heads.may_have(key_at(tail, 0)) {
            return false;
        }
        let at = pieces.partition_point(|piece| piece.as_ref() < tail);
        pieces.get(at).is_some_and(|piece| piece.starts_with(tail))
    })
}

fn render(text: &[u8], indent: usize, own: Span, spans: &[Span], mask: &str) -> ShownExcerpt {
    let mut shown = ShownExcerpt { text: String::new(), start: 0, end: 0 };
    let mut at = indent;
    for span in spans {
        shown.text.push_str(&visible_line(&text[at.min(span.start)..span.start]));
        if span.contains(own) {
            shown.start = shown.text.chars().count();
            shown.text.push_str(mask);
            shown.end = shown.text.chars().count();
        } else {
            shown.text.push_str(MASK);
        }
        at = span.end;
    }
    shown.text.push_str(&visible_line(&text[at.min(text.len())..]));
    shown
}

/// Sorted, and joined where they overlap.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.start < last.end || *last == span => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

/// Whether the text is secret-like enough to be masked wherever it occurs: a plain word (`postgres`) would make paths
/// and messages unreadable and tells nothing there.
fn is_distinctive(text: &[u8]) -> bool {
    let classes = [
        text.iter().any(u8::is_ascii_lowercase),
        text.iter().any(u8::is_ascii_uppercase),
        text.iter().any(u8::is_ascii_digit),
        text.iter().any(|b| !b.is_ascii_alphanumeric()),
    ];
    text.len() >= SHORTEST && (text.len() >= 20 || classes.iter().filter(|class| **class).count() >= 2)
}

/// Longest text of a fact that is shown; a longer one may be data with anything in it.
const FACT: usize = 200;

/// Whether the finding is no key at all (a shipped source map, say): then its text is shown, and masked nowhere.
fn is_fact(finding: &Finding) -> bool {
    finding.rule.kind == Kind::Info && finding.partner.is_none() && finding.secret.expose().len() <= FACT
}

fn span_text(occurrence: &Occurrence) -> &[u8] {
    let text = occurrence.excerpt.text.as_slice();
    clamped(occurrence.excerpt.secret, text.len()).of(text)
}

/// Where the secret is, with what of it stands after the span: the line of a long secret may hold its first part only
/// in the span, and go on with the rest.
fn whole_span(occurrence: &Occurrence, len: usize) -> Span {
    let mut span = clamped(occurrence.excerpt.secret, len);
    if span.len() >= LONG {
        let rest = occurrence.location.span.len().saturating_sub(span.len());
        span.end = span.end.saturating_add(rest).min(len);
    }
    span
}

/// Shown secrets of at least this many bytes may be cut. Below it the lengths of the span and of the bytes as stored
/// differ for UTF-16 only.
const LONG: usize = 128;

fn clamped(span: Span, len: usize) -> Span {
    let end = span.end.min(len);
    Span::new(span.start.min(end), end)
}

fn indent_of(text: &[u8]) -> usize {
    text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

fn line_key(occurrence: &Occurrence) -> u64 {
    let mut hasher = DefaultHasher::new();
    occurrence.place.path().hash(&mut hasher);
    occurrence.place.provenance.blob().hash(&mut hasher);
    occurrence.location.start.line.hash(&mut hasher);
    hasher.finish()
}

fn middle(piece: &[u8]) -> usize {
    (piece.len() - KEY) / 2
}

fn key_at(text: &[u8], at: usize) -> [u8; KEY] {
    let mut key = [0; KEY];
    key.copy_from_slice(&text[at..at + KEY]);
    key
}

/// The first bytes of a spelling, as a key.
fn head_at(text: &[u8], at: usize) -> [u8; KEY] {
    let mut key = [0; KEY];
    key[..variants::SHORTEST].copy_from_slice(&text[at..at + variants::SHORTEST]);
    key
}

/// A bit per hash of a key: most places of a text are refused here, before any table is asked.
struct Filter {
    bits: Vec<u64>,
    /// So many bits of a hash are not used.
    shift: u32,
}

impl Filter {
    /// One in 32 bits or fewer is set, up to 32,000 keys.
    fn new(keys: usize) -> Self {
        let bits = (32 * keys).next_power_of_two().clamp(64, 1 << 20);
        Self { bits: vec![0; bits / 64], shift: 64 - bits.trailing_zeros() }
    }

    fn add(&mut self, key: [u8; KEY]) {
        let bit = self.bit(key);
        self.bits[bit / 64] |= 1 << (bit % 64);
    }

    fn may_have(&self, key: [u8; KEY]) -> bool {
        let bit = self.bit(key);
        self.bits[bit / 64] >> (bit % 64) & 1 != 0
    }

    fn bit(&self, key: [u8; KEY]) -> usize {
        let mut wide = [0; 8];
        wide[..KEY].copy_from_slice(&key);
        (u64::from_le_bytes(wide).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }
}
