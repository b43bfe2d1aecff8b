//! One anchor judged: the rule's regex in a window round it, or the value assigned to a provider's word.

use super::{
    Detector,
    anchor::Anchor,
    context::{self, Assignment, RUN},
    entropy::{digits, holds_name},
    generic::{self, Proposal, ProposalKind},
    pattern::{Machine, Pattern},
    runs::{Run, stretches},
    tests_on_secret::fate,
};
use crate::{
    model::{Confidence, Kind, Span, Stats},
    rules::{
        rule::Gate,
        shape::has,
        table::{Owner, Pass},
    },
};

/// Up to so many places before a word a match is tried at each that it can begin at.
const STARTS: usize = 128;

/// A proposal whose path is not known is kept from this share of the probability on that would show it: no path makes
/// one more than twice as likely.
const UNKNOWN_PATH: f32 = 0.5;

/// Words in the names of identifiers that something has for a moment, and no account.
const PASSING: &[&[u8]] = &[b"request", b"trace", b"correlation", b"span"];

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
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Raw {
    /// Start of the keyword or word that led to it.
    pub anchor: usize,
    /// Number of that keyword or word.
    pub keyword: u32,
    /// Index of the rule.
    pub rule: u32,
    /// The whole match.
    pub matched: Span,
    /// The secret.
    pub secret: Span,
    /// What became of it.
    pub fate: Fate,
    /// For the judge: how likely it is a credential, wherever it stands; else 0.
    pub probability: f32,
    /// It would be a provider's, by what stands round it, and has none of that provider's formats.
    pub misfit: bool,
}

impl Raw {
    /// The order in which what was found is kept, and looked for by who inherits it.
    #[must_use]
    pub fn place(&self) -> (usize, u32, u32) {
        (self.anchor, self.keyword, self.rule)
    }
}

/// What a thread needs while it detects: buffers, kept for their memory.
#[derive(Default)]
pub struct Scratch {
    pub(super) anchors: Vec<Anchor>,
    pub(super) words: Vec<Anchor>,
    pub(super) runs: Vec<Run>,
    proposals: Vec<Proposal>,
    machine: Machine,
    /// Whether verdicts of the judge are remembered: versions of a file are much alike, files of a tree are not.
    remembers: bool,
    /// Set where a text, or one encoded in it, may carry a `data:` URL.
    pub may_carry: bool,
    /// What has been done so far.
    pub stats: Stats,
}

impl Scratch {
    /// For versions of files, which are much alike.
    #[must_use]
    pub fn of_versions() -> Self {
        Self { remembers: true, ..Self::default() }
    }
}

impl Detector {
    /// How far the verdict on an anchor looks before and after the anchor's start.
    #[must_use]
    pub fn reach(&self, keyword: u32) -> (usize, usize) {
        let length = usize::from(self.keywords[keyword as usize]);
        if self.is_mark(keyword) {
            return (0, length);
        }
        if keyword >= self.judged {
            return (generic::BEFORE, length + generic::AFTER);
        }
        self.rules.table().owners(Pass::Everywhere, keyword).fold((0, 0), |(before, after), owner| {
            let (b, a) = match owner.gate {
                Gate::Context => context::reach(&owner, length),
                _ => (owner.before + 1, owner.after + 2),
            };
            (before.max(b + owner.near), after.max(a + owner.near))
        })
    }

    /// Judges one anchor.
    pub fn verify(&self, text: &[u8], anchor: Anchor, scratch: &mut Scratch, out: &mut Vec<Raw>) {
        if self.is_mark(anchor.keyword) {
            return;
        }
        let word = self.word(&anchor);
        if anchor.keyword >= self.judged {
            return self.propose(text, anchor, word, scratch, out);
        }
        let mut reading = context::Reading::new(text, word);
        for owner in self.rules.table().owners(Pass::Everywhere, anchor.keyword) {
            if !self.is_asked(&owner) {
                continue;
            }
            let found = match owner.gate {
                Gate::Keyword => self.verify_pattern(text, word, &owner, scratch),
                Gate::Context => self.verify_context(&mut reading, &owner, scratch),
                Gate::Judge | Gate::Asset => None,
            };
            let Some(found) = found else { continue };
            let mut raw = self.raw(text, anchor, owner.rule, found);
            raw.misfit = owner.anybodys && self.is_misfit(text, anchor, word, found, scratch, out);
            if self.is_shown(&raw) {
                out.push(raw);
            }
        }
    }

