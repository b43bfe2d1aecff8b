//! Bytes in, candidates out; no input or output.

pub mod anchor;
pub mod runs;
pub mod simd;
pub mod table;
