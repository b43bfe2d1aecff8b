//! Value first: runs of token characters that may be a value, and the providers' words before them.

use std::ops::Range;

use super::{
    Detector,
    context::{self, RUN},
    generic::{self, ProposalKind},
    runs::{Run, find_runs, is_token_byte, is_value_like},
    verify::{Fate, Raw, Scratch},
};
use crate::{
    model::{Confidence, Span},
    rules::{
        shape::{ByteSet, has, set_of},
        table::Pass,
    },
};

/// How far before a run a provider's word may start.
const BEFORE_RUN: usize = context::GAP + 40;

/// What stands for the keyword where none led to a match: a run that looks random.
pub(super) const NO_KEYWORD: u32 = u32::MAX;

/// How far a look for runs, and for the words before them, has come.
pub(super) struct Progress<'r> {
    /// Where words may start; ascending.
    ranges: &'r [Range<usize>],
    /// Runs are known up to here.
    known: usize,
    /// Words are judged up to here.
    judged: usize,
    /// The first range that may hold words to judge.
    next: usize,
}

impl<'r> Progress<'r> {
    /// At the start of a text, no run of which is known.
    pub(super) fn begin(ranges: &'r [Range<usize>], scratch: &mut Scratch) -> Self {
        scratch.runs.clear();
        Self { ranges, known: 0, judged: 0, next: 0 }
    }
}

impl Detector {
    /// Judges provider words that start in `ranges`, which ascend, and stand before a run of token characters that may be
    /// a value. Looks no further than [`Detector::context_reach`] from a word's start, except for the ends of runs. What is
    /// found is in the order of [`Raw::place`].
    pub fn contexts(&self, text: &[u8], ranges: &[Range<usize>], scratch: &mut Scratch, out: &mut Vec<Raw>) {
        let first = out.len();
        let mut progress = Progress::begin(ranges, scratch);
        for range in ranges {
            self.more_contexts(text, range, &mut progress, scratch, out);
        }
        self.end_contexts(text, &progress, first, scratch, out);
    }

    /// The same for the runs behind the words of the next part of the ranges.
    pub(super) fn more_contexts(
        &self,
        text: &[u8],
        part: &Range<usize>,
        progress: &mut Progress<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<Raw>,
    ) {
        let mut runs = std::mem::take(&mut scratch.runs);
        let met = runs.len();
        progress.known = find_runs(text, run_range(text.len(), part), progress.known, RUN, &mut runs);
        // Where runs stand close together, the bytes before them are looked through in one go.
        let mut before_runs = progress.judged..progress.judged;
        for run in runs[met..].iter().filter(|run| is_value_like(&text[run.start..run.end])) {
            let from = run.start.saturating_sub(BEFORE_RUN).max(progress.judged);
            // Where nothing parts name and value (`NAME=value`), the word stands in the run's own beginning.
            progress.judged = run.end.saturating_sub(RUN).max(run.start).max(progress.judged);
            if from > before_runs.end {
                self.contexts_in(text, &before_runs, progress, scratch, out);
                before_runs.start = from;
            }
            before_runs.end = progress.judged;
        }
        self.contexts_in(text, &before_runs, progress, scratch, out);
        scratch.runs = runs;
    }

    /// What needs all runs; then puts what was found from `first` on in order.
    pub(super) fn end_contexts(
        &self,
        text: &[u8],
        progress: &Progress<'_>,
        first: usize,
        scratch: &Scratch,
        out: &mut Vec<Raw>,
    ) {
        if self.options.confidence == Confidence::Low {
            self.random_runs(text, progress.ranges, &scratch.runs, out);
        }
        out[first..].sort_by_key(Raw::place);
    }

