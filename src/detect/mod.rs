//! Bytes in, candidates out; no input or output.
