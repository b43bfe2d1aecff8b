//! What was found in one blob becomes candidates: the path's conditions, overlaps, partners, lines.

use std::sync::Arc;

use super::{
    Detector, Fate, Options, Raw,
    anchor::Anchor,
    checksum, compose,
    contexts::NO_KEYWORD,
    decode::Decoded,
    generic::{self, Proposal},
    known::{Known, look_up},
    lines::Lines,
    overlap, tests_on_secret,
};
use crate::{
    model::{Candidate, Confidence, Note, RuleInfo, Secret, Severity},
    rules::rule::Gate,
};

impl Detector {
    /// The secrets among what was found, as (rule, bytes), before the blob's path is known: everything that may be
    /// reported once it is.
    pub fn secrets<'t>(&self, text: &'t [u8], found: &[Raw]) -> impl Iterator<Item = (u32, &'t [u8])> {
        let may_be_shown = |raw: &&Raw| {
            let loaded = self.rules().get(raw.rule);
            raw.fate == Fate::Kept && (loaded.rule.gate == Gate::Judge || loaded.confidence >= self.options.confidence)
        };
        found.iter().filter(may_be_shown).map(|raw| (raw.rule, raw.secret.of(text)))
    }

    /// Of what was found, what has a say in what is wanted: all that shares bytes with it, or with what does, and the parts
    /// of credentials in several parts.
    pub(super) fn concerned(&self, found: &[Raw], wanted: impl Fn(&Raw) -> bool) -> Vec<Raw> {
        let rule = |raw: &Raw| self.rules().get(raw.rule);
        let partners: Vec<&str> =
            found.iter().filter_map(|raw| rule(raw).rule.partner.as_ref()).map(|partner| &*partner.rule).collect();
        let is_part = |raw: &Raw| rule(raw).rule.partner.is_some() || partners.contains(&&*rule(raw).info.id);
        let mut sorted = found.to_vec();
        sorted.sort_by_key(|raw| raw.secret.start);
        let (mut kept, mut rest) = (Vec::new(), &sorted[..]);
        while let Some(first) = rest.first() {
            let mut end = first.secret.end;
            let shares = |raw: &&Raw| {
                let shares = raw.secret.start < end;
                end = end.max(raw.secret.end);
                shares
            };
            let (group, others) = rest.split_at(rest.iter().take_while(shares).count().max(1));
            if group.iter().any(|raw| is_part(raw) || wanted(raw)) {
                kept.extend_from_slice(group);
            }
            rest = others;
        }
        kept
    }

    /// Turns what was found in one blob into candidates, sorted by place.
    pub(super) fn finish(
        &self,
        text: &[u8],
        path: &[u8],
        mut found: Vec<Raw>,
        lines: &mut Lines<'_>,
    ) -> Vec<Candidate> {
        found.retain_mut(|raw| self.is_wanted(text, path, raw));
        let found = overlap::resolve(self, text, found);
        let shown = found.into_iter().filter(|raw| raw.fate == Fate::Kept || self.options.explain);
        let found = shown.map(|raw| self.candidate(text, path, &raw, lines));
        compose::join(self, found.filter(|candidate| candidate.confidence >= self.options.confidence).collect())
    }

    /// What the path says: a rule's globs, and for the judge how likely it is at this path.
    fn is_wanted(&self, text: &[u8], path: &[u8], raw: &mut Raw) -> bool {
        let loaded = self.rules().get(raw.rule);
        if loaded.rule.gate == Gate::Judge {
            raw.probability = self.probability(text, path, raw);
            if raw.misfit {
                raw.probability = raw.probability.min(generic::FOR_LOW);
            }
            raw.fate = tests_on_secret::judged(&loaded.rule.family, raw.secret.of(text));
            return raw.probability >= self.options.least_probability();
        }
        let globs = &loaded.rule.paths;
        loaded.confidence >= self.options.confidence
            && (globs.is_empty() || globs.iter().any(|glob| path_matches(glob, path)))
    }

    fn probability(&self, text: &[u8], path: &[u8], raw: &Raw) -> f32 {
        if raw.keyword == NO_KEYWORD {
            return generic::high_entropy(text, raw.secret, Some(path)).unwrap_or(0.0);
        }
        self.proposal(text, raw).map_or(0.0, |proposal| self.verdicts.judge(text, &proposal, path))
    }

    fn reasons(&self, text: &[u8], path: &[u8], raw: &Raw) -> Vec<String> {
        self.proposal(text, raw).map(|proposal| generic::explain(text, &proposal, path)).unwrap_or_default()
    }

    /// What the judge was asked about, read again from its anchor.
    fn proposal(&self, text: &[u8], raw: &Raw) -> Option<Proposal> {
        if raw.keyword == NO_KEYWORD {
            return None;
        }
        let word = self.word(&Anchor { start: raw.anchor, keyword: raw.keyword });
        let mut proposals = Vec::new();
        generic::propose(text, word, &mut proposals);
        proposals.into_iter().find(|proposal| proposal.value == raw.secret)
    }

    fn candidate(&self, text: &[u8], path: &[u8], raw: &Raw, lines: &mut Lines<'_>) -> Candidate {
        let loaded = self.rules().get(raw.rule);
        let value = raw.secret.of(text);
        let structure = checksum::check(&loaded.rule.checksum, value);
        let judged = loaded.rule.gate == Gate::Judge;
        let mut notes = structure.as_ref().map(|structure| structure.notes.clone()).unwrap_or_default();
        if self.options.explain && judged {
            notes.extend(self.reasons(text, path, raw).into_iter().map(Note::from));
        }
        if self.options.explain && raw.misfit {
            notes.insert(0, "a provider's by what stands round it, and of none of its formats".into());
        }
        let mut severity = structure.as_ref().and_then(|structure| structure.severity).unwrap_or(loaded.info.severity);
        match look_up(value) {
            Some(Known::WellKnown) => {
                notes.push("well known: this value is public, and worse than a leak where it is in use".into());
                severity = Severity::Critical;
            }
            Some(Known::Test) => {
                notes.push("well known: this value is public and made for tests".into());
                severity = severity.min(Severity::Low);
            }
            Some(Known::Example) | None => {}
        }
        let confidence = structure.as_ref().and_then(|structure| structure.confidence).unwrap_or(loaded.confidence);
        let kind = structure.as_ref().and_then(|structure| structure.kind);
        let rule = match kind.filter(|kind| *kind != loaded.info.kind) {
            Some(kind) => Arc::new(RuleInfo { kind, ..(*loaded.info).clone() }),
            None => loaded.info.clone(),
        };
        Candidate {
            rule,
            index: raw.rule,
            family: loaded.rule.family.clone(),
            matched: raw.matched,
            location: lines.location(raw.secret),
            secret: Secret::new(value),
            partner: None,
            severity,
            confidence: match () {
                () if raw.misfit => Confidence::Low,
                () if judged => Options::confidence_of(raw.probability),
                () => confidence,
            },
            probability: judged.then_some(raw.probability),
            expires: structure.and_then(|structure| structure.expires),
            decoded: Vec::new(),
            notes,
            rejected: match raw.fate {
                Fate::Kept => None,
                Fate::Dropped(why) | Fate::Refuted(why) => Some(Note::from(why)),
            },
        }
    }
}

/// Takes what was found in a decoded text over to the place of the encoded bytes. What the encoded
/// bytes seemed to be is dropped for what they are.
pub(super) fn adopt(decoded: &Decoded, inner: Vec<Candidate>, lines: &mut Lines<'_>, found: &mut Vec<Candidate>) {
    let mut adopted = Vec::new();
    for mut candidate in inner {
        let Some(span) = decoded.stored(candidate.location.span) else { continue };
        candidate.location = lines.location(span);
        candidate.matched = span;
        candidate.decoded.insert(0, decoded.encoding);
        candidate.partner = None;
        adopted.push(candidate);
    }
    if adopted.iter().any(|candidate| candidate.rejected.is_none()) {
        found.retain(|outer| outer.probability.is_none() || !outer.location.span.overlaps(decoded.span));
    }
    found.append(&mut adopted);
}

/// Whether a path, or its last parts, match a glob. A path that is not known matches none.
fn path_matches(glob: &str, path: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt;
    globset::Glob::new(glob)
        .is_ok_and(|glob| glob.compile_matcher().is_match(std::path::Path::new(std::ffi::OsStr::from_bytes(path))))
}
