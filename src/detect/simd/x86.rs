//! The AVX2 and AVX-512 forms of the two passes; all `unsafe` code of the detector is here.

use std::arch::x86_64::*;

use super::super::runs::is_token_byte;
use super::super::table::{CLASS, Filter};
use super::{BLOCK, Candidates, LOOKAHEAD, Level, folded, keep, pass};
use std::ops::Range;

#[expect(unsafe_code, reason = "calls code compiled for AVX2")]
pub(super) fn avx2_candidates(filter: Filter<'_>, hay: &[u8], range: Range<usize>, sink: impl FnMut(Candidates<'_>)) {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn inner(filter: Filter<'_>, hay: &[u8], range: Range<usize>, sink: impl FnMut(Candidates<'_>)) {
        pass(filter, hay, range, sink, |bytes, spare, found| {
            let n = avx2_chunk(filter, bytes, spare);
            // SAFETY: the offsets just written lie before the lookahead.
            unsafe { keep_rows(filter, bytes, &spare[..n], found) }
        });
    }
    debug_assert!(Level::Avx2.is_here());
    // SAFETY: the caller has asked the processor.
    unsafe { inner(filter, hay, range, sink) }
}

#[expect(unsafe_code, reason = "calls code compiled for AVX-512")]
pub(super) fn avx512_candidates(filter: Filter<'_>, hay: &[u8], range: Range<usize>, sink: impl FnMut(Candidates<'_>)) {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
    fn inner(filter: Filter<'_>, hay: &[u8], range: Range<usize>, sink: impl FnMut(Candidates<'_>)) {
        pass(filter, hay, range, sink, |bytes, spare, found| {
            let n = avx512_chunk(filter, bytes, spare);
            // SAFETY: the offsets just written lie before the lookahead.
            unsafe { keep_rows(filter, bytes, &spare[..n], found) }
        });
    }
    debug_assert!(Level::Avx512.is_here());
    // SAFETY: the caller has asked the processor.
    unsafe { inner(filter, hay, range, sink) }
}

/// The row test of the offsets in `from`.
///
/// # Safety
/// Each leaves four of `bytes`.
#[inline(always)]
#[expect(unsafe_code, reason = "reads by pointer")]
unsafe fn keep_rows(filter: Filter<'_>, bytes: &[u8], from: &[u16], to: &mut [u16]) -> usize {
    keep(from, to, |offset| {
        debug_assert!(offset + 4 <= bytes.len());
        // SAFETY: as asked; a checked read makes the whole pass a tenth slower.
        let gram = unsafe { bytes.as_ptr().add(offset).cast::<[u8; 4]>().read() };
        filter.row_test(folded(gram))
    })
}

/// What the chunk functions rely on: whole blocks, the lookahead behind them, and room for a block too many.
#[inline(always)]
fn check(bytes: &[u8], found: &[u16]) {
    assert!(bytes.len() % BLOCK == LOOKAHEAD && bytes.len() > BLOCK && found.len() >= bytes.len() - LOOKAHEAD + BLOCK);
}

/// Offsets of the positions whose two pairs of neighbours occur in the sets, by nibble look-ups.
#[inline]
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn avx2_chunk(filter: Filter<'_>, bytes: &[u8], found: &mut [u16]) -> usize {
    check(bytes, found);
    let (ab, bc) = (halves(filter.ab), halves(filter.bc));
    let mut n = 0;
    // SAFETY: the first block has 64 bytes.
    let mut here = unsafe { avx2_classes(bytes.as_ptr()) };
    for base in (0..bytes.len() - LOOKAHEAD).step_by(BLOCK) {
        _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(base + AHEAD).cast());
        // SAFETY: 32 bytes behind the block are still in `bytes`.
        let (middle, next) =
            unsafe { (avx2_classes(bytes.as_ptr().add(base + 32)), avx2_classes(bytes.as_ptr().add(base + 64))) };
        let low = avx2_pairs(&ab, &bc, here, middle);
        let high = avx2_pairs(&ab, &bc, middle, next);
        // SAFETY: n is at most `base`, and there is room for a block behind the last.
        n = unsafe { flatten(u64::from(high) << 32 | u64::from(low), base, found, n) };
        here = next;
    }
    n
}

