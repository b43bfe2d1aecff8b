//! The tables of the anchor pass: made from keywords, kept as one block of bytes that a build script can write.
//!
//! `build.rs` includes this file by path, to embed [`Table::to_bytes`].
//!
//! The block holds: two sets of *pairs* (which two neighbouring bytes may begin, and which may end, the chosen three bytes
//! of a keyword), a set of hashed *grams* (those three bytes and three bits of the fourth), the sets of bytes that may stand
//! round keywords, and per gram the keywords to compare. How each is used is told in `anchor.rs`.

use std::borrow::Cow;
use std::fmt;

// By path, because a module that is itself included by path would look elsewhere.
#[path = "gram.rs"]
mod gram;

pub use gram::CLASS;

use crate::rules::{
    around::{Around, BEHIND},
    shape::{ByteSet, has},
};

/// A literal to look for.
#[derive(Clone, Copy, Debug)]
pub struct Keyword<'a> {
    /// The bytes; at least [`MIN_KEYWORD`] of them.
    pub text: &'a [u8],
    /// Whether `A`–`Z` and `a`–`z` are equal. All other bytes are always compared exactly.
    pub caseless: bool,
    /// What may stand round it.
    pub around: Around,
}

impl<'a> Keyword<'a> {
    /// A literal, whatever stands round it.
    #[must_use]
    pub fn anywhere(text: &'a [u8], caseless: bool) -> Self {
        Self { text, caseless, around: Around::ANYTHING }
    }
}

/// Why no tables could be made, or a block of bytes is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorError {
    /// The keyword with this index has fewer than [`MIN_KEYWORD`] bytes.
    TooShort(usize),
    /// The keyword with this index has more than [`MAX_KEYWORD`] bytes.
    TooLong(usize),
    /// There are more than [`MAX_KEYWORDS`] keywords.
    TooMany(usize),
    /// The bytes were not written by [`Table::to_bytes`] of this version.
    Corrupt,
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort(index) => write!(f, "keyword {index} is shorter than {MIN_KEYWORD} bytes"),
            Self::TooLong(index) => write!(f, "keyword {index} is longer than {MAX_KEYWORD} bytes"),
            Self::TooMany(count) => write!(f, "{count} keywords; at most {MAX_KEYWORDS} can be searched at once"),
            Self::Corrupt => write!(f, "not an anchor table of this version"),
        }
    }
}

impl std::error::Error for AnchorError {}

/// Shorter keywords occur at every other line: they would cost more than all others together.
pub const MIN_KEYWORD: usize = 3;
/// A keyword is a few words at most; the length must fit 16 bits.
pub const MAX_KEYWORD: usize = 4096;
/// Positions of the keyword list are 16 bits wide.
pub const MAX_KEYWORDS: usize = 60_000;

/// Hash rows of the gram set; a row has a bit for each value of the low five bits of the fourth byte.
pub const ROWS: usize = 1 << ROW_BITS;
pub const ROW_BITS: u32 = 12;
/// Odd, and spreads grams of source code well; the shift drops the fourth byte.
pub const HASH: u32 = 0x9E37_79B1 << 8;
/// A set of pairs: 32 × 32 classes, a bit each.
pub const PAIRS: usize = 128;
/// Entries of the two tables of the second test, four bytes each.
const GRAMS: usize = 1 << 12;
const SHORT: usize = 1 << 11;
/// Keywords are kept by that hash of their gram: those of four bytes, then those of three.
const BUCKETS: usize = GRAMS + SHORT;
/// The gram of a keyword starts at most this far from the keyword's start, so that short ranges stay cheap.
const MAX_BEFORE: usize = 24;

const MAGIC: &[u8; 8] = b"anchors2";
const AT_AB: usize = 32;
const AT_BC: usize = AT_AB + PAIRS;
const AT_ROWS: usize = AT_BC + PAIRS;
const AT_GRAMS: usize = AT_ROWS + 4 * ROWS;
const AT_SHORT: usize = AT_GRAMS + 4 * GRAMS;
const AT_STARTS: usize = AT_SHORT + 4 * SHORT;
const AT_SETS: usize = AT_STARTS + 2 * (BUCKETS + 4);
const AT_ENTRIES: usize = AT_SETS + 8 * 256;
/// Sets of bytes that may stand round keywords: as many as a word has bits. The first holds every byte.
const SETS: usize = 64;
pub const ENTRY: usize = 32;
pub const WORD: usize = 16;

