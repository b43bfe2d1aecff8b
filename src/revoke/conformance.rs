//! Checking a receiver against the protocol.
pub struct Row;
pub fn conformance() {}
