//! What machines demand of the formats they read.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{super::json::JSON_SCHEMA, rendered, styles};
use crate::{
    model::{Confidence, Kind, Outcome, Severity},
    report::{Format, Style, sample},
};

/// The schema, made strict: a property that it does not describe is an error.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(strict);
            if fields.contains_key("properties") && fields.get("type") == Some(&json!("object")) {
                fields.insert("additionalProperties".into(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}

fn assert_valid(schema: &Value, instance: &Value) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(instance).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

fn parsed(format: Format, outcome: &Outcome, style: &Style) -> Value {
    serde_json::from_str(&rendered(format, outcome, style)).expect("JSON")
}

#[test]
fn json_is_what_its_schema_says_and_nothing_else() {
    let mut schema: Value = serde_json::from_str(JSON_SCHEMA).expect("JSON");
    strict(&mut schema);
    let shown = Style { show_secrets: true, ..Style::default() };
    for style in styles().into_iter().chain([shown]) {
        assert_valid(&schema, &parsed(Format::Json, &sample::outcome(), &style));
    }
    assert_valid(&schema, &parsed(Format::Json, &Outcome::default(), &Style::default()));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut wrong = parsed(Format::Json, &sample::outcome(), &Style::default());
    wrong["findings"][0]["severity"] = json!("dreadful");
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn json_keeps_the_exact_bytes_of_names() {
    let report = parsed(Format::Json, &sample::outcome(), &Style::default());
    let place = &report["findings"][4]["occurrences"][0]["place"];
    assert_eq!(place["path"], "caf\\xe9.js");
    assert_eq!(place["path_bytes"], "Y2Fm6S5qcw==");
    assert_eq!(report["complete"], false);
    let commit = &report["findings"][2]["occurrences"][0]["place"]["commit"];
    assert_eq!(commit["date"], "2023-11-15T00:13:20+02:00");
}

#[test]
fn json_lines_begin_with_the_run_and_end_with_the_summary() {
    let text = rendered(Format::Jsonl, &sample::outcome(), &Style::default());
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| records.iter().filter(|record| record["type"] == kind).count();
    assert_eq!(records[0]["type"], "run");
    assert_eq!(records[0]["schema"], "stanch/report/v1");
    let last = records.last().expect("records");
    assert_eq!((&last["type"], &last["complete"], &last["leaks"]), (&json!("summary"), &json!(false), &json!(4)));
    assert_eq!((of("finding"), of("suppressed"), of("skipped"), of("run"), of("summary")), (5, 4, 4, 1, 1));
}

/// Everything that GitHub requires of a SARIF file, and its limits.
#[test]
fn sarif_is_what_github_takes() {
    let outcome = sample::outcome();
    let log = parsed(Format::Sarif, &outcome, &Style { suppressed: true, ..Style::default() });
    let filled = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    assert!(filled(&log["$schema"]) && log["version"] == "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for rule in rules {
        let texts =
            [&rule["id"], &rule["shortDescription"]["text"], &rule["fullDescription"]["text"], &rule["help"]["text"]];
        assert!(texts.into_iter().all(filled), "{rule}");
        let leak = rule["id"] != "stripe-publishable";
        assert_eq!(rule["properties"]["tags"].as_array().expect("tags").contains(&json!("security")), leak);
        assert_eq!(filled(&rule["properties"]["security-severity"]), leak);
    }
    let results = run["results"].as_array().expect("results");
    let mut hashes = HashSet::new();
    for result in results {
        let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str().expect("a hash");
        assert!(hashes.insert(hash.to_owned()), "{hash} twice");
        assert!(hash.split_once(':').is_some_and(|(hex, n)| hex.len() == 16 && n.parse::<u32>().is_ok()));
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a URI");
        assert!(!uri.is_empty() && uri.bytes().all(|b| b.is_ascii_graphic() && !b"\\\"<>`|^{}".contains(&b)), "{uri}");
        for name in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][name].as_u64().is_some_and(|number| number > 0), "{name}");
        }
        assert!(filled(&result["message"]["text"]) && filled(&result["ruleId"]));
        let rule = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        if result["ruleId"] == "stripe-publishable" {
            assert_eq!(result["level"], "note");
        }
    }
    assert_eq!(results.iter().filter(|result| result.get("suppressions").is_some()).count(), 4);
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["invocations"][0]["toolExecutionNotifications"].as_array().map(Vec::len), Some(5));
    let quiet = parsed(Format::Sarif, &outcome, &Style::default());
    assert!(quiet["runs"][0]["results"].as_array().expect("results").iter().all(|r| r.get("suppressions").is_none()));
}

