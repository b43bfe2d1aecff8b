//! `RuleInfo`, `Severity`, `Exposure`, `Kind`: what a rule says about the secrets it finds.

use serde::{Deserialize, Serialize};

/// How bad it is when others have the secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing to revoke.
    Info,
    /// Of little use to an attacker alone.
    Low,
    /// Gives access to something limited.
    Medium,
    /// Gives access to data or money.
    High,
    /// Gives control.
    Critical,
}

impl Severity {
    /// Lower-case name, as in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Where a secret could be read from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exposure {
    /// A private working tree or the index.
    Private,
    /// Git history: everyone who can clone.
    History,
    /// Shipped to clients: everyone who uses the product.
    Shipped,
}

impl Exposure {
    /// Lower-case name, as in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::History => "history",
            Self::Shipped => "shipped",
        }
    }
}

/// What sort of thing a rule finds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Must stay secret.
    #[default]
    Secret,
    /// A key that is public by design: reported apart.
    Publishable,
    /// Names an account or client; no secret alone: reported apart.
    Identifier,
    /// A hash of a secret.
    Hashed,
    /// A honeypot: using it raises an alarm; never sent to any verifier.
    Canary,
    /// A fact worth knowing that is no key at all (a shipped source map, say).
    Info,
}

impl Kind {
    /// Lower-case name, as in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
            Self::Identifier => "identifier",
            Self::Hashed => "hashed",
            Self::Canary => "canary",
            Self::Info => "info",
        }
    }

    /// Whether it counts as a leak (exit code 1), not merely as information.
    #[must_use]
    pub fn is_leak(self) -> bool {
        matches!(self, Self::Secret | Self::Hashed | Self::Canary)
    }
}

/// What reports need to know of a rule. Shared by all its findings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RuleInfo {
    /// Unique name, for instance `github-pat`.
    pub id: String,
    /// For people, for instance "GitHub personal access token".
    pub name: String,
    /// Whose key it is, for instance `github`; `generic` where nobody's.
    pub provider: String,
    /// For instance `vcs`, `cloud`, `payment`.
    pub category: String,
    /// How bad.
    pub severity: Severity,
    /// What sort of thing.
    pub kind: Kind,
    /// One or two sentences: where to revoke, what to rotate.
    pub remediation: String,
    /// Names of documents, without host.
    pub references: Vec<String>,
    /// Free words to choose rules by.
    pub tags: Vec<String>,
    /// OWASP API Security Top 10 (2023) reference, for instance `API2:2023`.
    pub owasp: String,
    /// CWE reference, for instance `CWE-798`.
    pub cwe: String,
}
