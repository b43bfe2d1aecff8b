//! `Verdict`: what the revocation check said.

use serde::{Deserialize, Serialize};

/// Why a verdict is unknown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnknownReason(pub String);

/// Whether a secret still works. Only an explicit answer changes it; every failure is `Unknown`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Verdict {
    /// Nobody asked.
    #[default]
    Unchecked,
    /// It works.
    Live,
    /// It does not work any more.
    Revoked,
    /// A honeypot.
    Canary,
    /// The service says that it is none of its own.
    NotOurs,
    /// The service took it, and will act later.
    Accepted,
    /// Asked, but not answered.
    Unknown(UnknownReason),
}

impl Verdict {
    /// Lower-case name, as in files and reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Live => "live",
            Self::Revoked => "revoked",
            Self::Canary => "canary",
            Self::NotOurs => "not_ours",
            Self::Accepted => "accepted",
            Self::Unknown(_) => "unknown",
        }
    }
}