#[test]
fn fifty_lines_above_change_no_identity() {
    let identities = |outcome: &Outcome| {
        let sarif = parsed(Format::Sarif, outcome, &Style::default());
        let results = sarif["runs"][0]["results"].as_array().expect("results").clone();
        let quality = parsed(Format::CodeQuality, outcome, &Style::default());
        let gitlab = parsed(Format::Gitlab, outcome, &Style::default());
        let mut all: Vec<Value> = results.iter().map(|result| result["partialFingerprints"].clone()).collect();
        all.extend(quality.as_array().expect("entries").iter().map(|entry| entry["fingerprint"].clone()));
        all.extend(gitlab["vulnerabilities"].as_array().expect("entries").iter().map(|entry| entry["id"].clone()));
        all
    };
    let before = sample::outcome();
    let mut after = sample::outcome();
    for occurrence in after.findings.iter_mut().flat_map(|finding| &mut finding.occurrences) {
        occurrence.location.start.line += 50;
        occurrence.location.end.line += 50;
        occurrence.location.span.start += 999;
        occurrence.location.span.end += 999;
    }
    assert_eq!(identities(&before), identities(&after));
    let unique: HashSet<String> = identities(&before).iter().map(Value::to_string).collect();
    assert_eq!(unique.len(), identities(&before).len());
}

/// A great many findings, the worst of them last.
fn many(number: usize) -> Outcome {
    let low = sample::rule("generic-x", "Generic", Severity::Low, Kind::Secret);
    let high = sample::rule("vendor-key", "Vendor key", Severity::Critical, Kind::Secret);
    let finding = |n: usize| {
        let secret = format!("{:08x}Zq{:08x}", n.wrapping_mul(2_654_435_761) & 0xffff_ffff, n);
        let place = sample::file(format!("src/{}/file{n}.rs", n % 97).as_bytes());
        let rule = if n + 10 >= number { &high } else { &low };
        sample::finding(rule, secret.as_bytes(), vec![sample::occurrence(place, 7, "key = ", secret.as_bytes(), "")])
    };
    let mut outcome = Outcome { findings: (0..number).map(finding).collect(), ..Outcome::default() };
    outcome.findings[0].confidence = Confidence::Low;
    outcome
}

#[test]
fn limits_keep_the_worst_and_say_what_was_left_out() {
    let outcome = many(6_000);
    let sarif = parsed(Format::Sarif, &outcome, &Style::default());
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 5_000);
    assert_eq!(results.iter().filter(|result| result["ruleId"] == "vendor-key").count(), 10);
    let notes = &sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    assert!(notes[0]["message"]["text"].as_str().is_some_and(|text| text.starts_with("1000 results")), "{notes}");

    let text = rendered(Format::Github, &outcome, &Style::default());
    for kind in ["::error ", "::notice "] {
        assert_eq!(text.lines().filter(|line| line.starts_with(kind)).count(), 10, "{kind}");
    }
    assert!(text.contains("and 1 more finding;") && text.contains("and 5,981 more findings;"), "{text}");

    let mut outcome = outcome;
    for finding in &mut outcome.findings {
        let place = sample::file("deep/".repeat(40).as_bytes());
        finding.occurrences[0].place = place;
    }
    let text = rendered(Format::Markdown, &outcome, &Style::default());
    assert!(text.len() < 1 << 20 && text.contains("; the full report lists all."), "{}", text.len());
    assert!(text.find("vendor-key") < text.find("generic-x"));
}

