//! The machine that runs a program: it tries the ways in the order of preference, and goes back where one fails.

use std::ops::RangeInclusive;

use regex_syntax::hir::Look;

use super::program::{ANYTHING, Op, Program, Yield};
use crate::{
    detect::entropy::is_word,
    model::Span,
    rules::shape::{ByteSet, has},
};

/// Where to go on should a way fail.
#[derive(Clone, Copy, Debug)]
struct Retry {
    op: u32,
    at: usize,
    secret: Span,
    more: More,
}

/// What else a run could take.
#[derive(Clone, Copy, Debug)]
enum More {
    /// It is no run.
    None,
    /// It may go back to there, to where a byte of that set comes next.
    BackTo(usize, u16),
    /// It may go on to there, by bytes of the first set, to where one of the second comes next.
    OnTo(usize, u16, u16),
}

impl More {
    /// Whether there is nothing else to take from a place on.
    fn ends_at(self, at: usize) -> bool {
        match self {
            Self::None => true,
            Self::BackTo(last, _) | Self::OnTo(last, ..) => at == last,
        }
    }
}

/// What the machine remembers while it runs; kept for its memory.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    retries: Vec<Retry>,
}

/// What stands for a secret where a match has none of its own.
pub(super) const NO_SECRET: Span = Span { start: usize::MAX, end: usize::MAX };

/// What became of a try.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// It matched: where the match ends, and the secret or [`NO_SECRET`].
    Found(usize, Span),
    /// No way matches.
    Nothing,
    /// It took more steps than it was given.
    Exhausted,
}

impl Machine {
    /// Tries the program from `start`, with no byte from `end` on taken. `steps` are what it may take.
    pub(super) fn run(
        &mut self,
        program: &Program,
        text: &[u8],
        start: usize,
        end: usize,
        steps: &mut usize,
    ) -> Outcome {
        self.retries.clear();
        let mut way = Way { program, text, end, op: 0, at: start, secret: NO_SECRET, passed: 0 };
        loop {
            let before = way.at;
            let went = way.step(&mut self.retries);
            let taken = way.at.saturating_sub(before) + std::mem::take(&mut way.passed);
            let Some(left) = steps.checked_sub(1 + taken) else { return Outcome::Exhausted };
            *steps = left;
            match went {
                Went::On => {}
                Went::Through => return Outcome::Found(way.at, way.secret),
                Went::Nowhere => {
                    if !way.back(&mut self.retries) {
                        return Outcome::Nothing;
                    }
                }
            }
        }
    }
}

/// Where a step led.
enum Went {
    On,
    Through,
    Nowhere,
}

/// A way through a program, as far as it has come.
struct Way<'p> {
    program: &'p Program,
    text: &'p [u8],
    end: usize,
    op: u32,
    at: usize,
    secret: Span,
    /// Places looked at and passed over, not yet counted.
    passed: usize,
}

impl<'p> Way<'p> {
    #[inline]
    fn step(&mut self, retries: &mut Vec<Retry>) -> Went {
        let op = self.program.ops[self.op as usize];
        self.op += 1;
        let goes_on = match op {
            Op::Byte(byte) => self.take(|b| b == byte),
            Op::Set(set) => {
                let set = self.set(set);
                self.take(|b| has(set, b))
            }
            Op::Run { set, min, max, yields, next } => {
                self.run((set, next), min as usize..=max as usize, yields, retries)
            }
            Op::Either([first, second], firsts) => {
                let [leads, may_lead] = firsts.map(|first| self.is_next(first));
                if leads && may_lead {
                    retries.push(Retry { op: second, at: self.at, secret: self.secret, more: More::None });
                }
                self.op = if leads { first } else { second };
                leads || may_lead
            }
            Op::Jump(to) => {
                self.op = to;
                true
            }
            Op::SecretStart => {
                self.secret.start = self.at;
                true
            }
            Op::SecretEnd => {
                self.secret.end = self.at;
                true
            }
            Op::Look(look) => self.holds(look),
            Op::Match => return Went::Through,
        };
        if goes_on { Went::On } else { Went::Nowhere }
    }

    fn take(&mut self, fits: impl Fn(u8) -> bool) -> bool {
        let fits = self.at < self.end && fits(self.text[self.at]);
        self.at += usize::from(fits);
        fits
    }

    fn run(
        &mut self,
        (set, next): (u16, u16),
        count: RangeInclusive<usize>,
        yields: Yield,
        retries: &mut Vec<Retry>,
    ) -> bool {
        let bytes = self.set(set);
        let (least, most) = (self.at + count.start(), self.end.min(self.at.saturating_add(*count.end())));
        let wanted = if yields == Yield::More { most.min(least) } else { most };
        let rest = &self.text[self.at..wanted];
        self.at += rest.iter().position(|&b| !has(bytes, b)).unwrap_or(rest.len());
        if self.at < least {
            return false;
        }
        let more = match yields {
            Yield::Never => More::BackTo(self.at, next),
            Yield::Less => More::BackTo(least, next),
            Yield::More => More::OnTo(most, set, next),
        };
        let fits = self.seek(more);
        if fits && !more.ends_at(self.at) {
            retries.push(Retry { op: self.op, at: self.at, secret: self.secret, more });
        }
        fits
    }

    /// Goes to the first place where what may come next does; from here on, and here if it does.
    fn seek(&mut self, more: More) -> bool {
        match more {
            More::None => true,
            More::BackTo(least, next) => loop {
                if self.is_next(next) {
                    return true;
                }
                if self.at == least {
                    return false;
                }
                self.at -= 1;
                self.passed += 1;
            },
            More::OnTo(most, set, next) => loop {
                if self.is_next(next) {
                    return true;
                }
                if self.at == most || !has(self.set(set), self.text[self.at]) {
                    return false;
                }
                self.at += 1;
            },
        }
    }

    /// Whether the byte here is in a set, or need not be.
    #[inline]
    fn is_next(&self, set: u16) -> bool {
        set == ANYTHING || self.at < self.end && has(self.set(set), self.text[self.at])
    }

    /// Takes up the last way that was left; false where there is none.
    fn back(&mut self, retries: &mut Vec<Retry>) -> bool {
        while let Some(retry) = retries.last_mut() {
            (self.op, self.at, self.secret) = (retry.op, retry.at, retry.secret);
            let more = retry.more;
            let goes = match more {
                More::None => true,
                More::BackTo(..) => {
                    self.at -= 1;
                    true
                }
                More::OnTo(_, set, _) => {
                    let set = self.set(set);
                    self.take(|b| has(set, b))
                }
            };
            let fits = goes && self.seek(more);
            self.passed += self.at.saturating_sub(retry.at);
            retry.at = self.at;
            if !fits || more.ends_at(self.at) {
                retries.pop();
            }
            if fits {
                return true;
            }
        }
        false
    }

    fn set(&self, set: u16) -> &'p ByteSet {
        &self.program.sets[usize::from(set)]
    }

    /// Whether an assertion holds here; it sees the bytes outside the window.
    fn holds(&self, look: Look) -> bool {
        let before = self.at.checked_sub(1).map(|at| self.text[at]);
        let after = self.text.get(self.at).copied();
        let is_edge = || before.is_some_and(is_word) != after.is_some_and(is_word);
        match look {
            Look::Start => before.is_none(),
            Look::End => after.is_none(),
            Look::StartLF => before.is_none_or(|b| b == b'\n'),
            Look::EndLF => after.is_none_or(|b| b == b'\n'),
            Look::WordAscii => is_edge(),
            // The compiler lets no other through.
            _ => !is_edge(),
        }
    }
}
