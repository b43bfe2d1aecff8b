//! Files of other scanners, carried over and used.

use super::{glob::globs, import, pattern::carry};
use crate::rules::{Choice, RuleFile, RuleSet};

fn none(_: &str) -> bool {
    false
}

#[test]
fn groups_get_their_name() {
    let named = |pattern: &str, group| carry(pattern, group).unwrap().pattern;
    assert_eq!(named("acme_(x|y)-([a-z]{8})", Some(2)), "acme_(x|y)-(?<secret>[a-z]{8})");
    assert_eq!(named("acme_([a-z]{8})", None), "acme_(?<secret>[a-z]{8})");
    assert_eq!(named("acme_(?P<TOKEN>[a-z]{8})", None), "acme_(?P<secret>[a-z]{8})");
    assert_eq!(named("acme_(?:[a-z]{8})", None), "acme_(?:[a-z]{8})");
    assert_eq!(named("(?x) acme_ # a (comment)\n ([a-z]{8})", None), "(?x) acme_ # a (comment)\n (?<secret>[a-z]{8})");
    assert!(carry("acme_([a-z]{8})", Some(3)).is_err());
    assert!(carry("acme_(unclosed", None).is_err());
}

#[test]
fn keywords_are_texts_of_every_match() {
    let keywords = |pattern: &str| carry(pattern, None).map(|found| (found.keywords, found.caseless));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(keywords(r"\b(acme_[a-z]{8})\b"), Ok((words(&["acme_"]), false)));
    assert_eq!(keywords(r"(?i)[\w.-]{0,50}?(?:adafruit)[\s'=]{0,3}([a-z0-9]{32})"), Ok((words(&["adafruit"]), true)));
    assert_eq!(keywords(r"\b((?:A3T[A-Z0-9]|AKIA|ASIA)[A-Z2-7]{16})\b"), Ok((words(&["A3T", "AKIA", "ASIA"]), false)));
    assert_eq!(keywords(r"x[0-9](sk|pk)_(test|live)_[a-z]{9}").unwrap().0.len(), 4);
    assert!(keywords(r"[a-z0-9]{32}").is_err());
    assert!(keywords(r"(acme)?[a-z0-9]{32}").is_err());
}

#[test]
fn path_regexes_become_globs_or_nothing() {
    let of = |regex: &str| globs(regex).map(|globs| globs.join(" "));
    assert_eq!(of(r"\.lock$").as_deref(), Some("*.lock"));
    assert_eq!(of(r"(^|/)vendor/").as_deref(), Some("*/vendor/* vendor/*"));
    assert_eq!(of(r"^docs/.*\.md$").as_deref(), Some("docs/*.md"));
    assert_eq!(of(r"(?i)\.(png|gif)$").as_deref(), Some("*.[Gg][Ii][Ff] *.[Pp][Nn][Gg]"));
    assert_eq!(of(r"node_modules").as_deref(), Some("*node_modules*"));
    assert_eq!(of(r"[0-9]+\.txt$"), None);
    assert_eq!(of(r"a\bb"), None);
    for (regex, path) in [(r"(^|/)vendor/", "a/vendor/b.go"), (r"\.lock$", "x/y.lock"), (r"^a\[1\]/x.y$", "a[1]/x.y")] {
        assert!(
            globs(regex).unwrap().iter().any(|glob| globset::Glob::new(glob).unwrap().compile_matcher().is_match(path)),
            "{regex}"
        );
    }
}

const GITLEAKS: &str = r#"
title = "ours"
[extend]
useDefault = true
disabledRules = ["generic-api-key"]

[[rules]]
id = "acme-token"
description = "Acme token"
regex = '''(?i)acme[_-]?(?:key|token)\s*=\s*['"]([a-z0-9]{24})['"]'''
entropy = 3
keywords = ["acme"]
tags = ["internal"]
path = '''\.(py|js)$'''
    [[rules.allowlists]]
    stopwords = ["example"]
    [[rules.allowlists]]
    description = "samples"
    condition = "AND"
    paths = ['''^samples/''']
    regexes = ['''^0000''']

[[rules]]
id = "no literal"
regex = '''[a-f0-9]{32}'''

[[rules]]
id = "just-a-path"
path = '''id_rsa$'''

[allowlist]
description = "global"
paths = ['''(^|/)vendor/''', '''v[0-9]+/''']
regexes = ['''process\.env''']
regexTarget = "line"
stopwords = ["dummy"]
commits = ["abc"]
"#;

#[test]
fn a_gitleaks_file_is_carried_over_and_what_is_not_is_said() {
    let found = import(GITLEAKS, &none).unwrap().unwrap();
    assert_eq!(found.count, 1);
    let files = [RuleFile { name: "imported".into(), text: found.rules.clone() }];
    let set = RuleSet::load(&files, &Choice { no_builtin: true, ..Choice::default() }).unwrap();
    let rule = &set.get(set.find("acme-token").unwrap()).rule;
    assert_eq!((rule.min_entropy, rule.caseless, rule.stop.as_slice()), (3.0, true, &["example".to_owned()][..]));
    assert_eq!(rule.paths, ["*.js", "*.py"]);
    assert_eq!(found.allow.matches("[[allow]]").count(), 3, "{}", found.allow);
    assert!(
        found.allow.contains("rules = [\"acme-token\"]\npaths = [\"samples/*\"]\nvalue = '''(?:^0000)'''"),
        "{}",
        found.allow
    );
    let notes = found.notes.join("\n");
    for said in [
        "extend.useDefault",
        "generic-api-key",
        "no-literal: left out: no text of three",
        "just-a-path: left out: a rule that only names paths",
        "`v[0-9]+/` says more than globs",
        "1 regexes over the line",
        "1 allowed commits",
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
}

#[test]
fn ids_in_use_get_another() {
    let text = "[[rules]]\nid = \"github-pat\"\nregex = '''acme_[a-z]{20}'''\n";
    let found = import(text, &|id| id == "github-pat").unwrap().unwrap();
    assert!(found.rules.contains("id = \"imported.github-pat\""), "{}", found.rules);
    RuleSet::load(&[RuleFile { name: "x".into(), text: found.rules }], &Choice::default()).unwrap();
}

#[test]
fn yaml_rules_are_carried_over() {
    let text = "rules:\n  - name: Acme key\n    id: kingfisher.acme.1\n    pattern: |\n      (?x)(?i)\n      acme\n      (?:.|[\\n\\r]){0,32}?\n      \\b([a-z0-9]{24})\\b\n    min_entropy: 3.5\n    confidence: medium\n    visible: true\n    examples:\n      - none\n    validation:\n      type: Http\n    pattern_requirements:\n      min_digits: 2\n      min_uppercase: 1\n";
    let found = import(text, &none).unwrap().unwrap();
    let files = [RuleFile { name: "imported".into(), text: found.rules }];
    let set = RuleSet::load(&files, &Choice { no_builtin: true, ..Choice::default() }).unwrap();
    let rule = &set.get(set.find("kingfisher.acme.1").unwrap()).rule;
    assert_eq!((rule.min_entropy, rule.min_digits, rule.confidence.as_str()), (3.5, 2, "medium"));
    let notes = found.notes.join("\n");
    assert!(
        notes.contains("`validation` is left out") && notes.contains("min_uppercase") && notes.contains("`examples`"),
        "{notes}"
    );
    assert!(import("rules:\n  - a: &x y\n    b: *x\n", &none).is_err());
}

#[test]
fn files_of_our_own_are_not_touched() {
    assert_eq!(import("[[rule]]\nid = \"x\"\n", &none), Ok(None));
    assert_eq!(import("", &none), Ok(None));
}
