//! A candidate becomes a finding, or is suppressed with a reason.
