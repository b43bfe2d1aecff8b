//! GitLab's Code Quality report, a part of Code Climate's: an array, an entry per place of a leak in a file.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{json::Document, uri};
use crate::model::Severity;

pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut first = true;
    out.write_all(b"[")?;
    for finding in document.findings.iter().filter(|finding| finding.kind.is_leak()) {
        let name = document.rule_name(&finding.rule);
        for occurrence in &finding.occurrences {
            let place = &occurrence.place;
            let path = String::from_utf8_lossy(uri::without_dot(place.path.as_bytes())).into_owned();
            let path = if path.is_empty() { place.shown() } else { path };
            let line = if place.inside.is_empty() { occurrence.line } else { 1 };
            let inside = if place.inside.is_empty() { String::new() } else { format!(" in {}", place.shown()) };
            let key = format!("{}\0{}\0{}", finding.fingerprint, finding.rule, place.shown());
            let number = seen.entry(key.clone()).or_default();
            *number += 1;
            let entry = json!({
                "description": format!("{name} {}{inside}{}", finding.secret, occurrence.origin()),
                "check_name": finding.rule,
                "fingerprint": unique(&key, *number),
                "severity": severity(finding.severity),
                "location": { "path": path, "lines": { "begin": line } },
            });
            out.write_all(if first { b"\n" } else { b",\n" })?;
            first = false;
            serde_json::to_writer(&mut *out, &entry)?;
        }
    }
    out.write_all(b"\n]\n")
}

/// Of finding, path and ordinal; not of the line, so that a moved line is the same entry.
fn unique(key: &str, number: u32) -> String {
    let digest = Sha256::digest(format!("stanch/codequality/v1\0{key}\0{number}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "minor",
        Severity::Medium => "major",
        Severity::High => "critical",
        Severity::Critical => "blocker",
    }
}
