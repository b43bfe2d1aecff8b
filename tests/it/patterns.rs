//! Every rule: its examples match, its counter-examples do not.

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
