//! Where bytes come from; knows no rules and no findings.

pub mod asset;
pub mod git;
mod mapped;
pub mod read;
pub mod text;
pub mod tree;
