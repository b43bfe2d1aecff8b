//! `Document`: what `--format json` writes, version 1; its own types, so that the model may change and it not.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::redact;
use crate::model::{Confidence, Exposure, Kind, Severity};

/// The value of `schema` in every document of this version.
pub const SCHEMA: &str = "stanch/report/v1";

/// The JSON Schema (draft 2020-12) of [`Document`].
pub const JSON_SCHEMA: &str = include_str!("schema.json");

/// A whole report. Every string in it is ready to be shown: secrets masked (unless `run.secrets_shown`), control
/// characters visible.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: String,
    /// Who wrote it, when and how.
    pub run: Run,
    /// Whether everything asked for was read.
    pub complete: bool,
    /// Counts.
    pub summary: Summary,
    /// What was read.
    pub coverage: Coverage,
    /// What it took.
    pub stats: Stats,
    /// How many secrets a service or their providers were asked about; absent where nobody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// The rules that the findings name, sorted by id.
    pub rules: Vec<Rule>,
    /// What was found: leaks and information alike (`kind` tells).
    pub findings: Vec<Finding>,
    /// What was found and not reported.
    pub suppressed: Vec<Suppressed>,
    /// What was not scanned.
    pub skipped: Vec<Skipped>,
    /// Allow entries to clean up.
    pub unused_allows: Vec<UnusedAllow>,
}

/// Who wrote a report, when and how.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// Always `stanch`.
    pub tool: String,
    /// The program's version.
    pub version: String,
    /// Digest of the rule set, where the caller gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_digest: Option<String>,
    /// RFC 3339, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// RFC 3339, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The command line, where the caller gave it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Tells apart several reports of one repository (SARIF's category).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The commit that was scanned, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether `secret` and excerpts hold secrets in clear.
    pub secrets_shown: bool,
}

/// Counts of a report.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Findings that count as leaks.
    pub leaks: u64,
    /// Findings that are information: publishable keys, identifiers, facts.
    pub information: u64,
    /// Places of all leaks.
    pub places: u64,
    /// Leaks by severity.
    pub by_severity: BTreeMap<String, u64>,
    /// Suppressed findings by what suppressed them.
    pub suppressed: BTreeMap<String, u64>,
    /// Skipped items by reason.
    pub skipped: BTreeMap<String, u64>,
}

/// What a scan was asked to read and what it read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// What was asked for, in words.
    pub asked: Vec<String>,
    /// Files, blobs or other items read.
    pub items: u64,
    /// Members found inside containers and read.
    pub members: u64,
    /// Bytes scanned, after unpacking.
    pub bytes: u64,
    /// Commits looked at.
    pub commits: u64,
}

/// What came of asking which secrets are live. Distinct secrets, but for `not_sent`, which counts findings.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Verification {
    /// Asked about; the sum of the next two.
    pub asked: u64,
    /// The service said something about them.
    pub answered: u64,
    /// No answer: their verdict is unknown.
    pub failed: u64,
    /// Known from an earlier run.
    pub from_cache: u64,
    /// Of the failed: kept, to be asked about later.
    pub spooled: u64,
    /// Of the failed: not sent because the service failed too often before.
    pub skipped_by_breaker: u64,
    /// Findings that nobody was asked about: canaries, publishable keys, weak secrets, rules without a call.
    pub not_sent: u64,
    /// Why secrets have no answer, and how many each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, u64>,
}

/// Counts of what was judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Places where a keyword occurred.
    pub anchors: u64,
    /// Regex calls.
    pub regexes: u64,
}

/// A rule, as far as a report needs it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// Unique name.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whose key it is.
    pub provider: String,
    /// For instance `vcs`.
    pub category: String,
    /// How bad.
    pub severity: Severity,
    /// What sort of thing.
    pub kind: Kind,
    /// What to do.
    pub remediation: String,
    /// Names of documents.
    pub references: Vec<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// For instance `API2:2023`.
    pub owasp: String,
    /// For instance `CWE-798`.
    pub cwe: String,
}

/// One secret under one rule, with all its places.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the rule.
    pub rule: String,
    /// Stable name, 32 hexadecimal digits.
    pub fingerprint: String,
    /// What sort of thing.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The judge's probability, 0 to 1, for generic rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The widest exposure.
    pub exposure: Exposure,
    /// What the revocation check said.
    pub verdict: String,
    /// Why the verdict is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict_reason: Option<String>,
    /// The secret, masked unless `run.secrets_shown`.
    pub secret: String,
    /// Base64 of the secret: only with `run.secrets_shown`, where `secret` is not exactly its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_bytes: Option<String>,
    /// The other part of the credential, as `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// Why it was reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where; never empty in what a scan writes.
    pub occurrences: Vec<Occurrence>,
}

