//! Moving over from gitleaks: rules, allowlists, ignore file and inline marks give the same suppressions.

use crate::yard::Yard;

/// A value that no rule of ours knows.
fn value(seed: u32) -> String {
    let letters = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut state = u64::from(seed) * 7919 + 17;
    let mut text = String::new();
    for _ in 0..24 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push(char::from(letters[(state >> 33) as usize % 36]));
    }
    text
}

const CONFIG: &str = r#"
[extend]
useDefault = true
[[rules]]
id = "acme-widget"
description = "Acme widget"
regex = '''widget-(?:id|tok):([a-z0-9]{24})\b'''
entropy = 2.5
keywords = ["widget-"]
[allowlist]
paths = ['''(^|/)samples/''']
"#;

#[test]
fn a_project_moves_over_from_gitleaks() {
    let yard = Yard::new();
    let repo = yard.repo("repo");
    repo.write(".gitleaks.toml", CONFIG);
    for (at, file) in ["open.txt", "samples/sample.txt", "ignored.txt"].iter().enumerate() {
        repo.write(file, format!("widget-tok:{}\n", value(at as u32)));
    }
    repo.write("marked.txt", format!("widget-id:{} # gitleaks:allow\n", value(9)));
    repo.write("dull.txt", "widget-tok:aaaaaaaaaaaaaaaaaaaaaaaa\n");
    repo.write(".gitleaksignore", "ignored.txt:acme-widget:1\n");
    let arguments = [
        "scan",
        ".",
        "--no-builtin-rules",
        "--rules",
        ".gitleaks.toml",
        "--baseline",
        ".gitleaksignore",
        "--report",
        "json",
    ];
    let said = repo.stanch(&arguments).code(1);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &findings[0]["rule"]), (1, &"acme-widget".into()), "{}", said.out);
    assert_eq!(findings[0]["occurrences"][0]["place"]["path"].as_str().unwrap().trim_start_matches("./"), "open.txt");
    for by in ["allowlist", "baseline", "inline"] {
        assert_eq!(report["summary"]["suppressed"][by], 1, "{by}: {}", report["summary"]);
    }
    let told = repo.stanch(&["rules", "import", ".gitleaks.toml"]).code(0);
    assert!(
        told.out.contains("id = \"acme-widget\"") && told.err.contains("1 rules carried over, 1 [[allow]]"),
        "{}",
        told.err
    );
    repo.write("rules.toml", &told.out);
    repo.write("stanch.toml", repo.stanch(&["rules", "import", ".gitleaks.toml", "--part", "config"]).code(0).out);
    let said = repo.stanch(&["scan", ".", "--no-builtin-rules", "--rules", "rules.toml", "--report", "json"]).code(1);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["summary"]["suppressed"]["allowlist"], 1);
    repo.stanch(&["rules", "import", "rules.toml"]).code(2);
}
