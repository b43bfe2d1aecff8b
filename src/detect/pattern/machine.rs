//! The machine that runs a program: it tries the ways in the order of preference, and goes back where one fails.

use regex_syntax::hir::Look;

use super::program::{Op, Program, Yield};
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
    /// It may go back to there.
    BackTo(usize),
    /// It may go on to there, by bytes of that set.
    OnTo(usize, u16),
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
        let mut way = Way { program, text, end, op: 0, at: start, secret: NO_SECRET };
        loop {
            let before = way.at;
            let went = way.step(&mut self.retries);
            let Some(left) = steps.checked_sub(1 + way.at.saturating_sub(before)) else { return Outcome::Exhausted };
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
            Op::Run { set, min, max, yields } => self.run(set, min as usize, max as usize, yields, retries),
            Op::Either(first, second) => {
                retries.push(Retry { op: second, at: self.at, secret: self.secret, more: More::None });
                self.op = first;
                true
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

    fn run(&mut self, set: u16, min: usize, max: usize, yields: Yield, retries: &mut Vec<Retry>) -> bool {
        let bytes = self.set(set);
        let most = self.end.min(self.at.saturating_add(max));
        let wanted = if yields == Yield::More { most.min(self.at.saturating_add(min)) } else { most };
        let rest = &self.text[self.at..wanted];
        let taken = rest.iter().position(|&b| !has(bytes, b)).unwrap_or(rest.len());
        let least = self.at + min;
        self.at += taken;
        if taken < min {
            return false;
        }
        let more = match yields {
            Yield::Less if self.at > least => More::BackTo(least),
            Yield::More if self.at < most => More::OnTo(most, set),
            _ => return true,
        };
        retries.push(Retry { op: self.op, at: self.at, secret: self.secret, more });
        true
    }

    /// Takes up the last way that was left; false where there is none.
    fn back(&mut self, retries: &mut Vec<Retry>) -> bool {
        while let Some(retry) = retries.last_mut() {
            (self.op, self.at, self.secret) = (retry.op, retry.at, retry.secret);
            let is_last = match retry.more {
                More::None => true,
                More::BackTo(least) => {
                    self.at -= 1;
                    self.at == least
                }
                More::OnTo(most, set) => {
                    if !has(&self.program.sets[usize::from(set)], self.text[self.at]) {
                        retries.pop();
                        continue;
                    }
                    self.at += 1;
                    self.at == most
                }
            };
            retry.at = self.at;
            if is_last {
                retries.pop();
            }
            return true;
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
