//! One anchor judged: the rule's regex in a window round it, or the value assigned to a provider's word.

use std::ops::Range;

use super::{
    Detector,
    anchor::{Anchor, Run, find_runs},
    context,
    pattern::{Pattern, PatternCache},
    tests_on_secret::fate,
};
use crate::{
    model::{Span, Stats},
    rules::{
        rule::Gate,
        shape::has,
        table::{Owner, Pass},
    },
};

/// The shortest run of token characters that "value first" looks at; rules with shorter values look for their word first.
const RUN: usize = 16;

/// What became of a match.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// It passed all tests.
    Kept,
    /// A test dropped it, and other rules may still report the bytes.
    Dropped(&'static str),
    /// It certainly is no live secret: no other rule may report the bytes either.
    Refuted(&'static str),
}

/// One rule matched at one place, before the blob's path is known.
#[derive(Clone, PartialEq, Debug)]
pub struct Raw {
    /// Index of the rule.
    pub rule: u32,
    /// The whole match.
    pub matched: Span,
    /// The secret.
    pub secret: Span,
    /// What became of it.
    pub fate: Fate,
}

/// What a thread needs while it detects: buffers, and the caches of the patterns it has used.
#[derive(Default)]
pub struct Scratch {
    pub(super) anchors: Vec<Anchor>,
    words: Vec<Anchor>,
    runs: Vec<Run>,
    caches: std::collections::HashMap<u32, PatternCache>,
    /// What has been done so far.
    pub stats: Stats,
}

impl Detector {
    /// How far the verdict on an anchor looks before and after the anchor's start.
    #[must_use]
    pub fn reach(&self, keyword: u32) -> (usize, usize) {
        let length = self.keywords[keyword as usize].text.len();
        self.rules.table().owners(Pass::Everywhere, keyword).fold((0, 0), |(before, after), owner| {
            let (b, a) = match owner.gate {
                Gate::Context => context::reach(&owner, length),
                _ => (owner.before + 1, owner.after + 2),
            };
            (before.max(b), after.max(a))
        })
    }

    /// Judges one anchor.
    pub fn verify(&self, text: &[u8], anchor: Anchor, scratch: &mut Scratch, out: &mut Vec<Raw>) {
        let word = Span::new(anchor.start, anchor.start + self.keywords[anchor.keyword as usize].text.len());
        for owner in self.rules.table().owners(Pass::Everywhere, anchor.keyword) {
            if !self.rules.is_enabled(owner.rule) {
                continue;
            }
            match owner.gate {
                Gate::Keyword => self.verify_pattern(text, word, &owner, scratch, out),
                Gate::Context => self.verify_context(text, word, &owner, scratch, out),
                Gate::Judge => {}
            }
        }
    }

    fn pattern(&self, rule: u32) -> Option<&Pattern> {
        // A pattern that cannot be compiled was refused when its file was read.
        self.patterns[rule as usize].get_or_init(|| Pattern::new(&self.rules.get(rule).rule.pattern).ok()).as_ref()
    }

    fn find(&self, rule: u32, text: &[u8], window: Span, anchored: bool, scratch: &mut Scratch) -> Option<(Span, Span)> {
        let pattern = self.pattern(rule)?;
        scratch.stats.regexes += 1;
        let cache = scratch.caches.entry(rule).or_insert_with(|| pattern.cache());
        pattern.find(text, window, anchored, cache)
    }

    fn verify_pattern(&self, text: &[u8], word: Span, owner: &Owner, scratch: &mut Scratch, out: &mut Vec<Raw>) {
        if owner.follow_min > 0 {
            let Some(follow) = text.get(word.end..word.end + owner.follow_min) else { return };
            if !follow.iter().all(|&b| has(&owner.follow, b)) {
                return;
            }
        }
        if owner.exact && word.start < owner.before {
            return;
        }
        let end = text.len().min(word.start + owner.after);
        let mut start = word.start.saturating_sub(owner.before);
        while start <= word.start {
            let Some((matched, secret)) = self.find(owner.rule, text, Span::new(start, end), owner.exact, scratch) else { return };
            if matched.start > word.start {
                return;
            }
            if matched.contains(word) {
                out.push(self.raw(text, owner.rule, matched, secret));
                return;
            }
            start = matched.end.max(start + 1);
        }
    }

    fn verify_context(&self, text: &[u8], word: Span, owner: &Owner, scratch: &mut Scratch, out: &mut Vec<Raw>) {
        if !context::is_whole(text, word) {
            return;
        }
        let Some(found) = context::assignment(text, word) else { return };
        // Cheapest first: the shortest value there can be, all of the right bytes, with the digit that the shape demands.
        let Some(least) = text.get(found.value..found.value + owner.before) else { return };
        if !least.iter().all(|&b| has(&owner.follow, b)) {
            return;
        }
        let loaded = self.rules.get(owner.rule);
        let key = &text[found.name.start..found.value];
        let names = &loaded.rule.name_words;
        if !names.is_empty() && !names.iter().any(|name| super::entropy::holds_caseless(key, name.as_bytes())) {
            return;
        }
        let window = Span::new(found.value, text.len().min(found.value + owner.after));
        let Some((value, secret)) = self.find(owner.rule, text, window, true, scratch) else { return };
        let digits_missing = owner.follow_min > 0 && super::entropy::digits(value.of(text)) == 0;
        if digits_missing || !context::ends_token(text, value.end) {
            return;
        }
        out.push(self.raw(text, owner.rule, Span::new(word.start, value.end), secret));
    }

    /// Judges provider words that stand before a run of token characters which touches `range`.
    pub fn contexts(&self, text: &[u8], range: Range<usize>, scratch: &mut Scratch, out: &mut Vec<Raw>) {
        let (mut runs, mut words) = (std::mem::take(&mut scratch.runs), std::mem::take(&mut scratch.words));
        runs.clear();
        find_runs(text, range, RUN, &mut runs);
        let mut done = 0;
        for run in &runs {
            let from = run.start.saturating_sub(context::GAP + 40).max(done);
            let to = run.start.max(done);
            done = to;
            words.clear();
            self.before_runs.find(text, from..to, &mut words);
            for anchor in &words {
                let word = Span::new(anchor.start, anchor.start + self.words[anchor.keyword as usize].text.len());
                for owner in self.rules.table().owners(Pass::BeforeRuns, anchor.keyword) {
                    if self.rules.is_enabled(owner.rule) {
                        self.verify_context(text, word, &owner, scratch, out);
                    }
                }
            }
        }
        (scratch.runs, scratch.words) = (runs, words);
    }

    fn raw(&self, text: &[u8], rule: u32, matched: Span, secret: Span) -> Raw {
        Raw { rule, matched, secret, fate: fate(&self.rules.get(rule).rule, text, matched, secret) }
    }
}
