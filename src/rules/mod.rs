//! Pattern files become a compiled rule set.