    /// Whether what anybody's pattern found has none of the formats of a provider that the match itself names.
    fn is_misfit(
        &self,
        text: &[u8],
        anchor: Anchor,
        word: Span,
        (matched, secret): (Span, Span),
        scratch: &mut Scratch,
        out: &mut Vec<Raw>,
    ) -> bool {
        let kind = ProposalKind::Key;
        let proposal = Proposal { anchor: word, key: word, value: secret, kind, ..Proposal::default() };
        self.attribute_in(text, matched.start..matched.end, &proposal, anchor, scratch, out)
    }

    /// A misfit is for *low* only.
    fn is_shown(&self, raw: &Raw) -> bool {
        !raw.misfit || self.options.confidence == Confidence::Low
    }

    /// Whether the user left the rule in use, and wants to be shown what it finds.
    pub(super) fn is_asked(&self, owner: &Owner) -> bool {
        owner.confidence >= self.options.confidence as u8 && self.rules.is_enabled(owner.rule)
    }

    /// Puts what a telling name is given before the judge.
    fn propose(&self, text: &[u8], anchor: Anchor, word: Span, scratch: &mut Scratch, out: &mut Vec<Raw>) {
        let mut proposals = std::mem::take(&mut scratch.proposals);
        proposals.clear();
        generic::propose(text, word, &mut proposals);
        for proposal in &proposals {
            let anybodys = self.judge_rule(proposal.kind);
            if anybodys.is_none() && self.rules.judge_rules(true).next().is_none() {
                continue;
            }
            // The path may yet raise it, so it is enough to come near.
            let probability = if scratch.remembers {
                self.verdicts.near(text, proposal)
            } else {
                generic::near_for(text, proposal, self.options.confidence)
            };
            if probability < self.options.least_probability() * UNKNOWN_PATH {
                continue;
            }
            let providers = self.providers_rule(text, proposal);
            let Some(rule) = providers.or(anybodys) else { continue };
            let misfit = self.attribute(text, proposal, anchor, scratch, out) || self.is_cut(text, proposal, scratch);
            let misfit = misfit && providers.is_none() && proposal.kind.is_made();
            let matched =
                Span::new(proposal.key.start.min(proposal.value.start), proposal.value.end.max(proposal.key.end));
            let Anchor { start, keyword } = anchor;
            let (secret, fate) = (proposal.value, Fate::Kept);
            let raw = Raw { anchor: start, keyword, rule, matched, secret, fate, probability, misfit };
            if self.is_shown(&raw) {
                out.push(raw);
            }
        }
        scratch.proposals = proposals;
    }

    /// The rule under which the judge reports proposals of a kind, where it is in use.
    pub(super) fn judge_rule(&self, kind: ProposalKind) -> Option<u32> {
        let rules = self.judge_rules.get_or_init(|| {
            let named = |index: u32| (self.rules.get(index).info.id.clone(), index);
            self.rules.judge_rules(false).map(named).collect()
        });
        rules.iter().find(|(id, _)| id == generic::rule_id(kind)).map(|(_, index)| *index)
    }

    fn pattern(&self, rule: u32) -> Option<&Pattern> {
        // A pattern that cannot be compiled was refused when its file was read.
        self.patterns[rule as usize]
            .get_or_init(|| Pattern::of(&self.rules.get(rule).rule).ok().map(Box::new))
            .as_deref()
    }

    fn find(
        &self,
        rule: u32,
        text: &[u8],
        window: Span,
        anchored: bool,
        scratch: &mut Scratch,
    ) -> Option<(Span, Span)> {
        let pattern = self.pattern(rule)?;
        scratch.stats.regexes += 1;
        pattern.find(text, window, anchored, &mut scratch.machine)
    }

    /// The match of a rule's pattern that holds the keyword, as (whole match, secret).
    pub(super) fn verify_pattern(
        &self,
        text: &[u8],
        word: Span,
        owner: &Owner,
        scratch: &mut Scratch,
    ) -> Option<(Span, Span)> {
        let window = Span::new(word.start.saturating_sub(owner.before), text.len().min(word.start + owner.after));
        if owner.in_window {
            stretches(window.of(text), owner.follow_min, |b| has(&owner.follow, b)).next()?;
        } else if owner.follow_min > 0 {
            let follow = text.get(word.end..word.end + owner.follow_min)?;
            if !follow.iter().all(|&b| has(&owner.follow, b)) {
                return None;
            }
        }
        if owner.exact && word.start < owner.before {
            return None;
        }
        if owner.exact {
            return self.find(owner.rule, text, window, true, scratch).filter(|(matched, _)| matched.contains(word));
        }
        if owner.before > STARTS {
            self.search(owner.rule, text, window, word, scratch)
        } else {
            self.try_starts(owner.rule, text, window, word, scratch)
        }
    }

