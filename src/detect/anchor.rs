//! One pass over the bytes: which keywords occur, and where.
//!
//! # How it works
//!
//! Each keyword is stood for by its *gram*: three of its bytes, and the fourth if it does not end there, chosen so that few
//! positions of ordinary source code and English pass the filter (`table.rs`). Bytes are folded by or-ing 0x20. A position
//! must then pass, in turn:
//!
//! 1. **Pairs** (vector forms only): its first and second, and second and third byte, by 5-bit class, are in two sets of
//!    32 × 32 bits. On AVX-512 a look-up in such a set is one byte permute, on AVX2 a dozen nibble shuffles. 9 % of English and 14 % of source pass.
//! 2. **Rows**: a 16 KB set of hashed grams, one load a position. 1.5 % pass.
//! 3. **Neighbours**: two bytes before and two behind the gram, against bits kept per gram. 0.5 % pass.
//! 4. **Compare**: `bytes | fold == text`, eight at a time, where `fold` is 0x20 for the letters of a caseless keyword.
//! 5. **Round** ([`Anchors::find`] alone): one byte before the keyword and four behind it, by sets that the keyword's rules
//!    leave, 64 of which one word per byte tells apart. In English a third of the anchors end here, in source more than half.
//!
//! Steps 2 and 3 copy offsets from list to list and have no branch on the data; that matters more than the work itself.
//! The filters 1 to 3 only ever let too much pass, so all forms give the same anchors as the compare alone would.
//!
//! # Figures
//!
//! `cargo bench --bench detect`, one core of an AMD EPYC (Zen 4) shared with other jobs, 1 415 caseless keywords; source
//! code of the package registry (121 MB, a hit per 280 B) and its documentation (60 MB, a hit per 85 B), GB/s:
//!
//! | | source | text |
//! |---|---|---|
//! | AVX-512 | 2.6 | 1.4 |
//! | AVX2 | 1.6 | 1.07 |
//! | scalar | 0.66 | 0.59 |
//! | `aho-corasick` DFA, caseless, overlapping | 0.40 | 0.34 |
//!
//! Without step 4 AVX-512 runs at 3.5 and 2.7: hits, not keywords, are what costs (about 20 ns each). A call on 96 bytes
//! takes 0.1 µs; the tables (111 KB) are built in 0.5 ms and borrowed in 3 µs.
//!
//! # What else was tried
//!
//! * Gathers from the rows at every position (AVX2): 0.9. Prefetching 4 KB ahead on AVX-512: + 15 %.
//! * Chunks of 1 KB instead of 2: − 3 %. Rows of 8 KB: − 8 %. Filtering one list in place: − 3 %.
//! * Grams picked by how rare their pairs are, not their three bytes: 12 and 17 % pass the pairs, − 8 %.
//! * No neighbour test: 1.75 instead of 2.05. Sixteen bits per neighbour instead of eight: no fewer candidates.
//! * A third pair (first and third byte, or third and fourth): 12 % become 10 %; not worth it.
//! * Comparing without branches on the result, by lists of (position, keyword): no faster, it only does more work.

use std::ops::Range;

use super::simd::{self, Level};
pub use super::table::{AnchorError, Keyword, MIN_KEYWORD};
use super::table::{Entries, Entry, Table, Word, gram_of, short_of};

/// One place where a keyword occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anchor {
    /// Byte offset of its first byte.
    pub start: usize,
    /// Its place in the list given to [`Anchors::build`].
    pub keyword: u32,
}

/// The keywords, ready to be looked for.
#[derive(Clone, Debug)]
pub struct Anchors {
    table: Table,
    level: Level,
}

impl Anchors {
    /// Makes the tables; the place of a keyword in `keywords` is its number in [`Anchor::keyword`].
    ///
    /// # Errors
    /// A keyword is shorter than [`MIN_KEYWORD`] or absurdly long, or there are too many.
    pub fn build(keywords: &[Keyword<'_>]) -> Result<Self, AnchorError> {
        Ok(Self { table: Table::build(keywords)?, level: Level::best() })
    }

    /// Reads what [`Anchors::to_bytes`] wrote, without copying.
    ///
    /// # Errors
    /// The bytes are not a whole table of this version.
    pub fn from_static(bytes: &'static [u8]) -> Result<Self, AnchorError> {
        Ok(Self { table: Table::from_static(bytes)?, level: Level::best() })
    }

    /// The tables as one block, the same on every machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.table.to_bytes()
    }

    /// How many keywords there are.
    pub fn len(&self) -> usize {
        self.table.keywords()
    }

    /// Whether there is no keyword at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same keywords searched with another instruction set, for tests and benches; one that this processor lacks
    /// is passed over.
    pub fn with_level(mut self, level: Level) -> Self {
        if level.is_here() {
            self.level = level;
        }
        self
    }

