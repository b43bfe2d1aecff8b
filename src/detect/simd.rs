//! The vector forms of the anchor pass and of the run pass, each with a scalar twin as its oracle.

use std::{cell::RefCell, ops::Range, sync::OnceLock};

use super::runs::is_token_byte;
use super::table::Filter;

/// An instruction set that the passes are written for. All give the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Any processor.
    Scalar,
    /// x86-64 with AVX2, BMI and POPCNT.
    Avx2,
    /// x86-64 with AVX-512 and its byte permutes and compressions (VBMI, VBMI2): Ice Lake, Zen 4 and later.
    Avx512,
}

impl Level {
    /// The fastest that this processor has; asked once.
    pub fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| Self::all().last().unwrap_or(Self::Scalar))
    }

    /// Every level that this processor has, slowest first.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        [Self::Scalar, Self::Avx2, Self::Avx512].into_iter().filter(|level| level.is_here())
    }

    /// Whether this processor has it.
    pub(super) fn is_here(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_here()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vbmi")
                    && is_x86_feature_detected!("avx512vbmi2")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// Positions looked at before the candidates among them are compared: each chunk costs a few mispredicted branches.
const CHUNK: usize = 2048;
/// Positions per mask word.
const BLOCK: usize = 64;
/// So many bytes behind the last block can be read; a position is judged by three.
const LOOKAHEAD: usize = 32;

/// Positions whose bytes pass the filter, in order, each with its folded four bytes, and for which grams they pass, see
/// [`Filter::near_test`].
pub(super) struct Candidates<'c> {
    hay: &'c [u8],
    base: usize,
    /// No position from here on counts.
    end: usize,
    entries: std::slice::Iter<'c, u16>,
}

impl Iterator for Candidates<'_> {
    type Item = (usize, u32, u16);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = *self.entries.next()?;
        let at = self.base + usize::from(entry & ((1 << GRAMS_AT) - 1));
        (at < self.end).then(|| (at, (near(self.hay, at) >> 16) as u32 | 0x2020_2020, entry >> GRAMS_AT))
    }
}

/// Calls `sink` with the candidates of one chunk of `range` after the other.
///
/// `range` must leave three bytes: `range.end + 2 <= hay.len()`. A byte behind the end of `hay` reads as zero.
pub(super) fn candidates(
    level: Level,
    filter: Filter<'_>,
    hay: &[u8],
    range: Range<usize>,
    sink: impl FnMut(Candidates<'_>),
) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => x86::avx2_candidates(filter, hay, range, sink),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => x86::avx512_candidates(filter, hay, range, sink),
        _ => pass(filter, hay, range, sink, |bytes, _, found| scalar_chunk(filter, bytes, found)),
    }
}

/// The two lists of offsets of one thread, kept because clearing them for each short range would cost more than the pass.
type Lists = [[u16; CHUNK + BLOCK]; 2];

thread_local! {
    static LISTS: RefCell<Box<Lists>> = RefCell::new(Box::new([[0; CHUNK + BLOCK]; 2]));
}

