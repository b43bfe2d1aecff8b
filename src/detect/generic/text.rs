//! How far a value looks like ordinary text: character transitions and frequent words.
//!
//! The tables of `text.bin` are counts over the sources of permissively licensed crates (`benches/train/text.py`).

static TABLES: &[u8; 32 * 32 * 32 + 96 * 96 + 16384 + 4096] = include_bytes!("text.bin");
const PAIRS: usize = 32 * 32 * 32;
const WORDS: usize = PAIRS + 96 * 96;
const COMMON: usize = WORDS + 16384;

fn symbol(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => usize::from(byte - b'a'),
        b'A'..=b'Z' => usize::from(byte - b'A'),
        b'0'..=b'9' => 26,
        b'_' | b'-' => 27,
        b'.' | b'/' | b':' => 28,
        b' ' => 29,
        _ => 30,
    }
}

/// What transitions say of a text.
#[derive(Default)]
pub(super) struct Likelihood {
    /// Mean surprise in bits of a character after two others, folded to small letters.
    pub(super) folded: f32,
    /// The same after one other, letters as they are.
    pub(super) paired: f32,
    /// Largest mean surprise over six characters in a row.
    pub(super) worst: f32,
    /// Smallest mean surprise over six characters in a row.
    pub(super) best: f32,
    /// Share of transitions that ordinary text hardly has.
    pub(super) rare: f32,
}

pub(super) fn likelihood(text: &[u8]) -> Likelihood {
    let text = &text[..text.len().min(96)];
    if text.is_empty() {
        return Likelihood::default();
    }
    let (mut a, mut b, mut last) = (31, 31, 95);
    let (mut folded, mut paired, mut rare) = (0_u32, 0_u32, 0_u32);
    let mut ring = [0_u32; 6];
    let (mut window, mut worst, mut best) = (0_u32, 0_u32, u32::MAX);
    for (i, &byte) in text.iter().enumerate() {
        let c = symbol(byte);
        let cost = u32::from(TABLES[(a * 32 + b) * 32 + c]);
        folded += cost;
        rare += u32::from(cost >= 112);
        window = window + cost - ring[i % 6];
        ring[i % 6] = cost;
        if i >= 5 {
            worst = worst.max(window);
            best = best.min(window);
        }
        (a, b) = (b, c);
        let this = usize::from(byte.wrapping_sub(32).min(94));
        paired += u32::from(TABLES[PAIRS + last * 96 + this]);
        last = this;
    }
    let n = text.len() as f32 * 16.0;
    let mean = folded as f32 / n;
    let six = |sum: u32| if text.len() >= 6 { sum as f32 / 96.0 } else { mean };
    Likelihood {
        folded: mean,
        paired: paired as f32 / n,
        worst: six(worst),
        best: six(best),
        rare: rare as f32 / n * 16.0,
    }
}

fn known(hash: u32, table: usize, bits: u32) -> bool {
    let hashes = [hash, hash.wrapping_mul(0x9E37_79B1), (hash ^ (hash >> 13)).wrapping_mul(0x85EB_CA6B)];
    hashes.iter().all(|h| {
        let i = (h >> (32 - bits)) as usize;
        TABLES[table + (i >> 3)] >> (i & 7) & 1 == 1
    })
}

/// What the dictionary says of a text.
#[derive(Default)]
pub(super) struct Vocabulary {
    /// Letters covered by words of four letters and more, greedily from the left, as a share of the whole text.
    pub(super) covered: f32,
    /// The same with words of three letters too.
    pub(super) covered_short: f32,
    /// The same with the most frequent words only.
    pub(super) common: f32,
    /// Number of words of four letters and more.
    pub(super) words: f32,
    /// Length of the longest.
    pub(super) longest: f32,
    /// Pieces (words, single other letters, digit runs) per character: low for text, high for random bytes.
    pub(super) pieces: f32,
}

pub(super) fn vocabulary(text: &[u8]) -> Vocabulary {
    let text = &text[..text.len().min(96)];
    let mut v = Vocabulary::default();
    let (mut at, mut pieces) = (0, 0);
    while at < text.len() {
        if !text[at].is_ascii_alphabetic() {
            let digit = text[at].is_ascii_digit();
            at += 1;
            while digit && at < text.len() && text[at].is_ascii_digit() {
                at += 1;
                pieces += usize::from(at % 3 == 0);
            }
            pieces += 1;
            continue;
        }
        let (word, common) = longest_word(&text[at..]);
        pieces += 1;
        if word >= 3 {
            v.covered_short += word as f32;
        }
        if word >= 4 {
            v.covered += word as f32;
            v.words += 1.0;
            v.longest = v.longest.max(word as f32);
        }
        if common >= 4 {
            v.common += common as f32;
        }
        at += word.max(1);
    }
    let n = text.len().max(1) as f32;
    v.covered /= n;
    v.covered_short /= n;
    v.common /= n;
    v.pieces = pieces as f32 / n;
    v
}

/// Length of the longest known word at the start of `text`, and of the longest frequent one.
fn longest_word(text: &[u8]) -> (usize, usize) {
    let mut hash = 2_166_136_261_u32;
    let (mut word, mut common) = (0, 0);
    for (i, &byte) in text.iter().take(16).enumerate() {
        if !byte.is_ascii_alphabetic() || (i > 0 && byte.is_ascii_uppercase() && text[i - 1].is_ascii_lowercase()) {
            break;
        }
        hash = (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(16_777_619);
        if i >= 2 && known(hash, WORDS, 17) {
            word = i + 1;
            if known(hash, COMMON, 15) {
                common = i + 1;
            }
        }
    }
    (word, common)
}
