//! Proves a set of rules: what `stanch rules check` says.
//!
//! * Every example is found, by its own rule and no other, and not only because its rule comes first.
//! * No counter-example is found by a rule that has a format.
//! * Every keyword leads to the rule in some text.
//! * Every pattern is bounded, or says how far it looks, and becomes a small program.

use std::sync::Arc;

use super::{
    Detector, Fate, Options, Raw, Scratch, checksum,
    entropy::{holds, holds_caseless},
    overlap,
    pattern::{Machine, Pattern},
};
use crate::{
    model::{Candidate, Confidence, Kind, Span},
    rules::{
        LoadedRule, RuleSet,
        example::{Dice, expand},
        rule::Gate,
    },
};

/// Texts of an example that are tried: one in a hundred looks made up by chance, and says nothing of the rule.
const SAMPLES: usize = 4;

/// Values of a shape with alternatives that are tried.
const WHOLES: usize = 32;

/// Texts that are tried to find one with a keyword that no example has.
const TRIES: usize = 400;

/// Runs all proofs; each fault is a line of text that names the file and line of the rule. No secret is in it.
#[must_use]
pub fn check(rules: RuleSet) -> Vec<String> {
    let rules = Arc::new(rules);
    let at = |confidence| Detector::new(rules.clone(), Options { confidence, explain: false });
    // The judge's rules are a matter of degree: at *low* it is meant to show what is not likely.
    let (low, medium) = (at(Confidence::Low), at(Confidence::Medium));
    let mut faults = Vec::new();
    for (index, loaded) in rules.iter() {
        let path = loaded.rule.paths.first().map_or(String::new(), |glob| example_path(glob));
        let dice = Dice::new(&loaded.info.id);
        let mut proof = Proof { low: &low, medium: &medium, index, loaded, path, dice, faults: Vec::new() };
        // Caches of patterns belong to the detector that compiled them.
        let scratches = &mut (Scratch::default(), Scratch::default());
        proof.examples(&mut scratches.0);
        proof.counter_examples(scratches);
        proof.keywords(&mut scratches.0);
        proof.pattern();
        faults.append(&mut proof.faults);
    }
    faults
}

/// The proof of one rule.
struct Proof<'r> {
    low: &'r Detector,
    medium: &'r Detector,
    index: u32,
    loaded: &'r LoadedRule,
    path: String,
    dice: Dice,
    faults: Vec<String>,
}

