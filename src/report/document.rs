//! An `Outcome` becomes a `Document`: the only place where a report reads secrets.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, btree_map::Entry},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bstr::BString;
use jiff::{fmt::temporal::DateTimePrinter, tz::Offset};

use super::{
    RunInfo, Style,
    json::{
        self, Commit, Coverage, Document, Excerpt, Finding, Member, Occurrence, Original, Place, Rule, Run, SCHEMA,
        Skipped, Stats, Summary, Suppressed, UnusedAllow, Verification,
    },
    redact::{Redactor, visible},
};
use crate::model::{self, Outcome, Provenance, RuleInfo, Suppression, Timestamp, Verdict};

/// Makes the document. Every format but this goes through it, so that a format cannot show what is not to be shown.
pub(super) fn document(outcome: &Outcome, style: &Style) -> Document {
    let redactor = Redactor::new(outcome, style.show_secrets);
    let writer = Writer { redactor, style, refs: RefCell::default() };
    Document {
        schema: SCHEMA.to_owned(),
        run: run(&style.run, style.show_secrets),
        complete: outcome.is_complete(),
        summary: summary(outcome),
        coverage: writer.coverage(&outcome.coverage),
        stats: Stats { anchors: outcome.stats.anchors, regexes: outcome.stats.regexes },
        verification: style.run.verification.as_ref().map(verification),
        rules: rules(outcome),
        findings: outcome.findings.iter().map(|finding| writer.finding(finding)).collect(),
        suppressed: outcome.suppressed.iter().map(|suppressed| writer.suppressed(suppressed)).collect(),
        skipped: outcome.skipped.iter().map(|skipped| writer.skipped(skipped)).collect(),
        unused_allows: outcome.unused_allows.iter().map(|entry| writer.unused_allow(entry)).collect(),
    }
}

fn run(run: &RunInfo, secrets_shown: bool) -> Run {
    let utc = |at: Timestamp| rfc3339(Timestamp { offset_minutes: 0, ..at });
    let seen = |text: &String| visible(text.as_bytes()).into_owned();
    Run {
        tool: "stanch".to_owned(),
        version: seen(&run.tool_version),
        rules_digest: run.rules_digest.as_ref().map(seen),
        started: run.started.map(utc),
        ended: run.ended.map(utc),
        arguments: run.arguments.iter().map(seen).collect(),
        category: run.category.as_ref().map(seen),
        commit: run.commit.map(|id| id.to_string()),
        secrets_shown,
    }
}

/// Reasons may be in the words of a service.
fn verification(count: &Verification) -> Verification {
    let reasons = count.reasons.iter().map(|(reason, failed)| (visible(reason.as_bytes()).into_owned(), *failed));
    Verification { reasons: reasons.collect(), ..count.clone() }
}

fn summary(outcome: &Outcome) -> Summary {
    let mut summary = Summary::default();
    for finding in &outcome.findings {
        if finding.rule.kind.is_leak() {
            summary.leaks += 1;
            summary.places += finding.occurrences.len() as u64;
            count(&mut summary.by_severity, finding.severity.name());
        } else {
            summary.information += 1;
        }
    }
    for suppressed in &outcome.suppressed {
        count(&mut summary.suppressed, suppression_name(&suppressed.why));
    }
    for skipped in &outcome.skipped {
        count(&mut summary.skipped, skipped.reason.name());
    }
    summary
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    *counts.entry(name.to_owned()).or_default() += 1;
}

fn suppression_name(why: &Suppression) -> &'static str {
    match why {
        Suppression::Inline { .. } => "inline",
        Suppression::Allowlist { .. } => "allowlist",
        Suppression::Baseline { .. } => "baseline",
        Suppression::Rejected { .. } => "rejected",
    }
}

fn rules(outcome: &Outcome) -> Vec<Rule> {
    let mut rules = BTreeMap::new();
    let suppressed = outcome.suppressed.iter().map(|suppressed| &suppressed.finding);
    for finding in outcome.findings.iter().chain(suppressed) {
        if let Entry::Vacant(place) = rules.entry(finding.rule.id.as_str()) {
            place.insert(rule(&finding.rule));
        }
    }
    rules.into_values().collect()
}

