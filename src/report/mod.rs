//! Findings become bytes in one of the formats.
