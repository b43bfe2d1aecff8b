//! The nouns; plain data that every other module speaks in.

mod blob;
mod coverage;
mod finding;
mod fingerprint;
mod location;
mod matches;
mod outcome;
mod provenance;
mod rule_info;
mod secret;
mod skipped;
mod verdict;

pub use blob::BlobId;
pub use coverage::Coverage;
pub use finding::{Excerpt, Finding, Occurrence, Suppressed, Suppression};
pub use fingerprint::{Fingerprint, FingerprintKey};
pub use location::{LineColumn, Location, Span};
pub use matches::{Candidate, Confidence, Note};
pub use outcome::{Outcome, Stats, UnusedAllow};
pub use provenance::{CommitInfo, ObjectPart, Original, Place, Provenance, Timestamp};
pub use rule_info::{Exposure, Kind, RuleInfo, Severity};
pub use secret::Secret;
pub use skipped::{SkipReason, Skipped};
pub use verdict::{UnknownReason, Verdict};
