//! Bytes in, candidates out; no input or output.
//!
//! The work is cut so that a history scan can inherit it from a delta's base:
//!
//! 1. [`Detector::anchors`] finds where keywords occur, in the ranges it is given;
//! 2. [`Detector::verify`] judges one anchor, looking no further than [`Detector::reach`] from its start;
//! 3. [`Detector::contexts`] does the same for provider words before runs of token characters, within
//!    [`Detector::context_reach`];
//! 4. [`Detector::hidden_in_runs`] and [`Detector::hidden_in_cluster`] look into what stands encoded;
//! 5. `finish` turns what was found in one blob, with the blob's path, into candidates.
//!
//! So a verdict is a pure function of the bytes within reach, and 1–4 may be skipped where those bytes are known.

pub mod anchor;
mod candidate;
pub mod check;
pub mod checksum;
mod compose;
mod context;
mod contexts;
pub mod decode;
pub mod entropy;
pub mod generic;
mod hidden;
pub mod known;
pub mod lines;
mod misfit;
mod nearby;
mod overlap;
mod pattern;
pub mod placeholder;
pub mod runs;
pub mod simd;
mod structure;
pub mod table;
mod tests_on_secret;
mod unlike;
mod verify;

use std::sync::{Arc, OnceLock};

use self::{
    anchor::{Anchor, Anchors},
    contexts::Progress,
    decode::Decoded,
    lines::Lines,
    pattern::Pattern,
};
pub use self::{
    contexts::{ContextReach, run_range},
    hidden::{Hidden, Known},
    verify::{Fate, Raw, Scratch},
};
use crate::{
    model::{Candidate, Confidence, Span},
    rules::{
        RuleSet,
        around::Around,
        table::{KeywordText, Pass},
    },
};

/// Bytes of a text in which anchors and runs are looked for and judged before the next: what is judged is in the cache.
const STRETCH: usize = 128 << 10;

/// What is wanted of a detector.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Candidates of less confidence are not made.
    pub confidence: Confidence,
    /// Keep what the tests reject, with the reason.
    pub explain: bool,
}

impl Options {
    /// The judge's probability from which something is shown.
    fn least_probability(self) -> f32 {
        match self.confidence {
            Confidence::High => generic::HIGH,
            Confidence::Medium => generic::MEDIUM,
            Confidence::Low => generic::LOW,
        }
    }

    /// The operating point from which a probability is shown.
    fn confidence_of(probability: f32) -> Confidence {
        match probability {
            p if p >= generic::HIGH => Confidence::High,
            p if p >= generic::MEDIUM => Confidence::Medium,
            _ => Confidence::Low,
        }
    }
}

/// The rules of a run, ready to be matched. Shared by all threads.
pub struct Detector {
    rules: Arc<RuleSet>,
    options: Options,
    everywhere: Anchors,
    before_runs: Anchors,
    /// Bytes of each keyword.
    keywords: Vec<u8>,
    /// Keywords from this number on belong to the judge.
    judged: u32,
    /// Keywords from this number on are marks of escapes,
    marks: u32,
    /// but for the last, that of `data:` URLs.
    data: u32,
    judge_rules: OnceLock<Vec<(String, u32)>>,
    verdicts: generic::Memory,
    /// Bytes of each word that is looked for before runs.
    words: Vec<u8>,
    /// What finds the names of providers, and the bytes of each.
    names: OnceLock<(Anchors, Vec<u8>)>,
    patterns: Vec<OnceLock<Option<Box<Pattern>>>>,
}

impl Detector {
    /// Makes a detector of a set of rules.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, options: Options) -> Self {
        let (keywords, words) = (lengths(&rules, Pass::Everywhere), lengths(&rules, Pass::BeforeRuns));
        let data = keywords.len() as u32 - 1;
        let marks = data - decode::MARKS.len() as u32;
        let judged = marks - generic::keywords().len() as u32;
        let everywhere = anchors(&rules, Pass::Everywhere);
        let before_runs = anchors(&rules, Pass::BeforeRuns);
        let patterns = std::iter::repeat_with(OnceLock::new).take(rules.len()).collect();
        Self {
            rules,
            options,
            everywhere,
            before_runs,
            keywords,
            judged,
            marks,
            data,
            judge_rules: OnceLock::new(),
            verdicts: generic::Memory::new(options.confidence),
            words,
            names: OnceLock::new(),
            patterns,
        }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Everything that `text`, found at `path`, holds, encoded or not.
    pub fn scan(&self, text: &[u8], path: &[u8], scratch: &mut Scratch) -> Vec<Candidate> {
        self.scan_to(text, path, scratch, decode::DEPTH)
    }