/// The hash row and the bit of four bytes, little-endian, each or-ed with 0x20.
#[inline(always)]
pub fn row_of(folded: u32) -> (usize, u32) {
    ((folded.wrapping_mul(HASH) >> (32 - ROW_BITS)) as usize, folded >> 24 & 31)
}

/// Place in the second test's table of four bytes, or of three where a keyword ends behind them.
#[inline(always)]
pub fn gram_of(folded: u32) -> usize {
    (folded.wrapping_mul(0x85EB_CA6B) >> 20) as usize
}

#[inline(always)]
pub fn short_of(folded: u32) -> usize {
    GRAMS + (folded.wrapping_mul(0xC2B2_AE35 << 8) >> 21) as usize
}

/// The tables, borrowed from the program or owned.
#[derive(Clone)]
pub struct Table {
    bytes: Cow<'static, [u8]>,
    keywords: usize,
    before: usize,
    words_at: usize,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("keywords", &self.keywords).field("bytes", &self.bytes.len()).finish()
    }
}

impl Table {
    /// Makes the tables; the place of a keyword in `keywords` is its number.
    ///
    /// # Errors
    /// A keyword is too short or too long, or there are too many.
    pub fn build(keywords: &[Keyword<'_>]) -> Result<Self, AnchorError> {
        if keywords.len() > MAX_KEYWORDS {
            return Err(AnchorError::TooMany(keywords.len()));
        }
        for (index, keyword) in keywords.iter().enumerate() {
            if keyword.text.len() < MIN_KEYWORD {
                return Err(AnchorError::TooShort(index));
            }
            if keyword.text.len() > MAX_KEYWORD {
                return Err(AnchorError::TooLong(index));
            }
        }
        let offsets = gram::choose(keywords);
        let mut bytes = vec![0; AT_ENTRIES];
        let mut entries: Vec<(usize, usize)> = Vec::with_capacity(keywords.len());
        for (index, (keyword, &offset)) in keywords.iter().zip(&offsets).enumerate() {
            let gram = &keyword.text[offset..];
            let [a, b, c] = [gram[0], gram[1], gram[2]].map(|byte| usize::from(CLASS[usize::from(byte & 0x7f)]));
            bytes[AT_AB + (b >> 3 << 5 | a)] |= 1 << (b & 7);
            bytes[AT_BC + (c >> 3 << 5 | b)] |= 1 << (c & 7);
            let fourth = gram.get(3).copied().unwrap_or(0);
            let folded = u32::from_le_bytes([gram[0], gram[1], gram[2], fourth].map(|byte| byte | 0x20));
            let (row, bit) = row_of(folded);
            let (row_bits, bucket) =
                if gram.len() > 3 { (1 << bit, gram_of(folded)) } else { (u32::MAX, short_of(folded)) };
            or_word(&mut bytes, AT_ROWS + 4 * row, row_bits);
            or_word(&mut bytes, AT_GRAMS + 4 * bucket, near_bits(keyword.text, offset));
            entries.push((bucket, index));
        }
        entries.sort_unstable();
        let mut next = 0;
        for bucket in 0..=BUCKETS {
            while next < entries.len() && entries[next].0 < bucket {
                next += 1;
            }
            bytes[AT_STARTS + 2 * bucket..][..2].copy_from_slice(&(next as u16).to_le_bytes());
        }
        let (mut words, mut sets) = (Vec::new(), Sets::default());
        for &(_, index) in &entries {
            let round = sets.round(&keywords[index].around);
            push_entry(&mut bytes, &mut words, index, &keywords[index], (offsets[index], round));
        }
        sets.write(&mut bytes[AT_SETS..AT_ENTRIES]);
        bytes.append(&mut words);
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&(keywords.len() as u32).to_le_bytes());
        bytes[12..16].copy_from_slice(&(offsets.iter().copied().max().unwrap_or(0) as u32).to_le_bytes());
        Self::open(Cow::Owned(bytes))
    }

