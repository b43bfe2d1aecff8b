//! Which bytes of a keyword stand for it: those that ordinary text seldom holds.

use super::{Keyword, MAX_BEFORE, MIN_KEYWORD};

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

/// How rare three neighbouring classes are: a line per two, a character per third class, `#` + twice the negative binary
/// logarithm of the share. Counted by `benches/train/trigrams.py` over 40 MB of sources (the crates of the package registry,
/// and four repositories of Rust, Ruby and JavaScript) and 25 MB of English documentation.
const RARITY: &[u8; 32 * 32 * 33] = include_bytes!("trigrams.txt");

/// For each keyword the place of its gram, so that few positions of ordinary text pass the filter.
pub(super) fn choose(keywords: &[Keyword<'_>]) -> Vec<usize> {
    let mut chooser = Chooser::new();
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

/// What is known while choosing.
struct Chooser {
    /// Of text, by three classes and by the first two of them.
    three: Vec<f32>,
    two: Vec<f32>,
    /// How many keywords use a pair as their first two, or last two, bytes.
    ab: Vec<u16>,
    bc: Vec<u16>,
    /// The share of text that a pair, once it is used, lets pass with the pairs used on the other side.
    ab_gain: Vec<f32>,
    bc_gain: Vec<f32>,
}

/// What a position costs that passes all filters, or nearly all, against one that passes the pairs alone.
const CANDIDATE_COST: f32 = 8.0;

impl Chooser {
    fn new() -> Self {
        let mut power = [1.0_f32; 128];
        for i in 1..power.len() {
            power[i] = power[i - 1] * std::f32::consts::FRAC_1_SQRT_2;
        }
        let lines = RARITY.as_chunks::<33>().0.iter();
        let three: Vec<f32> =
            lines.flat_map(|line| &line[..32]).map(|&rarity| power[usize::from(rarity - b'#')]).collect();
        let two = three.as_chunks::<32>().0.iter().map(|thirds| thirds.iter().sum()).collect();
        let (used, gain) = (vec![0; 32 * 32], vec![0.0; 32 * 32]);
        Self { three, two, ab: used.clone(), bc: used, ab_gain: gain.clone(), bc_gain: gain }
    }

    fn best(&self, text: &[u8]) -> usize {
        let mut best = (f32::INFINITY, 0);
        let mut classes = [0; MAX_BEFORE + 4];
        let used = text.len().min(classes.len());
        for (class, &byte) in classes.iter_mut().zip(text) {
            *class = usize::from(CLASS[usize::from(byte & 0x7f)]);
        }
        for (offset, gram) in classes[..used].windows(3).enumerate().take(MAX_BEFORE + 1) {
            let (ab, bc) = (gram[0] << 5 | gram[1], gram[1] << 5 | gram[2]);
            let three = self.three[ab << 5 | gram[2]];
            let four = match classes[..used].get(offset + 3) {
                Some(&d) => three * (self.three[bc << 5 | d] / self.two[bc]),
                None => three,
            };
            let passing = match (self.ab[ab] > 0, self.bc[bc] > 0) {
                (true, true) => 0.0,
                (false, true) => self.ab_gain[ab],
                (true, false) => self.bc_gain[bc],
                (false, false) => self.ab_gain[ab] + self.bc_gain[bc] + three,
            };
            let cost = passing + four * CANDIDATE_COST;
            if cost < best.0 {
                best = (cost, offset);
            }
        }
        best.1
    }

    fn count(&mut self, text: &[u8], offset: usize, add: bool) {
        let [a, b, c] = [0, 1, 2].map(|i| usize::from(CLASS[usize::from(text[offset + i] & 0x7f)]));
        if changes(&mut self.ab[a << 5 | b], add) {
            for third in 0..32 {
                self.bc_gain[b << 5 | third] += signed(self.three[a << 10 | b << 5 | third], add);
            }
        }
        if changes(&mut self.bc[b << 5 | c], add) {
            for first in 0..32 {
                self.ab_gain[first << 5 | b] += signed(self.three[first << 10 | b << 5 | c], add);
            }
        }
    }
}

/// Counts one use more or less; whether a pair came into use by it, or went out of use.
fn changes(uses: &mut u16, add: bool) -> bool {
    *uses = if add { *uses + 1 } else { *uses - 1 };
    *uses == u16::from(add)
}

fn signed(share: f32, add: bool) -> f32 {
    if add { share } else { -share }
}
