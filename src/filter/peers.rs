//! Lists of known findings that other scanners keep, so that a project can move over with what it has decided.
//!
//! Formats as their documentation describes them: `.gitleaksignore` (a fingerprint a line), the JSON report that gitleaks
//! and its successors take as a baseline, `.secrets.baseline` of detect-secrets, and Kingfisher's baseline.

use std::collections::BTreeSet;

use serde::Deserialize;
use sha1::{Digest, Sha1};

use yaml_rust2::Yaml;

use super::baseline::{BaselineError, shown};
use crate::{
    model::{Finding, Occurrence, Outcome, Secret, Suppressed, Suppression, UnusedAllow},
    rules::import::documents,
};

/// Where, or what, something known is.
#[derive(Debug)]
enum Mark {
    /// On this line of the file.
    Line(u32),
    /// This very value, anywhere in the file.
    Value(Secret),
    /// A value with this SHA-1, anywhere in the file.
    Sha1([u8; 20]),
}

#[derive(Debug)]
struct Entry {
    /// As messages name it.
    origin: String,
    /// What the other scanner calls the rule.
    rule: String,
    path: String,
    /// Only in this commit.
    commit: Option<String>,
    mark: Mark,
}

/// One file of another scanner.
#[derive(Debug)]
pub(super) struct PeerList {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Report {
    #[serde(rename = "RuleID", default)]
    rule: String,
    #[serde(rename = "File")]
    file: String,
    #[serde(rename = "StartLine", default)]
    line: u32,
    #[serde(rename = "Commit", default)]
    commit: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

#[derive(Deserialize)]
struct DetectSecrets {
    results: std::collections::BTreeMap<String, Vec<Hashed>>,
}

#[derive(Deserialize)]
struct Hashed {
    #[serde(rename = "type", default)]
    rule: String,
    hashed_secret: String,
}

impl PeerList {
    /// Reads a file; `None` if it is of none of these kinds.
    pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Option<Self>, BaselineError> {
        let bad = |line: usize, why: String| BaselineError { file: name.to_owned(), line, why };
        let base = name.rsplit(['/', '\\', ':']).next().unwrap_or(name);
        if base.contains("gitleaksignore") || base.contains("betterleaksignore") {
            let text = String::from_utf8_lossy(bytes);
            return Ok(Some(Self { entries: ignore_file(name, &text).map_err(|(line, why)| bad(line, why))? }));
        }
        if let Some(entries) = kingfisher(name, bytes).map_err(|why| bad(1, why))? {
            return Ok(Some(Self { entries }));
        }
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let shape = |error: serde_json::Error| bad(error.line(), error.to_string());
        let entries = match first {
            Some(b'{') => detect_secrets(name, serde_json::from_slice(bytes).map_err(shape)?),
            Some(b'[') if !bytes.starts_with(b"[[") => report(name, serde_json::from_slice(bytes).map_err(shape)?),
            _ => return Ok(None),
        };
        Ok(Some(Self { entries }))
    }

    /// Suppresses what the list names, place by place: the others of the same secret stay.
    pub(super) fn apply(&self, outcome: &mut Outcome, whole: bool) {
        let mut used = BTreeSet::new();
        for mut finding in std::mem::take(&mut outcome.findings) {
            let digest: [u8; 20] = Sha1::digest(finding.secret.expose()).into();
            let mut open = Vec::new();
            for at in std::mem::take(&mut finding.occurrences) {
                let Some(entry) = self.entries.iter().position(|entry| entry.fits(&finding, &digest, &at)) else {
                    open.push(at);
                    continue;
                };
                used.insert(entry);
                self.suppress(entry, &finding, at, &mut outcome.suppressed);
            }
            if !open.is_empty() {
                outcome.findings.push(Finding { occurrences: open, ..finding });
            }
        }
        if whole {
            let stale = self.entries.iter().enumerate().filter(|(at, _)| !used.contains(at));
            let stale =
                stale.map(|(_, entry)| UnusedAllow { entry: entry.origin.clone(), why: "matched nothing".to_owned() });
            outcome.unused_allows.extend(stale);
        }
    }

