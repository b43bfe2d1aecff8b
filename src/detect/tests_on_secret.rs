//! The tests that a matched secret must pass, cheapest first.

use super::{
    checksum::{self, State},
    context,
    entropy::{digits, entropy, holds_caseless, is_word},
    generic,
    known::{Known, look_up},
    placeholder, unlike,
    verify::Fate,
};
use crate::{
    model::{Kind, Span},
    rules::{LoadedRule, rule::Gate},
};

/// Share of a context rule's value that words may cover: an identifier that happens to be as long is none of its format.
const WORDS: f32 = 0.45;

/// What the rule's own tests, and those that hold for every rule, make of a secret.
pub(crate) fn fate(loaded: &LoadedRule, text: &[u8], matched: Span, secret: Span) -> Fate {
    let (rule, value) = (&loaded.rule, secret.of(text));
    if digits(value) < rule.min_digits as usize {
        return Fate::Dropped("fewer digits than the format has");
    }
    if rule.stop.iter().any(|stop| holds_caseless(value, stop.as_bytes())) {
        return Fate::Refuted("holds a word that the rule excludes");
    }
    let tells = rule.gate == Gate::Keyword && rule.checksum.is_empty() && loaded.info.kind == Kind::Secret;
    if tells && is_spoiled(text, secret) {
        return Fate::Dropped("goes on with what the format has not");
    }
    if rule.min_entropy > 0.0 && entropy(value) <= rule.min_entropy {
        return Fate::Dropped("less entropy than the format has");
    }
    if let Some(near) = &rule.near {
        let around = Span::new(matched.start.saturating_sub(near.within), text.len().min(matched.end + near.within));
        if !near.words.iter().any(|word| holds_caseless(around.of(text), word.as_bytes())) {
            return Fate::Dropped("no telling word stands near");
        }
    }
    if rule.gate == Gate::Context && rule.min_digits > 0 && generic::share_of_words(value) > WORDS {
        return Fate::Dropped("made of words");
    }
    if rule.gate == Gate::Context && is_interface_id(text, matched, secret) {
        return Fate::Refuted("the number of an interface or a class");
    }
    if let Some(fate) = (rule.gate == Gate::Context).then(|| unlike::reason(loaded, text, matched, secret)).flatten() {
        return fate;
    }
    match checksum::check(&rule.checksum, value).map(|structure| structure.state) {
        Some(State::Valid) => known(value),
        Some(State::Invalid(why)) => Fate::Refuted(why),
        _ => placeholder::reason(value).map_or_else(|| known(value), Fate::Refuted),
    }
}

/// Whether a token goes on with what its format has not. What a person chooses may do so.
fn is_spoiled(text: &[u8], secret: Span) -> bool {
    let is_token = secret.of(text).iter().all(|&b| is_word(b) || matches!(b, b'-' | b'.' | b'+' | b'/' | b'=' | b':'));
    is_token && (context::goes_on(&text[secret.end..]) || context::goes_on_in_literal(text, secret))
}

/// Whether a UUID is given as what Windows tells interfaces and classes apart by.
fn is_interface_id(text: &[u8], matched: Span, secret: Span) -> bool {
    let (value, before) = (secret.of(text), Span::new(matched.start.saturating_sub(16), secret.start));
    placeholder::is_uuid(value)
        && [&b"guid"[..], b"clsid", b"iid_"].iter().any(|word| holds_caseless(before.of(text), word))
}

/// The same for what the judge of names and values proposes under a rule: a password may be made of words, a token may not.
pub(crate) fn judged(rule: &str, value: &[u8]) -> Fate {
    let made = ["generic-token", "generic-secret", "generic-api-key", "bearer-auth"].contains(&rule);
    match placeholder::stated(value).or_else(|| placeholder::repeating(value)).filter(|_| made) {
        Some(why) => Fate::Refuted(why),
        None => known(value),
    }
}

/// An example out of a vendor's documents is no secret, however right it looks.
pub(crate) fn known(value: &[u8]) -> Fate {
    match look_up(value) {
        Some(Known::Example) => Fate::Refuted("an example that the vendor's documents show"),
        _ => Fate::Kept,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::detect::{Detector, Scratch};
    use crate::rules::RuleSet;

    #[test]
    fn the_number_of_an_interface_is_no_key() {
        let detector = Detector::new(Arc::new(RuleSet::builtin()), crate::detect::Options::default());
        let found = |before: &str| {
            let text = format!("{before}\"6b4e0a77-9d3c-4f51-8e2a-{}\";", "1c7d5b9f0e34");
            detector.scan(text.as_bytes(), b"keys.rs", &mut Scratch::default()).len()
        };
        assert_eq!(found("shortcut_key = "), 1);
        for before in ["ShortcutKey: GUID = ", "DEFINE_GUID(ShortcutKey, ", "IID_ShortcutKey = "] {
            assert_eq!(found(before), 0, "{before}");
        }
    }
}
