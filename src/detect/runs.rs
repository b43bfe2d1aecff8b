//! Value runs: unbroken stretches of the bytes that tokens are made of, long enough and with a digit in them.
//!
//! More than nine in ten token formats hold such a run of 16 bytes or more, and in source code one is met every one or two
//! kilobytes, so a rule may look at runs first and for its context words only before them.
//!
//! The bytes become two bit words per 64 bytes, token bytes and digits (a nibble look-up on AVX2 and up). A run that
//! crosses words is carried as its start; runs inside a word are found by and-ing the word with itself shifted, which
//! leaves a bit only where enough neighbours are set, so that ordinary words cost nothing.
//!
//! `cargo bench --bench detect`, with boundaries, runs of 16: AVX2 7.6 GB/s on source code and on text, portable code
//! (SSE2, made vector code by the compiler) 3.0 GB/s.

use std::ops::Range;

use super::simd::{self, Level};

/// Which bytes pass a test, as a table: for where bytes are met one by one, a look-up is half the work of comparing.
macro_rules! byte_set {
    (|$byte:ident| $test:expr) => {{
        let mut set = [false; 256];
        let mut at = 0;
        while at < 256 {
            let $byte = at as u8;
            set[at] = $test;
            at += 1;
        }
        set
    }};
}
pub(super) use byte_set;

/// Mask words that suffice for most ranges.
const FEW: usize = 8;

/// A maximal stretch of token bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

/// Whether tokens are made of such bytes: `A`–`Z a`–`z 0`–`9 _ + / = . -`.
#[must_use]
#[inline(always)]
pub const fn is_token_byte(byte: u8) -> bool {
    // Without branches, so that the loop over a block can be made vector code.
    ((byte | 0x20).wrapping_sub(b'a') < 26)
        | (byte.wrapping_sub(b'-') < 13)
        | (byte == b'_')
        | (byte == b'+')
        | (byte == b'=')
}

/// The same by a look-up, for where bytes are met one by one.
#[must_use]
#[inline(always)]
pub fn is_token(byte: u8) -> bool {
    static TOKENS: [bool; 256] = byte_set!(|b| is_token_byte(b));
    TOKENS[usize::from(byte)]
}

/// The stretches of at least `least` bytes that pass the test, each as long as it goes.
///
/// Of any such stretch every `least`-th byte passes: from a byte that does not, the next possible end is known, so most
/// bytes of other text are never looked at.
pub fn stretches(bytes: &[u8], least: usize, test: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        while let Some(window) = bytes.get(start..start + least) {
            if let Some(stranger) = window.iter().rposition(|&byte| !test(byte)) {
                start += stranger + 1;
                continue;
            }
            let rest = &bytes[start + least..];
            let end = start + least + rest.iter().position(|&byte| !test(byte)).unwrap_or(rest.len());
            let found = start..end;
            start = end + 1;
            return Some(found);
        }
        None
    })
}

/// Whether a run may hold a value, or bytes may be one, and are not a path, a host name or a version: sixteen letters,
/// digits, `_` and `-` in a row, one of them a digit, or a `+`, which only base64 has.
#[must_use]
pub fn is_value_like(bytes: &[u8]) -> bool {
    stretches(bytes, 16, |byte| VALUE_BYTES[usize::from(byte)])
        .any(|stretch| bytes[stretch].iter().any(u8::is_ascii_digit))
        || memchr::memchr(b'+', bytes).is_some()
}

