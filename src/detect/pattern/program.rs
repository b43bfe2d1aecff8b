//! A pattern as a small program of our own.
//!
//! The patterns of keys are short and tried at places that an anchor names, mostly in vain. A general engine takes a
//! millisecond to compile one and clears tables before each try; a program is compiled in microseconds and has no tables.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use crate::{
    detect::entropy::is_word,
    rules::shape::{self, ByteSet, has, union},
};

/// One step of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op {
    /// Takes one byte.
    Byte(u8),
    /// Takes one byte of the set of that number.
    Set(u16),
    /// Takes so many bytes of a set; what follows begins with one of another, see [`ANYTHING`].
    Run { set: u16, min: u32, max: u32, yields: Yield, next: u16 },
    /// Goes on at the first, and should that fail at the second; each begins with a byte of its set.
    Either([u32; 2], [u16; 2]),
    /// Goes on there.
    Jump(u32),
    /// The secret begins here.
    SecretStart,
    /// The secret ends here.
    SecretEnd,
    /// Takes nothing, where the assertion holds.
    Look(Look),
    /// All is found.
    Match,
}

/// In place of the number of a set: nothing is known of the next byte, or there may be none.
pub(super) const ANYTHING: u16 = u16::MAX;

/// What a run does where the rest of the program fails behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Yield {
    /// Nothing: it takes all it can, and with less the rest would fail as well.
    Never,
    /// It took all it could, and takes one less.
    Less,
    /// It took as little as it could, and takes one more.
    More,
}

/// A compiled pattern.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) ops: Vec<Op>,
    pub(super) sets: Vec<ByteSet>,
}

/// A pattern of more steps is left to the general engine.
const MOST_OPS: usize = 4096;

