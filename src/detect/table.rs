//! The tables of the anchor pass: made from keywords, kept as one block of bytes that a build script can write.
//!
//! Only `std` is used, so that `build.rs` can include this file by path and embed [`Table::to_bytes`].
//!
//! The block holds: two sets of *pairs* (which two neighbouring bytes may begin, and which may end, the chosen three bytes
//! of a keyword), a set of hashed *grams* (those three bytes and three bits of the fourth), and per gram the keywords to
//! compare. How each is used is told in `anchor.rs`.

use std::borrow::Cow;
use std::fmt;

/// A literal to look for.
#[derive(Clone, Copy, Debug)]
pub struct Keyword<'a> {
    /// The bytes; at least [`MIN_KEYWORD`] of them.
    pub text: &'a [u8],
    /// Whether `A`–`Z` and `a`–`z` are equal. All other bytes are always compared exactly.
    pub caseless: bool,
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

const MAGIC: &[u8; 8] = b"anchors1";
const AT_AB: usize = 32;
const AT_BC: usize = AT_AB + PAIRS;
const AT_ROWS: usize = AT_BC + PAIRS;
const AT_GRAMS: usize = AT_ROWS + 4 * ROWS;
const AT_SHORT: usize = AT_GRAMS + 4 * GRAMS;
const AT_STARTS: usize = AT_SHORT + 4 * SHORT;
const AT_ENTRIES: usize = AT_STARTS + 2 * (BUCKETS + 4);
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

/// 5-bit class of a byte (only its low 7 bits count): the low five bits from `@` on, so that letters of either case are
/// apart from each other and from most else; digits and the common marks share the classes of rare ones.
pub const CLASS: [u8; 128] = classes();

const fn classes() -> [u8; 128] {
    let mut table = [0; 128];
    let mut b = 0;
    while b < 128 {
        table[b] = match b as u8 {
            0..=b' ' => 0,
            b'0'..=b'9' => 28,
            b'.' | b'/' | b':' => 29,
            b'-' => 30,
            b'!'..=b'?' => 27,
            byte => byte & 31,
        };
        b += 1;
    }
    table
}

