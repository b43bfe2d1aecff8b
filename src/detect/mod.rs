//! Bytes in, candidates out; no input or output.
pub mod generic;