    /// Appends every occurrence that starts in `range`, overlapping ones included, sorted by start, then keyword.
    ///
    /// An occurrence may reach beyond `range.end`, up to the end of `hay`. Cheap enough to be called on ranges of a
    /// hundred bytes.
    pub fn find_all(&self, hay: &[u8], range: Range<usize>, out: &mut Vec<Anchor>) {
        self.find_where(hay, range, out, |_, _, _, _| true);
    }

    /// The same but for those round which stands what may not: none of their rules could come true.
    pub fn find(&self, hay: &[u8], range: Range<usize>, out: &mut Vec<Anchor>) {
        self.find_where(hay, range, out, |entries, hay, start, entry| entries.allows(hay, start, entry));
    }

    #[inline(always)]
    fn find_where(
        &self,
        hay: &[u8],
        range: Range<usize>,
        out: &mut Vec<Anchor>,
        allows: impl Fn(Entries<'_>, &[u8], usize, &Entry) -> bool,
    ) {
        let range = range.start..range.end.min(hay.len());
        if range.is_empty() || hay.len() - range.start < MIN_KEYWORD || self.is_empty() {
            return;
        }
        let grams = range.start..(range.end + self.table.before()).min(hay.len() - (MIN_KEYWORD - 1));
        let mut sorted = Sorted { first: out.len(), out, unsorted: false };
        let entries = self.table.entries();
        simd::candidates(self.level, self.table.filter(), hay, grams, |candidates| {
            for (at, gram, mut grams) in candidates {
                // Nearly always one.
                while grams != 0 {
                    let bucket = if grams & 1 == 0 { short_of(gram) } else { gram_of(gram) };
                    grams &= grams - 1;
                    for entry in entries.bucket(bucket).iter().map(Entry::read) {
                        // One compare: a start before the range wraps round to a huge number.
                        let start = at.wrapping_sub(entry.offset);
                        if range.contains(&start)
                            && matches(entries, &hay[start..], &entry)
                            && allows(entries, hay, start, &entry)
                        {
                            sorted.push(Anchor { start, keyword: entry.keyword });
                        }
                    }
                }
            }
        });
        sorted.finish();
    }
}

#[inline(always)]
fn matches(entries: Entries<'_>, here: &[u8], entry: &Entry) -> bool {
    let Some(head) = here.first_chunk::<8>() else {
        return here.len() >= entry.len && same(here, entry.head);
    };
    u64::from_le_bytes(*head) | entry.head.fold == entry.head.text
        && (entry.len <= 8 || rest_matches(entries, here, entry))
}

/// Whether the bytes of a long keyword behind its first eight stand `here`, too.
#[inline(never)]
fn rest_matches(entries: Entries<'_>, here: &[u8], entry: &Entry) -> bool {
    here.len() >= entry.len && entries.rest(entry).zip(here[8..].chunks(8)).all(|(word, bytes)| same(bytes, word))
}

/// Compares up to eight bytes; missing ones stand behind the keyword, where the word matches anything.
#[inline]
fn same(bytes: &[u8], word: Word) -> bool {
    let mut eight = [0; 8];
    let n = bytes.len().min(8);
    eight[..n].copy_from_slice(&bytes[..n]);
    u64::from_le_bytes(eight) | word.fold == word.text
}

/// Anchors come nearly sorted: grams are met in order, and a keyword starts a few bytes before its gram.
struct Sorted<'a> {
    out: &'a mut Vec<Anchor>,
    first: usize,
    unsorted: bool,
}