/// One place of a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Occurrence {
    /// The outermost thing and the way inward.
    pub place: Place,
    /// Line of the first character, from 1.
    pub line: u32,
    /// Column of the first character, in characters from 1.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
    /// First byte, in the innermost bytes as stored.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// Where a source map says it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// Encodings that had to be undone, from the outside in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decoded: Vec<String>,
    /// How far it can be read.
    pub exposure: Exposure,
    /// The line, masked unless `run.secrets_shown`.
    pub excerpt: Excerpt,
}

/// Where bytes came from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// `file`, `staged`, `history`, `object` or `stdin`.
    pub source: String,
    /// Path or name of the outermost thing; may be empty.
    pub path: String,
    /// Base64 of the exact path, where `path` could not hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// Members from the outside in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Member>,
    /// Which part of a git object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Id of the blob or object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The commit that brought it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
}

/// A member of a container.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Base64 of the exact name, where `name` could not hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_bytes: Option<String>,
}

/// The commit that brought bytes in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Commit {
    /// Hexadecimal.
    pub id: String,
    /// Author's name.
    pub author: String,
    /// Author's mail address.
    pub email: String,
    /// Author's date, RFC 3339 with the author's offset.
    pub date: String,
    /// First line of the message.
    pub summary: String,
    /// Whether the bytes are still in HEAD's tree, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_head: Option<bool>,
    /// The first commit without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_by: Option<String>,
    /// Refs whose history holds them.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub refs: Arc<[String]>,
}

/// What a source map names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Original {
    /// Name in the map.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// A line as it may be shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Excerpt {
    /// The line without indentation.
    pub text: String,
    /// Where the (masked) secret is in `text`, in characters from 0.
    pub start: u32,
    /// One past it.
    pub end: u32,
    /// Whether the line goes on before `text`.
    pub cut_before: bool,
    /// Whether the line goes on after `text`.
    pub cut_after: bool,
}

/// A finding that is not reported, and why.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Suppressed {
    /// `inline`, `allowlist`, `baseline` or `rejected`.
    pub by: String,
    /// The mark, entry or file.
    pub origin: String,
    /// The reason given; may be empty.
    pub reason: String,
    /// What would have been reported.
    pub finding: Finding,
}

/// Something that was not scanned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Skipped {
    /// Path, member path or object.
    pub what: String,
    /// Base64 of it, where `what` could not hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_bytes: Option<String>,
    /// Short name of the reason.
    pub reason: String,
    /// The reason in words.
    pub detail: String,
    /// Whether the user asked for just this.
    pub asked: bool,
    /// Whether it leaves the scan incomplete.
    pub incomplete: bool,
}

/// An allow entry that matched nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UnusedAllow {
    /// File and line.
    pub entry: String,
    /// What is wrong with it.
    pub why: String,
}

/// Why a report could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or not the shape of a report; line and column are in the message.
    #[error("not a report of stanch: {0}")]
    Shape(#[from] serde_json::Error),
    /// Another version.
    #[error("the report has schema {found:?}; this program reads {SCHEMA:?}")]
    Schema {
        /// What it says.
        found: String,
    },
}

/// Reads what [`write`] wrote. Nothing in it is trusted: control characters in any string are made visible again.
///
/// # Errors
/// When the bytes are not a report of this version.
pub fn read(bytes: &[u8]) -> Result<Document, ReadError> {
    let mut value: serde_json::Value = serde_json::from_slice(bytes)?;
    let schema = value.get("schema").and_then(|schema| schema.as_str()).unwrap_or_default();
    if schema != SCHEMA {
        return Err(ReadError::Schema { found: redact::visible(schema.as_bytes()).into_owned() });
    }
    disarm(&mut value);
    let mut document: Document = serde_json::from_value(value)?;
    document.rules.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(document)
}

impl Document {
    /// The rule of that id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok().map(|at| &self.rules[at])
    }

    /// The name of the rule for people; its id where it has none.
    #[must_use]
    pub fn rule_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.rule(id).map(|rule| rule.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(id)
    }
}

/// `serde_json` reads at most 128 levels deep, so the recursion is bounded.
fn disarm(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            if let std::borrow::Cow::Owned(shown) = redact::visible(text.as_bytes()) {
                *text = shown;
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(disarm),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(disarm),
        _ => {}
    }
}

pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    out.write_all(b"\n")
}