/// The pass itself, inlined into a form per instruction set.
///
/// `chunk(bytes, spare, found)` writes down which of the first `bytes.len() - LOOKAHEAD` positions, a multiple of
/// [`BLOCK`], pass the row test, and says how many. Both lists hold a block more than there are positions: writers put
/// down a few too many and count only the good ones.
#[inline(always)]
fn pass(
    filter: Filter<'_>,
    hay: &[u8],
    range: Range<usize>,
    sink: impl FnMut(Candidates<'_>),
    chunk: impl Fn(&[u8], &mut [u16], &mut [u16]) -> usize,
) {
    LISTS.with_borrow_mut(|lists| pass_with(lists, filter, hay, range, sink, chunk));
}

#[inline(always)]
fn pass_with(
    [spare, found]: &mut Lists,
    filter: Filter<'_>,
    hay: &[u8],
    range: Range<usize>,
    mut sink: impl FnMut(Candidates<'_>),
    chunk: impl Fn(&[u8], &mut [u16], &mut [u16]) -> usize,
) {
    let mut base = range.start;
    // Whole blocks are read in place; what is left is read from a copy with zeros behind it.
    let direct = range.end.min(hay.len().saturating_sub(BLOCK + LOOKAHEAD));
    while base < range.end {
        let mut copy = [0; BLOCK + LOOKAHEAD];
        let bytes = if base < direct {
            &hay[base..base + (direct - base).next_multiple_of(BLOCK).min(CHUNK) + LOOKAHEAD]
        } else {
            let len = (hay.len() - base).min(copy.len());
            copy[..len].copy_from_slice(&hay[base..base + len]);
            &copy[..]
        };
        let n = chunk(bytes, spare, found);
        let n = keep_grams(&found[..n], spare, |offset| filter.near_test(near(hay, base + offset)));
        if n > 0 {
            sink(Candidates { hay, base, end: range.end, entries: spare[..n].iter() });
        }
        base += bytes.len() - LOOKAHEAD;
    }
}

/// The bytes from two before `at` to six behind, little-endian; those outside of `hay` read as zero.
#[inline(always)]
fn near(hay: &[u8], at: usize) -> u64 {
    let start = at.wrapping_sub(2);
    if let Some(eight) = hay.get(start..).and_then(<[u8]>::first_chunk::<8>) {
        return u64::from_le_bytes(*eight);
    }
    let mut eight = [0; 8];
    for (i, byte) in eight.iter_mut().enumerate() {
        *byte = hay.get(start.wrapping_add(i)).copied().unwrap_or(0);
    }
    u64::from_le_bytes(eight)
}

/// Four bytes, little-endian, each or-ed with 0x20.
#[inline(always)]
fn folded(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) | 0x2020_2020
}

/// Copies the offsets that pass. No branch depends on the bytes: it would be mispredicted. The lists are apart because a
/// processor cannot know that a store into the list it reads from is never ahead of the reads.
#[inline(always)]
fn keep(from: &[u16], to: &mut [u16], test: impl Fn(usize) -> usize) -> usize {
    let to = &mut to[..from.len()];
    let mut kept = 0;
    for &offset in from {
        to[kept] = offset;
        kept += test(usize::from(offset)) & 1;
    }
    kept
}

/// In a list of offsets, those below [`CHUNK`] and [`BLOCK`], the bits from here on say for which grams they pass.
const GRAMS_AT: u32 = 12;
const _: () = assert!(CHUNK + BLOCK <= 1 << GRAMS_AT);

/// The same, and puts down with each offset what the test says of it.
#[inline(always)]
fn keep_grams(from: &[u16], to: &mut [u16], test: impl Fn(usize) -> u16) -> usize {
    let to = &mut to[..from.len()];
    let mut kept = 0;
    for &offset in from {
        let grams = test(usize::from(offset));
        to[kept] = offset | grams << GRAMS_AT;
        kept += usize::from(grams != 0);
    }
    kept
}

#[inline(always)]
fn scalar_chunk(filter: Filter<'_>, bytes: &[u8], found: &mut [u16]) -> usize {
    let mut n = 0;
    for (offset, gram) in bytes.windows(4).enumerate().take(bytes.len() - LOOKAHEAD) {
        found[n] = offset as u16;
        n += filter.row_test(folded([gram[0], gram[1], gram[2], gram[3]]));
    }
    n
}

#[cfg(target_arch = "x86_64")]
mod x86;

/// Mask words made at a time.
pub(super) const MASKS: usize = 32;
/// Per 64 bytes: which are token bytes, and which of those are digits.
pub(super) type Masks = (u64, u64);

/// The masks of the first bytes of `bytes`, as many as there is room for; bits behind the end are unset.
pub(super) fn token_masks<'a>(level: Level, bytes: &[u8], masks: &'a mut [Masks]) -> &'a [Masks] {
    let (blocks, rest) = bytes[..bytes.len().min(64 * masks.len())].as_chunks::<64>();
    masks_of(level, blocks, masks);
    let mut n = blocks.len();
    if !rest.is_empty() {
        let mut block = [0; 64];
        block[..rest.len()].copy_from_slice(rest);
        masks_of(level, &[block], &mut masks[n..]);
        n += 1;
    }
    &masks[..n]
}

#[inline(always)]
fn masks_of(level: Level, blocks: &[[u8; 64]], masks: &mut [(u64, u64)]) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => x86::avx2_token_masks(blocks, masks),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => x86::avx512_token_masks(blocks, masks),
        _ => blocks.iter().zip(masks).for_each(|(block, mask)| {
            *mask = (bits_where(block, is_token_byte), bits_where(block, |byte| byte.is_ascii_digit()));
        }),
    }
}

/// A bit per byte. The first loop becomes vector code on any processor that has some; the product brings the low bits of
/// eight bytes together.
#[inline(always)]
fn bits_where(block: &[u8; 64], test: impl Fn(u8) -> bool) -> u64 {
    let flags = block.map(|byte| u8::from(test(byte)));
    flags
        .as_chunks::<8>()
        .0
        .iter()
        .rev()
        .fold(0, |bits, eight| bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}
