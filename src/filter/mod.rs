//! A candidate becomes a finding, or is suppressed with a reason.

pub mod allowlist;
pub mod baseline;
pub mod inline;
mod peers;

pub use allowlist::{AllowEntry, AllowError, Allowlist};
pub use baseline::{Baseline, BaselineError, Baselines, Known};
