//! SARIF 2.1.0 as GitHub code scanning takes it: every field it requires, its limits, stable line hashes.
//!
//! Fields and limits: GitHub's "SARIF support for code scanning". Columns count Unicode code points (`columnKind`).

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    io::{self, Write},
};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Style,
    document::short,
    json::{Document, Finding, Occurrence, Rule, Skipped, Suppressed},
    uri,
};
use crate::model::{Confidence, Severity};

/// GitHub keeps 5,000 results of a run, and takes them by a severity of its own: so we choose.
const RESULTS: usize = 5_000;
/// Notifications above this number are counted, not listed.
const NOTIFICATIONS: usize = 1_000;
/// GitHub's limit on `shortDescription` and `fullDescription`, in characters.
const DESCRIPTION: usize = 1_024;

struct Result<'a> {
    finding: &'a Finding,
    occurrence: &'a Occurrence,
    suppressed: Option<&'a Suppressed>,
    line_hash: String,
}

pub(super) fn write(document: &Document, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let all = results(document, style.suppressed);
    let found = all.len();
    let kept = worst(all);
    let used: BTreeSet<&str> = kept.iter().map(|result| result.finding.rule.as_str()).collect();
    let rules: Vec<&Rule> = document.rules.iter().filter(|rule| used.contains(rule.id.as_str())).collect();
    let index: HashMap<&str, usize> = rules.iter().enumerate().map(|(at, rule)| (rule.id.as_str(), at)).collect();
    let run = json!({
        "tool": { "driver": driver(document, &rules) },
        "automationDetails": { "id": automation_id(document) },
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation(document, found - kept.len())],
        "results": kept.iter().map(|result| entry(result, &rules, &index)).collect::<Vec<_>>(),
        "properties": { "complete": document.complete, "stanch/summary": document.summary, "stanch/coverage": document.coverage },
    });
    let log = json!({ "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run] });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

fn automation_id(document: &Document) -> String {
    let category = document.run.category.as_deref().filter(|category| !category.is_empty()).unwrap_or("secrets");
    format!("{category}/{}", document.run.commit.as_deref().unwrap_or_default())
}

fn driver(document: &Document, rules: &[&Rule]) -> Value {
    let version = or(&document.run.version, "0.0.0");
    let mut driver = json!({
        "name": "stanch",
        "version": version,
        "rules": rules.iter().map(|rule| described(rule)).collect::<Vec<_>>(),
    });
    if version.split('.').count() == 3 && version.starts_with(|c: char| c.is_ascii_digit()) {
        driver["semanticVersion"] = json!(version);
    }
    driver
}

fn described(rule: &Rule) -> Value {
    let name = or(&rule.name, &rule.id);
    let full = if rule.kind.is_leak() {
        format!("{name} in the clear. Whoever can read it can use it, as long as it has not been revoked.")
    } else {
        format!("{name}: a value that is {} by design, reported for information.", rule.kind.name())
    };
    let cure = or(&rule.remediation, "Revoke it where it was issued, put a new one in a secret store, and remove it.");
    let mut markdown = format!("{}\n\n**What to do:** {}\n", plain_markdown(&full), plain_markdown(cure));
    for reference in rule.references.iter().filter(|reference| !reference.is_empty()) {
        markdown.push_str(&format!("\n- {}", plain_markdown(reference)));
    }
    let mut properties = Map::new();
    properties.insert("tags".into(), json!(tags(rule)));
    properties.insert("precision".into(), json!(if rule.provider == "generic" { "medium" } else { "high" }));
    if let Some(severity) = security_severity(rule.severity).filter(|_| rule.kind.is_leak()) {
        properties.insert("security-severity".into(), json!(severity));
    }
    json!({
        "id": or(&rule.id, "unknown"),
        "name": clipped(name, 255),
        "shortDescription": { "text": clipped(name, DESCRIPTION) },
        "fullDescription": { "text": clipped(&full, DESCRIPTION) },
        "help": { "text": cure, "markdown": markdown },
        "defaultConfiguration": { "level": level(rule.severity, rule.kind.is_leak()) },
        "properties": properties,
    })
}

/// At most ten, as GitHub keeps ten.
fn tags(rule: &Rule) -> Vec<String> {
    let mut tags = vec![if rule.kind.is_leak() { "security" } else { "information" }.to_owned()];
    if let Some(number) = rule.cwe.strip_prefix("CWE-") {
        tags.push(format!("external/cwe/cwe-{number}"));
    }
    let more = [rule.kind.name(), &rule.provider, &rule.category, &rule.owasp];
    for tag in more.into_iter().chain(rule.tags.iter().map(String::as_str)) {
        if !tag.is_empty() && !tags.iter().any(|have| have == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags.truncate(10);
    tags
}

/// GitHub: over 9.0 critical, 7.0–8.9 high, 4.0–6.9 medium, 0.1–3.9 low; a string.
fn security_severity(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.5"),
        Severity::Info => None,
    }
}

fn level(severity: Severity, leak: bool) -> &'static str {
    match severity {
        _ if !leak => "note",
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// A result per place, once per line of a file however many commits have it there.
fn results(document: &Document, suppressed: bool) -> Vec<Result<'_>> {
    let open = document.findings.iter().map(|finding| (finding, None));
    let hidden = document.suppressed.iter().filter(|_| suppressed).map(|entry| (&entry.finding, Some(entry)));
    let mut seen: HashMap<[u8; 8], u32> = HashMap::new();
    let mut all = Vec::new();
    for (finding, suppressed) in open.chain(hidden) {
        let mut places = BTreeSet::new();
        for occurrence in &finding.occurrences {
            let place = &occurrence.place;
            if !places.insert((&place.path, &place.path_bytes, &place.inside, occurrence.line, occurrence.column)) {
                continue;
            }
            let hash = path_hash(finding, occurrence);
            let count = seen.entry(hash).or_default();
            *count += 1;
            let line_hash = format!("{:016x}:{count}", u64::from_be_bytes(hash));
            all.push(Result { finding, occurrence, suppressed, line_hash });
        }
    }
    all
}

/// Of the keyed fingerprint, the rule and the path, not of the line's text: so a moved line keeps its alert.
fn path_hash(finding: &Finding, occurrence: &Occurrence) -> [u8; 8] {
    let mut hasher = Sha256::new();
    for part in ["stanch/line/v1", &finding.fingerprint, &finding.rule] {
        hasher.update(part);
        hasher.update([0]);
    }
    hasher.update(uri::raw_path(&occurrence.place));
    for member in &occurrence.place.inside {
        hasher.update([0]);
        hasher.update(&member.name);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize()[..8]);
    first
}

/// The worst results, in the order they came in.
fn worst(all: Vec<Result<'_>>) -> Vec<Result<'_>> {
    if all.len() <= RESULTS {
        return all;
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&at| {
        let finding = all[at].finding;
        let rank = (all[at].suppressed.is_none(), finding.kind.is_leak(), finding.severity, finding.confidence);
        (Reverse(rank), at)
    });
    let kept: BTreeSet<usize> = order.into_iter().take(RESULTS).collect();
    all.into_iter().enumerate().filter(|(at, _)| kept.contains(at)).map(|(_, result)| result).collect()
}

fn entry(result: &Result<'_>, rules: &[&Rule], index: &HashMap<&str, usize>) -> Value {
    let Result { finding, occurrence, suppressed, line_hash } = result;
    let at = index.get(finding.rule.as_str()).copied();
    let name = at.map_or(finding.rule.as_str(), |at| or(&rules[at].name, &rules[at].id));
    let mut entry = json!({
        "ruleId": or(&finding.rule, "unknown"),
        "level": level(finding.severity, finding.kind.is_leak()),
        "message": { "text": message(name, finding, occurrence) },
        "locations": [location(occurrence)],
        "partialFingerprints": { "primaryLocationLineHash": line_hash, "stanch/v1": finding.fingerprint },
        "rank": rank(finding),
        "properties": {
            "kind": finding.kind, "severity": finding.severity, "confidence": finding.confidence,
            "exposure": occurrence.exposure, "verdict": finding.verdict,
        },
    });
    if let Some(original) = &occurrence.original {
        entry["relatedLocations"] = json!([{
            "physicalLocation": {
                "artifactLocation": { "uri": uri::encoded(original.path.as_bytes()) },
                "region": { "startLine": original.line.max(1), "startColumn": original.column.max(1) },
            },
            "message": { "text": "the original, by the source map of the bundle" },
        }]);
    }
    if let Some(at) = at {
        entry["ruleIndex"] = json!(at);
    }
    if let Some(commit) = &occurrence.place.commit {
        entry["properties"]["commit"] = json!(commit.id);
    }
    if let Some(suppressed) = suppressed {
        let kind = if suppressed.by == "inline" { "inSource" } else { "external" };
        let why = [suppressed.by.as_str(), &suppressed.origin, &suppressed.reason];
        let why: Vec<&str> = why.into_iter().filter(|part| !part.is_empty()).collect();
        entry["suppressions"] = json!([{ "kind": kind, "status": "accepted", "justification": why.join(": ") }]);
    }
    entry
}

/// 0 to 100, for readers that sort by it.
fn rank(finding: &Finding) -> f64 {
    let severity = f64::from(finding.severity as u8) * 20.0;
    severity
        + match finding.confidence {
            Confidence::Low => 0.0,
            Confidence::Medium => 10.0,
            Confidence::High => 20.0,
        }
}

fn message(name: &str, finding: &Finding, occurrence: &Occurrence) -> String {
    let mut text = format!("{name} {}", finding.secret);
    let place = &occurrence.place;
    if !place.inside.is_empty() || matches!(place.source.as_str(), "object" | "stdin") || place.path.is_empty() {
        text.push_str(&format!(" in {}, line {}", place.shown(), occurrence.line));
    }
    if let Some(commit) = &place.commit {
        text.push_str(&format!(", brought in by commit {}", short(&commit.id)));
        match commit.at_head {
            Some(true) => text.push_str(" and still there"),
            Some(false) => text.push_str(" and since removed, but still in the history"),
            None => {}
        }
    }
    text.push_str(&occurrence.origin());
    if !occurrence.decoded.is_empty() {
        text.push_str(&format!(", encoded as {}", occurrence.decoded.join(" in ")));
    }
    if finding.verdict != "unchecked" {
        text.push_str(&format!(", verdict {}", finding.verdict));
    }
    // Brackets would be read as links to related locations.
    text.push('.');
    text.replace('[', "\\[").replace(']', "\\]")
}

fn location(occurrence: &Occurrence) -> Value {
    let place = &occurrence.place;
    // A line of a member is no line of the container.
    let region = if place.inside.is_empty() {
        json!({
            "startLine": occurrence.line.max(1), "startColumn": occurrence.column.max(1),
            "endLine": occurrence.end_line.max(occurrence.line).max(1), "endColumn": occurrence.end_column.max(1),
        })
    } else {
        json!({ "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2 })
    };
    let mut location = json!({
        "physicalLocation": { "artifactLocation": { "uri": uri::of(place) }, "region": region },
    });
    if !place.inside.is_empty() || place.source == "object" {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": place.shown(), "kind": "member" }]);
    }
    location
}

fn invocation(document: &Document, cut: usize) -> Value {
    let mut notes: Vec<Value> = document.skipped.iter().take(NOTIFICATIONS).map(notification).collect();
    let mut note = |level: &str, text: String| notes.push(json!({ "level": level, "message": { "text": text } }));
    if document.skipped.len() > NOTIFICATIONS {
        note("warning", format!("and {} more were not scanned", document.skipped.len() - NOTIFICATIONS));
    }
    if cut > 0 {
        note("warning", format!("{cut} results of lesser severity were left out: GitHub takes {RESULTS} at most"));
    }
    for entry in &document.unused_allows {
        note("note", format!("{}: {}", entry.entry, entry.why));
    }
    let mut invocation = json!({ "executionSuccessful": document.complete, "toolExecutionNotifications": notes });
    if let Some(verification) = &document.verification {
        invocation["properties"] = json!({ "verification": verification });
    }
    if !document.run.arguments.is_empty() {
        invocation["arguments"] = json!(document.run.arguments);
    }
    for (name, at) in [("startTimeUtc", &document.run.started), ("endTimeUtc", &document.run.ended)] {
        if let Some(at) = at {
            invocation[name] = json!(at);
        }
    }
    invocation
}

fn notification(skipped: &Skipped) -> Value {
    json!({
        "level": if skipped.incomplete { "error" } else { "note" },
        "descriptor": { "id": skipped.reason },
        "message": { "text": format!("{}: {}", skipped.what, skipped.detail) },
    })
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.trim().is_empty() { other } else { text }
}

fn clipped(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// Text that Markdown shows as it is.
fn plain_markdown(text: &str) -> String {
    super::markdown::escaped(text)
}