impl Proof<'_> {
    fn fault(&mut self, what: &str) {
        self.faults.push(format!("{}: rule `{}`: {what}", self.loaded.rule.origin, self.loaded.info.id));
    }

    fn expand(&mut self, template: &str) -> Option<Vec<u8>> {
        match expand(template, &self.loaded.rule, &mut self.dice, &checksum::complete) {
            Ok(text) => Some(text),
            Err(error) => {
                self.fault(&error.to_string());
                None
            }
        }
    }

    fn is_own(&self, candidate: &Candidate) -> bool {
        candidate.index == self.index
    }

    fn examples(&mut self, scratch: &mut Scratch) {
        for (number, template) in examples(self.loaded).iter().enumerate() {
            let number = number + 1;
            match self.found(template, scratch) {
                None => {}
                Some(Err(others)) => self.fault(&format!("example {number} is not found (found instead: {others})")),
                Some(Ok(text)) => {
                    if let Some(rival) = self.rival(&text, scratch) {
                        self.fault(&format!(
                            "example {number}: rule `{rival}` reports the same bytes and says as much"
                        ));
                    }
                }
            }
        }
    }

    /// A text of the template in which the rule finds something, or what the other rules find in all that were tried;
    /// nothing where the template is at fault.
    fn found(&mut self, template: &str, scratch: &mut Scratch) -> Option<Result<Vec<u8>, String>> {
        let mut others = Vec::new();
        for _ in 0..SAMPLES {
            let text = self.expand(template)?;
            let found = self.low.scan(&text, self.path.as_bytes(), scratch);
            if found.iter().any(|candidate| self.is_own(candidate)) {
                return Some(Ok(text));
            }
            others = found.iter().map(|candidate| candidate.rule.id.clone()).collect();
        }
        Some(Err(if others.is_empty() { "nothing".to_owned() } else { others.join(" ") }))
    }

    /// Another rule for which nothing but the order of the rules decides.
    fn rival(&self, text: &[u8], scratch: &mut Scratch) -> Option<String> {
        let found = self.low.scan_raw(text, scratch);
        let kept = |raw: &&Raw| raw.fate == Fate::Kept;
        let own = found.iter().filter(kept).filter(|raw| raw.rule == self.index);
        let rivals = own.flat_map(|own| {
            let others = found.iter().filter(kept).filter(move |raw| raw.rule != own.rule);
            others.filter(move |raw| raw.secret.overlaps(own.secret) && overlap::are_equal(self.low, text, own, raw))
        });
        let twins = &self.loaded.rule.twins;
        let id = |raw: &Raw| self.low.rules().get(raw.rule).info.id.clone();
        rivals.map(id).find(|rival| !twins.iter().any(|twin| twin == rival))
    }

    fn counter_examples(&mut self, scratches: &mut (Scratch, Scratch)) {
        for (number, template) in self.loaded.rule.negative_examples.iter().enumerate() {
            let Some(text) = self.expand(template) else { continue };
            let found = match self.loaded.rule.gate {
                Gate::Judge => self.medium.scan(&text, self.path.as_bytes(), &mut scratches.1),
                _ => self.low.scan(&text, self.path.as_bytes(), &mut scratches.0),
            };
            // What has no format of its own may still be guessed at, and a text may name an account.
            let formal = |candidate: &&Candidate| {
                self.is_own(candidate) || candidate.probability.is_none() && candidate.rule.kind == Kind::Secret
            };
            if let Some(finder) = found.iter().find(formal).map(|candidate| candidate.rule.id.clone()) {
                self.fault(&format!("counter-example {} is found by rule `{finder}`", number + 1));
            }
        }
    }

    /// Words of compact rows have an example each; a keyword may stand for one branch of a pattern only.
    fn keywords(&mut self, scratch: &mut Scratch) {
        if self.loaded.rule.gate != Gate::Keyword || !self.faults.is_empty() {
            return;
        }
        let holds = if self.loaded.rule.caseless { holds_caseless } else { holds };
        for keyword in self.loaded.rule.keywords.iter().map(|keyword| keyword.text.clone()) {
            let templates = self.loaded.rule.examples.clone();
            let leads = (0..TRIES).any(|n| {
                let Some(text) = templates.get(n % templates.len().max(1)).and_then(|template| self.expand(template))
                else {
                    return false;
                };
                holds(&text, keyword.as_bytes())
                    && self.low.scan(&text, self.path.as_bytes(), scratch).iter().any(|found| self.is_own(found))
            });
            if !leads {
                self.fault(&format!("keyword `{keyword}` leads to no example"));
            }
        }
    }

    fn pattern(&mut self) {
        if matches!(self.loaded.rule.gate, Gate::Judge | Gate::Asset) {
            return;
        }
        if !self.loaded.rule.bounded {
            self.fault("the pattern has no upper bound; bound it, or say with `window` how far it looks");
        }
        match Pattern::of(&self.loaded.rule) {
            Ok(pattern) if pattern.is_slow() => {
                self.fault("the pattern is slow: it takes too many steps, or asserts what is seldom asserted");
            }
            Ok(pattern) if !self.is_whole(&pattern) => {
                self.fault("an alternative of the value matches the beginning of a later one: put the longer first");
            }
            Ok(_) => {}
            Err(error) => self.fault(&format!("the pattern cannot be compiled: {error}")),
        }
    }

    /// Whether the shape of a compact row, whose values must be matched whole, does so for each of its alternatives.
    fn is_whole(&mut self, pattern: &Pattern) -> bool {
        if self.loaded.rule.gate != Gate::Context || !self.loaded.rule.pattern.contains('|') {
            return true;
        }
        (0..WHOLES).filter_map(|_| self.expand("{secret}")).all(|value| {
            let whole = Span::new(0, value.len());
            pattern.find(&value, whole, true, &mut Machine::default()).is_none_or(|(found, _)| found == whole)
        })
    }
}

/// A path that a simple glob matches.
fn example_path(glob: &str) -> String {
    glob.replace("**/", "").replace("/**", "/x").replace('*', "x").split(['{', ',']).next().unwrap_or("").to_owned()
}

/// The rule's own examples; for a compact row, those that its mechanism implies: one at least of each word.
fn examples(loaded: &LoadedRule) -> Vec<String> {
    let rule = &loaded.rule;
    if rule.gate != Gate::Context || !rule.examples.is_empty() {
        return rule.examples.clone();
    }
    let name = rule.name_words.first().map_or("api_key", |word| word);
    let forms = |word: &str| {
        [
            format!("{word}_{name} = \"{{secret}}\""),
            format!("\"{word}-{name}\": \"{{secret}}\""),
            format!("{word}_{name}={{secret}}\n"),
        ]
    };
    rule.keywords.iter().flat_map(|keyword| forms(&keyword.text)).collect()
}
