//! JUnit XML, for the test tabs of CI systems: a failure per place of a leak, a suite per file.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::json::{Document, Finding, Occurrence};

pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut files: BTreeMap<String, Vec<(&Finding, &Occurrence)>> = BTreeMap::new();
    for finding in document.findings.iter().filter(|finding| finding.kind.is_leak()) {
        for occurrence in &finding.occurrences {
            files.entry(occurrence.place.shown()).or_default().push((finding, occurrence));
        }
    }
    let failures: usize = files.values().map(Vec::len).sum();
    let missed: Vec<_> = document.skipped.iter().filter(|skipped| skipped.incomplete).collect();
    let errors = usize::from(!document.complete);
    // One passing test where nothing is wrong, so that the tab is not empty.
    let passed = usize::from(failures == 0 && errors == 0);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let tests = failures + errors + passed;
    writeln!(out, "<testsuites name=\"stanch\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">")?;
    for (path, places) in &files {
        let (name, count) = (escaped(path), places.len());
        writeln!(out, "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"{count}\" errors=\"0\">")?;
        for (finding, occurrence) in places {
            case(document, &name, finding, occurrence, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    if errors + passed > 0 {
        writeln!(out, "  <testsuite name=\"stanch\" tests=\"1\" failures=\"0\" errors=\"{errors}\">")?;
        if missed.is_empty() {
            writeln!(out, "    <testcase classname=\"stanch\" name=\"no leaks\"/>")?;
        } else {
            writeln!(out, "    <testcase classname=\"stanch\" name=\"everything was scanned\">")?;
            write!(out, "      <error type=\"incomplete\" message=\"{} items were not scanned\">", missed.len())?;
            for skipped in missed.iter().take(100) {
                write!(out, "\n{}: {}", escaped(&skipped.what), escaped(&skipped.detail))?;
            }
            writeln!(out, "</error>\n    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn case(document: &Document, path: &str, finding: &Finding, at: &Occurrence, out: &mut dyn Write) -> io::Result<()> {
    let rule = document.rule(&finding.rule);
    let name = escaped(document.rule_name(&finding.rule));
    let (id, secret) = (escaped(&finding.rule), escaped(&finding.secret));
    let line = format!("{}:{}", at.line, at.column);
    writeln!(out, "    <testcase classname=\"{path}\" name=\"{id}:{line}\">")?;
    write!(out, "      <failure type=\"{}\" message=\"{name} {secret}\">", finding.severity.name())?;
    writeln!(out, "{path}:{line}{}\n{}", escaped(&at.origin()), escaped(&at.excerpt.text))?;
    if let Some(commit) = &at.place.commit {
        writeln!(out, "commit {}", escaped(&commit.id))?;
    }
    if let Some(rule) = rule.filter(|rule| !rule.remediation.is_empty()) {
        writeln!(out, "{}", escaped(&rule.remediation))?;
    }
    writeln!(out, "fingerprint {}</failure>\n    </testcase>", escaped(&finding.fingerprint))
}

/// For text and attributes. Controls were made visible before; the two that XML 1.0 forbids besides go too.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
