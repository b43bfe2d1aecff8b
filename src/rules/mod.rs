//! Pattern files become a compiled rule set.

pub mod around;
mod builtin;
mod compile;
pub mod example;
pub mod import;
mod load;
pub mod rule;
pub mod shape;
pub mod syntax;
pub mod table;

pub use load::{Choice, LoadError, LoadedRule, RuleFile, RuleSet};
