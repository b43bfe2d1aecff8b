//! No file name and no text can inject anything into a terminal or a CI log; reports are what they say they are.

use crate::runner::{Place, github_token};

const EVIL: &str = "evil\n::stop-commands::x\u{1b}[2J.txt";

#[test]
fn control_characters_are_harmless_in_every_format() {
    let place = Place::new();
    place.write(EVIL, format!("a \u{1b}]0;x\u{7} k = {}\n", github_token(1)));
    for format in
        ["text", "json", "jsonl", "sarif", "github", "gitlab", "junit", "csv", "markdown", "codequality", "html"]
    {
        let ran = place.stanch(&["scan", ".", "-f", format]);
        assert_eq!(ran.code, 1, "{format}: {}", ran.err);
        assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{7}'), "{format} lets a control character through");
        assert!(!ran.out.lines().any(|line| line.starts_with("::stop")), "{format} lets a command through");
        assert!(!ran.out.contains(&github_token(1)[8..]), "{format} shows the secret");
    }
}

#[test]
fn several_reports_at_once() {
    let place = Place::new();
    place.write("a", github_token(1));
    let ran = place.stanch(&["scan", "a", "-f", "sarif=out.sarif", "-f", "jsonl=out.jsonl", "-f", "json=-"]);
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&ran.out).unwrap()["findings"].is_array());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&read("out.sarif")).unwrap()["version"], "2.1.0");
    let last: serde_json::Value = serde_json::from_str(read("out.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["complete"]), (&"summary".into(), &true.into()));
    assert_eq!(place.stanch(&["scan", "a", "-f", "srif"]).code, 2);
}

#[test]
fn fifty_lines_above_every_finding_change_no_fingerprint_in_any_format() {
    use serde_json::Value;
    let place = Place::new();
    let lines = |between: &str| -> Vec<(String, String)> {
        let file = |file: u64| {
            let text: String =
                (0..3).map(|line| format!("{between}k{line} = '{}'\n", github_token(10 * file + line % 2))).collect();
            (format!("dir/{file}.py"), text)
        };
        (0..3).map(file).collect()
    };
    let fingerprints = |between: &str| {
        lines(between).into_iter().for_each(|(name, text)| drop(place.write(&name, text)));
        let report =
            |format: &str| -> Value { serde_json::from_str(&place.stanch(&["scan", ".", "-f", format]).out).unwrap() };
        let all = |list: &Value, pointer: &str| -> Vec<Value> {
            list.as_array().unwrap().iter().map(|entry| entry.pointer(pointer).unwrap().clone()).collect()
        };
        let gitlab = report("gitlab");
        let kinds = [
            all(&report("json")["findings"], "/fingerprint"),
            all(&report("sarif")["runs"][0]["results"], "/partialFingerprints"),
            all(&gitlab["vulnerabilities"], "/id"),
            all(&gitlab["vulnerabilities"], "/tracking/items/0/signatures"),
            all(&report("codequality"), "/fingerprint"),
        ];
        kinds.map(|mut kind| {
            kind.sort_by_key(Value::to_string);
            kind
        })
    };
    let (before, after) = (fingerprints(""), fingerprints(&"# another line\n".repeat(50)));
    assert_eq!(before, after);
    assert!(before.iter().all(|kind| kind.len() >= 6), "{before:?}");
}
