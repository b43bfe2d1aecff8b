//! `Outcome`: everything that a scan has to say, sorted.

use super::{Coverage, Finding, Skipped, Suppressed};

/// An allow entry that matched nothing: probably stale.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UnusedAllow {
    /// File and line of the entry.
    pub entry: String,
    /// What is wrong with it: matched nothing, or expired on a date.
    pub why: String,
}

/// Counts of what was judged, for `--stats`; the same on every run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Places where a keyword occurred; in a history, in each version.
    pub anchors: u64,
    /// Regex calls; in a history, those for what had to be unpacked.
    pub regexes: u64,
}

/// Everything that a scan has to say. The same input gives the same outcome, in the same order.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What is reported, leaks and information alike.
    pub findings: Vec<Finding>,
    /// What is not, each with its reason.
    pub suppressed: Vec<Suppressed>,
    /// What was not scanned.
    pub skipped: Vec<Skipped>,
    /// Allow entries to clean up.
    pub unused_allows: Vec<UnusedAllow>,
    /// What was read.
    pub coverage: Coverage,
    /// What it took.
    pub stats: Stats,
}

impl Outcome {
    /// Whether everything asked for was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.skipped.iter().any(Skipped::is_incomplete)
    }

    /// Whether anything found counts as a leak.
    #[must_use]
    pub fn has_leaks(&self) -> bool {
        self.findings.iter().any(|finding| finding.rule.kind.is_leak())
    }
}
