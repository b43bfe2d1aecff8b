//! What the words round a proposal say: a linear model over hashed words, whose answer is one number of the row.
//!
//! The table of `wording.bin` is learned by `benches/train/train.py`: an `f32` scale, then an `i8` for each bucket.

use std::sync::LazyLock;

static TABLE: &[u8] = include_bytes!("wording.bin");
static SCALE: LazyLock<f32> =
    LazyLock::new(|| TABLE.first_chunk().map_or(0.0, |bytes: &[u8; 4]| f32::from_le_bytes(*bytes)));

/// Where a word stands; the same word says something else elsewhere.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Place {
    Key = 1,
    Before,
    After,
    Pair,
    Window,
    Joint,
    Form,
    Shape,
}

/// At most so many words of a proposal count.
const MOST: usize = 192;

/// Slots of the table that tells which buckets are there already; at least twice [`MOST`].
const SLOTS: usize = 512;

/// The buckets of the words of one proposal, each once.
pub(super) struct Words {
    buckets: [u16; MOST],
    count: usize,
    seen: [u16; SLOTS],
}

impl Words {
    pub(super) const fn new() -> Self {
        Self { buckets: [0; MOST], count: 0, seen: [0; SLOTS] }
    }

    /// Takes the word with this hash.
    pub(super) fn add(&mut self, place: Place, hash: u32) {
        let mixed = (hash ^ (place as u32).wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
        // 0 is a free slot
        let bucket = (((mixed ^ (mixed >> 15)).wrapping_mul(0xC2B2_AE35) >> 16) as u16).max(1);
        if self.count == MOST {
            return;
        }
        let mut slot = usize::from(bucket) % SLOTS;
        while self.seen[slot] != 0 {
            if self.seen[slot] == bucket {
                return;
            }
            slot = (slot + 1) % SLOTS;
        }
        self.seen[slot] = bucket;
        self.buckets[self.count] = bucket;
        self.count += 1;
    }

    pub(super) fn buckets(&self) -> &[u16] {
        &self.buckets[..self.count]
    }

    /// What the model makes of them; 0 where it knows none.
    pub(super) fn score(&self) -> f32 {
        let weight = |&bucket: &u16| TABLE.get(4 + usize::from(bucket)).map_or(0, |&byte| i32::from(byte as i8));
        let sum: i32 = self.buckets().iter().map(weight).sum();
        sum as f32 * *SCALE / (self.count.max(1) as f32).sqrt()
    }
}