fn rule(info: &RuleInfo) -> Rule {
    let seen = |text: &String| visible(text.as_bytes()).into_owned();
    Rule {
        id: seen(&info.id),
        name: seen(&info.name),
        provider: seen(&info.provider),
        category: seen(&info.category),
        severity: info.severity,
        kind: info.kind,
        remediation: seen(&info.remediation),
        references: info.references.iter().map(seen).collect(),
        tags: info.tags.iter().map(seen).collect(),
        owasp: seen(&info.owasp),
        cwe: seen(&info.cwe),
    }
}

/// A list of refs, and how it is shown.
type ShownRefs = (Arc<[BString]>, Arc<[String]>);

struct Writer<'a> {
    redactor: Redactor,
    style: &'a Style,
    /// Lists of refs, by where they lie, and as they are shown: thousands of findings share a few.
    refs: RefCell<HashMap<usize, ShownRefs>>,
}

impl Writer<'_> {
    fn text(&self, raw: impl AsRef<[u8]>) -> String {
        self.redactor.text(raw.as_ref())
    }

    /// The text, and its exact bytes where the text could not hold them (but never where that would show a secret).
    fn name(&self, raw: &[u8]) -> (String, Option<String>) {
        let text = self.text(raw);
        let exact = text.as_bytes() == raw || self.redactor.would_mask(raw);
        (text, (!exact).then(|| STANDARD.encode(raw)))
    }

    fn coverage(&self, coverage: &model::Coverage) -> Coverage {
        Coverage {
            asked: coverage.asked.iter().map(|asked| self.text(asked)).collect(),
            items: coverage.items,
            members: coverage.members,
            bytes: coverage.bytes,
            commits: coverage.commits,
        }
    }

    fn finding(&self, finding: &model::Finding) -> Finding {
        let known = self.redactor.known(finding);
        let secret = self.redactor.secret(finding, finding.secret.expose());
        let exact = !self.style.show_secrets || secret.as_bytes() == finding.secret.expose();
        let verdict_reason = match &finding.verdict {
            Verdict::Unknown(reason) => Some(self.redactor.words(&known, reason.0.as_bytes())),
            _ => None,
        };
        Finding {
            rule: visible(finding.rule.id.as_bytes()).into_owned(),
            fingerprint: finding.fingerprint.to_string(),
            kind: finding.rule.kind,
            severity: finding.severity,
            confidence: finding.confidence,
            probability: finding.probability.map(rounded),
            exposure: finding.exposure,
            verdict: finding.verdict.name().to_owned(),
            verdict_reason,
            secret_bytes: (!exact).then(|| STANDARD.encode(finding.secret.expose())),
            secret,
            partner: finding.partner.as_ref().map(|partner| self.redactor.secret(finding, partner.expose())),
            notes: finding.notes.iter().map(|note| self.redactor.words(&known, note.0.as_bytes())).collect(),
            occurrences: finding.occurrences.iter().map(|at| self.occurrence(at, &known)).collect(),
        }
    }

    fn occurrence(&self, at: &model::Occurrence, known: &super::redact::Known) -> Occurrence {
        let shown = self.redactor.excerpt(known, at);
        let (start, end) = (at.location.start, at.location.end);
        Occurrence {
            place: self.place(&at.place, known),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            start: at.location.span.start as u64,
            end: at.location.span.end as u64,
            original: at.original.as_ref().map(|original| Original {
                path: self.text(&original.path),
                line: original.at.line,
                column: original.at.column,
            }),
            decoded: at.decoded.iter().map(|&name| name.to_owned()).collect(),
            exposure: at.exposure,
            excerpt: Excerpt {
                text: shown.text,
                start: shown.start as u32,
                end: shown.end as u32,
                cut_before: at.excerpt.cut_before,
                cut_after: at.excerpt.cut_after,
            },
        }
    }

    fn place(&self, place: &model::Place, known: &super::redact::Known) -> Place {
        let provenance = &place.provenance;
        let (path, path_bytes) = self.name(provenance.path());
        let (source, part) = match provenance {
            Provenance::File { .. } => ("file", None),
            Provenance::Staged { .. } => ("staged", None),
            Provenance::History { .. } => ("history", None),
            Provenance::Object { part, .. } => ("object", Some(part.name().to_owned())),
            Provenance::Stdin => ("stdin", None),
        };
        let member = |raw: &bstr::BString| {
            let (name, name_bytes) = self.name(raw);
            Member { name, name_bytes }
        };
        Place {
            source: source.to_owned(),
            path,
            path_bytes,
            inside: place.inside.iter().map(member).collect(),
            part,
            object: provenance.blob().map(|id| id.to_string()),
            commit: provenance.commit().map(|commit| self.commit(commit, known)),
        }
    }

    fn commit(&self, commit: &model::CommitInfo, known: &super::redact::Known) -> Commit {
        Commit {
            id: commit.id.to_string(),
            author: self.text(&commit.author),
            email: self.text(&commit.email),
            date: rfc3339(commit.date),
            summary: self.redactor.words(known, &commit.summary),
            at_head: commit.at_head,
            removed_by: commit.removed_by.map(|id| id.to_string()),
            refs: self.ref_names(&commit.refs),
        }
    }

    /// The names of refs as they are shown.
    fn ref_names(&self, names: &Arc<[BString]>) -> Arc<[String]> {
        let shown = || (Arc::clone(names), names.iter().map(|name| self.text(name)).collect());
        let mut known = self.refs.borrow_mut();
        let (_, shown) = known.entry(names.as_ptr().addr()).or_insert_with(shown);
        Arc::clone(shown)
    }

    fn suppressed(&self, suppressed: &model::Suppressed) -> Suppressed {
        let (origin, reason) = match &suppressed.why {
            Suppression::Inline { mark, reason } => (mark.as_str(), reason),
            Suppression::Allowlist { entry, reason } => (entry.as_str(), reason),
            Suppression::Baseline { file, reason } => (file.as_str(), reason),
            Suppression::Rejected { reason } => ("", reason),
        };
        Suppressed {
            by: suppression_name(&suppressed.why).to_owned(),
            origin: self.text(origin),
            reason: self.text(reason),
            finding: self.finding(&suppressed.finding),
        }
    }

    fn skipped(&self, skipped: &model::Skipped) -> Skipped {
        let (what, what_bytes) = self.name(&skipped.what);
        Skipped {
            what,
            what_bytes,
            reason: skipped.reason.name().to_owned(),
            detail: self.text(skipped.reason.to_string()),
            asked: skipped.asked,
            incomplete: skipped.is_incomplete(),
        }
    }

    fn unused_allow(&self, entry: &model::UnusedAllow) -> UnusedAllow {
        UnusedAllow { entry: self.text(&entry.entry), why: self.text(&entry.why) }
    }
}

