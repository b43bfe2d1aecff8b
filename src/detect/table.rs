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

/// Hash rows of the gram set; a row is one byte, a bit for each value of the low three bits of the fourth byte.
pub const ROWS: usize = 1 << ROW_BITS;
const ROW_BITS: u32 = 13;
/// A four-byte load at the last row stays in the table.
pub const ROWS_PADDED: usize = ROWS + 8;
/// A set of pairs: 32 × 32 classes, a bit each.
pub const PAIRS: usize = 128;
/// Odd, and spreads the three bytes of source-code grams well (tried among a hundred).
pub const HASH: u32 = 0x9E37_79B1;
/// Bytes of each of the two sets of a candidate's second test.
pub const GRAMS: usize = 1 << 13;
/// The gram of a keyword starts at most this far from the keyword's start, so that short ranges stay cheap.
const MAX_BEFORE: usize = 24;

const MAGIC: &[u8; 8] = b"anchors1";
const AT_AB: usize = 32;
const AT_BC: usize = AT_AB + PAIRS;
const AT_ROWS: usize = AT_BC + PAIRS;
const AT_GRAMS: usize = AT_ROWS + ROWS_PADDED;
const AT_SHORT: usize = AT_GRAMS + GRAMS;
const AT_STARTS: usize = AT_SHORT + GRAMS;
const AT_ENTRIES: usize = AT_STARTS + 2 * (ROWS + 4);
pub const ENTRY: usize = 32;
pub const WORD: usize = 16;

/// The hash row and the bit of four bytes, little-endian, each or-ed with 0x20.
#[inline(always)]
pub fn row_of(folded: u32) -> (usize, u32) {
    (((folded << 8).wrapping_mul(HASH) >> (32 - ROW_BITS)) as usize, (folded >> 24) & 7)
}

/// Byte and bit of the second test: of all four bytes, or of three where the keyword ends there.
#[inline(always)]
pub fn spot_of(folded: u32) -> (usize, u32) {
    let hash = folded.wrapping_mul(0x85EB_CA6B) >> 16;
    ((hash >> 3) as usize, hash & 7)
}

/// 5-bit class of a byte (only its low 7 bits count): letters regardless of case, then digits, and kinds of punctuation.
pub const CLASS: [u8; 128] = classes();

const fn classes() -> [u8; 128] {
    let mut table = [30; 128];
    let mut b = 0;
    while b < 128 {
        let byte = b as u8;
        if byte.is_ascii_alphabetic() {
            table[b] = (byte | 0x20) - b'a';
        } else if byte.is_ascii_digit() {
            table[b] = 26;
        } else if byte == b'_' {
            table[b] = 27;
        } else if byte == b'-' {
            table[b] = 28;
        } else if matches!(byte, b'.' | b'/' | b':') {
            table[b] = 29;
        } else if byte <= b' ' || byte == 127 {
            table[b] = 31;
        }
        b += 1;
    }
    table
}

