//! Changes of an input: of bits, words, blocks, numbers in text; operands that were compared; pieces of other inputs.

/// Xorshift: the same seed gives the same run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 32) * end as u64 >> 32) as usize
    }

    /// Small numbers more often than large ones, all below `end`.
    fn small(&mut self, end: usize) -> usize {
        let within = 1 << self.below(usize::BITS as usize - end.leading_zeros() as usize + 1).min(40);
        self.below(within.min(end))
    }
}

/// Numbers at which things go wrong.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    16,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x10000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    u64::MAX,
];

/// What a change may draw on.
pub struct Stock<'a> {
    /// Operands that were compared with each other, and their width.
    pub pairs: &'a [(u64, u64, u8)],
    /// Another input of the same family.
    pub other: &'a [u8],
}

/// Changes an input once or a few times; it stays below `limit` bytes.
pub fn mutate(bytes: &mut Vec<u8>, stock: &Stock<'_>, limit: usize, random: &mut Random) {
    let times = 1 + (random.next().trailing_zeros() as usize).min(6);
    for _ in 0..times {
        if bytes.is_empty() {
            bytes.push(random.next() as u8);
        }
        match random.below(16) {
            0 => {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            1 => {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
            2..=4 => word(bytes, random),
            5 => remove(bytes, random),
            6 => repeat(bytes, random),
            7 => {
                let value = random.next() as u8;
                let at = random.below(bytes.len() + 1);
                bytes.splice(at..at, std::iter::repeat_n(value, 1 + random.small(32)));
            }
            8 => fill(bytes, random),
            9 => number(bytes, random),
            10 | 11 => splice(bytes, stock.other, random),
            _ => operand(bytes, stock.pairs, random),
        }
    }
    bytes.truncate(limit);
}

/// Puts an edge, a small step or any number where a word stands.
fn word(bytes: &mut [u8], random: &mut Random) {
    let width = (1usize << random.below(4)).min(bytes.len());
    let at = random.below(bytes.len() - width + 1);
    let mut old = [0; 8];
    old[..width].copy_from_slice(&bytes[at..at + width]);
    let big = random.below(2) == 0;
    if big {
        old[..width].reverse();
    }
    let old = u64::from_le_bytes(old);
    let value = match random.below(4) {
        0 => EDGES[random.below(EDGES.len())],
        1 => old.wrapping_add(1 + random.below(35) as u64),
        2 => old.wrapping_sub(1 + random.below(35) as u64),
        _ => [old << 1, !old, bytes.len() as u64, random.next()][random.below(4)],
    };
    let mut new = value.to_le_bytes();
    if big {
        new[..width].reverse();
    }
    bytes[at..at + width].copy_from_slice(&new[..width]);
}

fn remove(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let length = 1 + random.small(bytes.len() - at);
    bytes.drain(at..(at + length).min(bytes.len()));
}

fn repeat(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let length = (1 + random.small(bytes.len() - at)).min(bytes.len() - at);
    let piece = bytes[at..at + length].to_vec();
    let to = random.below(bytes.len() + 1);
    for _ in 0..1 + random.small(4) {
        bytes.splice(to..to, piece.iter().copied());
    }
}

fn fill(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    let length = (1 + random.small(64)).min(bytes.len() - at);
    let value = [0, 0xff, b' ', b'0', random.next() as u8][random.below(5)];
    bytes[at..at + length].fill(value);
}

/// A number that is written in digits becomes another one.
fn number(bytes: &mut Vec<u8>, random: &mut Random) {
    let from = random.below(bytes.len());
    let Some(at) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let length = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let value = match random.below(3) {
        0 => EDGES[random.below(EDGES.len())],
        1 => random.next() >> random.below(64),
        _ => random.small(1000) as u64,
    };
    let digits = if random.below(4) == 0 { format!("{value:o}") } else { value.to_string() };
    if random.below(2) == 0 && digits.len() <= length {
        // The same width: the number of a fixed field.
        let digits = format!("{digits:0>length$}");
        bytes[at..at + length].copy_from_slice(digits.as_bytes());
    } else {
        bytes.splice(at..at + length, digits.into_bytes());
    }
}

fn splice(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if other.is_empty() {
        return;
    }
    let from = random.below(other.len());
    let length = (1 + random.small(other.len() - from)).min(other.len() - from);
    let at = random.below(bytes.len());
    let end = match random.below(3) {
        0 => at,
        1 => (at + length).min(bytes.len()),
        _ => bytes.len(),
    };
    bytes.splice(at..end, other[from..from + length].iter().copied());
}

/// Where one operand of a comparison stands in the input, the other one is put: what was asked for is given.
fn operand(bytes: &mut Vec<u8>, pairs: &[(u64, u64, u8)], random: &mut Random) {
    if pairs.is_empty() {
        return;
    }
    let (mut left, mut right, width) = pairs[random.below(pairs.len())];
    if random.below(2) == 0 {
        std::mem::swap(&mut left, &mut right);
    }
    right = right.wrapping_add([0, 0, 1, u64::MAX][random.below(4)]);
    // Compilers widen: the value may stand in fewer bytes than were compared.
    let needed = (8 - left.max(right).leading_zeros() as usize / 8).max(1).next_power_of_two();
    let width = if random.below(2) == 0 { usize::from(width) } else { needed.min(usize::from(width)) };
    let (mut old, mut new) = (left.to_le_bytes(), right.to_le_bytes());
    if random.below(2) == 0 {
        old[..width].reverse();
        new[..width].reverse();
    }
    let (old, new) = (&old[..width], &new[..width]);
    let from = random.below(bytes.len());
    let found = find(&bytes[from..], old).map(|at| from + at).or_else(|| find(bytes, old));
    match found {
        Some(at) => bytes[at..at + width].copy_from_slice(new),
        None if random.below(8) == 0 => {
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, new.iter().copied());
        }
        None => {}
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