    /// Judges the words that start in a part of the text, as far as it lies in the ranges.
    fn contexts_in(
        &self,
        text: &[u8],
        part: &Range<usize>,
        progress: &mut Progress<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<Raw>,
    ) {
        while progress.ranges.get(progress.next).is_some_and(|range| range.end <= part.start) {
            progress.next += 1;
        }
        let mut words = std::mem::take(&mut scratch.words);
        words.clear();
        for range in progress.ranges[progress.next..].iter().take_while(|range| range.start < part.end) {
            self.before_runs.find(text, part.start.max(range.start)..part.end.min(range.end), &mut words);
        }
        for anchor in &words {
            let word = self.provider_word(anchor);
            let mut reading = context::Reading::new(text, word);
            for owner in self.rules.table().owners(Pass::BeforeRuns, anchor.keyword) {
                if self.is_asked(&owner) {
                    let found = self.verify_context(&mut reading, &owner, scratch);
                    let found = found.filter(|(_, secret)| is_value_like(secret.of(text)));
                    out.extend(found.map(|found| self.raw(text, *anchor, owner.rule, found)));
                }
            }
        }
        scratch.words = words;
    }

    /// At *low*: runs that look random and stand without a telling name in a string literal or, which the path will
    /// tell, in a configuration file.
    fn random_runs(&self, text: &[u8], ranges: &[Range<usize>], runs: &[Run], out: &mut Vec<Raw>) {
        let Some(rule) = self.judge_rule(ProposalKind::HighEntropy) else { return };
        let asked = |run: &&Run| {
            let next = ranges.partition_point(|range| range.end <= run.start);
            ranges.get(next).is_some_and(|range| range.contains(&run.start))
        };
        for run in runs.iter().filter(asked) {
            let Some(secret) = generic::value_of_run(text, Span::new(run.start, run.end)) else { continue };
            let Some(probability) = generic::high_entropy(text, secret, None) else { continue };
            let (anchor, keyword, matched) = (run.start, NO_KEYWORD, secret);
            let fate = Fate::Kept;
            out.push(Raw { anchor, keyword, rule, matched, secret, fate, probability, misfit: false });
        }
    }

    /// How far the verdicts on providers' words, and on runs, look.
    #[must_use]
    pub fn context_reach(&self) -> ContextReach {
        let mut reach = ContextReach {
            before: context::GAP + 1,
            gap: 0,
            tail: TAIL,
            most: BEFORE_RUN + RUN + 1,
            values: set_of(is_token_byte),
        };
        if self.options.confidence == Confidence::Low {
            let (before, after) = generic::RANDOM_REACH;
            reach.before = reach.before.max(before);
            reach.tail = reach.tail.max(before + TAIL);
            reach.most = reach.most.max(after);
        }
        for (keyword, &length) in self.words.iter().enumerate() {
            let length = usize::from(length);
            reach.gap = reach.gap.max(length + context::GAP + RUN);
            for owner in self.rules.table().owners(Pass::BeforeRuns, keyword as u32) {
                let (before, after) = context::reach(&owner, length);
                reach.before = reach.before.max(before + owner.near);
                reach.tail = reach.tail.max(owner.near + TAIL);
                reach.most = reach.most.max(after + owner.near);
                reach.values.iter_mut().zip(owner.follow).for_each(|(all, these)| *all |= these);
            }
        }
        reach
    }
}

/// How far the verdicts of [`Detector::contexts`] look: before a word a fixed number of bytes, behind it to the end of the
/// values that begin close behind it.
pub struct ContextReach {
    /// Bytes before a word's start.
    pub before: usize,
    /// Bytes from a word's start to that of a value, at most.
    gap: usize,
    /// Bytes behind a value that are looked at.
    tail: usize,
    /// Bytes from a word's start that are looked at, at most.
    most: usize,
    /// What values, and runs, are made of.
    values: ByteSet,
}

/// Bytes behind a value that say whether it is whole, and one to spare.
const TAIL: usize = 3;

impl ContextReach {
    /// The first place in `text` where a word, or a run, may start whose verdict looks at the byte at `change` or behind it.
    #[must_use]
    pub fn start(&self, text: &[u8], change: usize) -> usize {
        let stop = change.saturating_sub(self.most);
        // Whatever starts before this value, or run, ends before it as well.
        let end = change.saturating_sub(self.tail).max(stop);
        let value = text[stop..end].iter().rev().take_while(|&&byte| has(&self.values, byte)).count();
        (end - value).saturating_sub(self.gap).max(stop)
    }
}

/// Where the runs stand that [`Detector::contexts`] looks at for the words that start in `range` of a text of `len` bytes.
#[must_use]
pub fn run_range(len: usize, range: &Range<usize>) -> Range<usize> {
    range.start..len.min(range.end + BEFORE_RUN)
}