/// Letters, digits, `_` and `-`; a table, since there is a run every few hundred bytes.
static VALUE_BYTES: [bool; 256] = byte_set!(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');

/// Appends every run of at least `min_len` bytes, one of them a digit, that shares a byte with `range`; in order.
///
/// Runs are followed out of the range to their true ends, but not to before `floor`: where ranges ascend and each call's
/// floor is what the call before gave back, no byte is looked at twice, and no run is found twice. Gives back how far it
/// looked.
pub fn find_runs(hay: &[u8], range: Range<usize>, floor: usize, min_len: usize, out: &mut Vec<Run>) -> usize {
    find_runs_at(Level::best(), hay, range, floor, min_len, out)
}

/// [`find_runs`] with a given instruction set, for tests and benches; one that this processor lacks is passed over.
pub fn find_runs_at(
    level: Level,
    hay: &[u8],
    range: Range<usize>,
    floor: usize,
    min_len: usize,
    out: &mut Vec<Run>,
) -> usize {
    let level = if level.is_here() { level } else { Level::Scalar };
    let range = range.start.max(floor)..range.end.min(hay.len());
    if range.is_empty() {
        return floor;
    }
    let tokens = |bytes: &&u8| is_token_byte(**bytes);
    let mut start = range.start;
    if is_token_byte(hay[start]) {
        start -= hay[floor..start].iter().rev().take_while(tokens).count();
    }
    let mut end = range.end;
    if is_token_byte(hay[end - 1]) {
        end += hay[end..].iter().take_while(tokens).count();
    }
    let mut scan = Scan { min_len: min_len.max(1), start, digit: false, out };
    // Most ranges are short, and clearing room for many masks costs more than finding a few.
    let (mut few, mut many) = ([(0, 0); FEW], None);
    let masks: &mut [simd::Masks] = if end - start <= 64 * FEW { &mut few } else { many.insert([(0, 0); simd::MASKS]) };
    let mut base = start;
    while base < end {
        let words = simd::token_masks(level, &hay[base..end], masks);
        for &(tokens, digits) in words {
            scan.word(base, tokens, digits);
            base += 64;
        }
    }
    // Behind the end no bit is set; a run that fills the last word exactly is still open.
    scan.word(base, 0, 0);
    end
}

struct Scan<'a> {
    min_len: usize,
    /// Where the run that reaches the coming word started, or that word's own base.
    start: usize,
    /// Whether that run has a digit so far.
    digit: bool,
    out: &'a mut Vec<Run>,
}

impl Scan<'_> {
    #[inline(always)]
    fn word(&mut self, base: usize, tokens: u64, digits: u64) {
        if tokens == u64::MAX {
            self.digit |= digits != 0;
            return;
        }
        if digits == 0 && !self.digit {
            // Most words of prose: no run can end here, and one may begin.
            self.start = base + 64 - tokens.leading_ones() as usize;
            return;
        }
        let head = tokens.trailing_ones();
        let head_bits = !(u64::MAX << head);
        let end = base + head as usize;
        if end - self.start >= self.min_len && (self.digit || digits & head_bits != 0) {
            self.out.push(Run { start: self.start, end });
        }
        let tail = tokens.leading_ones();
        let tail_bits = !(u64::MAX >> tail);
        self.start = base + 64 - tail as usize;
        self.digit = digits & tail_bits != 0;
        let inner = tokens & !head_bits & !tail_bits;
        let starts = long_runs(inner, self.min_len);
        if starts != 0 {
            self.inner(base, inner, starts, digits);
        }
    }

    #[inline(never)]
    fn inner(&mut self, base: usize, tokens: u64, mut starts: u64, digits: u64) {
        while starts != 0 {
            let start = starts.trailing_zeros();
            let len = (tokens >> start).trailing_ones();
            // An inner run leaves a bit free at both ends of the word, so `len` is below 63.
            if digits >> start & !(u64::MAX << len) != 0 {
                self.out.push(Run { start: base + start as usize, end: base + (start + len) as usize });
            }
            starts &= u64::MAX << (start + len);
        }
    }
}

