//! For people: the line, what is wrong with it and what to do, grouped by file; the summary last, where the eye is.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use super::{
    Style,
    document::short,
    json::{Commit, Document, Finding, Occurrence, Rule},
};
use crate::model::{Confidence, Exposure, Severity};

mod paint;
mod summary;

use paint::clip;
pub(super) use paint::{Paint, columns};
pub use summary::plural;

/// Other places of a finding that are listed; all are in the machine formats.
const PLACES: usize = 5;
/// Columns of the line number, so that all lines of a report align.
const GUTTER: usize = 6;

struct Page<'a> {
    document: &'a Document,
    rules: BTreeMap<&'a str, &'a Rule>,
    style: &'a Style,
    paint: Paint,
    out: &'a mut dyn Write,
}

pub(super) fn write(document: &Document, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rules = document.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    let mut page = Page { document, rules, style, paint: Paint { color: style.color }, out };
    page.leaks()?;
    page.information()?;
    page.suppressed()?;
    page.unused_allows()?;
    page.skipped()?;
    page.remediation()?;
    page.summary()
}

impl<'a> Page<'a> {
    fn rule_name(&self, id: &'a str) -> &'a str {
        self.rules.get(id).map(|rule| rule.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(id)
    }

    fn leaks(&mut self) -> io::Result<()> {
        let mut leaks: Vec<(String, &Finding)> = Vec::new();
        for finding in self.document.findings.iter().filter(|finding| finding.kind.is_leak()) {
            leaks.push((finding.occurrences.first().map(|at| at.place.shown()).unwrap_or_default(), finding));
        }
        // Files that give a server's key to everybody go first; then by path.
        let urgent: BTreeSet<String> =
            leaks.iter().filter(|(_, finding)| self.is_urgent(finding)).map(|(path, _)| path.clone()).collect();
        let at = |finding: &Finding| finding.occurrences.first().map(|at| (at.line, at.column));
        leaks.sort_by_cached_key(|(path, finding)| (!urgent.contains(path), path.clone(), at(finding)));
        let mut last: Option<&str> = None;
        for (path, finding) in &leaks {
            if last != Some(path) {
                writeln!(self.out, "{}", self.paint.bold(path))?;
                last = Some(path);
            }
            self.finding(finding)?;
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// Whether it is for certain a key that only a server may have, shipped to clients.
    fn is_urgent(&self, finding: &Finding) -> bool {
        let known = self.rules.get(finding.rule.as_str()).is_some_and(|rule| rule.provider != "generic");
        finding.exposure == Exposure::Shipped && finding.confidence == Confidence::High && known
    }

    fn finding(&mut self, finding: &'a Finding) -> io::Result<()> {
        let Some(first) = finding.occurrences.first() else { return Ok(()) };
        let place = format!("{}:{}", first.line, first.column);
        let severity = self.paint.severity(finding.severity, finding.severity.name());
        let name = self.rule_name(&finding.rule);
        writeln!(self.out, "  {place:<8} {severity}  {}", self.paint.bold(name))?;
        self.excerpt(finding.severity, first)?;
        let mut facts = vec![finding.rule.clone(), format!("{} confidence", finding.confidence.name())];
        facts.extend(finding.probability.map(|p| format!("probability {p:.2}")));
        facts.push(verdict_words(finding));
        facts.push(exposure_words(finding.exposure).to_owned());
        facts.retain(|fact| !fact.is_empty());
        self.fact(&facts.join(", "))?;
        if let Some(partner) = &finding.partner {
            self.fact(&format!("together with {partner}"))?;
        }
        self.origin(first)?;
        self.other_places(finding)?;
        // What is shipped is judged by more than its format.
        if self.style.explain || finding.exposure == Exposure::Shipped {
            finding.notes.iter().try_for_each(|note| self.fact(&format!("because {note}")))?;
        }
        let fingerprint = self.paint.dim(&format!("fingerprint {}", finding.fingerprint));
        self.fact(&fingerprint)
    }

    fn fact(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{} {} {text}", " ".repeat(GUTTER), self.paint.gutter("="))
    }

    fn excerpt(&mut self, severity: Severity, at: &Occurrence) -> io::Result<()> {
        if at.excerpt.text.is_empty() {
            return Ok(());
        }
        let room = if self.style.width == 0 { usize::MAX } else { self.style.width.saturating_sub(GUTTER + 3).max(40) };
        let line = clip(&at.excerpt, room);
        let number = format!("{:>GUTTER$} |", at.line);
        writeln!(self.out, "{} {}", self.paint.gutter(&number), line.text)?;
        let marks = "^".repeat(columns(&line.secret).max(1));
        let marks = self.paint.severity(severity, &marks);
        let bar = self.paint.gutter(&format!("{} |", " ".repeat(GUTTER)));
        let until = if at.end_line > at.line { format!(" to line {}", at.end_line) } else { String::new() };
        writeln!(self.out, "{bar} {}{marks}{until}", " ".repeat(columns(&line.before)))
    }

    fn origin(&mut self, at: &Occurrence) -> io::Result<()> {
        if !at.decoded.is_empty() {
            self.fact(&format!("found inside {}", at.decoded.join(", then ")))?;
        }
        if let Some(original) = &at.original {
            self.fact(&format!("from {}:{}:{} by its source map", original.path, original.line, original.column))?;
        }
        if let Some(commit) = &at.place.commit {
            self.fact(&commit_words(commit))?;
        } else if at.place.source == "history" {
            let object = at.place.object.as_deref().map(short).unwrap_or_default();
            self.fact(&format!("blob {object}, which no commit reaches"))?;
        } else if at.place.source == "staged" {
            self.fact("staged for the next commit")?;
        }
        Ok(())
    }

    fn other_places(&mut self, finding: &Finding) -> io::Result<()> {
        let others = finding.occurrences.get(1..).unwrap_or_default();
        let shown = if others.len() == PLACES + 1 { PLACES + 1 } else { PLACES };
        for at in others.iter().take(shown) {
            let commit = at.place.commit.as_ref().map(|commit| format!(" in commit {}", short(&commit.id)));
            let place = format!("{}:{}:{}", at.place.shown(), at.line, at.column);
            self.fact(&format!("also at {place}{}", commit.unwrap_or_default()))?;
        }
        match others.len().saturating_sub(shown) {
            0 => Ok(()),
            more => self.fact(&format!("and {}", plural(more as u64, "more place", "more places"))),
        }
    }
}

fn verdict_words(finding: &Finding) -> String {
    match finding.verdict.as_str() {
        "unchecked" => String::new(),
        "live" => "LIVE: it still works".to_owned(),
        "revoked" => "already revoked".to_owned(),
        "canary" => "a canary: do not use it".to_owned(),
        "not_ours" => "unknown to its service".to_owned(),
        "accepted" => "handed to its service".to_owned(),
        _ => match &finding.verdict_reason {
            Some(reason) => format!("verdict unknown ({reason})"),
            None => "verdict unknown".to_owned(),
        },
    }
}

fn exposure_words(exposure: Exposure) -> &'static str {
    match exposure {
        Exposure::Private => "",
        Exposure::History => "in the git history",
        Exposure::Shipped => "shipped to clients",
    }
}

fn commit_words(commit: &Commit) -> String {
    let day = commit.date.split('T').next().unwrap_or_default();
    let mut words = format!("commit {}, {} <{}>, {day}", short(&commit.id), commit.author, commit.email);
    if !commit.summary.is_empty() {
        let summary: String = commit.summary.chars().take(60).collect();
        let more = if summary.len() < commit.summary.len() { "..." } else { "" };
        words.push_str(&format!(": {summary}{more}"));
    }
    match (&commit.removed_by, commit.at_head) {
        (_, Some(true)) => words.push_str(" (still in HEAD)"),
        (Some(id), _) => words.push_str(&format!(" (removed by {}, still in the history)", short(id))),
        (None, Some(false)) => words.push_str(" (not in HEAD, still in the history)"),
        (None, None) => {}
    }
    words
}
