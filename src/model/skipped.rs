//! `Skipped`, `SkipReason`: what was not scanned, and why.

use bstr::BString;

/// Why something was not scanned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SkipReason {
    /// The system would not let us read it.
    Unreadable(String),
    /// It was listed and then gone.
    Vanished,
    /// It grew, shrank or was replaced while it was read.
    Changed,
    /// Larger than a limit; the limit and what sets it.
    TooLarge {
        /// Bytes.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A symbolic link, FIFO, socket or device.
    NotAFile(&'static str),
    /// An object that the repository should have and has not, or cannot decode.
    Corrupt(String),
    /// An object that a partial clone left at its remote.
    Promised,
    /// History ends here because the clone is shallow.
    Shallow(String),
    /// A container that could not be opened, or not to its end: broken, encrypted, a bomb.
    Container(String),
    /// A budget of the whole scan (objects, memory) ran out.
    Budget(String),
    /// The scan was stopped.
    Interrupted,
    /// Our own fault: one item panicked.
    Panicked(String),
}

impl SkipReason {
    /// A short name for machine formats.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Vanished => "vanished",
            Self::Changed => "changed",
            Self::TooLarge { .. } => "too_large",
            Self::NotAFile(_) => "not_a_file",
            Self::Corrupt(_) => "corrupt",
            Self::Promised => "promised",
            Self::Shallow(_) => "shallow",
            Self::Container(_) => "container",
            Self::Budget(_) => "budget",
            Self::Interrupted => "interrupted",
            Self::Panicked(_) => "panicked",
        }
    }

    /// Whether it leaves the scan incomplete whoever asked. Links, special files and what a container hides or breaks do
    /// not: they are listed, and count where the user named just that file.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !matches!(self, Self::NotAFile(_) | Self::Container(_))
    }
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::Vanished => write!(f, "vanished before it could be read"),
            Self::Changed => write!(f, "changed while it was read"),
            Self::TooLarge { size, limit } => write!(f, "{size} bytes is over the limit of {limit}"),
            Self::NotAFile(what) => write!(f, "is a {what}"),
            Self::Corrupt(why) => write!(f, "corrupt: {why}"),
            Self::Promised => write!(f, "left at the remote by a partial clone"),
            Self::Shallow(why) => write!(f, "the clone is shallow: {why}"),
            Self::Container(why) => write!(f, "container: {why}"),
            Self::Budget(why) => write!(f, "over a budget: {why}"),
            Self::Interrupted => write!(f, "the scan was stopped"),
            Self::Panicked(why) => write!(f, "a fault of stanch itself: {why}"),
        }
    }
}

/// One thing that was not scanned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Skipped {
    /// Path, member path or object, as raw bytes.
    pub what: BString,
    /// Why.
    pub reason: SkipReason,
    /// Whether the user asked for just this (then it always makes the scan incomplete).
    pub asked: bool,
}

impl Skipped {
    /// Whether it leaves the scan incomplete.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.asked || self.reason.is_incomplete()
    }
}
