//! What the workers found is merged, grouped by secret, sorted and counted.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    filter::Allowlist,
    model::{
        Candidate, Coverage, Excerpt, Exposure, Finding, Fingerprint, FingerprintKey, Note, Occurrence, Original,
        Outcome, Place, Skipped, Stats, Suppressed, Suppression, Verdict,
    },
};

/// A candidate with its place.
pub(crate) struct Placed {
    pub(crate) candidate: Candidate,
    pub(crate) place: Place,
    pub(crate) original: Option<Original>,
    pub(crate) exposure: Exposure,
    pub(crate) excerpt: Excerpt,
    /// Whether the location counts in the outermost bytes as they are stored.
    pub(crate) stored: bool,
    pub(crate) inline: Option<Suppression>,
}

/// What one worker, or all of them, found so far.
#[derive(Default)]
pub(crate) struct Collector {
    placed: Vec<Placed>,
    skipped: Vec<Skipped>,
    asked: BTreeSet<String>,
    pub(crate) coverage: Coverage,
    pub(crate) stats: Stats,
}

impl Collector {
    pub(crate) fn add(&mut self, placed: Placed) {
        self.placed.push(placed);
    }

    pub(crate) fn skip(&mut self, skipped: Skipped) {
        self.skipped.push(skipped);
    }

    pub(crate) fn skips(&self) -> usize {
        self.skipped.len()
    }

    /// Takes over what another one found, as far as it is wanted by rule and secret.
    pub(crate) fn take(&mut self, other: Self, wanted: impl Fn(&str, &[u8]) -> bool) {
        let keep = |placed: &Placed| wanted(&placed.candidate.rule.id, placed.candidate.secret.expose());
        self.placed.extend(other.placed.into_iter().filter(keep));
    }

    /// Drops what `keep` does not keep.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Placed) -> bool) {
        self.placed.retain(keep);
    }

    pub(crate) fn ask(&mut self, what: String) {
        self.asked.insert(what);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.placed.extend(other.placed);
        self.skipped.extend(other.skipped);
        self.asked.extend(other.asked);
        self.coverage.items += other.coverage.items;
        self.coverage.members += other.coverage.members;
        self.coverage.bytes += other.coverage.bytes;
        self.coverage.commits += other.coverage.commits;
        self.stats.anchors += other.stats.anchors;
        self.stats.regexes += other.stats.regexes;
    }

    /// Groups and sorts.
    pub(crate) fn finish(mut self, allowlist: &Allowlist, key: &FingerprintKey) -> Outcome {
        // Everything that follows depends on this order alone, whatever thread came first.
        self.placed.sort_by(|a, b| order(a).cmp(&order(b)));
        self.skipped.sort();
        self.skipped.dedup();
        let mut groups: BTreeMap<(Option<Suppression>, Fingerprint), Finding> = BTreeMap::new();
        for placed in self.placed {
            let fingerprint = Fingerprint::of(key, &placed.candidate.family, placed.candidate.secret.expose());
            let why = suppression(&placed, allowlist, fingerprint);
            groups
                .entry((why, fingerprint))
                .and_modify(|finding| add(finding, &placed))
                .or_insert_with(|| first(&placed, fingerprint));
        }
        let mut outcome =
            Outcome { skipped: self.skipped, stats: self.stats, coverage: self.coverage, ..Outcome::default() };
        outcome.coverage.asked = self.asked.into_iter().collect();
        for ((why, _), finding) in groups {
            match why {
                None => outcome.findings.push(finding),
                Some(why) => outcome.suppressed.push(Suppressed { finding, why }),
            }
        }
        outcome.findings.sort_by(|a, b| rank(a).cmp(&rank(b)));
        outcome.suppressed.sort_by(|a, b| (rank(&a.finding), &a.why).cmp(&(rank(&b.finding), &b.why)));
        outcome
    }
}

fn order(placed: &Placed) -> impl Ord + '_ {
    let candidate = &placed.candidate;
    (&placed.place, candidate.location, &candidate.rule.id, &candidate.secret, &candidate.decoded, &candidate.rejected)
}

/// By first place, then by rule.
fn rank(finding: &Finding) -> impl Ord + '_ {
    let first = &finding.occurrences[0];
    (&first.place, first.location, &finding.rule.id, finding.fingerprint)
}

fn suppression(placed: &Placed, allowlist: &Allowlist, fingerprint: Fingerprint) -> Option<Suppression> {
    let candidate = &placed.candidate;
    if let Some(Note(reason)) = &candidate.rejected {
        return Some(Suppression::Rejected { reason: reason.to_string() });
    }
    let allowed = || allowlist.check(&placed.place.path(), &candidate.rule.id, candidate.secret.expose(), fingerprint);
    placed.inline.clone().or_else(allowed)
}

fn occurrence(placed: &Placed) -> Occurrence {
    Occurrence {
        place: placed.place.clone(),
        location: placed.candidate.location,
        original: placed.original.clone(),
        decoded: placed.candidate.decoded.clone(),
        exposure: placed.exposure,
        excerpt: placed.excerpt.clone(),
    }
}

fn first(placed: &Placed, fingerprint: Fingerprint) -> Finding {
    let candidate = &placed.candidate;
    Finding {
        rule: candidate.rule.clone(),
        fingerprint,
        secret: candidate.secret.clone(),
        partner: candidate.partner.as_ref().map(|(secret, _)| secret.clone()),
        severity: candidate.severity,
        confidence: candidate.confidence,
        probability: candidate.probability,
        exposure: placed.exposure,
        notes: candidate.notes.clone(),
        verdict: Verdict::Unchecked,
        occurrences: vec![occurrence(placed)],
    }
}

/// Another place of the same secret. The finding takes the worst of what its places say.
fn add(finding: &mut Finding, placed: &Placed) {
    let candidate = &placed.candidate;
    finding.severity = finding.severity.max(candidate.severity);
    finding.confidence = finding.confidence.max(candidate.confidence);
    finding.exposure = finding.exposure.max(placed.exposure);
    finding.probability = match (finding.probability, candidate.probability) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    if finding.partner.is_none() {
        finding.partner = candidate.partner.as_ref().map(|(secret, _)| secret.clone());
    }
    for note in &candidate.notes {
        if !finding.notes.contains(note) {
            finding.notes.push(note.clone());
        }
    }
    let occurrence = occurrence(placed);
    if finding.occurrences.last() != Some(&occurrence) {
        finding.occurrences.push(occurrence);
    }
}