/// How rare a pair of classes is: a character per pair, `#` + twice the negative binary logarithm of its share.
///
/// Counted over 19 MB drawn evenly from 120 MB of Rust, C, JavaScript, TOML and JSON sources and 60 MB of English documentation.
const RARITY: [&[u8; 32]; 32] = [
    br")242443772<;44543>4214758;:.2159",
    br"6<755=97A7B:353E6D3329:::8?87:><",
    br"58>:=7>BE8;E6AA8@G;<?7DGG8E879A<",
    br"95=:=59B59B67;@2<E6;59@@A=F879?7",
    br"36;<82<>A6DD;=@8>B99=:>;?<F567=6",
    br"04:43769>;;=462<77123>8859A374:5",
    br"58><;76:G5IF9<75AF7;::HDG>I777?;",
    br"6<B@B5B@:6IC<?9:AG::<:DCFAB7<9@9",
    br"75BBA3CEF7IAB=C7BF;=89FBIAG9@;A:",
    br";7955767C?F=56048C842B8B:G6;:<B<",
    br"A@GDH:GII@JEIGI>FIF:I@IHIKI@DDIF",
    br":=@A?6BAD:IFCB=>BHD;@?ECCEI8>;A;",
    br"65>?826?B3I@5@?5;E@877?>B8A8?9?9",
    br"84:@=3BEG7EC=9@75CA:<5BCF@G8=9?9",
    br"36?64494@7C:9=:4:F>328::E:A6<8<8",
    br"5<965=6;C9?874186J276597<BC9?;?8",
    br"95@<=5@B<8H>6=A69D5864>AE:G8::@9",
    br"@EFEDEIJHGKI;HFJGGCEE9HIJIK8A=K@",
    br"44>881;7A4I:;874>F6657;>B7I4;6=8",
    br"27>7>1>=74G<:<<68:<516@>C9B5<5<6",
    br"14?8:1;=23HB:<?48E4677?<=6@3:5;4",
    br"=;58;7:;G7IF584>8I543AEH=HD<6@F@",
    br"?6DBE5CDG9IGCAD<@FC@@EFEBHD=<>E>",
    br";8CBB9BF97HCBD;8CI8;AFE@DII8A=C;",
    br":;@;?;=CC=IIDADB:JDA8CGD?AD85:=:",
    br"5A?AB<ABC>GF>=;;7J>99ECA@FC7?9?9",
    br"B>GBA6FHD=IIBAC=GJF>GGHGIBB?@AH?",
    br"-686898;86><:68:8B8577:;:>=.43<;",
    br"4777778AB?C?B@<@?B=>?<B@6EC1.4:7",
    br"/9:79999;7>?:9798C9899<;AC>460@@",
    br"9<>=>>>@A>CC>???=F><=>A?FG@68C7G",
    br">786878;;6A=87987A8578:;@A?;9?D;",
];

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
        let offsets = Chooser::choose(keywords);
        let mut bytes = vec![0; AT_ENTRIES];
        let mut entries: Vec<(usize, usize)> = Vec::with_capacity(keywords.len());
        for (index, (keyword, &offset)) in keywords.iter().zip(&offsets).enumerate() {
            let gram = &keyword.text[offset..];
            let [a, b, c] = [gram[0], gram[1], gram[2]].map(|byte| usize::from(CLASS[usize::from(byte & 0x7f)]));
            bytes[AT_AB + (a << 2 | b >> 3)] |= 1 << (b & 7);
            bytes[AT_BC + (b << 2 | c >> 3)] |= 1 << (c & 7);
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
        let mut words = Vec::new();
        for &(_, index) in &entries {
            push_entry(&mut bytes, &mut words, index, &keywords[index], offsets[index]);
        }
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
        let sound = (0..keywords).all(|place| {
            let entry = table.entry(place);
            entry.offset <= before
                && (entry.keyword as usize) < keywords
                && entry.rest.saturating_add(rest_words(entry.len) * WORD) <= table.bytes.len() - words_at
        });
        let starts_sound =
            table.bucket(BUCKETS - 1).end == keywords && (0..BUCKETS).all(|at| table.bucket(at).end <= keywords);
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

    /// The entries of the keywords whose gram has this hash, see [`gram_of`] and [`short_of`].
    #[inline]
    pub fn bucket(&self, bucket: usize) -> std::ops::Range<usize> {
        let at = AT_STARTS + 2 * bucket;
        let pair = &self.bytes[at..at + 4];
        usize::from(u16::from_le_bytes([pair[0], pair[1]]))..usize::from(u16::from_le_bytes([pair[2], pair[3]]))
    }

    /// One keyword as it is compared.
    #[inline]
    pub fn entry(&self, place: usize) -> Entry {
        let entry = &self.bytes[AT_ENTRIES + place * ENTRY..][..ENTRY];
        Entry {
            head: read_word(entry),
            keyword: u32::from_le_bytes([entry[16], entry[17], entry[18], entry[19]]),
            rest: u32::from_le_bytes([entry[20], entry[21], entry[22], entry[23]]) as usize,
            len: usize::from(u16::from_le_bytes([entry[24], entry[25]])),
            offset: usize::from(entry[26]),
        }
    }

    /// The words of a long keyword behind its first eight bytes.
    #[inline]
    pub fn rest(&self, entry: &Entry) -> impl Iterator<Item = Word> + '_ {
        self.bytes[self.words_at + entry.rest..][..rest_words(entry.len) * WORD].chunks_exact(WORD).map(read_word)
    }
}

/// The sets of the filter stages, see `simd.rs`.
#[derive(Clone, Copy)]
pub struct Filter<'a> {
    /// Pairs that may be the first and second byte of a gram: bit `b & 7` of byte `a << 2 | b >> 3`, by class.
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
    /// four, and two more.
    #[inline(always)]
    pub fn near_test(&self, near: u64) -> usize {
        let folded = (near >> 16) as u32 | 0x2020_2020;
        // Each byte becomes the place of its bit in the four bytes that are looked up.
        let places = near & 0x0707_0000_0000_0707 | 0x1810_0000_0000_0800;
        let [a, b, c, d] = [0, 8, 48, 56].map(|shift| (places >> shift) as u32 & 31);
        let passes = |mask: u32| mask >> a & mask >> b & mask >> c & mask >> d;
        let four = passes(u32::from_le_bytes(self.grams[gram_of(folded)]));
        let three = passes(u32::from_le_bytes(self.short[short_of(folded) - GRAMS]));
        ((four | three) & 1) as usize
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
    rest: usize,
}

fn rest_words(len: usize) -> usize {
    len.div_ceil(8).saturating_sub(1)
}

