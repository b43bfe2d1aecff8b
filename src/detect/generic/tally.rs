//! How many bytes of each sort a text has, counted in one pass.

/// Sorts of bytes that some number asks about.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Sort {
    Lower,
    Upper,
    Digit,
    Zero,
    SmallX,
    LargeX,
    Space,
    High,
    Dot,
    Dash,
    Underscore,
    Dollar,
    Bracket,
    Percent,
    Angle,
    Backslash,
    Slash,
    Star,
    Hash,
    /// All others.
    Symbol,
}

use Sort::{Dash, Digit, Dot, Hash, High, LargeX, Lower, SmallX, Space, Star, Symbol, Underscore, Upper, Zero};

const SORTS: [Sort; 256] = {
    let mut table = [Symbol; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'x' => SmallX,
            b'X' => LargeX,
            b'0' => Zero,
            b'a'..=b'z' => Lower,
            b'A'..=b'Z' => Upper,
            b'1'..=b'9' => Digit,
            b' ' | b'\t' => Space,
            0x80.. => High,
            b'.' => Dot,
            b'-' => Dash,
            b'_' => Underscore,
            b'$' => Sort::Dollar,
            b'{' | b'}' | b'[' | b']' | b'(' | b')' => Sort::Bracket,
            b'%' => Sort::Percent,
            b'<' | b'>' => Sort::Angle,
            b'\\' => Sort::Backslash,
            b'/' => Sort::Slash,
            b'*' => Star,
            b'#' => Hash,
            _ => Symbol,
        };
        byte += 1;
    }
    table
};

/// Counts by sort.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    counts: [u16; Symbol as usize + 1],
    all: u16,
}

impl Tally {
    /// Counts the bytes of a text, which is no longer than values are.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut counts = [0_u16; Symbol as usize + 1];
        for &byte in text {
            let count = &mut counts[SORTS[usize::from(byte)] as usize];
            *count = count.wrapping_add(1);
        }
        Self { counts, all: text.len() as u16 }
    }

    /// How many are of one sort.
    pub(super) fn count(&self, sort: Sort) -> f32 {
        f32::from(self.counts[sort as usize])
    }

    fn sum<const N: usize>(&self, sorts: [Sort; N]) -> usize {
        sorts.iter().map(|&sort| usize::from(self.counts[sort as usize])).sum()
    }

    pub(super) fn lower(&self) -> usize {
        self.sum([Lower, SmallX])
    }

    pub(super) fn upper(&self) -> usize {
        self.sum([Upper, LargeX])
    }

    pub(super) fn digits(&self) -> usize {
        self.sum([Digit, Zero])
    }

    pub(super) fn space(&self) -> usize {
        self.sum([Space])
    }

    pub(super) fn high(&self) -> usize {
        self.sum([High])
    }

    /// What is neither letter, digit, blank nor beyond ASCII.
    pub(super) fn symbols(&self) -> usize {
        usize::from(self.all) - self.lower() - self.upper() - self.digits() - self.space() - self.high()
    }

    /// What stands for characters that are not shown.
    pub(super) fn masks(&self) -> usize {
        self.sum([SmallX, LargeX, Star, Dot, Zero, Dash, Hash, Underscore])
    }

    /// Whether there are only letters, digits and `_`.
    pub(super) fn is_word(&self) -> bool {
        self.lower() + self.upper() + self.digits() + self.sum([Underscore]) == usize::from(self.all)
    }
}
