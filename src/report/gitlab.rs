//! GitLab's secret detection report, schema 15.2.1 (`artifacts:reports:secret_detection`).
//!
//! GitLab refuses a report as a whole that fails its schema. `raw_source_code_extract` is left out: by its definition it
//! holds the secret in clear.

use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    json::{Document, Finding, Occurrence},
    text::plural,
    uri,
};
use crate::model::Severity;

const SCHEMA: &str = "https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/v15.2.1/dist/\
                      secret-detection-report-format.json";

/// What GitLab's own analyser writes where there is no commit: the field must not be empty.
const NO_COMMIT: &str = "0000000";

pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let tool = json!({
        "id": "stanch", "name": "stanch", "vendor": { "name": "stanch" },
        "version": if document.run.version.is_empty() { "0.0.0" } else { document.run.version.as_str() },
    });
    let scan = json!({
        "analyzer": tool, "scanner": tool,
        "type": "secret_detection",
        "start_time": moment(document.run.started.as_deref()),
        "end_time": moment(document.run.ended.as_deref()),
        "status": if document.complete { "success" } else { "failure" },
        "messages": messages(document),
    });
    // By hand, so that the list is never whole in memory.
    write!(
        out,
        "{{\n\"version\": \"15.2.1\",\n\"schema\": {},\n\"scan\": {scan},\n\"vulnerabilities\": [",
        json!(SCHEMA)
    )?;
    let mut first = true;
    for finding in document.findings.iter().filter(|finding| finding.kind.is_leak()) {
        for (number, occurrence) in finding.occurrences.iter().enumerate() {
            out.write_all(if first { b"\n" } else { b",\n" })?;
            first = false;
            serde_json::to_writer(&mut *out, &vulnerability(document, finding, number, occurrence))?;
        }
    }
    out.write_all(b"\n]\n}\n")
}

/// `yyyy-mm-ddThh:mm:ss`, without zone or fraction, as the schema demands.
fn moment(at: Option<&str>) -> &str {
    at.and_then(|at| at.get(..19)).filter(|at| at.as_bytes()[10] == b'T').unwrap_or("1970-01-01T00:00:00")
}

/// Skipped items, at most a hundred: GitLab shows them in the job's security tab.
fn messages(document: &Document) -> Vec<Value> {
    let skipped: Vec<_> = document.skipped.iter().filter(|skipped| skipped.incomplete).collect();
    let mut messages: Vec<Value> = skipped
        .iter()
        .take(100)
        .map(|skipped| json!({ "level": "warn", "value": format!("{}: {}", skipped.what, skipped.detail) }))
        .collect();
    if skipped.len() > messages.len() {
        let more = plural((skipped.len() - messages.len()) as u64, "more item", "more items");
        messages.push(json!({ "level": "warn", "value": format!("and {more} were not scanned") }));
    }
    messages
}

fn vulnerability(document: &Document, finding: &Finding, number: usize, occurrence: &Occurrence) -> Value {
    let place = &occurrence.place;
    let (rule, name) = (document.rule(&finding.rule), document.rule_name(&finding.rule));
    let commit = place.commit.as_ref().map(|commit| commit.id.as_str()).or(document.run.commit.as_deref());
    let path = String::from_utf8_lossy(uri::without_dot(place.path.as_bytes())).into_owned();
    let file = if path.is_empty() || !place.inside.is_empty() { place.shown() } else { path };
    let mut identifiers = vec![json!({
        "type": "stanch_rule_id", "name": format!("stanch rule {}", finding.rule), "value": finding.rule,
    })];
    if let Some(number) = rule.and_then(|rule| rule.cwe.strip_prefix("CWE-")).filter(|number| !number.is_empty()) {
        let address = format!("https://cwe.mitre.org/data/definitions/{number}.html");
        identifiers.push(json!({ "type": "cwe", "name": format!("CWE-{number}"), "value": number, "url": address }));
    }
    let remediation = rule.map(|rule| rule.remediation.as_str()).filter(|text| !text.is_empty());
    let mut entry = json!({
        "id": identifier(finding, number, occurrence),
        "name": name.chars().take(255).collect::<String>(),
        "description": format!("{name} {} in {}, line {}{}; verdict {}, exposure {}.", finding.secret, place.shown(),
            occurrence.line, occurrence.origin(), finding.verdict, occurrence.exposure.name()),
        "severity": severity(finding.severity),
        "identifiers": identifiers,
        "location": {
            "file": file, "start_line": occurrence.line, "end_line": occurrence.end_line.max(occurrence.line),
            "commit": commit_of(occurrence, commit.filter(|id| !id.is_empty()).unwrap_or(NO_COMMIT)),
        },
        "tracking": {
            "type": "source",
            "items": [{
                "file": file, "start_line": occurrence.line, "end_line": occurrence.end_line.max(occurrence.line),
                "signatures": [{ "algorithm": "stanch_fingerprint_v1", "value": finding.fingerprint }],
            }],
        },
    });
    if let Some(text) = remediation {
        entry["solution"] = json!(text.chars().take(7000).collect::<String>());
    }
    entry
}

fn commit_of(occurrence: &Occurrence, sha: &str) -> Value {
    let Some(commit) = &occurrence.place.commit else { return json!({ "sha": sha }) };
    json!({ "sha": sha, "author": commit.author, "date": commit.date, "message": commit.summary })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Info",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

/// A UUID (version 8, RFC 9562: made from our own hash) of finding and place.
fn identifier(finding: &Finding, number: usize, occurrence: &Occurrence) -> String {
    let mut hasher = Sha256::new();
    let shown = occurrence.place.shown();
    let number = number.to_string();
    for part in ["stanch/gitlab/v1", &finding.fingerprint, &finding.rule, &shown, &number] {
        hasher.update(part);
        hasher.update([0]);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
