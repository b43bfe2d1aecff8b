//! `Candidate`, `Confidence`, `Note`: one rule matched at one place, before anything is allowed or grouped.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Location, RuleInfo, Secret, Severity, Span};

/// How sure we are; also the operating point that the user chose: a candidate is shown when its confidence is at
/// least the one asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// For audits: recall first.
    Low,
    /// For pull requests.
    #[default]
    Medium,
    /// For hooks: precision first.
    High,
}

impl Confidence {
    /// Lower-case name, as in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Why a candidate was kept, or dropped: shown under `--explain`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Note(pub std::borrow::Cow<'static, str>);

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: Into<std::borrow::Cow<'static, str>>> From<T> for Note {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// One rule matched at one place in one blob.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// The rule's number in the run's rule set.
    pub index: u32,
    /// The name under which its fingerprint is made: rules of one family name the same secret.
    pub family: String,
    /// Where the whole match is, in the blob as stored.
    pub matched: Span,
    /// Where the secret is, in the blob as stored (for decoded text: the encoded run).
    pub location: Location,
    /// The secret (for decoded text: decoded).
    pub secret: Secret,
    /// A second part that makes the first usable (an AWS secret with its key id), where one was found.
    pub partner: Option<(Secret, Location)>,
    /// The rule's severity, changed by what the value says (an expired JWT).
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// For the generic rules: the judge's probability that this is a credential.
    pub probability: Option<f32>,
    /// When it stops to work, in seconds since 1970, where it says so itself.
    pub expires: Option<i64>,
    /// Encodings that had to be undone, from the outside in (`base64`, `gzip`).
    pub decoded: Vec<&'static str>,
    /// Why it was kept.
    pub notes: Vec<Note>,
    /// Why it must not be reported, where it must not (kept only for `--explain`).
    pub rejected: Option<Note>,
}
