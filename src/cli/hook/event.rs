//! `Event`: the moments at which git runs a hook of ours.

use clap::ValueEnum;

/// A hook of git's that `stanch` can be.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Event {
    /// Before a commit: what is staged
    PreCommit,
    /// Before a merge that went clean is committed (git runs no pre-commit then)
    PreMergeCommit,
    /// The message of a commit
    CommitMsg,
    /// Before a push: what the remote has not
    PrePush,
    /// On a server, before anything of a push is taken
    PreReceive,
    /// On a server, once for each ref of a push
    Update,
}

impl Event {
    /// What a developer's clone needs.
    pub(crate) const CLIENT: [Self; 4] = [Self::PreCommit, Self::PreMergeCommit, Self::CommitMsg, Self::PrePush];
    /// What a server's repository needs.
    pub(crate) const SERVER: [Self; 1] = [Self::PreReceive];
    /// All.
    pub(crate) const ALL: [Self; 6] =
        [Self::PreCommit, Self::PreMergeCommit, Self::CommitMsg, Self::PrePush, Self::PreReceive, Self::Update];

    /// As git calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PreMergeCommit => "pre-merge-commit",
            Self::CommitMsg => "commit-msg",
            Self::PrePush => "pre-push",
            Self::PreReceive => "pre-receive",
            Self::Update => "update",
        }
    }

    /// Whether git tells it on standard input what it is about.
    pub(crate) fn reads_input(self) -> bool {
        matches!(self, Self::PrePush | Self::PreReceive)
    }

    /// What is stopped, for people.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            Self::PreCommit => "this commit",
            Self::PreMergeCommit => "this merge",
            Self::CommitMsg => "the commit message",
            Self::PrePush | Self::PreReceive | Self::Update => "this push",
        }
    }
}
