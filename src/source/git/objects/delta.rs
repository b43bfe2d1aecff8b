//! Pack deltas: a new version as copies from its base plus inserted bytes (`gitformat-pack`, "Deltified representation").

use super::object::Problem;

/// A piece of the base that stands in the child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Where in the child.
    pub at: usize,
    /// Where in the base.
    pub from: usize,
    /// How many bytes.
    pub len: usize,
}

impl Copied {
    /// One past its last byte in the child.
    #[must_use]
    pub fn end(self) -> usize {
        self.at + self.len
    }

    /// Puts it behind others, the last of which it may go on.
    #[inline]
    pub(crate) fn join(self, copies: &mut Vec<Self>, shortest: usize) {
        match copies.last_mut() {
            Some(last) if last.end() == self.at && last.from + last.len == self.from => last.len += self.len,
            Some(last) if last.len < shortest => *last = self,
            _ => copies.push(self),
        }
    }
}

/// Shorter pieces are taken for new bytes; no entry of a tree is shorter.
pub(super) const SHORTEST: usize = 24;

/// What a child has from its base.
#[derive(Clone, Copy, Debug)]
pub struct Delta<'a> {
    copies: &'a [Copied],
}

impl<'a> Delta<'a> {
    /// The pieces that the child has from its base, in the order of the child's bytes, but for very short ones; pieces that
    /// continue one another are one. What stands between them is new, or taken to be.
    pub fn copies(&self) -> &'a [Copied] {
        self.copies
    }

    /// Pieces that a test has made.
    #[cfg(test)]
    pub(crate) fn of(copies: &'a [Copied]) -> Self {
        Self { copies }
    }
}

enum Step {
    Copy { from: usize, len: usize },
    Insert(usize),
}

impl Step {
    /// The first instruction of `code` and what follows it. `None` at the end, and where the code is broken.
    #[inline]
    fn read(code: &[u8]) -> Option<(Self, &[u8])> {
        let (&first, rest) = code.split_first()?;
        if first & 0x80 == 0 {
            return (first != 0).then_some((Self::Insert(usize::from(first)), rest));
        }
        let given = first & 0x7f;
        let count = given.count_ones() as usize;
        let numbers = spread(rest.get(..count)?, rest.first_chunk(), given);
        let rest = &rest[count..];
        let (from, len) = (numbers & 0xffff_ffff, numbers >> 32);
        Some((Self::Copy { from: from as usize, len: if len == 0 { 0x1_0000 } else { len as usize } }, rest))
    }
}

/// Seven bytes, of which those that `given` has no bit for are zero and the others stand in `bytes`, which `eight` begins
/// with where there are so many. Without a branch on the bits, which no processor guesses.
#[inline]
fn spread(bytes: &[u8], eight: Option<&[u8; 8]>, given: u8) -> u64 {
    let mut packed = eight.map_or(0, |eight| u64::from_le_bytes(*eight));
    if eight.is_none() {
        packed = bytes.iter().rev().fold(0, |packed, &byte| packed << 8 | u64::from(byte));
    }
    let moves = &MOVES[usize::from(given & 0x7f)];
    (0..4).fold(0, |spread, run| spread | (packed & moves.masks[run]) << moves.shifts[run])
}

/// How packed bytes come to their places: bytes that stand side by side, here and there, move together. Of seven places
/// no more than four such runs can be given.
struct Moves {
    masks: [u64; 4],
    shifts: [u8; 4],
}

static MOVES: [Moves; 128] = moves();

const fn moves() -> [Moves; 128] {
    let mut all = [const { Moves { masks: [0; 4], shifts: [0; 4] } }; 128];
    let mut given = 0;
    while given < 128 {
        let (mut place, mut taken, mut run) = (0, 0, 0);
        while place < 7 {
            if given >> place & 1 == 1 {
                all[given].masks[run] |= 0xff << (8 * taken);
                all[given].shifts[run] = 8 * (place - taken) as u8;
                taken += 1;
            } else if run < 3 && all[given].masks[run] != 0 {
                run += 1;
            }
            place += 1;
        }
        given += 1;
    }
    all
}