    /// The first match in the window that holds the word, where it may begin anywhere.
    fn search(&self, rule: u32, text: &[u8], window: Span, word: Span, scratch: &mut Scratch) -> Option<(Span, Span)> {
        let mut start = window.start;
        while start <= word.start {
            let (matched, secret) = self.find(rule, text, Span::new(start, window.end), false, scratch)?;
            if matched.start > word.start {
                return None;
            }
            if matched.contains(word) {
                return Some((matched, secret));
            }
            start = matched.end.max(start + 1);
        }
        None
    }

    /// The same where it begins at one of a few places: what lies behind the word is then not searched for nothing.
    fn try_starts(
        &self,
        rule: u32,
        text: &[u8],
        window: Span,
        word: Span,
        scratch: &mut Scratch,
    ) -> Option<(Span, Span)> {
        let pattern = self.pattern(rule)?;
        let mut start = window.start;
        while start <= word.start {
            let step = text[start..=word.start].iter().position(|&b| pattern.can_begin(b))?;
            start += step;
            match self.find(rule, text, Span::new(start, window.end), true, scratch) {
                Some((matched, secret)) if matched.contains(word) => return Some((matched, secret)),
                Some((matched, _)) => start = matched.end.max(start + 1),
                None => start += 1,
            }
        }
        None
    }

    /// The value of a rule's shape that is assigned to a name with the provider's word.
    pub(super) fn verify_context(
        &self,
        reading: &mut context::Reading<'_>,
        owner: &Owner,
        scratch: &mut Scratch,
    ) -> Option<(Span, Span)> {
        if !reading.is_whole() {
            return None;
        }
        let (text, word) = (reading.text, reading.word);
        let direct = reading.direct().and_then(|found| self.assigned(text, word, found, owner, scratch));
        if direct.is_some() || owner.before < RUN {
            return direct;
        }
        let later = reading.later();
        let later = later.into_iter().flatten().find_map(|found| self.assigned(text, word, found, owner, scratch));
        later.or_else(|| {
            let nearby = reading.nearby();
            nearby.into_iter().flatten().find_map(|found| self.loosely(text, word, found, owner, scratch))
        })
    }

    /// The value of an assignment, where it has the shape that the owner of the word demands.
    fn assigned(
        &self,
        text: &[u8],
        word: Span,
        found: Assignment,
        owner: &Owner,
        scratch: &mut Scratch,
    ) -> Option<(Span, Span)> {
        // Cheapest first.
        if !may_begin(text, found.value, owner) {
            return None;
        }
        let key = &text[found.name.start..found.value];
        let loaded = self.rules.get(owner.rule);
        let names = &loaded.rule.name_words;
        if !names.is_empty() && !names.iter().any(|name| holds_name(key, name.as_bytes())) {
            return None;
        }
        if loaded.info.kind != Kind::Secret && PASSING.iter().any(|name| holds_name(key, name)) {
            return None;
        }
        let (value, secret) = self.value_at(text, found.value, owner, scratch)?;
        Some((Span::new(word.start, value.end), secret))
    }

    /// The value that begins at `start`, as (whole value, secret), where it is a whole one of the owner's shape.
    pub(super) fn value_at(
        &self,
        text: &[u8],
        start: usize,
        owner: &Owner,
        scratch: &mut Scratch,
    ) -> Option<(Span, Span)> {
        if !may_begin(text, start, owner) {
            return None;
        }
        let window = Span::new(start, text.len().min(start + owner.after));
        let (value, secret) = self.find(owner.rule, text, window, true, scratch)?;
        let digit_missing = owner.follow_min > 0 && digits(value.of(text)) == 0;
        let whole = !digit_missing
            && context::ends_token(text, value.end)
            && !context::goes_on_in_literal(text, value)
            && !context::is_revision(text, value);
        whole.then_some((value, secret))
    }

    pub(super) fn raw(&self, text: &[u8], anchor: Anchor, rule: u32, (matched, secret): (Span, Span)) -> Raw {
        let fate = fate(self.rules.get(rule), text, matched, secret);
        let Anchor { start, keyword } = anchor;
        Raw { anchor: start, keyword, rule, matched, secret, fate, probability: 0.0, misfit: false }
    }
}

/// Whether the shortest value of the owner's shape may begin at `start`, by its bytes alone.
fn may_begin(text: &[u8], start: usize, owner: &Owner) -> bool {
    text.get(start..start + owner.before).is_some_and(|least| least.iter().all(|&b| has(&owner.follow, b)))
}