    /// The same where steps 1 to 3 are done, for what is `wanted` by rule and secret.
    pub fn scan_known(
        &self,
        text: &[u8],
        path: &[u8],
        known: &Known,
        wanted: impl Fn(u32, &[u8]) -> bool,
        scratch: &mut Scratch,
    ) -> Vec<Candidate> {
        let concerned = self.concerned(&known.matches, |raw| wanted(raw.rule, raw.secret.of(text)));
        self.finish_all(text, path, concerned, known.decoded(text), scratch, decode::DEPTH)
    }

    /// Whether what the tests reject is kept as well.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.options.explain
    }

    fn scan_to(&self, text: &[u8], path: &[u8], scratch: &mut Scratch, depth: usize) -> Vec<Candidate> {
        let raw = self.scan_raw(text, scratch);
        let decoded = if depth > 0 { self.decode(text, scratch) } else { Vec::new() };
        self.finish_all(text, path, raw, decoded, scratch, depth)
    }

    /// What was found in a text becomes candidates, and so does all that the texts hold that stand encoded in it.
    fn finish_all(
        &self,
        text: &[u8],
        path: &[u8],
        raw: Vec<Raw>,
        decoded: Vec<Decoded>,
        scratch: &mut Scratch,
        depth: usize,
    ) -> Vec<Candidate> {
        let mut lines = Lines::new(text);
        let mut found = if raw.is_empty() { Vec::new() } else { self.finish(text, path, raw, &mut lines) };
        for decoded in decoded {
            let inner = self.scan_to(&decoded.text, path, scratch, depth - 1);
            candidate::adopt(&decoded, inner, &mut lines, &mut found);
        }
        found
    }

    /// The secrets of a text, encoded or not, as (rule, bytes), before its path is known.
    pub fn all_secrets(&self, text: &[u8], scratch: &mut Scratch, give: &mut dyn FnMut(u32, &[u8])) {
        self.secrets_to(text, scratch, decode::DEPTH, give);
    }

    fn secrets_to(&self, text: &[u8], scratch: &mut Scratch, depth: usize, give: &mut dyn FnMut(u32, &[u8])) {
        let raw = self.scan_raw(text, scratch);
        self.secrets(text, &raw).for_each(|(rule, secret)| give(rule, secret));
        if depth > 0 {
            for decoded in self.decode(text, scratch) {
                self.secrets_to(&decoded.text, scratch, depth - 1, give);
            }
        }
    }

    /// Steps 1 to 3 over a whole text.
    fn scan_raw(&self, text: &[u8], scratch: &mut Scratch) -> Vec<Raw> {
        let mut anchors = std::mem::take(&mut scratch.anchors);
        anchors.clear();
        let (mut found, mut in_front) = (Vec::new(), Vec::new());
        let whole = 0..text.len();
        let ranges = std::slice::from_ref(&whole);
        let mut progress = Progress::begin(ranges, scratch);
        for start in whole.clone().step_by(STRETCH) {
            let (first, stretch) = (anchors.len(), start..whole.end.min(start + STRETCH));
            self.anchors(text, stretch.clone(), &mut anchors);
            for anchor in &anchors[first..] {
                self.verify(text, *anchor, scratch, &mut found);
            }
            self.more_contexts(text, &stretch, &mut progress, scratch, &mut in_front);
        }
        self.end_contexts(text, &progress, 0, scratch, &mut in_front);
        found.append(&mut in_front);
        scratch.stats.anchors += anchors.len() as u64;
        scratch.may_carry |= self.may_carry(&anchors);
        scratch.anchors = anchors;
        found
    }

    /// All that stands encoded in the text whose anchors and runs were looked for last.
    fn decode(&self, text: &[u8], scratch: &Scratch) -> Vec<Decoded> {
        decode::decode_all(text, scratch.runs.iter().copied(), self.clusters(text, &scratch.anchors))
    }

    /// Where a keyword stands.
    fn word(&self, anchor: &Anchor) -> Span {
        spanned(anchor, &self.keywords)
    }

    /// Where one of the words stands that are looked for in front of runs.
    fn provider_word(&self, anchor: &Anchor) -> Span {
        spanned(anchor, &self.words)
    }

    /// Whether a keyword is a sign of what stands encoded, and no rule's.
    #[must_use]
    pub fn is_mark(&self, keyword: u32) -> bool {
        keyword >= self.marks
    }

    /// Whether a `data:` URL may stand in the text with these anchors.
    #[must_use]
    pub fn may_carry(&self, anchors: &[Anchor]) -> bool {
        anchors.iter().any(|anchor| anchor.keyword == self.data)
    }

    /// What finds the keywords of a pass.
    fn anchors_of(&self, pass: Pass) -> &Anchors {
        match pass {
            Pass::Everywhere => &self.everywhere,
            Pass::BeforeRuns => &self.before_runs,
            Pass::Named => &self.names().0,
        }
    }

    /// The names of providers all of whose tokens stand on literals; only what the judge proposes needs them.
    fn names(&self) -> &(Anchors, Vec<u8>) {
        self.names.get_or_init(|| (anchors(&self.rules, Pass::Named), lengths(&self.rules, Pass::Named)))
    }

    /// Where a keyword of a pass stands.
    fn word_of(&self, pass: Pass, anchor: &Anchor) -> Span {
        match pass {
            Pass::Everywhere => self.word(anchor),
            Pass::BeforeRuns => self.provider_word(anchor),
            Pass::Named => spanned(anchor, &self.names().1),
        }
    }

    /// How many keywords there are.
    #[must_use]
    pub fn keyword_count(&self) -> usize {
        self.keywords.len()
    }

    /// Bytes of the longest keyword.
    #[must_use]
    pub fn longest_keyword(&self) -> usize {
        self.keywords.iter().max().map_or(0, |&length| length.into())
    }

    /// Where keywords start in `range` of `text`.
    pub fn anchors(&self, text: &[u8], range: std::ops::Range<usize>, out: &mut Vec<Anchor>) {
        self.everywhere.find(text, range, out);
    }
}