    /// Reads what [`Table::to_bytes`] wrote; nothing is copied. The check walks the keywords once.
    ///
    /// # Errors
    /// The bytes are not a whole table of this version.
    pub fn from_static(bytes: &'static [u8]) -> Result<Self, AnchorError> {
        Self::open(Cow::Borrowed(bytes))
    }

    /// The block that [`Table::from_static`] reads; the same keywords give the same bytes on every machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.to_vec()
    }

    fn open(bytes: Cow<'static, [u8]>) -> Result<Self, AnchorError> {
        if bytes.len() < AT_ENTRIES || &bytes[..8] != MAGIC {
            return Err(AnchorError::Corrupt);
        }
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let (keywords, before) = (number(8), number(12));
        let words_at =
            keywords.checked_mul(ENTRY).and_then(|n| n.checked_add(AT_ENTRIES)).ok_or(AnchorError::Corrupt)?;
        if keywords > MAX_KEYWORDS || before > MAX_BEFORE || words_at > bytes.len() {
            return Err(AnchorError::Corrupt);
        }
        let table = Self { bytes, keywords, before, words_at };
        let view = table.entries();
        let sound = view.entries.iter().map(Entry::read).all(|entry| {
            entry.offset <= before
                && (entry.keyword as usize) < keywords
                && entry.rest.saturating_add(rest_words(entry.len)) <= view.words.len()
        });
        let starts_sound = view.starts[..=BUCKETS].is_sorted_by_key(|start| u16::from_le_bytes(*start))
            && usize::from(u16::from_le_bytes(view.starts[BUCKETS])) == keywords;
        if sound && starts_sound { Ok(table) } else { Err(AnchorError::Corrupt) }
    }

    /// How many keywords there are.
    pub fn keywords(&self) -> usize {
        self.keywords
    }

    /// How far behind a keyword's start the bytes that stand for it may begin.
    pub fn before(&self) -> usize {
        self.before
    }

    /// The sets that reject nearly every position.
    pub fn filter(&self) -> Filter<'_> {
        const LENGTH: &str = "open() checked the length";
        let words = |from: usize, to: usize| self.bytes[from..to].as_chunks::<4>().0;
        Filter {
            ab: self.bytes[AT_AB..AT_BC].try_into().expect(LENGTH),
            bc: self.bytes[AT_BC..AT_ROWS].try_into().expect(LENGTH),
            rows: words(AT_ROWS, AT_GRAMS).try_into().expect(LENGTH),
            grams: words(AT_GRAMS, AT_SHORT).try_into().expect(LENGTH),
            short: words(AT_SHORT, AT_STARTS).try_into().expect(LENGTH),
        }
    }

    /// The keywords, by bucket.
    pub fn entries(&self) -> Entries<'_> {
        Entries {
            starts: self.bytes[AT_STARTS..AT_SETS].as_chunks::<2>().0,
            sets: self.bytes[AT_SETS..AT_ENTRIES].as_chunks::<8>().0.try_into().expect("open() checked the length"),
            entries: self.bytes[AT_ENTRIES..self.words_at].as_chunks::<ENTRY>().0,
            words: self.bytes[self.words_at..].as_chunks::<WORD>().0,
        }
    }
}

/// The keywords as they are compared, borrowed once per search.
#[derive(Clone, Copy)]
pub struct Entries<'a> {
    starts: &'a [[u8; 2]],
    /// For each byte, the sets that it is in.
    sets: &'a [[u8; 8]; 256],
    entries: &'a [[u8; ENTRY]],
    words: &'a [[u8; WORD]],
}

