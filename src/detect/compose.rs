//! Credentials in several parts (key id and secret) become one finding.

use super::Detector;
use crate::model::{Candidate, Note};

/// Joins each candidate whose rule names a partner with the nearest one of that rule, within the lines that the rule
/// allows. The partner is then no candidate of its own.
pub(super) fn join(detector: &Detector, mut found: Vec<Candidate>) -> Vec<Candidate> {
    let mut taken = vec![false; found.len()];
    for at in 0..found.len() {
        let Some((rule, lines)) = partner_of(detector, &found[at]) else { continue };
        let near = |other: &usize| {
            let other = &found[*other];
            other.rejected.is_none() && other.rule.id == rule && lines_between(&found[at], other) <= lines
        };
        let mut fitting: Vec<usize> = (0..found.len()).filter(|other| *other != at).filter(near).collect();
        fitting.sort_by_key(|&other| {
            let (here, there) = (&found[at].location, &found[other].location);
            (here.span.start.abs_diff(there.span.start), other)
        });
        let Some(&nearest) = fitting.first() else { continue };
        taken[nearest] = true;
        let other = &found[nearest];
        let mut distinct: Vec<_> = fitting.iter().map(|&other| &found[other].secret).collect();
        distinct.sort();
        distinct.dedup();
        let note = match distinct.len() {
            1 => Note::from(format!("together with {}: a whole credential", other.rule.name)),
            fits => Note::from(format!("ambiguous: {fits} values near it could be the {}", other.rule.name)),
        };
        let severity = found[at].severity.max(other.severity);
        let partner = Some((other.secret.clone(), other.location));
        let candidate = &mut found[at];
        candidate.partner = partner;
        candidate.severity = severity;
        candidate.notes.push(note);
    }
    let mut taken = taken.into_iter();
    found.retain(|_| taken.next() != Some(true));
    found
}

/// The rule that finds the other part, and how many lines away it may stand.
fn partner_of(detector: &Detector, candidate: &Candidate) -> Option<(String, u32)> {
    if candidate.rejected.is_some() {
        return None;
    }
    let partner = detector.rules().get(candidate.index).rule.partner.as_ref()?;
    Some((partner.rule.clone(), partner.lines))
}

fn lines_between(one: &Candidate, other: &Candidate) -> u32 {
    one.location.start.line.abs_diff(other.location.start.line)
}