fn spanned(anchor: &Anchor, lengths: &[u8]) -> Span {
    Span::new(anchor.start, anchor.start + usize::from(lengths[anchor.keyword as usize]))
}

/// Bytes of each keyword of a pass.
fn lengths(rules: &RuleSet, pass: Pass) -> Vec<u8> {
    keywords(rules, pass).map(|keyword| keyword.text.len() as u8).collect()
}

/// All that is looked for in a pass, in the order of the build script: the rules' keywords, the judge's, marks of escapes,
/// and that of `data:` URLs.
fn keywords(rules: &RuleSet, pass: Pass) -> impl Iterator<Item = KeywordText<'_>> {
    let word = |text: &'static str, caseless| KeywordText { text: text.as_bytes(), caseless };
    let judged = generic::keywords().iter().map(move |text| word(text, true));
    let marks = decode::MARKS.iter().chain([&decode::DATA]).map(move |text| word(text, false));
    rules.table().keywords(pass).chain(judged.chain(marks).filter(move |_| pass == Pass::Everywhere))
}

fn anchors(rules: &RuleSet, pass: Pass) -> Anchors {
    let built = rules.built_anchors(pass).and_then(|bytes| Anchors::from_static(bytes).ok());
    built.unwrap_or_else(|| {
        let of_rules = rules.table().keywords(pass).count() as u32;
        let around = |number: u32, text: &[u8]| match number {
            ours if ours >= of_rules => Around::ANYTHING,
            number => rules.table().around(pass, number, text),
        };
        let keywords: Vec<_> = (0..)
            .zip(keywords(rules, pass))
            .map(|(number, KeywordText { text, caseless })| {
                let around = around(number, text);
                anchor::Keyword { text, caseless, around }
            })
            .collect();
        Anchors::build(&keywords).expect("the reader of rules takes only keywords of three bytes or more")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_that_are_passed_over_have_no_verdict() {
        let options = Options { confidence: Confidence::Low, explain: true };
        let detector = Detector::new(Arc::new(RuleSet::builtin()), options);
        let hex = "0123456789abcdef".repeat(3);
        let value = ["q7Rz", "-x_", "T9vW2k", &hex].concat();
        let before = ["", "a", "Z", "_", "7", "-", " ", "/"];
        let after = ["", "a", "K9", "key=", " = \"", "\": \"", "abcd", "WXYZ", "_", "."];
        let mut text = Vec::new();
        for (at, keyword) in keywords(detector.rules(), Pass::Everywhere).enumerate() {
            for n in 0..12 {
                let (before, after) = (before[(at + n) % before.len()], after[(at / 3 + n) % after.len()]);
                let behind = [&hex, &value, &hex[..10], ""][n % 4];
                text.extend([before.as_bytes(), keyword.text, after.as_bytes(), behind.as_bytes(), b"\n"].concat());
            }
        }
        let (mut all, mut some, mut scratch) = (Vec::new(), Vec::new(), Scratch::default());
        detector.everywhere.find_all(&text, 0..text.len(), &mut all);
        detector.everywhere.find(&text, 0..text.len(), &mut some);
        let mut found = 0;
        for anchor in &all {
            let mut raw = Vec::new();
            detector.verify(&text, *anchor, &mut scratch, &mut raw);
            found += raw.len();
            assert!(raw.is_empty() || some.binary_search(anchor).is_ok(), "{:?}", detector.word(anchor).of(&text));
        }
        assert!(found > 1000 && some.len() * 3 < all.len() * 2, "{found} found, {} of {}", some.len(), all.len());
    }
}