impl Program {
    /// Compiles a pattern; `None` where it holds what only the general engine does.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let mut program = Self::default();
        program.emit(hir)?;
        program.ops.push(Op::Match);
        for at in 0..program.ops.len() {
            program.ops[at] = program.settled(at);
        }
        for at in 0..program.ops.len() {
            program.look_ahead(at);
        }
        Some(program)
    }

    fn push(&mut self, op: Op) -> Option<()> {
        self.ops.push(op);
        (self.ops.len() <= MOST_OPS).then_some(())
    }

    fn set(&mut self, set: ByteSet) -> u16 {
        let known = self.sets.iter().position(|&known| known == set);
        let number = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        number as u16
    }

    fn here(&self) -> u32 {
        self.ops.len() as u32
    }

    fn emit(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => Some(()),
            HirKind::Literal(literal) => literal.0.iter().try_for_each(|&byte| self.push(Op::Byte(byte))),
            HirKind::Class(_) => {
                let set = one_byte(hir)?;
                let set = self.set(set);
                self.push(Op::Set(set))
            }
            HirKind::Look(look) => is_known(*look).then(|| self.push(Op::Look(*look)))?,
            HirKind::Capture(capture) if capture.name.as_deref() == Some("secret") => {
                self.push(Op::SecretStart)?;
                self.emit(&capture.sub)?;
                self.push(Op::SecretEnd)
            }
            HirKind::Capture(capture) => self.emit(&capture.sub),
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.emit(part)),
            HirKind::Alternation(parts) => self.alternation(parts),
            HirKind::Repetition(repetition) => self.repetition(repetition),
        }
    }

    fn alternation(&mut self, parts: &[Hir]) -> Option<()> {
        let (last, first) = parts.split_last()?;
        let mut leave = Vec::new();
        for part in first {
            let at = self.ops.len();
            self.push(either(self.here() + 1, 0))?;
            self.emit(part)?;
            leave.push(self.ops.len());
            self.push(Op::Jump(0))?;
            self.ops[at] = either(at as u32 + 1, self.here());
        }
        self.emit(last)?;
        for at in leave {
            self.ops[at] = Op::Jump(self.here());
        }
        Some(())
    }

    fn repetition(&mut self, repetition: &Repetition) -> Option<()> {
        let Repetition { min, max, greedy, ref sub } = *repetition;
        if let Some(set) = one_byte(sub) {
            let yields = if greedy { Yield::Less } else { Yield::More };
            let set = self.set(set);
            return self.push(Op::Run { set, min, max: max.unwrap_or(u32::MAX), yields, next: ANYTHING });
        }
        for _ in 0..min {
            self.emit(sub)?;
        }
        let optional = |go, leave| if greedy { either(go, leave) } else { either(leave, go) };
        let Some(max) = max else {
            // What can be empty would go round for ever.
            sub.properties().minimum_len().filter(|&least| least > 0)?;
            let round = self.ops.len();
            self.push(Op::Match)?;
            self.emit(sub)?;
            self.push(Op::Jump(round as u32))?;
            self.ops[round] = optional(round as u32 + 1, self.here());
            return Some(());
        };
        let mut tries = Vec::new();
        for _ in min..max {
            tries.push(self.ops.len());
            self.push(Op::Match)?;
            self.emit(sub)?;
        }
        for at in tries {
            self.ops[at] = optional(at as u32 + 1, self.here());
        }
        Some(())
    }

    /// The step, where it is a run that need not yield one that does not.
    fn settled(&self, at: usize) -> Op {
        match self.ops[at] {
            Op::Run { set, min, max, yields: Yield::Less, next }
                if min == max || self.is_final(&self.sets[usize::from(set)], min > 0, at + 1) =>
            {
                Op::Run { set, min, max, yields: Yield::Never, next }
            }
            op => op,
        }
    }

    /// Tells a step that has several ways to go on what the next byte must be for each.
    fn look_ahead(&mut self, at: usize) {
        match self.ops[at] {
            Op::Run { set, min, max, yields, .. } => {
                let next = self.first_at(at + 1);
                self.ops[at] = Op::Run { set, min, max, yields, next };
            }
            Op::Either(ways, _) => {
                let firsts = ways.map(|way| self.first_at(way as usize));
                self.ops[at] = Op::Either(ways, firsts);
            }
            _ => {}
        }
    }

    fn first_at(&mut self, at: usize) -> u16 {
        self.first(at).map_or(ANYTHING, |first| self.set(first))
    }

    /// The bytes with which what is taken from a step on begins; none where it may be nothing.
    fn first(&self, at: usize) -> Option<ByteSet> {
        match self.ops[at] {
            Op::Byte(byte) => Some(shape::set_of(|b| b == byte)),
            Op::Set(set) => Some(self.sets[usize::from(set)]),
            Op::Run { set, min, .. } => {
                let own = self.sets[usize::from(set)];
                if min > 0 { Some(own) } else { self.first(at + 1).map(|then| union(own, then)) }
            }
            Op::Either([one, other], _) => Some(union(self.first(one as usize)?, self.first(other as usize)?)),
            Op::Jump(to) => self.first(to as usize),
            Op::SecretStart | Op::SecretEnd | Op::Look(_) => self.first(at + 1),
            Op::Match => None,
        }
    }

    /// Whether what follows, at `next`, can only hold where a run of `set` has taken all it can. `some` says that the
    /// run takes a byte at least.
    fn is_final(&self, set: &ByteSet, some: bool, next: usize) -> bool {
        let is_apart = |other: u16| set.iter().zip(self.sets[usize::from(other)]).all(|(a, b)| a & b == 0);
        let is_final = |next| self.is_final(set, some, next);
        match self.ops[next] {
            Op::Byte(byte) => !has(set, byte),
            Op::Set(other) => is_apart(other),
            Op::Run { set: other, min, .. } => is_apart(other) && (min > 0 || is_final(next + 1)),
            Op::Either(ways, _) => ways.into_iter().all(|way| is_final(way as usize)),
            Op::Jump(to) => is_final(to as usize),
            Op::SecretStart | Op::SecretEnd => is_final(next + 1),
            // With less the word would go on on both sides.
            Op::Look(Look::WordAscii) => some && (0..=255).all(|byte| !has(set, byte) || is_word(byte)),
            Op::Look(look) => look == Look::End,
            // Nothing follows that could fail.
            Op::Match => true,
        }
    }
}

/// Goes on at the first, and should that fail at the second.
fn either(first: u32, second: u32) -> Op {
    Op::Either([first, second], [ANYTHING; 2])
}

fn is_known(look: Look) -> bool {
    matches!(look, Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::WordAscii | Look::WordAsciiNegate)
}

/// The bytes of a pattern that takes exactly one.
fn one_byte(hir: &Hir) -> Option<ByteSet> {
    let is_one = match hir.kind() {
        HirKind::Class(Class::Bytes(_)) => true,
        HirKind::Class(Class::Unicode(class)) => class.is_ascii(),
        HirKind::Literal(literal) => literal.0.len() == 1,
        _ => false,
    };
    is_one.then(|| shape::alphabet(hir))
}