impl<'a> Entries<'a> {
    /// Those whose gram has this hash, see [`gram_of`] and [`short_of`].
    #[inline(always)]
    pub fn bucket(&self, bucket: usize) -> &'a [[u8; ENTRY]] {
        let [from, to] = [0, 1].map(|i| usize::from(u16::from_le_bytes(self.starts[bucket + i])));
        // Never out of range: `open` checked them.
        self.entries.get(from..to).unwrap_or(&[])
    }

    /// Whether the bytes round the keyword of an entry, which starts at `start`, are among those that may stand there. Near
    /// the ends of the text they are taken to be.
    #[inline(always)]
    pub fn allows(self, hay: &[u8], start: usize, entry: &Entry) -> bool {
        let sets = |byte: u8| u64::from_le_bytes(self.sets[usize::from(byte)]);
        let of_case = |[capital, small]: [u8; 2], own: u8| if own & 0x20 == 0 { capital } else { small };
        let end = start + entry.len;
        let Some(behind) = hay.get(end..).and_then(<[u8]>::first_chunk::<BEHIND>) else { return true };
        let before = start.checked_sub(1).map_or(u64::MAX, |at| sets(hay[at])) >> of_case(entry.before, hay[start]);
        let set = of_case(entry.after, hay[end - 1]);
        let after = (0..BEHIND).fold(0, |bits, at| bits | (sets(behind[at]) >> set & 1) << at);
        before & 1 != 0 && after | u64::from(entry.unasked) == (1 << BEHIND) - 1
    }

    /// The words of a long keyword behind its first eight bytes.
    pub fn rest(&self, entry: &Entry) -> impl Iterator<Item = Word> + 'a {
        self.words[entry.rest..entry.rest + rest_words(entry.len)].iter().map(read_word)
    }
}

/// The sets of the filter stages, see `simd.rs`.
#[derive(Clone, Copy)]
pub struct Filter<'a> {
    /// Pairs that may be the first and second byte of a gram: by class, bit `b & 7` of byte `b >> 3 << 5 | a`.
    pub ab: &'a [u8; PAIRS],
    /// Pairs that may be its second and third byte.
    pub bc: &'a [u8; PAIRS],
    /// Hashed grams, see [`row_of`].
    pub rows: &'a [[u8; 4]; ROWS],
    /// By hash of a gram of four bytes: which bytes may stand round it.
    grams: &'a [[u8; 4]; GRAMS],
    /// The same for grams of three bytes, behind which the keyword ends.
    short: &'a [[u8; 4]; SHORT],
}

impl Filter<'_> {
    /// The first test of a position: 1 if a gram may start there.
    #[inline(always)]
    pub fn row_test(&self, folded: u32) -> usize {
        let (row, bit) = row_of(folded);
        (u32::from_le_bytes(self.rows[row]) >> bit & 1) as usize
    }

    /// The second test: whether the bytes round the gram may be those of its keyword. `near` is two bytes, the gram's
    /// four, and two more. Bit 0 for a gram of four bytes, see [`gram_of`], and bit 1 for one of three, [`short_of`].
    #[inline(always)]
    pub fn near_test(&self, near: u64) -> u16 {
        let folded = (near >> 16) as u32 | 0x2020_2020;
        // Each byte becomes the place of its bit in the four bytes that are looked up.
        let places = near & 0x0707_0000_0000_0707 | 0x1810_0000_0000_0800;
        let [a, b, c, d] = [0, 8, 48, 56].map(|shift| (places >> shift) as u32 & 31);
        let passes = |mask: u32| mask >> a & mask >> b & mask >> c & mask >> d;
        let four = passes(u32::from_le_bytes(self.grams[gram_of(folded)]));
        let three = passes(u32::from_le_bytes(self.short[short_of(folded) - GRAMS]));
        (four & 1 | (three & 1) << 1) as u16
    }
}

/// What [`Filter::near_test`] looks up: for each of two bytes before and behind the gram, a bit per low three bits.
fn near_bits(text: &[u8], offset: usize) -> u32 {
    let bits = |byte: Option<&u8>| byte.map_or(0xff, |byte| 1 << (byte & 7));
    let before = |back: usize| bits(offset.checked_sub(back).and_then(|at| text.get(at)));
    u32::from_le_bytes([before(2), before(1), bits(text.get(offset + 4)), bits(text.get(offset + 5))])
}

fn or_word(bytes: &mut [u8], at: usize, bits: u32) {
    for (byte, more) in bytes[at..at + 4].iter_mut().zip(bits.to_le_bytes()) {
        *byte |= more;
    }
}

/// Eight bytes of a keyword: they match where `bytes | fold == text`.
#[derive(Clone, Copy)]
pub struct Word {
    pub fold: u64,
    pub text: u64,
}

