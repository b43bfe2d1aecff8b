//! A candidate becomes a finding, or is suppressed with a reason.

pub mod allowlist;
pub mod baseline;
pub mod inline;
mod peers;

pub use allowlist::{AllowEntry, AllowError, Allowlist};
pub use baseline::{Baseline, BaselineError, Baselines, Known};

/// Whether a text is a day of the calendar as `YYYY-MM-DD`.
#[must_use]
pub fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}
