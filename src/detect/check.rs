//! Every rule's examples and counter-examples, through the real detector.

use std::sync::Arc;

use super::{Detector, Options, Scratch, checksum};
use crate::{
    model::Confidence,
    rules::{
        LoadedRule, RuleSet,
        example::{Dice, expand},
        rule::Gate,
    },
};

/// Runs all examples; each fault is a line of text that names the rule. Texts are shown only with their secrets left out.
#[must_use]
pub fn check(rules: RuleSet) -> Vec<String> {
    let rules = Arc::new(rules);
    let at = |confidence| Detector::new(rules.clone(), Options { confidence, explain: false });
    // The judge's rules are a matter of degree: at *low* it is meant to show what is not likely.
    let (detector, medium) = (at(Confidence::Low), at(Confidence::Medium));
    // Caches of patterns belong to the detector that compiled them.
    let (mut scratch, mut scratch_medium) = (Scratch::default(), Scratch::default());
    let mut faults = Vec::new();
    for (_, loaded) in rules.iter() {
        let id = &loaded.info.id;
        let path = loaded.rule.paths.first().map_or(String::new(), |glob| example_path(glob));
        let mut dice = Dice::new(id);
        for (number, template) in examples(loaded).iter().enumerate() {
            match expand(template, &loaded.rule, &mut dice, &checksum::complete) {
                Ok(text) => {
                    let found = detector.scan(&text, path.as_bytes(), &mut scratch);
                    if !found.iter().any(|candidate| candidate.rule.id == *id) {
                        let others: Vec<_> = found.iter().map(|candidate| candidate.rule.id.as_str()).collect();
                        faults.push(format!(
                            "{id}: example {} is not found (found instead: {})",
                            number + 1,
                            others.join(" ")
                        ));
                    }
                }
                Err(error) => faults.push(format!("{id}: {error}")),
            }
        }
        for (number, template) in loaded.rule.negative_examples.iter().enumerate() {
            match expand(template, &loaded.rule, &mut dice, &checksum::complete) {
                Ok(text) => {
                    let found = match loaded.rule.gate {
                        Gate::Judge => medium.scan(&text, path.as_bytes(), &mut scratch_medium),
                        _ => detector.scan(&text, path.as_bytes(), &mut scratch),
                    };
                    if found.iter().any(|candidate| candidate.rule.id == *id) {
                        faults.push(format!("{id}: counter-example {} is found", number + 1));
                    }
                }
                Err(error) => faults.push(format!("{id}: {error}")),
            }
        }
    }
    faults
}

/// A path that a simple glob matches.
fn example_path(glob: &str) -> String {
    glob.replace("**/", "").replace("/**", "/x").replace('*', "x").split(['{', ',']).next().unwrap_or("").to_owned()
}

/// The rule's own examples; for a compact row, those that its mechanism implies.
fn examples(loaded: &LoadedRule) -> Vec<String> {
    let rule = &loaded.rule;
    if rule.gate != Gate::Context || !rule.examples.is_empty() {
        return rule.examples.clone();
    }
    let Some(word) = rule.keywords.first().map(|keyword| &keyword.text) else { return Vec::new() };
    let name = rule.name_words.first().map_or("api_key", |word| word);
    vec![
        format!("{word}_{name} = \"{{secret}}\""),
        format!("\"{word}-{name}\": \"{{secret}}\""),
        format!("{word}_{name}={{secret}}\n"),
    ]
}