#[inline]
fn read_word(bytes: &[u8]) -> Word {
    let half = |at: usize| {
        let b = &bytes[at..at + 8];
        u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])
    };
    Word { fold: half(0), text: half(8) }
}

fn push_entry(bytes: &mut Vec<u8>, words: &mut Vec<u8>, index: usize, keyword: &Keyword<'_>, offset: usize) {
    let rest = words.len() as u32;
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
    bytes.extend_from_slice(&[offset as u8, 0, 0, 0, 0, 0]);
}

/// Chooses for each keyword the place of its gram so that few positions of ordinary text pass the filter.
struct Chooser {
    share: Box<[[f32; 32]; 32]>,
    single: [f32; 32],
    /// How many keywords use a pair as their first two, or last two, bytes.
    ab: Box<[[u16; 32]; 32]>,
    bc: Box<[[u16; 32]; 32]>,
    /// By middle class: the share of text that the used pairs let pass.
    ab_mass: [f32; 32],
    bc_mass: [f32; 32],
}

/// What comparing a candidate costs, against telling that a position is none after the first stage.
const CANDIDATE_COST: f32 = 20.0;

impl Chooser {
    fn choose(keywords: &[Keyword<'_>]) -> Vec<usize> {
        let mut chooser = Self::new();
        let mut order: Vec<usize> = (0..keywords.len()).collect();
        // Those with the least choice first; the others can then use the same pairs.
        order.sort_by_key(|&index| keywords[index].text.len());
        let mut offsets = vec![0; keywords.len()];
        for round in 0..2 {
            for &index in &order {
                let text = keywords[index].text;
                if round > 0 {
                    if text.len() == MIN_KEYWORD {
                        continue;
                    }
                    chooser.count(text, offsets[index], false);
                }
                offsets[index] = chooser.best(text);
                chooser.count(text, offsets[index], true);
            }
        }
        offsets
    }

    fn new() -> Self {
        let mut power = [1.0_f32; 64];
        for i in 1..64 {
            power[i] = power[i - 1] * std::f32::consts::FRAC_1_SQRT_2;
        }
        let mut share = Box::new([[0.0; 32]; 32]);
        let mut single = [0.0; 32];
        for (a, row) in RARITY.iter().enumerate() {
            for (b, &rarity) in row.iter().enumerate() {
                share[a][b] = power[usize::from(rarity - b'#') & 63];
                single[a] += share[a][b];
            }
        }
        let none = [[0; 32]; 32];
        Self { share, single, ab: Box::new(none), bc: Box::new(none), ab_mass: [0.0; 32], bc_mass: [0.0; 32] }
    }

    fn best(&self, text: &[u8]) -> usize {
        let mut best = (f32::INFINITY, 0);
        let mut classes = [0; MAX_BEFORE + 4];
        let used = text.len().min(classes.len());
        for (class, &byte) in classes.iter_mut().zip(text) {
            *class = usize::from(CLASS[usize::from(byte & 0x7f)]);
        }
        for (offset, gram) in classes[..used].windows(3).enumerate().take(MAX_BEFORE + 1) {
            let (a, b, c) = (gram[0], gram[1], gram[2]);
            let three = self.share[a][b] * self.share[b][c] / self.single[b];
            let four = match classes[..used].get(offset + 3) {
                Some(&d) => three * (self.share[c][d] / self.single[c]).max(0.125),
                None => three,
            };
            let new_ab = if self.ab[a][b] == 0 { self.share[a][b] } else { 0.0 };
            let new_bc = if self.bc[b][c] == 0 { self.share[b][c] } else { 0.0 };
            let passing = (new_ab * (self.bc_mass[b] + new_bc) + new_bc * self.ab_mass[b]) / self.single[b];
            let cost = passing + four * CANDIDATE_COST;
            if cost < best.0 {
                best = (cost, offset);
            }
        }
        best.1
    }

    fn count(&mut self, text: &[u8], offset: usize, add: bool) {
        let [a, b, c] = [0, 1, 2].map(|i| usize::from(CLASS[usize::from(text[offset + i] & 0x7f)]));
        for (uses, mass, share) in [
            (&mut self.ab[a][b], &mut self.ab_mass[b], self.share[a][b]),
            (&mut self.bc[b][c], &mut self.bc_mass[b], self.share[b][c]),
        ] {
            if add {
                *uses += 1;
                if *uses == 1 {
                    *mass += share;
                }
            } else {
                *uses -= 1;
                if *uses == 0 {
                    *mass = (*mass - share).max(0.0);
                }
            }
        }
    }
}