/// How rare a pair of classes is: a character per pair, `#` + twice the negative binary logarithm of its share.
///
/// Counted over 19 MB drawn evenly from 120 MB of Rust, C, JavaScript, TOML and JSON sources and 60 MB of English documentation.
const RARITY: [&[u8; 32]; 32] = [
    br"<755=97A7B:353E6D3329:::8?7<>:86",
    br"8>:=7>BE8;E6AA8@G;<?7DGG8E7<A985",
    br"5=:=59B59B67;@2<E6;59@@A=F77?979",
    br"6;<82<>A6DD;=@8>B99=:>;?<F66=753",
    br"4:43769>;;=462<77123>8859A75:421",
    br"8><;76:G5IF9<75AF7;::HDG>I7;?775",
    br"<B@B5B@:6IC<?9:AG::<:DCFAB<9@976",
    br"5BBA3CEF7IAB=C7BF;=89FBIAG@:A;87",
    br"7955767C?F=56048C842B8B:G6:<B<:<",
    br"@GDH:GII@JEIGI>FIF:I@IHIKIEFID@A",
    br"=@A?6BAD:IFCB=>BHD;@?ECCEI?;A<8:",
    br"5>?826?B3I@5@?5;E@877?>B8A@9?976",
    br"4:@=3BEG7EC=9@75CA:<5BCF@G=9?988",
    br"6?64494@7C:9=:4:F>328::E:A=8<853",
    br"<965=6;C9?874186J276597<BC?8?;96",
    br"5@<=5@B<8H>6=A69D5864>AE:G:9@:79",
    br"EFEDEIJHGKI;HFJGGCEE9HIJIKD@N=8@",
    br"4>881;7A4I:;874>F6657;>B7I=8=644",
    br"7>7>1>=74G<:<<68:<516@>C9B=6<552",
    br"4?8:1;=23HB:<?48E4677?<=6@:4;631",
    br";58;7:;G7IF584>8I543AEH=HD6@F@<=",
    br"6DBE5CDG9IGCAD<@FC@@EFEBHD<>E><?",
    br"8CBB9BF97HCBD;8CI8;AFE@DIIA;C=8;",
    br";@;?;=CC=IIDADB:JDA8CGD?AD5:@;8;",
    br"A?AB<ABC>GF>=;;7J>99ECA@FC?9?975",
    br">GBA6FHD=IIBAC=GJF>GGHGIBB@?HB>C",
    br"778778BC?D?C@B@@C@A??CB6EC.7:514",
    br"786878;;6A=87987A8578:;@A?9;D@;>",
    br"=>=>>>@A>CC>???=F><>>B@GH@9G7I69",
    br"9:79999;7>?:9798C9899<;AC>6@D060",
    br"686788;86><:67:7A7467::9==4:<4-,",
    br"242453772<;44543>4214758;:2952.)",
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
            if gram.len() > 3 {
                let (at, spot) = spot_of(folded);
                bytes[AT_ROWS + row] |= 1 << bit;
                bytes[AT_GRAMS + at] |= 1 << spot;
            } else {
                let (at, spot) = spot_of(folded << 8);
                bytes[AT_ROWS + row] |= 0xff;
                bytes[AT_SHORT + at] |= 1 << spot;
            }
            entries.push((row, index));
        }
        entries.sort_unstable();
        let mut next = 0;
        for row in 0..=ROWS {
            while next < entries.len() && entries[next].0 < row {
                next += 1;
            }
            bytes[AT_STARTS + 2 * row..][..2].copy_from_slice(&(next as u16).to_le_bytes());
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
            table.bucket(ROWS - 1).end == keywords && (0..ROWS).all(|row| table.bucket(row).end <= keywords);
        if sound && starts_sound { Ok(table) } else { Err(AnchorError::Corrupt) }
    }

    /// How many keywords there are.
    pub fn len(&self) -> usize {
        self.keywords
    }

    /// How far behind a keyword's start the bytes that stand for it may begin.
    pub fn before(&self) -> usize {
        self.before
    }

    /// The sets that reject nearly every position.
    pub fn filter(&self) -> Filter<'_> {
        const OUT: &str = "open() checked the length";
        Filter {
            ab: self.bytes[AT_AB..AT_BC].try_into().expect(OUT),
            bc: self.bytes[AT_BC..AT_ROWS].try_into().expect(OUT),
            rows: self.bytes[AT_ROWS..AT_GRAMS].try_into().expect(OUT),
            grams: self.bytes[AT_GRAMS..AT_SHORT].try_into().expect(OUT),
            short: self.bytes[AT_SHORT..AT_STARTS].try_into().expect(OUT),
        }
    }

    /// The entries of the keywords whose gram falls in this row.
    #[inline]
    pub fn bucket(&self, row: usize) -> std::ops::Range<usize> {
        let at = AT_STARTS + 2 * row;
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
    pub rows: &'a [u8; ROWS_PADDED],
    /// Grams of four bytes, see [`spot_of`].
    pub grams: &'a [u8; GRAMS],
    /// Grams of three bytes.
    pub short: &'a [u8; GRAMS],
}

impl Filter<'_> {
    /// The first test of a position: 1 if a gram may start there.
    #[inline(always)]
    pub fn row_test(&self, folded: u32) -> usize {
        let (row, bit) = row_of(folded);
        usize::from(self.rows[row] >> bit & 1)
    }

    /// The second test, for positions that passed the first.
    #[inline(always)]
    pub fn gram_test(&self, folded: u32) -> usize {
        let ((four, four_bit), (three, three_bit)) = (spot_of(folded), spot_of(folded << 8));
        usize::from((self.grams[four] >> four_bit | self.short[three] >> three_bit) & 1)
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
const CANDIDATE_COST: f32 = 30.0;

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