/// A delta as it stands in a pack, inflated: not yet known to be sound.
pub(super) struct RawDelta<'a> {
    /// Bytes that the base must have.
    pub(super) base_len: u64,
    /// Bytes that the child will have.
    pub(super) child_len: u64,
    code: &'a [u8],
}

impl<'a> RawDelta<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Problem> {
        let bad = || Problem::corrupt("the delta has no sound header");
        let (base_len, rest) = read_size(bytes).ok_or_else(bad)?;
        let (child_len, code) = read_size(rest).ok_or_else(bad)?;
        Ok(Self { base_len, child_len, code })
    }

    /// Whether the instructions yield just `child_len` bytes; for children too large to try.
    pub(super) fn adds_up(&self) -> bool {
        let (mut sum, mut code) = (0u64, self.code);
        while let Some((step, rest)) = Step::read(code) {
            let (Step::Copy { len, .. } | Step::Insert(len)) = step;
            sum += len as u64;
            let used = if matches!(step, Step::Insert(_)) { len } else { 0 };
            let Some(rest) = rest.get(used..) else { break };
            code = rest;
        }
        sum == self.child_len
    }

    /// Writes the child into `child`, which has `child_len` bytes, and what it has from its base into `copies`.
    pub(super) fn apply<'c>(
        &self,
        base: &[u8],
        child: &mut [u8],
        copies: &'c mut Vec<Copied>,
    ) -> Result<Delta<'c>, Problem> {
        if base.len() as u64 != self.base_len {
            return Err(Problem::corrupt("the delta is against a base of another size"));
        }
        copies.clear();
        let mut code = self.code;
        let mut at = 0;
        while !code.is_empty() {
            at = run_step(&mut code, base, child, at, copies)
                .ok_or_else(|| Problem::corrupt("the delta has a bad instruction"))?;
        }
        if at != child.len() {
            return Err(Problem::corrupt("the delta makes fewer bytes than it says"));
        }
        if copies.last().is_some_and(|last| last.len < SHORTEST) {
            copies.pop();
        }
        Ok(Delta { copies })
    }
}

/// Runs the first instruction of `code`; the new end of the child, or `None` if a range lies outside.
#[inline]
fn run_step(code: &mut &[u8], base: &[u8], child: &mut [u8], at: usize, copies: &mut Vec<Copied>) -> Option<usize> {
    let (step, rest) = Step::read(code)?;
    match step {
        Step::Copy { from, len } => {
            let end = at.checked_add(len)?;
            put(base.get(from..)?, len, child.get_mut(at..)?)?;
            Copied { at, from, len }.join(copies, SHORTEST);
            *code = rest;
            Some(end)
        }
        Step::Insert(len) => {
            put(rest, len, child.get_mut(at..)?)?;
            *code = rest.get(len..)?;
            Some(at + len)
        }
    }
}

/// Copies the first `len` bytes of `from` to the front of `to`. May write up to 64 bytes, which later steps overwrite.
#[inline]
fn put(from: &[u8], len: usize, to: &mut [u8]) -> Option<()> {
    // Most instructions are short, and a copy of a fixed size costs a few moves instead of a call.
    if len <= 64
        && let (Some(from), Some(to)) = (from.first_chunk::<64>(), to.first_chunk_mut::<64>())
    {
        *to = *from;
        return Some(());
    }
    to.get_mut(..len)?.copy_from_slice(from.get(..len)?);
    Some(())
}

/// A size in groups of seven bits, the lowest first.
fn read_size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut size = 0u64;
    for (n, &byte) in bytes.iter().enumerate().take(9) {
        size |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((size, &bytes[n + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_bytes_come_to_their_places() {
        let packed = [1, 2, 3, 4, 5, 6, 7, 8];
        for given in 0..128u8 {
            let mut next = packed.iter();
            let places =
                [0, 1, 2, 3, 4, 5, 6, 7].map(|place| if given >> place & 1 == 1 { *next.next().unwrap() } else { 0 });
            let count = given.count_ones() as usize;
            assert_eq!(spread(&packed[..count], Some(&packed), given), u64::from_le_bytes(places), "{given:07b}");
            assert_eq!(spread(&packed[..count], None, given), u64::from_le_bytes(places), "{given:07b}");
        }
    }
}