/// What is compared at a candidate.
pub struct Entry {
    pub head: Word,
    pub keyword: u32,
    pub len: usize,
    /// Where the gram starts in the keyword.
    pub offset: usize,
    /// Where its further words start.
    rest: usize,
    /// The sets of what may stand before it, for a capital and for a small letter,
    before: [u8; 2],
    /// and behind it,
    after: [u8; 2],
    /// where a bit for each byte that may be anything is set.
    unasked: u8,
}

impl Entry {
    #[inline(always)]
    pub fn read(bytes: &[u8; ENTRY]) -> Self {
        let [.., k0, k1, k2, k3, r0, r1, r2, r3, l0, l1, offset, b0, b1, a0, a1, unasked] = *bytes;
        Self {
            head: read_word(bytes.first_chunk().expect("an entry starts with a word")),
            keyword: u32::from_le_bytes([k0, k1, k2, k3]),
            rest: u32::from_le_bytes([r0, r1, r2, r3]) as usize,
            len: usize::from(u16::from_le_bytes([l0, l1])),
            offset: usize::from(offset),
            before: [b0 & 63, b1 & 63],
            after: [a0 & 63, a1 & 63],
            unasked,
        }
    }
}

/// The sets of bytes that may stand round keywords, while they are gathered.
#[derive(Default)]
struct Sets(Vec<ByteSet>);

impl Sets {
    /// The five bytes of an entry that say what may stand round it.
    fn round(&mut self, around: &Around) -> [u8; 5] {
        let [b0, b1] = around.before.map(|set| self.number(set).unwrap_or(0));
        let every = (1 << BEHIND) - 1;
        let unasked = every & !((1 << around.behind) - 1);
        match around.after.map(|set| self.number(set)) {
            [Some(a0), Some(a1)] => [b0, b1, a0, a1, unasked],
            _ => [b0, b1, 0, 0, every],
        }
    }

    /// The number of a set; none where there are too many.
    fn number(&mut self, set: ByteSet) -> Option<u8> {
        if self.0.is_empty() {
            self.0.push([u64::MAX; 4]);
        }
        let at = self.0.iter().position(|known| *known == set).or_else(|| {
            self.0.push(set);
            (self.0.len() <= SETS).then_some(self.0.len() - 1)
        });
        at.filter(|&at| at < SETS).map(|at| at as u8)
    }

    fn write(&self, bytes: &mut [u8]) {
        for (byte, word) in (0..=u8::MAX).zip(bytes.chunks_exact_mut(8)) {
            let sets = self.0.iter().take(SETS).enumerate();
            let word_of_byte = sets.fold(0, |word, (at, set)| word | u64::from(has(set, byte)) << at);
            word.copy_from_slice(&(word_of_byte | 1).to_le_bytes());
        }
    }
}

fn rest_words(len: usize) -> usize {
    len.div_ceil(8).saturating_sub(1)
}

#[inline(always)]
fn read_word(bytes: &[u8; WORD]) -> Word {
    let [f0, f1, f2, f3, f4, f5, f6, f7, t0, t1, t2, t3, t4, t5, t6, t7] = *bytes;
    Word {
        fold: u64::from_le_bytes([f0, f1, f2, f3, f4, f5, f6, f7]),
        text: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
    }
}

fn push_entry(
    bytes: &mut Vec<u8>,
    words: &mut Vec<u8>,
    index: usize,
    keyword: &Keyword<'_>,
    (offset, round): (usize, [u8; 5]),
) {
    let rest = (words.len() / WORD) as u32;
    for (place, chunk) in keyword.text.chunks(8).enumerate() {
        // Bytes behind the keyword match anything: x | 0xff == 0xff.
        let (mut fold, mut text) = ([0xff; 8], [0xff; 8]);
        for (i, &byte) in chunk.iter().enumerate() {
            let either = keyword.caseless && byte.is_ascii_alphabetic();
            fold[i] = if either { 0x20 } else { 0 };
            text[i] = byte | fold[i];
        }
        let target = if place == 0 { &mut *bytes } else { &mut *words };
        target.extend_from_slice(&fold);
        target.extend_from_slice(&text);
    }
    bytes.extend_from_slice(&(index as u32).to_le_bytes());
    bytes.extend_from_slice(&rest.to_le_bytes());
    bytes.extend_from_slice(&(keyword.text.len() as u16).to_le_bytes());
    bytes.push(offset as u8);
    bytes.extend_from_slice(&round);
}
