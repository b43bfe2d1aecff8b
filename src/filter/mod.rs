//! A candidate becomes a finding, or is suppressed with a reason.

pub mod allowlist;
pub mod inline;

pub use allowlist::{AllowEntry, AllowError, Allowlist};