/// What the schema 15.2.1 of `security-report-schemas` demands of the parts that we write, restated.
fn gitlab_schema() -> Value {
    let some = json!({ "type": "string", "minLength": 1 });
    let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required });
    let moment = json!({ "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}$" });
    let vendor = object(json!({ "name": some }), json!(["name"]));
    let tool = object(
        json!({ "id": some, "name": some, "version": some, "vendor": vendor }),
        json!(["id", "name", "version", "vendor"]),
    );
    let message =
        object(json!({ "level": { "enum": ["info", "warn", "fatal"] }, "value": some }), json!(["level", "value"]));
    let identifier = object(
        json!({ "type": some, "name": some, "value": some, "url": { "type": "string", "pattern": "^(https?|ftp)://.+" } }),
        json!(["type", "name", "value"]),
    );
    let commit = object(
        json!({ "sha": some, "author": { "type": "string" }, "date": { "type": "string" }, "message": { "type": "string" } }),
        json!(["sha"]),
    );
    let number = json!({ "type": "number" });
    let location = object(
        json!({ "file": { "type": "string" }, "commit": commit, "start_line": number, "end_line": number }),
        json!(["commit"]),
    );
    let signature = object(
        json!({ "algorithm": { "type": "string" }, "value": { "type": "string" } }),
        json!(["algorithm", "value"]),
    );
    let item = object(
        json!({ "file": { "type": "string" }, "start_line": number, "end_line": number,
            "signatures": { "type": "array", "minItems": 1, "items": signature } }),
        json!(["signatures"]),
    );
    let tracking =
        object(json!({ "type": { "const": "source" }, "items": { "type": "array", "items": item } }), json!(["items"]));
    let vulnerability = object(
        json!({
            "id": some, "name": { "type": "string", "maxLength": 255 },
            "description": { "type": "string", "maxLength": 1_048_576 },
            "severity": { "enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"] },
            "solution": { "type": "string", "maxLength": 7000 },
            "identifiers": { "type": "array", "minItems": 1, "items": identifier },
            "location": location, "tracking": tracking,
        }),
        json!(["id", "identifiers", "location"]),
    );
    let scan = object(
        json!({ "analyzer": tool, "scanner": tool, "start_time": moment, "end_time": moment,
            "status": { "enum": ["success", "failure"] }, "type": { "const": "secret_detection" },
            "messages": { "type": "array", "items": message } }),
        json!(["analyzer", "end_time", "scanner", "start_time", "status", "type"]),
    );
    let mut schema = object(
        json!({ "scan": scan, "schema": { "type": "string", "pattern": "^https?://.+" },
            "version": { "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$" },
            "vulnerabilities": { "type": "array", "items": vulnerability } }),
        json!(["scan", "version", "vulnerabilities"]),
    );
    strict(&mut schema);
    schema
}

#[test]
fn gitlab_takes_the_report() {
    let outcome = sample::outcome();
    let mut style = Style::default();
    assert_valid(&gitlab_schema(), &parsed(Format::Gitlab, &outcome, &style));
    assert_valid(&gitlab_schema(), &parsed(Format::Gitlab, &Outcome::default(), &style));
    style.run.started = Some(crate::model::Timestamp { seconds: 1_700_000_000, offset_minutes: 60 });
    let report = parsed(Format::Gitlab, &outcome, &style);
    assert_valid(&gitlab_schema(), &report);
    assert_eq!(report["scan"]["start_time"], "2023-11-14T22:13:20");
    let ids: HashSet<&str> =
        report["vulnerabilities"].as_array().expect("entries").iter().filter_map(|v| v["id"].as_str()).collect();
    assert_eq!(ids.len(), 13, "an entry per place, each its own");
}

#[test]
fn information_is_never_a_failure() {
    let mut outcome = sample::outcome();
    outcome.findings.retain(|finding| !finding.rule.kind.is_leak());
    outcome.skipped.clear();
    let junit = rendered(Format::Junit, &outcome, &Style::default());
    assert!(junit.contains("tests=\"1\" failures=\"0\" errors=\"0\"") && junit.contains("no leaks"), "{junit}");
    assert_eq!(parsed(Format::CodeQuality, &outcome, &Style::default()), json!([]));
    assert_eq!(parsed(Format::Gitlab, &outcome, &Style::default())["vulnerabilities"], json!([]));
    let text = rendered(Format::Text, &outcome, &Style::default());
    assert!(text.contains("For information") && text.contains("No leaks") && text.contains("complete"), "{text}");
    assert!(!rendered(Format::Github, &outcome, &Style::default()).contains("::error"));
}

/// What 50,000 findings cost: `cargo test --lib --config profile.dev.opt-level=3 cost_of -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_many_findings() {
    let outcome = many(50_000);
    let start = std::time::Instant::now();
    let document = crate::report::document(&outcome, &Style::default());
    println!("document {:?}", start.elapsed());
    for &format in Format::ALL {
        let (start, mut bytes) = (std::time::Instant::now(), Vec::new());
        crate::report::write_document(format, &document, &Style::default(), &mut bytes).expect("a vector takes all");
        if let Some(directory) = std::env::var_os("STANCH_SAMPLES") {
            let path = std::path::Path::new(&directory).join(format!("many.{format}"));
            std::fs::write(path, &bytes).expect("a writable directory");
        }
        println!("{format} {:?}, {} bytes", start.elapsed(), bytes.len());
    }
}
