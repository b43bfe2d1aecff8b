//! Every rule: its examples match, its counter-examples do not.

use std::collections::BTreeSet;

use stanch::{detect::check, rules::RuleSet};

#[test]
fn every_example_matches_its_rule_and_no_counter_example_does() {
    let faults = check::check(RuleSet::builtin());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_rule_says_what_to_do() {
    for (_, loaded) in RuleSet::builtin().iter() {
        let info = &loaded.info;
        assert!(info.remediation.len() > 20, "{} says too little on what to do", info.id);
        assert!(!info.name.is_empty() && !info.provider.is_empty() && !info.category.is_empty(), "{}", info.id);
    }
}

/// A rule that knows a key by the words round it may hold another's key: a refusal of that says nothing about the key.
#[test]
fn a_provider_is_asked_only_about_rules_there_are_and_revokes_only_what_is_surely_its_own() {
    let read = |path: &std::path::Path| -> toml::Table { std::fs::read_to_string(path).unwrap().parse().unwrap() };
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/patterns"));
    let (mut rules, mut by_words) = (BTreeSet::new(), BTreeSet::new());
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_none_or(|extension| extension != "toml") || entry.ends_with("verify.toml") {
            continue;
        }
        let file = read(&entry);
        for (key, ids) in [("rule", &mut rules), ("context", &mut by_words)] {
            let entries = file.get(key).and_then(toml::Value::as_array).into_iter().flatten();
            ids.extend(entries.map(|entry| entry["id"].as_str().unwrap().to_owned()));
        }
    }
    assert!(rules.len() > 500 && by_words.len() > 500);
    for (id, entry) in read(&folder.join("verify.toml")) {
        let also = entry.get("also").and_then(toml::Value::as_array).into_iter().flatten();
        for id in also.filter_map(toml::Value::as_str).chain([id.as_str()]) {
            assert!(rules.contains(id) || by_words.contains(id), "{id} is no rule");
            let Some(revoked) = entry.get("verify").and_then(|call| call.get("revoked")) else { continue };
            assert!(!by_words.contains(id) || !revoked.to_string().contains("40"), "{id}: {revoked}");
        }
    }
}