/// Appends `base` + the place of each set bit; returns the new count.
///
/// # Safety
/// `found` has room for a block behind the `n` used.
#[inline]
#[expect(unsafe_code, reason = "writes by pointer")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn flatten(mask: u64, base: usize, found: &mut [u16], mut n: usize) -> usize {
    // A branch per bit, or on their number, would be mispredicted at every other block: always eight writes a byte.
    for eight in 0..8 {
        let byte = (mask >> (8 * eight)) as u8;
        // SAFETY: a row has eight bytes; at most `8 * eight` places were written before, so eight fit in the block.
        unsafe {
            let places = _mm_cvtepu8_epi16(_mm_loadl_epi64(BIT_PLACES[usize::from(byte)].as_ptr().cast()));
            let places = _mm_add_epi16(places, _mm_set1_epi16((base + 8 * eight) as i16));
            _mm_storeu_si128(found.as_mut_ptr().add(n).cast(), places);
        }
        n += byte.count_ones() as usize;
    }
    n
}

/// The places of the set bits of each byte.
static BIT_PLACES: [[u8; 8]; 256] = bit_places();

const fn bit_places() -> [[u8; 8]; 256] {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut n) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte][n] = bit;
                n += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
}

/// A set of pairs for byte shuffles: by the high bits of the second class, then by the high bit of the first.
type Halves = [[__m256i; 2]; 4];

#[inline]
#[target_feature(enable = "avx2")]
fn halves(set: &[u8; 128]) -> Halves {
    [0, 1, 2, 3].map(|group| [0, 16].map(|half| twice(&set[group * 32 + half..])))
}

#[inline]
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx2")]
fn twice(table: &[u8]) -> __m256i {
    let table = &table[..16];
    // SAFETY: it has 16 bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

/// `CLASS` of 32 bytes.
///
/// # Safety
/// 32 bytes can be read at `at`.
#[inline]
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx2")]
unsafe fn avx2_classes(at: *const u8) -> __m256i {
    // SAFETY: as asked.
    let bytes = unsafe { _mm256_loadu_si256(at.cast()) };
    let nibble = _mm256_and_si256(bytes, _mm256_set1_epi8(15));
    let from_space = _mm256_shuffle_epi8(twice(&CLASS[32..]), nibble);
    let from_zero = _mm256_shuffle_epi8(twice(&CLASS[48..]), nibble);
    // A blend looks at the top bit of each byte: bit 4, 5 and 6 are moved there in turn.
    let marks = _mm256_blendv_epi8(from_space, from_zero, _mm256_slli_epi16::<3>(bytes));
    let marks = _mm256_blendv_epi8(_mm256_setzero_si256(), marks, _mm256_slli_epi16::<2>(bytes));
    let letters = _mm256_and_si256(bytes, _mm256_set1_epi8(31));
    _mm256_blendv_epi8(marks, letters, _mm256_slli_epi16::<1>(bytes))
}

/// Which of 32 positions have both their pairs in the sets, from the classes there and behind.
#[inline]
#[target_feature(enable = "avx2")]
fn avx2_pairs(ab: &Halves, bc: &Halves, here: __m256i, next: __m256i) -> u32 {
    let across = _mm256_permute2x128_si256::<0x21>(here, next);
    let b = _mm256_alignr_epi8::<1>(across, here);
    let c = _mm256_alignr_epi8::<2>(across, here);
    let none = _mm256_or_si256(
        _mm256_cmpeq_epi8(avx2_in_set(ab, here, b), _mm256_setzero_si256()),
        _mm256_cmpeq_epi8(avx2_in_set(bc, b, c), _mm256_setzero_si256()),
    );
    !_mm256_movemask_epi8(none) as u32
}

/// Not zero where the pair of classes is in the set.
#[inline]
#[target_feature(enable = "avx2")]
fn avx2_in_set(set: &Halves, first: __m256i, second: __m256i) -> __m256i {
    // A shuffle gives zero where the top bit of the index is set: here for classes from 16 on, and below 16.
    let low = |class| _mm256_add_epi8(class, _mm256_set1_epi8(0x70));
    let high = |class| _mm256_sub_epi8(class, _mm256_set1_epi8(16));
    let bits = _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0));
    let later = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, -128));
    let (first_low, first_high) = (low(first), high(first));
    let (second_low, second_high) = (low(second), high(second));
    let group = |half: &[__m256i; 2], bit| {
        let allowed =
            _mm256_or_si256(_mm256_shuffle_epi8(half[0], first_low), _mm256_shuffle_epi8(half[1], first_high));
        _mm256_and_si256(allowed, bit)
    };
    let below = _mm256_or_si256(
        group(&set[0], _mm256_shuffle_epi8(bits, second_low)),
        group(&set[1], _mm256_shuffle_epi8(later, second_low)),
    );
    let above = _mm256_or_si256(
        group(&set[2], _mm256_shuffle_epi8(bits, second_high)),
        group(&set[3], _mm256_shuffle_epi8(later, second_high)),
    );
    _mm256_or_si256(below, above)
}

