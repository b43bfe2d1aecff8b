//! The vector forms of the anchor pass and of the run pass, each with a scalar twin as its oracle.

use std::ops::Range;
use std::sync::OnceLock;

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

/// Positions looked at before the candidates among them are compared; small, so that a short range sets up little.
const CHUNK: usize = 512;
/// Positions per mask word.
const BLOCK: usize = 64;
/// A position is judged by this many bytes behind it.
const LOOKAHEAD: usize = 3;

/// Offsets in a chunk. Writers put down a few too many and count only the good ones.
type Found = [u16; CHUNK + BLOCK];

/// Calls `sink` with each position of `range` whose bytes pass the filter, in order, and its folded four bytes.
///
/// `range` must leave three bytes: `range.end + 2 <= hay.len()`. A byte behind the end of `hay` reads as zero.
pub(super) fn candidates(
    level: Level,
    filter: Filter<'_>,
    hay: &[u8],
    range: Range<usize>,
    mut sink: impl FnMut(usize, u32),
) {
    let mut found: Found = [0; CHUNK + BLOCK];
    let mut base = range.start;
    // Whole blocks are read in place; what is left is read from a copy with zeros behind it.
    let direct = range.end.min(hay.len().saturating_sub(BLOCK + LOOKAHEAD));
    while base < direct {
        let len = (direct - base).next_multiple_of(BLOCK).min(CHUNK);
        let bytes = &hay[base..base + len + LOOKAHEAD];
        for &offset in chunk(level, filter, bytes, &mut found) {
            let at = base + usize::from(offset);
            if at >= range.end {
                return;
            }
            sink(at, folded(&bytes[usize::from(offset)..]));
        }
        base += len;
    }
    while base < range.end {
        let mut copy = [0; BLOCK + LOOKAHEAD];
        let len = (hay.len() - base).min(copy.len());
        copy[..len].copy_from_slice(&hay[base..base + len]);
        for &offset in chunk(level, filter, &copy, &mut found) {
            let at = base + usize::from(offset);
            if at >= range.end {
                return;
            }
            sink(at, folded(&copy[usize::from(offset)..]));
        }
        base += BLOCK;
    }
}

/// Four bytes, little-endian, each or-ed with 0x20; `bytes` holds at least four.
#[inline(always)]
fn folded(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) | 0x2020_2020
}

/// The candidates among the first `bytes.len() - LOOKAHEAD` positions, a multiple of [`BLOCK`] and at most [`CHUNK`].
fn chunk<'a>(level: Level, filter: Filter<'_>, bytes: &[u8], found: &'a mut Found) -> &'a [u16] {
    let n = match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => x86::avx2_chunk(filter, bytes, found),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => {
            let n = x86::avx512_chunk(filter, bytes, found);
            keep(bytes, found, n, |gram| filter.row_test(gram))
        }
        _ => scalar_chunk(filter, bytes, found),
    };
    let n = keep(bytes, found, n, |gram| filter.gram_test(gram));
    &found[..n]
}

/// Keeps of the first `n` offsets those that pass. No branch depends on the bytes: it would be mispredicted.
#[inline(always)]
fn keep(bytes: &[u8], found: &mut Found, n: usize, test: impl Fn(u32) -> usize) -> usize {
    let mut kept = 0;
    for i in 0..n {
        let offset = found[i];
        found[kept] = offset;
        kept += test(folded(&bytes[usize::from(offset)..usize::from(offset) + 4]));
    }
    kept
}

