//! Markdown: a job summary, a comment.
//!
//! GitHub aborts the upload of a step's summary above 1024 KiB, so rows stop before that and the rest is counted.

use std::{
    cmp::Reverse,
    io::{self, Write},
};

use super::{
    document::short,
    json::{Document, Finding},
    text::plural,
};
use crate::model::Severity;

/// Bytes of rows, well under GitHub's 1,048,576 with all the rest.
const ROOM: usize = 900_000;
/// Skipped items that are listed.
const SKIPPED: usize = 50;
/// Longest cell, in characters: a path may be 4,096 bytes long, and a comment is read on a phone.
const CELL: usize = 300;

pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## stanch: {}\n", headline(document))?;
    let (mut leaks, facts): (Vec<&Finding>, Vec<&Finding>) =
        document.findings.iter().partition(|finding| finding.kind.is_leak());
    leaks.sort_by_key(|finding| Reverse((finding.severity, finding.confidence)));
    let mut room = ROOM;
    table(document, &leaks, &mut room, out)?;
    remediation(document, &leaks, &mut room, out)?;
    if !facts.is_empty() {
        writeln!(out, "<details><summary>{} for information</summary>\n", facts.len())?;
        table(document, &facts, &mut room, out)?;
        writeln!(out, "</details>\n")?;
    }
    skipped(document, out)?;
    let coverage = &document.coverage;
    let suppressed = document.summary.suppressed.values().fold(0, |sum: u64, number| sum.saturating_add(*number));
    let read = plural(coverage.items, "item", "items");
    writeln!(out, "Read {read}, {} bytes; {suppressed} suppressed.", coverage.bytes)
}

fn headline(document: &Document) -> String {
    let summary = &document.summary;
    let mut text = match summary.leaks {
        0 => "no leaks".to_owned(),
        number => {
            let order = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
            let parts =
                order.iter().filter_map(|s| summary.by_severity.get(s.name()).map(|n| format!("{n} {}", s.name())));
            format!("{} ({})", plural(number, "leak", "leaks"), parts.collect::<Vec<_>>().join(", "))
        }
    };
    if !document.complete {
        text.push_str(", incomplete");
    }
    text
}

fn table(document: &Document, findings: &[&Finding], room: &mut usize, out: &mut dyn Write) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "| Severity | What | Where | Secret | Verdict |\n| --- | --- | --- | --- | --- |")?;
    let mut shown = 0;
    for finding in findings {
        let row = row(document, finding);
        if row.len() > *room {
            break;
        }
        *room -= row.len();
        out.write_all(row.as_bytes())?;
        shown += 1;
    }
    writeln!(out)?;
    match findings.len() - shown {
        0 => Ok(()),
        more => writeln!(out, "And {}; the full report lists all.\n", plural(more as u64, "more", "more")),
    }
}

fn row(document: &Document, finding: &Finding) -> String {
    let name = document.rule_name(&finding.rule);
    let mut place = String::new();
    if let Some(first) = finding.occurrences.first() {
        place = cell(&format!("{}:{}{}", first.place.shown(), first.line, first.origin()));
        if let Some(commit) = &first.place.commit {
            place.push_str(&format!(" in {}", short(&commit.id)));
        }
        if finding.occurrences.len() > 1 {
            place.push_str(&format!(" and {} more", finding.occurrences.len() - 1));
        }
    }
    let (severity, verdict) = (finding.severity.name(), cell(&finding.verdict));
    format!(
        "| {severity} | {} ({}) | {place} | {} | {verdict} |\n",
        cell(name),
        cell(&finding.rule),
        cell(&finding.secret)
    )
}

fn remediation(document: &Document, leaks: &[&Finding], room: &mut usize, out: &mut dyn Write) -> io::Result<()> {
    let mut ids: Vec<&str> = leaks.iter().map(|finding| finding.rule.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rules = document.rules.iter().filter(|rule| ids.binary_search(&rule.id.as_str()).is_ok());
    let mut any = false;
    for rule in rules.filter(|rule| !rule.remediation.is_empty()) {
        let line = format!("- {}: {}\n", escaped(&rule.name), escaped(&rule.remediation));
        if line.len() > *room {
            break;
        }
        *room -= line.len();
        out.write_all(if any { b"".as_slice() } else { b"### What to do\n\n" })?;
        any = true;
        out.write_all(line.as_bytes())?;
    }
    if any { writeln!(out) } else { Ok(()) }
}

fn skipped(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let skipped: Vec<_> = document.skipped.iter().filter(|skipped| skipped.incomplete).collect();
    if skipped.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Not scanned\n")?;
    for item in skipped.iter().take(SKIPPED) {
        writeln!(out, "- {}: {}", cell(&item.what), cell(&item.detail))?;
    }
    if skipped.len() > SKIPPED {
        writeln!(out, "- and {} more", skipped.len() - SKIPPED)?;
    }
    writeln!(out)
}

fn cell(text: &str) -> String {
    if text.chars().count() <= CELL {
        return escaped(text);
    }
    let head: String = text.chars().take(CELL / 2).collect();
    let tail: Vec<char> = text.chars().rev().take(CELL / 2).collect();
    escaped(&format!("{head}...{}", tail.iter().rev().collect::<String>()))
}

/// Text that Markdown shows as it is: no markup, no HTML, no links, no mentions.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' => safe.push_str("&#124;"),
            '@' => safe.push_str("&#64;"),
            '#' => safe.push_str("&#35;"),
            ':' => safe.push_str("&#58;"),
            '\n' | '\r' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '~' | '!' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}