/// The same; a look-up in 128 bytes is one instruction here.
#[inline]
#[expect(unsafe_code, reason = "reads and writes by pointer")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
fn avx512_chunk(filter: Filter<'_>, bytes: &[u8], found: &mut [u16]) -> usize {
    check(bytes, found);
    let (high, low, bit) = (load_table(&HIGH), load_table(&CLASS), load_table(&BIT));
    let (ab, bc) = (load_table(filter.ab), load_table(filter.bc));
    // SAFETY: it has 64 bytes.
    let all_places = unsafe { _mm512_loadu_epi8(PLACES.as_ptr().cast()) };
    let mut n = 0;
    for base in (0..bytes.len() - LOOKAHEAD).step_by(BLOCK) {
        // The lists are worked off in bursts: without a hint the next chunk would be waited for.
        _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(base + AHEAD).cast());
        // SAFETY: two bytes behind the block are still in `bytes`.
        let [a, b, c] = [0, 1, 2].map(|i| unsafe { _mm512_loadu_epi8(bytes.as_ptr().add(base + i).cast()) });
        let first = _mm512_or_si512(look_up(low, a), look_up(high, b));
        let second = _mm512_or_si512(look_up(low, b), look_up(high, c));
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

#[expect(unsafe_code, reason = "calls code compiled for AVX2")]
pub(super) fn avx2_token_masks(blocks: &[[u8; 64]], masks: &mut [(u64, u64)]) {
    #[target_feature(enable = "avx2")]
    fn inner(blocks: &[[u8; 64]], masks: &mut [(u64, u64)]) {
        blocks.iter().zip(masks).for_each(|(block, mask)| *mask = avx2_token_mask(block));
    }
    debug_assert!(Level::Avx2.is_here());
    // SAFETY: only used where the processor has AVX2.
    unsafe { inner(blocks, masks) }
}

#[expect(unsafe_code, reason = "calls code compiled for AVX-512, and reads by pointer")]
pub(super) fn avx512_token_masks(blocks: &[[u8; 64]], masks: &mut [(u64, u64)]) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn inner(blocks: &[[u8; 64]], masks: &mut [(u64, u64)]) {
        let kinds = load_table(&TOKEN_KINDS);
        for (block, mask) in blocks.iter().zip(masks) {
            // SAFETY: a block has 64 bytes.
            let bytes = unsafe { _mm512_loadu_epi8(block.as_ptr().cast()) };
            // A look-up knows seven bits only.
            let ascii = !_mm512_movepi8_mask(bytes);
            let kind = look_up(kinds, bytes);
            let tokens = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(TOKEN as i8)) & ascii;
            *mask = (tokens, _mm512_test_epi8_mask(kind, _mm512_set1_epi8(DIGIT as i8)) & ascii);
        }
    }
    debug_assert!(Level::Avx512.is_here());
    // SAFETY: the caller has asked the processor.
    unsafe { inner(blocks, masks) }
}

/// The kinds of the ASCII bytes: a token's, a digit.
const TOKEN_KINDS: [u8; 128] = token_kinds();
const TOKEN: u8 = 1;
const DIGIT: u8 = 2;

const fn token_kinds() -> [u8; 128] {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        if is_token_byte(byte as u8) {
            table[byte] = TOKEN;
        }
        if (byte as u8).is_ascii_digit() {
            table[byte] |= DIGIT;
        }
        byte += 1;
    }
    table
}

#[inline]
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx2")]
fn avx2_token_mask(block: &[u8; 64]) -> (u64, u64) {
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

/// How far ahead bytes are asked for; a chunk or two.
const AHEAD: usize = 4096;

type Wide = (__m512i, __m512i);

const HIGH: [u8; 128] = high();
const BIT: [u8; 128] = bits();
const PLACES: [u8; 64] = places();

const fn high() -> [u8; 128] {
    let mut table = [0; 128];
    let mut i = 0;
    while i < 128 {
        table[i] = CLASS[i] >> 3 << 5;
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