    fn suppress(&self, entry: usize, finding: &Finding, at: Occurrence, suppressed: &mut Vec<Suppressed>) {
        let entry = &self.entries[entry];
        let why = Suppression::Baseline {
            file: entry.origin.clone(),
            reason: format!("`{}` there", shown(entry.rule.as_bytes())),
        };
        let same =
            suppressed.iter_mut().find(|other| other.why == why && other.finding.fingerprint == finding.fingerprint);
        match same {
            Some(other) => other.finding.occurrences.push(at),
            None => suppressed.push(Suppressed { finding: Finding { occurrences: vec![at], ..finding.clone() }, why }),
        }
    }
}

impl Entry {
    fn fits(&self, finding: &Finding, digest: &[u8; 20], at: &Occurrence) -> bool {
        let value = finding.secret.expose();
        let marked = match &self.mark {
            Mark::Line(line) => at.location.start.line <= *line && *line <= at.location.end.line,
            Mark::Value(secret) => same_value(secret.expose(), value),
            Mark::Sha1(sha1) => sha1 == digest,
        };
        // A value says more than a commit does: it is the same secret wherever it went.
        let by_value = !matches!(self.mark, Mark::Line(_));
        let commit = at.place.provenance.commit().map(|commit| commit.id.to_string());
        marked
            && (by_value || self.commit.is_none() || self.commit == commit)
            && same_path(&self.path, &shown(&at.place.path()))
    }
}

/// Scanners cut the same key differently: one may be a part of the other.
fn same_value(theirs: &[u8], ours: &[u8]) -> bool {
    let (short, long) = if theirs.len() < ours.len() { (theirs, ours) } else { (ours, theirs) };
    short == long || short.len() >= 8 && memchr::memmem::find(long, short).is_some()
}

/// The scan may have been asked for by a longer way to the same file.
fn same_path(theirs: &str, ours: &str) -> bool {
    ours == theirs || ours.strip_suffix(theirs).is_some_and(|before| before.ends_with('/'))
}

/// `file:rule:line` or `commit:file:rule:line`, a line each; `#` begins a comment.
fn ignore_file(name: &str, text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let mut entries = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = || (at + 1, "an entry is `file:rule:line` or `commit:file:rule:line`".to_owned());
        let mut from_end = line.rsplitn(3, ':');
        let (number, rule, rest) = (from_end.next(), from_end.next(), from_end.next());
        let (Some(number), Some(rule), Some(rest)) = (number, rule, rest) else { return Err(bad()) };
        let is_id = |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (commit, path) = match rest.split_once(':') {
            Some((commit, path)) if is_id(commit) => (Some(commit.to_ascii_lowercase()), path),
            _ => (None, rest),
        };
        entries.push(Entry {
            origin: format!("{name}:{}", at + 1),
            rule: rule.to_owned(),
            path: shown(path.as_bytes()),
            commit,
            mark: Mark::Line(number.trim().parse().map_err(|_| bad())?),
        });
    }
    Ok(entries)
}

fn report(name: &str, findings: Vec<Report>) -> Vec<Entry> {
    let entry = |(at, finding): (usize, Report)| {
        let redacted =
            finding.secret.is_empty() || finding.secret.contains("REDACTED") || finding.secret.ends_with("...");
        let mark =
            if redacted { Mark::Line(finding.line) } else { Mark::Value(Secret::new(finding.secret.as_bytes())) };
        let commit = Some(finding.commit).filter(|commit| !commit.is_empty());
        Entry {
            origin: format!("{name}, finding {}", at + 1),
            rule: finding.rule,
            path: shown(finding.file.as_bytes()),
            commit,
            mark,
        }
    };
    findings.into_iter().enumerate().map(entry).collect()
}

fn detect_secrets(name: &str, baseline: DetectSecrets) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (path, hashes) in baseline.results {
        for (at, hashed) in hashes.into_iter().enumerate() {
            let Some(sha1) = crate::model::BlobId::from_hex(hashed.hashed_secret.as_bytes()) else { continue };
            let Ok(sha1) = <[u8; 20]>::try_from(sha1.as_bytes()) else { continue };
            let origin = format!("{name}, {} {}", shown(path.as_bytes()), at + 1);
            let path = shown(path.replace('\\', "/").as_bytes());
            entries.push(Entry { origin, rule: hashed.rule, path, commit: None, mark: Mark::Sha1(sha1) });
        }
    }
    entries
}

/// Kingfisher's YAML: matches with `filepath` and `linenum`, in one list or by repository. Its fingerprint is a hash of its
/// own making; what is found again at that place is what it stands for. `None` for a file of another kind.
fn kingfisher(name: &str, bytes: &[u8]) -> Result<Option<Vec<Entry>>, String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(None) };
    if !text.lines().any(|line| line.trim_start() == "matches:") || !text.contains("fingerprint:") {
        return Ok(None);
    }
    let mut entries = Vec::new();
    documents(text)?.iter().for_each(|document| matches_in(name, document, &mut entries));
    Ok(Some(entries))
}

fn matches_in(name: &str, value: &Yaml, entries: &mut Vec<Entry>) {
    match value {
        Yaml::Array(items) => items.iter().for_each(|item| matches_in(name, item, entries)),
        Yaml::Hash(fields) => {
            let place = value["filepath"].as_str().zip(value["linenum"].as_i64().and_then(|line| line.try_into().ok()));
            match place {
                Some((path, line)) => entries.push(Entry {
                    origin: format!("{name}, match {}", entries.len() + 1),
                    rule: format!("fingerprint {}", value["fingerprint"].as_str().unwrap_or("unknown")),
                    // Documented with a slash at the end of a file's path.
                    path: shown(path.trim_end_matches('/').as_bytes()),
                    commit: None,
                    mark: Mark::Line(line),
                }),
                None => fields.values().for_each(|field| matches_in(name, field, entries)),
            }
        }
        _ => {}
    }
}