/// Three decimals: more would claim more than the judge knows, and differ between machines.
fn rounded(probability: f32) -> f64 {
    if probability.is_finite() { (f64::from(probability) * 1000.0).round() / 1000.0 } else { 0.0 }
}

/// RFC 3339 with the offset; a date that no calendar holds (git stores any number) is given as `@seconds`.
fn rfc3339(at: Timestamp) -> String {
    static PRINTER: DateTimePrinter = DateTimePrinter::new();
    let date = jiff::Timestamp::from_second(at.seconds).ok();
    let offset = at.offset_minutes.checked_mul(60).and_then(|seconds| Offset::from_seconds(seconds).ok());
    match (date, offset) {
        (Some(date), Some(offset)) if offset == Offset::UTC => PRINTER.timestamp_to_string(&date),
        (Some(date), Some(offset)) => PRINTER.timestamp_with_offset_to_string(&date, offset),
        (Some(date), None) => PRINTER.timestamp_to_string(&date),
        (None, _) => format!("@{}", at.seconds),
    }
}

impl json::Place {
    /// `outer!member!member`, as shown; for what is no file, words for it.
    #[must_use]
    pub fn shown(&self) -> String {
        let object = self.object.as_deref().map(short).unwrap_or_default();
        let mut text = match (self.source.as_str(), self.part.as_deref()) {
            ("stdin", _) => "standard input".to_owned(),
            ("object", Some(part)) if self.path.is_empty() => format!("{part} {object}").trim_end().to_owned(),
            ("object", Some(part)) => format!("{part} {}", self.path),
            _ if self.path.is_empty() => format!("object {object}").trim_end().to_owned(),
            _ => self.path.clone(),
        };
        for member in &self.inside {
            text.push('!');
            text.push_str(&member.name);
        }
        text
    }
}

impl json::Occurrence {
    /// Where a source map says that it came from, as an addition to the place; empty where nothing does.
    #[must_use]
    pub fn origin(&self) -> String {
        self.original.as_ref().map_or(String::new(), |original| {
            format!(", from {}:{}:{} by its source map", original.path, original.line, original.column)
        })
    }
}

/// The first ten digits of an id.
pub(super) fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