/// The bits that begin `min_len` or more set bits in a row.
#[inline(always)]
fn long_runs(bits: u64, min_len: usize) -> u64 {
    if min_len >= 64 {
        return 0;
    }
    if min_len == 16 {
        // What the detector asks for, without a loop.
        let two = bits & bits >> 1;
        let four = two & two >> 2;
        let eight = four & four >> 4;
        return eight & eight >> 8;
    }
    let (mut left, mut have) = (bits, 1);
    while have < min_len {
        let step = have.min(min_len - have);
        left &= left >> step;
        have += step;
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slow(hay: &[u8], range: Range<usize>, min_len: usize) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut at = 0;
        while at < hay.len() {
            let len = hay[at..].iter().take_while(|byte| is_token_byte(**byte)).count();
            let run = Run { start: at, end: at + len };
            let digit = hay[at..at + len].iter().any(u8::is_ascii_digit);
            if len >= min_len.max(1) && digit && run.start < range.end && run.end > range.start && !range.is_empty() {
                runs.push(run);
            }
            at += len.max(1);
        }
        runs
    }

    fn check(hay: &[u8], range: Range<usize>, min_len: usize) {
        let expect = slow(hay, range.clone(), min_len);
        for level in Level::all() {
            let mut runs = Vec::new();
            find_runs_at(level, hay, range.clone(), 0, min_len, &mut runs);
            assert_eq!(runs, expect, "{level:?} {range:?} {min_len}");
        }
    }

    #[test]
    fn every_byte_is_classed_alike() {
        let listed = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.-";
        assert!((0..=255).all(|byte| is_token_byte(byte) == listed.contains(&byte)));
        let mut hay = Vec::new();
        for byte in 0..=255 {
            hay.extend_from_slice(&[b' ', b'1', byte, b'1', b' ']);
        }
        check(&hay, 0..hay.len(), 1);
        check(&hay, 0..hay.len(), 3);
    }

    #[test]
    fn ends_and_lengths() {
        for len in 0..200 {
            for lead in [0, 1, 63, 64, 65] {
                for rest in [0, 1, 63] {
                    let mut hay = vec![b' '; lead];
                    hay.extend(std::iter::repeat_n(b'a', len));
                    if let Some(last) = hay.get_mut(lead..).and_then(<[u8]>::last_mut) {
                        *last = b'7';
                    }
                    hay.extend(std::iter::repeat_n(b'\n', rest));
                    for min_len in [1, 16, 63, 64, 100] {
                        check(&hay, 0..hay.len(), min_len);
                    }
                }
            }
        }
    }

    #[test]
    fn a_run_is_followed_out_of_the_range_but_found_once() {
        let hay = [&b" "[..], &[b'5'; 20_000], b" "].concat();
        let mut runs = Vec::new();
        let end = find_runs(&hay, 9000..9010, 0, 16, &mut runs);
        assert_eq!((end, runs.as_slice()), (20_001, &[Run { start: 1, end: 20_001 }][..]));
        assert_eq!(find_runs(&hay, 9500..9600, end, 16, &mut runs), end);
        find_runs(&hay, 20_001..20_002, end, 16, &mut runs);
        find_runs(&hay, 5..5, 0, 16, &mut runs);
        find_runs(&hay, hay.len()..hay.len() + 9, 0, 16, &mut runs);
        assert_eq!(runs.len(), 1);
    }

    #[test]
    fn paths_hosts_and_versions_are_no_values() {
        for no in
            ["//github.com/some-body/library/pull/1234", "x-1.22.333-beta.4444/5.6", "a=b/c1", "aaaaaaaaaaaaaaaaaaa"]
        {
            assert!(!is_value_like(no.as_bytes()), "{no}");
        }
        for yes in ["0123456789abcdef", "x/0123456789abcdef.y", "KEY=abcdefgh01234567==", "a1+b/c"] {
            assert!(is_value_like(yes.as_bytes()), "{yes}");
        }
    }

    #[test]
    fn stretches_are_as_long_as_they_go() {
        let found = |text: &str| {
            let found = stretches(text.as_bytes(), 3, |byte| byte == b'a');
            found.map(|range| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert_eq!(found("aa.aaa"), [(3, 6)]);
        assert_eq!(found("aaa.aaaab.aa.baaa"), [(0, 3), (4, 8), (14, 17)]);
        assert_eq!(found("aa"), []);
        assert_eq!(found(""), []);
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'Z'), Just(b'_'), Just(b'/')], 0..90),
            3 => proptest::collection::vec(prop_oneof![9 => Just(b'b'), 1 => Just(b'0')], 0..90),
            3 => proptest::collection::vec(any::<u8>(), 0..5),
            1 => proptest::collection::vec(any::<u8>(), 0..80),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn same_as_byte_by_byte(hay in bytes(), a in 0_usize..1500, len in 0_usize..1500, min_len in 0_usize..80) {
            check(&hay, 0..hay.len(), min_len);
            check(&hay, a.min(hay.len())..(a + len).min(hay.len()), min_len);
        }
    }
}
