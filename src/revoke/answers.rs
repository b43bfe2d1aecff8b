//! `Answers`, `VerificationReport`: what came of asking, with everything counted.

use std::collections::BTreeMap;

use super::plan::NotSent;
use crate::model::{Fingerprint, Verdict};

/// What came of asking. Numbers are distinct secrets unless said otherwise.
///
/// `distinct` = `from_cache` + `asked`, and `asked` = `answered` + `failed`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VerificationReport {
    /// Secrets that may be asked about.
    pub distinct: usize,
    /// Put to the service, or would have been if it could be reached.
    pub asked: usize,
    /// The service said something about them ("unknown" is an answer too).
    pub answered: usize,
    /// Known from an earlier run.
    pub from_cache: usize,
    /// No answer; `reasons` says why.
    pub failed: usize,
    /// Of the failed: kept for `stanch webhook flush`.
    pub spooled: usize,
    /// Of the failed: not sent because the circuit breaker was open.
    pub skipped_by_breaker: usize,
    /// HTTP requests made, repeated ones included.
    pub requests: usize,
    /// Of these: repeated.
    pub retries: usize,
    /// Findings that were not asked about, and why. Sorted.
    pub not_sent: Vec<NotSent>,
    /// Why secrets failed, and how many each.
    pub reasons: BTreeMap<String, usize>,
    /// The service said 410: take the endpoint out of the configuration.
    pub gone: bool,
    /// Cache or spool trouble, for people.
    pub warnings: Vec<String>,
    /// The user requires a complete verification.
    pub required: bool,
}

impl VerificationReport {
    /// Whether something that should have been asked has no answer.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed == 0
    }

    /// Whether the run must count as incomplete (exit code 3): verification was required, and is not complete.
    #[must_use]
    pub fn fails_requirement(&self) -> bool {
        self.required && !self.is_complete()
    }

    pub(crate) fn failed_because(&mut self, reason: String) {
        self.failed += 1;
        *self.reasons.entry(reason).or_default() += 1;
    }
}

/// Verdicts by finding, and the report.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Findings that were asked about or not: those missing here stay `Unchecked`.
    pub verdicts: BTreeMap<Fingerprint, Verdict>,
    /// The count.
    pub report: VerificationReport,
}

/// Told about progress; the library itself prints nothing.
pub trait Observer: Sync {
    /// So many secrets of so many are done.
    fn progress(&self, _done: usize, _total: usize) {}
}

/// Nobody looks.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {}
