//! What may stand just before and behind a keyword where one of its rules comes true: told where the keyword is met, most
//! of what begins like a key (`pat` in `path`, `ion_` in `action_view`) is never looked at again.

use super::{
    rule::Gate,
    shape::{ByteSet, is_word, set_of, union},
    table::Owner,
};

/// Bytes behind a keyword that are looked at, at most.
pub const BEHIND: usize = 4;

/// Words that may be joined to a provider's name: `slacktoken`.
pub const SUFFIXES: &[&[u8]] =
    &[b"key", b"api", b"token", b"secret", b"auth", b"id", b"access", b"client", b"app", b"pass", b"pat", b"url"];

const ANY: ByteSet = [u64::MAX; 4];

/// The bytes that may stand round a keyword; text may also begin or end there. Whether a letter may stand beside a word
/// depends on the case of the word's own, so there are two sets each: beside a byte without and with bit 5, which small
/// letters have and capitals have not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Around {
    /// The byte before.
    pub before: [ByteSet; 2],
    /// Each of the first bytes behind,
    pub after: [ByteSet; 2],
    /// so many of them, at most [`BEHIND`].
    pub behind: usize,
}

impl Around {
    /// Anything.
    pub const ANYTHING: Self = Self { before: [ANY; 2], after: [ANY; 2], behind: 0 };

    /// What any of the rules of a keyword allows.
    #[must_use]
    pub fn of(keyword: &[u8], owners: impl Iterator<Item = Owner>) -> Self {
        let asked = owners.filter_map(|owner| Self::one(keyword, &owner));
        asked.reduce(Self::or).unwrap_or(Self::ANYTHING)
    }

    /// None where the rule never asks about the keyword.
    fn one(keyword: &[u8], owner: &Owner) -> Option<Self> {
        match owner.gate {
            Gate::Keyword => {
                let before = if owner.bounded { set_of(|b| !is_word(b)) } else { ANY };
                let behind = if owner.in_window { 0 } else { owner.follow_min.min(BEHIND) };
                let after = if behind > 0 { owner.follow } else { ANY };
                Some(Self { before: [before; 2], after: [after; 2], behind })
            }
            Gate::Context => Some(Self::whole(keyword)),
            Gate::Judge | Gate::Asset => None,
        }
    }

    /// Round a word that stands for itself.
    fn whole(keyword: &[u8]) -> Self {
        let begins_suffix = |b: u8| SUFFIXES.iter().any(|suffix| suffix[0] == b | 0x20);
        let (first, last) = (keyword.first().copied().unwrap_or(0), keyword.last().copied().unwrap_or(0));
        let mut around = Self { behind: 1, ..Self::ANYTHING };
        if first.is_ascii_alphabetic() {
            around.before = [set_of(|b| !b.is_ascii_uppercase()), set_of(|b| !b.is_ascii_alphabetic())];
        }
        if last.is_ascii_alphabetic() {
            let capital = set_of(|b| !b.is_ascii_alphabetic() || begins_suffix(b));
            let small = set_of(|b| !b.is_ascii_lowercase() || begins_suffix(b));
            around.after = [capital, small];
        }
        around
    }

    fn or(self, other: Self) -> Self {
        let both = |a: [ByteSet; 2], b: [ByteSet; 2]| [union(a[0], b[0]), union(a[1], b[1])];
        Self {
            before: both(self.before, other.before),
            after: both(self.after, other.after),
            behind: self.behind.min(other.behind),
        }
    }
}
