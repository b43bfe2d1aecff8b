//! Every known token format is served by a rule, or says why it is not.

use std::collections::{HashMap, HashSet};

use stanch::{detect::checksum, rules::RuleSet};

/// Formats in the list that the catalogue was written from.
const FORMATS: usize = 1_993;

#[test]
fn every_known_format_has_a_rule_or_a_reason() {
    let rules = RuleSet::builtin();
    let ids: HashSet<&str> = (0..rules.len() as u32).map(|index| rules.get(index).info.id.as_str()).collect();
    let (mut formats, mut without) = (0, 0);
    for line in include_str!("../data/catalogue.tsv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [provider, kind, served] = fields[..] else { panic!("not three fields: {line}") };
        assert!(!provider.is_empty() && !kind.is_empty(), "{line}");
        match served.strip_prefix("none: ") {
            Some(reason) => {
                assert!(reason.len() > 20, "{provider}, {kind}: no reason");
                without += 1;
            }
            None => assert!(ids.contains(served), "{provider}, {kind}: no rule `{served}`"),
        }
        formats += 1;
    }
    assert_eq!(formats, FORMATS);
    assert!(without * 10 < formats, "{without} of {formats} formats have no rule");
}

#[test]
fn a_rule_names_only_checksums_that_exist() {
    let rules = RuleSet::builtin();
    for (_, loaded) in rules.iter() {
        let name = &loaded.rule.checksum;
        assert!(name.is_empty() || checksum::is_known(name), "{}: no checksum `{name}`", loaded.info.id);
    }
}

#[test]
fn every_rule_says_what_it_is_and_what_to_do() {
    let rules = RuleSet::builtin();
    let mut names: HashMap<&str, &str> = HashMap::new();
    for (_, loaded) in rules.iter() {
        let info = &loaded.info;
        assert!(info.remediation.len() > 20, "{}: no remediation", info.id);
        assert!(!info.provider.is_empty() && !info.category.is_empty(), "{}", info.id);
        assert!(info.owasp.starts_with("API") && info.cwe.starts_with("CWE-"), "{}", info.id);
        let hosts = ["http:", "https:", "www.", ".com/", ".io/"];
        assert!(
            info.references.iter().all(|reference| hosts.iter().all(|host| !reference.contains(host))),
            "{}: a reference is an address",
            info.id
        );
        if let Some(other) = names.insert(&info.name, &info.id) {
            panic!("{} and {other} have the same name", info.id);
        }
    }
}

/// The table of all rules, as `patterns/README.md` has it.
fn table() -> String {
    let rules = RuleSet::builtin();
    let mut lines: Vec<String> = rules
        .iter()
        .map(|(_, loaded)| {
            let info = &loaded.info;
            let (severity, kind) = (info.severity.name(), info.kind.name());
            format!(
                "| {} | `{}` | {} | {} | {severity} | {kind} | {} |",
                info.provider, info.id, info.name, info.category, loaded.rule.confidence
            )
        })
        .collect();
    lines.sort();
    let count = lines.len();
    format!(
        "# Rules\n\nThe text files here are the only source of the built-in rules: a file per big provider and one per category, in TOML.\n\
         `context` rows are a provider's word near a weak shape; a `[[rule]]` stands on its own literal. `well-known.txt` and\n\
         `examples.txt` hold hashes of keys that are public knowledge.\n\n\
         This table is made by `STANCH_BLESS=1 cargo test --test it catalogue`: {count} rules.\n\n\
         | provider | rule | finds | category | severity | kind | shown from confidence |\n|---|---|---|---|---|---|---|\n{}\n",
        lines.join("\n")
    )
}

#[test]
fn the_table_of_rules_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/patterns/README.md");
    let table = table();
    if std::env::var_os("STANCH_BLESS").is_some() {
        std::fs::write(file, &table).unwrap();
    }
    let stored = std::fs::read_to_string(file).unwrap_or_default();
    assert!(stored == table, "patterns/README.md is out of date: run STANCH_BLESS=1 cargo test --test it catalogue");
}
