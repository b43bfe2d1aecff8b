//! `Coverage`: what was asked for, what was read; complete or not.

/// What a scan was asked to read and what it read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// What was asked for, in words: `tree .`, `range a..b, 3 commits`.
    pub asked: Vec<String>,
    /// Files, blobs or other items read.
    pub items: u64,
    /// Members found inside containers and read.
    pub members: u64,
    /// Bytes scanned, after unpacking.
    pub bytes: u64,
    /// Commits looked at, in a history scan.
    pub commits: u64,
}