fn scalar_chunk(filter: Filter<'_>, bytes: &[u8], found: &mut Found) -> usize {
    let mut n = 0;
    for (offset, gram) in bytes.windows(1 + LOOKAHEAD).enumerate().take(CHUNK) {
        found[n] = offset as u16;
        n += filter.row_test(folded(gram));
    }
    n
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::table::{CLASS, Filter, HASH};
    use super::{BLOCK, Found, LOOKAHEAD, Level};

    #[expect(unsafe_code, reason = "calls code compiled for AVX2")]
    pub(super) fn avx2_chunk(filter: Filter<'_>, bytes: &[u8], found: &mut Found) -> usize {
        debug_assert!(Level::Avx2.is_here());
        assert!(bytes.len() % BLOCK == LOOKAHEAD && bytes.len() <= super::CHUNK + LOOKAHEAD);
        // SAFETY: `Level::Avx2` is only made where the processor has these features, and the length is as asked.
        unsafe { avx2_chunk_unchecked(filter, bytes, found) }
    }

    /// # Safety
    /// `bytes` holds a multiple of `BLOCK`, at most `CHUNK`, and `LOOKAHEAD` bytes more.
    #[expect(unsafe_code, reason = "reads by pointer")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2_chunk_unchecked(filter: Filter<'_>, bytes: &[u8], found: &mut Found) -> usize {
        let mut n = 0;
        let rows = filter.rows.as_ptr().cast::<i32>();
        for base in (0..bytes.len() - LOOKAHEAD).step_by(BLOCK) {
            let mut mask = 0_u64;
            for eight in (0..BLOCK).step_by(8) {
                // SAFETY: the last 16 bytes read start at 56 of the block and would end 5 behind the lookahead, so the
                // last eight are read from 5 bytes before.
                let passed = unsafe { avx2_eight(rows, bytes.as_ptr().add(base + eight)) };
                mask |= u64::from(passed) << eight;
            }
            n = super::flatten(mask, base, found, n);
        }
        n
    }

    #[expect(unsafe_code, reason = "calls code compiled for AVX-512")]
    pub(super) fn avx512_chunk(filter: Filter<'_>, bytes: &[u8], found: &mut Found) -> usize {
        debug_assert!(Level::Avx512.is_here());
        assert!(bytes.len() % BLOCK == LOOKAHEAD && bytes.len() <= super::CHUNK + LOOKAHEAD);
        // SAFETY: `Level::Avx512` is only used where the processor has these features, and the length is as asked.
        unsafe { avx512_chunk_unchecked(filter, bytes, found) }
    }

    /// Positions whose two pairs of neighbours occur in the sets; a look-up in 128 bytes is one instruction here.
    ///
    /// # Safety
    /// `bytes` holds a multiple of `BLOCK`, at most `CHUNK`, and `LOOKAHEAD` bytes more.
    #[expect(unsafe_code, reason = "reads and writes by pointer")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
    unsafe fn avx512_chunk_unchecked(filter: Filter<'_>, bytes: &[u8], found: &mut Found) -> usize {
        let (high, low, bit) = (load_table(&HIGH), load_table(&LOW), load_table(&BIT));
        let (ab, bc) = (load_table(filter.ab), load_table(filter.bc));
        // SAFETY: it has 64 bytes.
        let all_places = unsafe { _mm512_loadu_epi8(PLACES.as_ptr().cast()) };
        let mut n = 0;
        for base in (0..bytes.len() - LOOKAHEAD).step_by(BLOCK) {
            // SAFETY: two bytes behind the block are still in `bytes`.
            let [a, b, c] = [0, 1, 2].map(|i| unsafe { _mm512_loadu_epi8(bytes.as_ptr().add(base + i).cast()) });
            let first = _mm512_or_si512(look_up(high, a), look_up(low, b));
            let second = _mm512_or_si512(look_up(high, b), look_up(low, c));
            let mask = _mm512_test_epi8_mask(look_up(ab, first), look_up(bit, b))
                & _mm512_test_epi8_mask(look_up(bc, second), look_up(bit, c));
            let places = _mm512_maskz_compress_epi8(mask, all_places);
            let offset = _mm512_set1_epi16(base as i16);
            let low = _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(places)), offset);
            let count = mask.count_ones() as usize;
            // SAFETY: n is at most `base`, and `found` has room for a block behind the last.
            unsafe { _mm512_storeu_epi16(found.as_mut_ptr().add(n).cast(), low) };
            if count > 32 {
                let high = _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64::<1>(places)), offset);
                // SAFETY: as above.
                unsafe { _mm512_storeu_epi16(found.as_mut_ptr().add(n + 32).cast(), high) };
            }
            n += count;
        }
        n
    }

    #[inline]
    #[expect(unsafe_code, reason = "calls code compiled for AVX2")]
    pub(super) fn avx2_token_mask(block: &[u8; 64]) -> (u64, u64) {
        debug_assert!(Level::Avx2.is_here());
        // SAFETY: only used where the processor has AVX2.
        unsafe { avx2_token_mask_unchecked(block) }
    }

    #[expect(unsafe_code, reason = "reads by pointer")]
    #[target_feature(enable = "avx2")]
    fn avx2_token_mask_unchecked(block: &[u8; 64]) -> (u64, u64) {
        // A byte is a token byte if the sets of its two nibbles meet. The sign bit stands for digits alone.
        let high = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 1, -126, 4, 8, 4, 16, 0, 0, 0, 0, 0, 0, 0, 0));
        let low = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            -128 + 24,
            -128 + 28,
            -128 + 28,
            -128 + 28,
            -128 + 28,
            -128 + 28,
            -128 + 28,
            -128 + 28,
            -128 + 28,
            -128 + 28,
            28,
            5,
            4,
            7,
            5,
            13,
        ));
        let nibble = _mm256_set1_epi8(15);
        let (mut tokens, mut digits) = (0, 0);
        for half in 0..2 {
            // SAFETY: 32 bytes at 0 and at 32 lie in the block.
            let bytes = unsafe { _mm256_loadu_si256(block.as_ptr().add(32 * half).cast()) };
            let of_high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble));
            let of_low = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble));
            let both = _mm256_and_si256(of_high, of_low);
            let none = _mm256_cmpeq_epi8(both, _mm256_setzero_si256());
            tokens |= u64::from(!_mm256_movemask_epi8(none) as u32) << (32 * half);
            digits |= u64::from(_mm256_movemask_epi8(both) as u32) << (32 * half);
        }
        (tokens, digits)
    }

    type Wide = (__m512i, __m512i);

    const HIGH: [u8; 128] = classes(2, 0);
    const LOW: [u8; 128] = classes(0, 3);
    const BIT: [u8; 128] = bits();
    const PLACES: [u8; 64] = places();

    const fn classes(left: u32, right: u32) -> [u8; 128] {
        let mut table = [0; 128];
        let mut i = 0;
        while i < 128 {
            table[i] = CLASS[i] << left >> right;
            i += 1;
        }
        table
    }

    const fn bits() -> [u8; 128] {
        let mut table = [0; 128];
        let mut i = 0;
        while i < 128 {
            table[i] = 1 << (CLASS[i] & 7);
            i += 1;
        }
        table
    }

    const fn places() -> [u8; 64] {
        let mut table = [0; 64];
        let mut i = 0;
        while i < 64 {
            table[i] = i as u8;
            i += 1;
        }
        table
    }

    #[inline]
    #[expect(unsafe_code, reason = "reads by pointer")]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn load_table(table: &[u8; 128]) -> Wide {
        // SAFETY: both halves lie in the table.
        unsafe { (_mm512_loadu_epi8(table.as_ptr().cast()), _mm512_loadu_epi8(table.as_ptr().add(64).cast())) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn look_up(table: Wide, index: __m512i) -> __m512i {
        _mm512_permutex2var_epi8(table.0, index, table.1)
    }

    /// # Safety
    /// Eleven bytes can be read at `at`; `rows` has `ROWS_PADDED` bytes.
    #[inline]
    #[expect(unsafe_code, reason = "reads by pointer")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2_eight(rows: *const i32, at: *const u8) -> u32 {
        // SAFETY: bytes 0..8 and 3..11 are readable.
        let (low, high) = unsafe { (at.cast::<i64>().read_unaligned(), at.add(3).cast::<i64>().read_unaligned()) };
        // Lane 0 holds bytes 0..8, lane 1 bytes 3..11; each is spread to four overlapping groups of four bytes.
        let both = _mm256_set_epi64x(0, high, 0, low);
        let spread = _mm256_setr_epi8(
            0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6, 7,
        );
        let grams = _mm256_or_si256(_mm256_shuffle_epi8(both, spread), _mm256_set1_epi8(0x20));
        let hash = _mm256_mullo_epi32(_mm256_slli_epi32::<8>(grams), _mm256_set1_epi32(HASH as i32));
        let row = _mm256_srli_epi32::<19>(hash);
        // SAFETY: a row is below ROWS = 2^13, and the table has at least three bytes behind it.
        let bits = unsafe { _mm256_i32gather_epi32::<1>(rows, row) };
        let bit = _mm256_and_si256(_mm256_srli_epi32::<24>(grams), _mm256_set1_epi32(7));
        let sign = _mm256_sllv_epi32(bits, _mm256_sub_epi32(_mm256_set1_epi32(31), bit));
        _mm256_movemask_ps(_mm256_castsi256_ps(sign)) as u32
    }
}