impl Sorted<'_> {
    /// More steps back than this happen only with crafted keywords; then one sort at the end keeps the cost bounded.
    const STEPS: usize = 16;

    #[inline]
    fn push(&mut self, anchor: Anchor) {
        let end = self.out.len();
        self.out.push(anchor);
        let floor = self.first.max(end.saturating_sub(Self::STEPS));
        let mut at = end;
        while at > floor && self.out[at - 1] > anchor {
            self.out[at] = self.out[at - 1];
            at -= 1;
        }
        self.out[at] = anchor;
        self.unsorted |= at == floor && at > self.first && self.out[at - 1] > anchor;
    }

    fn finish(self) {
        if self.unsorted {
            self.out[self.first..].sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::{AhoCorasick, AhoCorasickKind};
    use proptest::prelude::*;

    use super::*;
    use crate::rules::{around::Around, shape};

    type Words = Vec<(Vec<u8>, bool)>;

    /// What the `aho-corasick` crate finds, the two kinds of keywords apart.
    fn oracle(words: &Words, hay: &[u8], range: &Range<usize>) -> Vec<Anchor> {
        let mut found = Vec::new();
        for caseless in [false, true] {
            let (numbers, texts): (Vec<usize>, Vec<&[u8]>) = words
                .iter()
                .enumerate()
                .filter(|(_, word)| word.1 == caseless)
                .map(|(number, word)| (number, word.0.as_slice()))
                .unzip();
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(caseless).kind(Some(AhoCorasickKind::NoncontiguousNFA));
            let searcher = builder.build(texts).expect("a searcher");
            found.extend(
                searcher
                    .find_overlapping_iter(hay)
                    .filter(|hit| range.contains(&hit.start()))
                    .map(|hit| Anchor { start: hit.start(), keyword: numbers[hit.pattern().as_usize()] as u32 }),
            );
        }
        found.sort_unstable();
        found
    }

    fn check(words: &Words, hay: &[u8], range: Range<usize>) {
        let keywords: Vec<Keyword<'_>> =
            words.iter().map(|(text, caseless)| Keyword::anywhere(text, *caseless)).collect();
        let built = Anchors::build(&keywords).expect("good keywords");
        let loaded = Anchors::from_static(built.to_bytes().leak()).expect("its own bytes");
        let expect = oracle(words, hay, &range);
        for level in Level::all() {
            for anchors in [&built, &loaded] {
                let first = Anchor { start: usize::MAX, keyword: 7 };
                let mut out = vec![first];
                anchors.clone().with_level(level).find(hay, range.clone(), &mut out);
                assert_eq!(out[0], first, "what was there stays");
                assert_eq!(out[1..], expect, "{level:?} {range:?} {words:?}");
            }
        }
    }

    fn check_all(words: &Words, hay: &[u8]) {
        check(words, hay, 0..hay.len());
        check(words, hay, hay.len() / 3..hay.len() - hay.len() / 4);
    }

    fn words(list: &[&str], caseless: bool) -> Words {
        list.iter().map(|word| (word.as_bytes().to_vec(), caseless)).collect()
    }

    #[test]
    fn fold_is_only_of_letters() {
        // Each pair differs in bit 0x20 alone, as letters do.
        let list = words(
            &["a_b", "a\x7fb", "[key]", "{key}", "@@@", "```", "x\u{c9}y", "x\u{e9}y", "0123", "-----begin"],
            true,
        );
        let mut hay = b"a_b A_B a\x7fb [KEY] {Key} @@@ ``` 0123 \x10\x11\x12\x13 -----BEGIN \r\r\r\r\rbegin ".to_vec();
        hay.extend_from_slice("x\u{c9}y X\u{e9}Y".as_bytes());
        check_all(&list, &hay);
        let exact = list.into_iter().map(|(text, _)| (text, false)).collect();
        check_all(&exact, &hay);
    }

    #[test]
    fn nested_and_repeated_keywords() {
        let mut list = words(&["aaa", "aaaa", "aaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaa"], true);
        list.extend(words(&["aaa", "AAA", "aAaAaAaAa"], false));
        list.extend((1..40).map(|n| (vec![b'a'; 2 + n], n % 2 == 0)));
        check_all(&list, "aAaAaAaAa".repeat(30).as_bytes());
        check_all(&list, b"aa");
        check_all(&list, b"aaa");
    }

    #[test]
    fn far_apart_grams_come_out_sorted() {
        // The rare bytes of the long keyword stand behind many short keywords that start later.
        let mut list = words(&["eeeeeeeeeeeeeeeeeeeeqxzjq"], true);
        list.extend((0..30).map(|n| (vec![b'e'; 3 + n / 4], true)));
        check_all(&list, "eeeeeeeeeeeeeeeeeeeeeeeeeqxzjqee".repeat(20).as_bytes());
    }

    #[test]
    fn bad_keywords_and_bad_bytes_are_refused() {
        let keyword = |text| Keyword::anywhere(text, true);
        assert_eq!(Anchors::build(&[keyword(b"abc"), keyword(b"ab")]).err(), Some(AnchorError::TooShort(1)));
        let long = vec![b'x'; 5000];
        assert_eq!(Anchors::build(&[keyword(&long)]).err(), Some(AnchorError::TooLong(0)));
        let good =
            Anchors::build(&[keyword(b"abcdefghijklmnop"), keyword(b"token")]).expect("good keywords").to_bytes();
        for len in [0, 7, 8, 40, good.len() - 1] {
            assert_eq!(Anchors::from_static(good[..len].to_vec().leak()).err(), Some(AnchorError::Corrupt), "{len}");
        }
        for at in (0..64).chain(good.len() - 120..good.len()) {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            if let Ok(anchors) = Anchors::from_static(bad.leak()) {
                anchors.find(&b"abcdefghijklmnop token ".repeat(9), 0..200, &mut Vec::new());
            }
        }
        let none = Anchors::build(&[]).expect("no keywords");
        let mut out = Vec::new();
        none.find(&[b'a'; 300], 0..300, &mut out);
        assert!(none.is_empty() && out.is_empty());
    }

    #[test]
    fn ranges_outside_the_bytes_find_nothing() {
        let anchors = Anchors::build(&[Keyword::anywhere(b"token", true)]).expect("a keyword");
        let mut out = Vec::new();
        for (start, end) in [(9, 9), (30, 20), (40, 50), (5, usize::MAX), (usize::MAX, usize::MAX)] {
            let range = start..end;
            anchors.find(b"a token, a TOKEN, a toke", range, &mut out);
        }
        assert_eq!(out, [Anchor { start: 11, keyword: 0 }]);
    }

    #[test]
    fn thousand_keywords() {
        let list: Words = include_str!("../../benches/keywords.txt")
            .lines()
            .enumerate()
            .map(|(i, w)| (w.into(), i % 5 != 0))
            .collect();
        let mut hay = Vec::new();
        for (i, (word, _)) in list.iter().enumerate() {
            let upper = word.to_ascii_uppercase();
            hay.extend_from_slice(if i % 3 == 0 { &upper } else { word });
            hay.extend_from_slice(&b" = x_.\n"[..i % 8]);
        }
        check_all(&list, &hay);
    }

    #[test]
    fn what_stands_round_a_keyword_is_asked_for() {
        let set = |bytes: &[u8]| shape::set_of(|byte| bytes.contains(&byte));
        let (digits, dash, any) = (set(b"0123456789"), set(b"-"), [u64::MAX; 4]);
        let around = Around { before: [dash, any], after: [digits, set(b"xyz")], behind: 2 };
        let keyword = Keyword { text: b"key", caseless: true, around };
        let anchors = Anchors::build(&[keyword]).expect("a keyword");
        let found = |text: &str| {
            let (mut some, mut all) = (Vec::new(), Vec::new());
            anchors.find(text.as_bytes(), 0..text.len(), &mut some);
            anchors.find_all(text.as_bytes(), 0..text.len(), &mut all);
            assert_eq!(all.len(), 1, "{text}");
            some.len() == 1
        };
        // A capital asks for a dash before it and digits behind, a small letter for x, y or z behind.
        for text in [".keyxy..", "-Keyzz..", "-KEY12..", "KEY12..", "keyxx.."] {
            assert!(found(text), "{text}");
        }
        for text in [".keyx...", ".key12..", ".Keyxx..", "-KEYxx..", "-KEY1x..", ".KEY12.."] {
            assert!(!found(text), "{text}");
        }
        // At the end nobody knows.
        assert!(found(".key") && found("-KEYabc"));
    }

    fn some_word() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![8 => proptest::sample::select(b"abeKEY_-0@`[{".to_vec()), 1 => any::<u8>()];
        prop_oneof![6 => proptest::collection::vec(byte.clone(), 3..7), 1 => proptest::collection::vec(byte, 3..60)]
    }

    fn some_words() -> impl Strategy<Value = Words> {
        proptest::collection::vec((some_word(), any::<bool>()), 1..40)
    }

    /// Bytes made of pieces of the keywords, in any case, and of noise.
    fn some_case() -> impl Strategy<Value = (Words, Vec<u8>)> {
        some_words().prop_flat_map(|list| {
            let whole: Vec<Vec<u8>> = list.iter().map(|word| word.0.clone()).collect();
            let piece = (proptest::sample::select(whole), any::<u64>(), 0_usize..4, any::<bool>()).prop_map(
                |(mut word, bits, cut, whole)| {
                    for (i, byte) in word.iter_mut().enumerate() {
                        if byte.is_ascii_alphabetic() && bits >> (i % 64) & 1 == 1 {
                            *byte ^= 0x20;
                        }
                    }
                    let end = word.len() - if whole { 0 } else { cut.min(word.len()) };
                    word[if whole { 0 } else { cut.min(end) }..end].to_vec()
                },
            );
            let noise = proptest::collection::vec(any::<u8>(), 0..70);
            let part = prop_oneof![5 => piece, 1 => noise];
            let hay = proptest::collection::vec(part, 0..120).prop_map(|parts| parts.concat());
            (Just(list), hay)
        })
    }

    proptest! {
        #[test]
        fn same_as_aho_corasick((list, hay) in some_case(), a in 0_usize..1000, len in 0_usize..1000) {
            check(&list, &hay, 0..hay.len());
            check(&list, &hay, a.min(hay.len())..(a + len).min(hay.len()));
            check(&list, &hay[..hay.len().min(a % 140)], 0..hay.len());
        }
    }
}
