//! The proofs of `stanch rules check`: the catalogue passes them, and each fault that they look for is found.

use std::collections::BTreeSet;

use stanch::{
    detect::check,
    rules::{Choice, RuleFile, RuleSet},
};

use crate::runner::Place;

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

/// What the proofs say of a file of rules.
fn faults(rules: &str) -> Vec<String> {
    let file = RuleFile { name: "ours.toml".to_owned(), text: rules.to_owned() };
    let choice = Choice { no_builtin: true, ..Choice::default() };
    check::check(RuleSet::load(&[file], &choice).unwrap())
}

/// A rule that is sound, with some of its lines replaced.
fn rule(id: &str, replaced: &[(&str, &str)]) -> String {
    let mut lines = vec![
        ("keywords", r#"["acme_"]"#),
        ("pattern", r"'\b(?<secret>acme_[0-9a-f]{32})\b'"),
        ("examples", r#"["token = {secret}", "ACME={secret}"]"#),
        ("negative_examples", r#"["acme_{hex:10}"]"#),
    ];
    for &(key, value) in replaced {
        lines.retain(|(known, _)| *known != key);
        lines.push((key, value));
    }
    let lines: Vec<String> = lines.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("[[rule]]\nid = \"{id}\"\nname = \"{id}\"\n{}\n\n", lines.join("\n"))
}

#[test]
fn sound_rules_have_no_faults() {
    assert_eq!(faults(&rule("acme", &[])), [""; 0]);
}

#[test]
fn each_fault_names_the_file_and_the_line() {
    let sound = rule("sound", &[("keywords", r#"["zeta_"]"#), ("pattern", "'(?<secret>zeta_[0-9a-f]{32})'")]);
    let line = sound.lines().count() + 1;
    let found = faults(&(sound + &rule("acme", &[("examples", r#"["nothing here"]"#)])));
    assert!(found[0].starts_with(&format!("ours.toml:{line}: rule `acme`: example 1 is not found")), "{found:?}");
}

#[test]
fn a_rule_that_breaks_a_proof_is_named() {
    let broken = [
        ("examples", r#"["acme_{hex:12}"]"#, "example 1 is not found"),
        ("examples", r#"["{secret"]"#, "a brace stands alone"),
        ("negative_examples", r#"["key = acme_{hex:32}"]"#, "counter-example 1 is found"),
        ("keywords", r#"["acme_", "emca_"]"#, "keyword `emca_` leads to no example"),
        ("pattern", "'(?<secret>acme_[0-9a-f]{32,})'", "no upper bound"),
        ("pattern", r"'(?<secret>acme_[0-9a-f]{32})(?:a[a-z]b\d){0,1100}'", "the pattern is slow"),
    ];
    for (key, value, fault) in broken {
        let found = faults(&rule("acme", &[(key, value)]));
        assert!(found.iter().any(|line| line.contains(fault)), "{key} = {value}: {found:?}");
    }
}

#[test]
fn two_rules_for_the_same_bytes_are_named_unless_they_say_so() {
    let twins = |twins: &str| rule("acme", &[("twins", twins)]) + &rule("emca", &[("twins", r#"["acme"]"#)]);
    let found = faults(&(rule("acme", &[]) + &rule("emca", &[])));
    assert!(found.iter().any(|line| line.contains("rule `emca` reports the same bytes")), "{found:?}");
    // The second never wins, and that is another fault.
    let found = faults(&twins(r#"["emca"]"#));
    assert!(found.iter().all(|line| line.contains("rule `emca`: example")), "{found:?}");
}

#[test]
fn every_word_of_a_compact_row_is_proved() {
    let row = |value: &str| {
        let words = r#"["acme", "a-c-m-e"]"#;
        format!("context = [ {{ id = \"acme\", name = \"Acme\", words = {words}, value = '{value}' }} ]\n")
    };
    assert_eq!(faults(&row("[0-9a-z]{24}")), [""; 0]);
    // No value begins with a sign that assigns.
    let found = faults(&row("=[0-9a-z]{24}"));
    assert_eq!(found.iter().filter(|line| line.contains("is not found")).count(), 6, "{found:?}");
}

#[test]
fn an_alternative_that_hides_a_longer_one_is_named() {
    let row = |value: &str| {
        faults(&format!(
            "context = [{{ id = \"acme\", name = \"Acme\", provider = \"acme\", words = [\"acme\"], value = '{value}' }}]"
        ))
    };
    assert_eq!(row("[0-9a-f]{64}|[0-9a-f]{32}"), Vec::<String>::new());
    let found = row("[0-9a-f]{32}|[0-9a-f]{64}");
    assert!(found.iter().any(|line| line.contains("put the longer first")), "{found:?}");
}

#[test]
fn a_rule_is_shown_to_people_and_checked_by_the_program() {
    let place = Place::new();
    let shown = place.stanch(&["rules", "show", "npm-access-token"]).out;
    for line in ["npm-access-token\n", "  provider    npm\n", "  words       npm_\n", "the structure `npm`", ".toml:"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(!shown.contains("null") && !shown.contains("near "), "{shown}");
    place.write("ours.toml", rule("acme", &[("examples", r#"["nothing"]"#)]));
    let checked = place.stanch(&["rules", "check", "--no-builtin-rules", "--rules", "ours.toml"]);
    assert!(checked.out.contains("ours.toml:1: rule `acme`: example 1 is not found"), "{}", checked.out);
    assert_eq!(checked.code, 1);
}