/// Mask words made at a time.
pub(super) const MASKS: usize = 32;
/// Per 64 bytes: which are token bytes, and which of those are digits.
pub(super) type Masks = [(u64, u64); MASKS];

/// The masks of the first bytes of `bytes`, at most [`MASKS`] words; bits behind the end are unset.
pub(super) fn token_masks<'a>(level: Level, bytes: &[u8], masks: &'a mut Masks) -> &'a [(u64, u64)] {
    let (blocks, rest) = bytes[..bytes.len().min(64 * MASKS)].as_chunks::<64>();
    for (block, mask) in blocks.iter().zip(masks.iter_mut()) {
        *mask = token_mask(level, block);
    }
    let mut n = blocks.len();
    if !rest.is_empty() {
        let mut block = [0; 64];
        block[..rest.len()].copy_from_slice(rest);
        masks[n] = token_mask(level, &block);
        n += 1;
    }
    &masks[..n]
}

#[inline(always)]
fn token_mask(level: Level, block: &[u8; 64]) -> (u64, u64) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 | Level::Avx512 => x86::avx2_token_mask(block),
        _ => {
            let (mut tokens, mut digits) = (0, 0);
            for (i, &byte) in block.iter().enumerate() {
                tokens |= u64::from(is_token_byte(byte)) << i;
                digits |= u64::from(byte.is_ascii_digit()) << i;
            }
            (tokens, digits)
        }
    }
}

/// Appends `base` + the place of each set bit; returns the new count.
#[inline(always)]
fn flatten(mut mask: u64, base: usize, found: &mut Found, n: usize) -> usize {
    let count = mask.count_ones() as usize;
    // A branch per bit would be mispredicted at nearly every block; most blocks have at most two.
    for i in 0..2 {
        found[n + i] = (base + mask.trailing_zeros() as usize) as u16;
        mask &= mask.wrapping_sub(1);
    }
    let mut i = 2;
    while mask != 0 {
        found[n + i] = (base + mask.trailing_zeros() as usize) as u16;
        mask &= mask - 1;
        i += 1;
    }
    n + count
}
