//! `Finding`, `Occurrence`, `Suppression`: one secret under one rule, with all its places.

use std::sync::Arc;

use bstr::BString;

use super::{
    Confidence, Exposure, Fingerprint, Location, Note, Original, Place, RuleInfo, Secret, Severity, Span, Verdict,
};

/// The line of an occurrence, cut to a readable length around the secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excerpt {
    /// Raw bytes of (part of) the line. Holds the secret in clear: only `report::redact` may read it.
    pub text: BString,
    /// Where in `text` the secret is. Reports show everything there masked.
    pub secret: Span,
    /// Whether bytes of the line were cut off before `text`.
    pub cut_before: bool,
    /// Whether bytes of the line were cut off after `text`.
    pub cut_after: bool,
}

impl std::fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Excerpt({} bytes)", self.text.len())
    }
}

/// One place of a finding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Occurrence {
    /// The file, commit or object, and the way inward through containers.
    pub place: Place,
    /// Where in those bytes.
    pub location: Location,
    /// Where a source map says it came from.
    pub original: Option<Original>,
    /// Encodings that had to be undone, from the outside in.
    pub decoded: Vec<&'static str>,
    /// How far it can be read.
    pub exposure: Exposure,
    /// The line, for people. Not part of machine formats unless masked.
    pub excerpt: Excerpt,
}

/// One secret under one rule, with all its places.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Stable name.
    pub fingerprint: Fingerprint,
    /// The secret.
    pub secret: Secret,
    /// The other part of a credential in two parts, where one was found.
    pub partner: Option<Secret>,
    /// How bad, all things considered.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The judge's probability, for generic rules.
    pub probability: Option<f32>,
    /// The widest exposure of its occurrences.
    pub exposure: Exposure,
    /// Why it was reported.
    pub notes: Vec<Note>,
    /// What the revocation check said.
    pub verdict: Verdict,
    /// Where, sorted; never empty.
    pub occurrences: Vec<Occurrence>,
}

/// Why a finding is counted but not shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Suppression {
    /// A comment on the line or the line before.
    Inline {
        /// The mark, for instance `stanch:allow`.
        mark: String,
        /// What the comment gives as the reason; may be empty.
        reason: String,
    },
    /// An `[[allow]]` entry of the configuration.
    Allowlist {
        /// File and line of the entry.
        entry: String,
        /// The reason it gives.
        reason: String,
    },
    /// Known before.
    Baseline {
        /// The baseline file.
        file: String,
        /// The reason it gives; may be empty.
        reason: String,
    },
    /// Dropped by a structural test; kept only under `--explain`.
    Rejected {
        /// The test.
        reason: String,
    },
}

/// A finding that is not shown, with the reason.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// What would have been shown; its occurrences are only the suppressed ones.
    pub finding: Finding,
    /// Why not.
    pub why: Suppression,
}
