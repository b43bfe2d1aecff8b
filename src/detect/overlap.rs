//! Choose between matches that overlap: a specific rule beats a generic one.

use super::{Detector, Fate, Raw};
use crate::{
    model::Confidence,
    rules::rule::{Gate, Rule},
};

/// How much a match says; more beats less.
type Weight = (u8, u8, bool, bool, Confidence, usize, usize, isize);

/// What stands for the provider where a form has none of its own.
pub(super) const ANYBODYS: &[&str] = &["generic", "jwt"];

fn weight(detector: &Detector, text: &[u8], raw: &Raw) -> Weight {
    let loaded = detector.rules().get(raw.rule);
    let gate = match loaded.rule.gate {
        // A form that anybody's credential may have says less than the provider's word beside it.
        Gate::Keyword if ANYBODYS.contains(&loaded.info.provider.as_str()) => 1,
        Gate::Keyword => 3,
        Gate::Context => 2,
        Gate::Judge | Gate::Asset => 0,
    };
    // Of what the judge says, "a bearer token" says more than "a key", and that more than "it looks random".
    let telling = match loaded.info.id.as_str() {
        "high-entropy" => 0,
        id if id.starts_with("generic-") => 1,
        _ => 2,
    };
    let checked = !loaded.rule.checksum.is_empty();
    let near = loaded.rule.near.is_some();
    // Of two providers' words the nearer one tells whose the value is; of two patterns the one that demands more bytes.
    let demand = raw.matched.len() as isize;
    let demand = if loaded.rule.gate == Gate::Context { -demand } else { demand };
    (gate, telling, checked, near, loaded.confidence, raw.secret.len(), named(&loaded.rule, text, raw), demand)
}

/// Where the last of the rule's own words ends in the value's name: of `client_id` it is the last one that tells what the
/// value is.
fn named(rule: &Rule, text: &[u8], raw: &Raw) -> usize {
    let key = &text[raw.matched.start..raw.secret.start.max(raw.matched.start)];
    let last = |name: &String| key.windows(name.len()).rposition(|part| part.eq_ignore_ascii_case(name.as_bytes()));
    rule.name_words
        .iter()
        .filter_map(|name| last(name).map(|at| raw.matched.start + at + name.len()))
        .max()
        .unwrap_or(0)
}

/// Whether nothing but the order of the rules decides between two matches of the same bytes.
pub(super) fn are_equal(detector: &Detector, text: &[u8], one: &Raw, other: &Raw) -> bool {
    weight(detector, text, one) == weight(detector, text, other)
}

/// Drops, among matches whose secrets overlap, all but the one that says most. What a specific rule has refuted is not
/// reported by a weaker one either. The result is sorted by place.
pub(crate) fn resolve(detector: &Detector, text: &[u8], mut found: Vec<Raw>) -> Vec<Raw> {
    let key = |raw: &Raw| (raw.secret, raw.rule, std::cmp::Reverse(raw.probability.to_bits()), raw.matched);
    found.sort_by_key(|a| key(a));
    found.dedup_by(|a, b| a.secret == b.secret && a.rule == b.rule);
    let mut order: Vec<usize> = (0..found.len()).collect();
    // The strongest first; of equals the one that comes first in the rules' order.
    order.sort_by_cached_key(|&at| {
        (std::cmp::Reverse(weight(detector, text, &found[at])), found[at].secret, found[at].rule)
    });
    let mut taken: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
    for at in order {
        let raw = &found[at];
        if matches!(raw.fate, Fate::Dropped(_)) {
            continue;
        }
        let last_before_end = taken.range(..raw.secret.end).next_back();
        if last_before_end.is_some_and(|(_, &end)| end > raw.secret.start) {
            if raw.fate == Fate::Kept {
                found[at].fate = Fate::Dropped("another rule says more about the same bytes");
            }
            continue;
        }
        let specific = detector.rules().get(raw.rule).rule.gate != Gate::Judge;
        if raw.fate == Fate::Kept || specific {
            taken.insert(raw.secret.start, raw.secret.end);
        }
    }
    found
}
