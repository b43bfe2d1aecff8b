//! Workflow commands that annotate lines of a pull request on GitHub.
//!
//! GitHub keeps ten annotations of a kind for a step and drops the rest without a word; so the worst nine, and one that
//! says how many more there are. Escaping is that of GitHub's own toolkit: `%`, CR and LF in text; `:` and `,` too in
//! properties.

use std::{
    cmp::Reverse,
    io::{self, Write},
};

use super::{
    document::short,
    json::{Document, Finding},
    text::plural,
    uri,
};
use crate::model::Severity;

/// Annotations of one kind before the one that counts the rest.
const EACH: usize = 9;

pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut findings: Vec<&Finding> = document.findings.iter().collect();
    findings.sort_by_key(|finding| Reverse((finding.kind.is_leak(), finding.severity, finding.confidence)));
    for kind in ["error", "warning", "notice"] {
        let these: Vec<&Finding> = findings.iter().copied().filter(|finding| command(finding) == kind).collect();
        for finding in these.iter().take(EACH) {
            annotation(document, kind, finding, out)?;
        }
        if these.len() > EACH {
            let more = plural((these.len() - EACH) as u64, "more finding", "more findings");
            writeln!(out, "::{kind} title=stanch::and {more}; the full report lists all")?;
        }
    }
    let summary = &document.summary;
    let mut text = plural(summary.leaks, "leak", "leaks");
    if !document.complete {
        let missed = document.skipped.iter().filter(|skipped| skipped.incomplete).count() as u64;
        text.push_str(&format!("; incomplete, {} not scanned", plural(missed, "item", "items")));
        writeln!(out, "::warning title=stanch%3A incomplete scan::{}", data(&text))?;
    }
    writeln!(out, "stanch: {text}")
}

fn command(finding: &Finding) -> &'static str {
    match finding.severity {
        _ if !finding.kind.is_leak() => "notice",
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "notice",
    }
}

fn annotation(document: &Document, kind: &str, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let Some(first) = finding.occurrences.first() else { return Ok(()) };
    let rule = document.rule(&finding.rule);
    let name = document.rule_name(&finding.rule);
    let place = &first.place;
    let mut properties = Vec::new();
    let is_file = matches!(place.source.as_str(), "file" | "staged" | "history") && !place.path.is_empty();
    if is_file {
        let path = String::from_utf8_lossy(uri::without_dot(place.path.as_bytes())).into_owned();
        properties.push(format!("file={}", property(&path)));
        if place.inside.is_empty() {
            properties.push(format!("line={}", first.line));
            // GitHub refuses columns on an annotation of several lines.
            if first.end_line > first.line {
                properties.push(format!("endLine={}", first.end_line));
            } else {
                properties.push(format!("endLine={},col={},endColumn={}", first.line, first.column, first.end_column));
            }
        }
    }
    properties.push(format!("title={}", property(&format!("{name} ({})", finding.rule))));
    let mut text = format!("{} {}", finding.severity.name(), finding.secret);
    if !is_file || !place.inside.is_empty() {
        text.push_str(&format!(" in {}:{}:{}", place.shown(), first.line, first.column));
    }
    text.push_str(&first.origin());
    if let Some(commit) = &place.commit {
        text.push_str(&format!(", commit {}", short(&commit.id)));
    }
    if finding.verdict != "unchecked" {
        text.push_str(&format!(", verdict {}", finding.verdict));
    }
    if finding.occurrences.len() > 1 {
        let more = plural(finding.occurrences.len() as u64 - 1, "more place", "more places");
        text.push_str(&format!(", and {more}"));
    }
    if let Some(rule) = rule.filter(|rule| !rule.remediation.is_empty()) {
        text.push_str(&format!(". {}", rule.remediation));
    }
    writeln!(out, "::{kind} {}::{}", properties.join(","), data(&text))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
