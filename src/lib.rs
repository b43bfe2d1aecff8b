//! `stanch` finds leaked secrets in working trees, git history and what you ship to clients.
//!
//! # The map
//!
//! A layer may use only the layers below it (`tests/it/tidy.rs` checks it).
//!
//! | layer | module | what lives there |
//! |---|---|---|
//! | 5 | [`config`] | defaults, files, environment and flags become one `Config` |
//! | 5 | [`audit`] | many repositories, one report |
//! | 4 | [`scan`] | joins source, detect and filter; runs them in parallel |
//! | 3 | [`filter`] | a candidate becomes a finding, or is suppressed with a reason |
//! | 3 | [`report`] | findings become bytes in one of the formats |
//! | 3 | [`revoke`] | ask a webhook or a provider whether a secret is still live |
//! | 2 | [`detect`] | bytes in, candidates out; no input or output |
//! | 2 | [`source`] | where bytes come from: trees, git, containers; knows no rules and no findings |
//! | 1 | [`rules`] | pattern files become a compiled rule set |
//! | 0 | [`model`] | the nouns; plain data |
//!
//! The program (`src/main.rs`, `src/cli/`) is a crate of its own on top: the library cannot use it. Nothing in the
//! library prints, exits, or opens a socket except [`revoke`] and [`audit`], which only the program calls.

pub mod audit;
pub mod config;
pub mod detect;
pub mod filter;
pub mod model;
pub mod report;
pub mod revoke;
pub mod rules;
pub mod scan;
pub mod source;
