//! Inflating zlib streams of known size, with one state and no allocation per stream.

use flate2::{Decompress, FlushDecompress};
use libdeflater::{DecompressionError, Decompressor};

use super::object::Problem;
use crate::model::SkipReason;

/// The best that deflate can do is 258 bytes in two bits, so a stream that claims more is lying.
const MAX_RATIO: u64 = 1032;

/// Larger buffers are not worth keeping: clearing them costs little next to filling them.
pub(super) const KEPT_BYTES: usize = 1 << 20;

/// Room behind a stream's bytes, on both sides: within 299 bytes of the end of the room, or 32 of the input's, libdeflate
/// takes a slow way that asks for each byte. Most streams of a pack are shorter than that.
pub(super) const SLACK: usize = 320;

/// A buffer whose bytes are always initialised, so that it can be filled again without being cleared.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    len: usize,
}

impl Buffer {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Makes it `len` bytes of unspecified content, and gives those and `SLACK` more that are not kept.
    pub(super) fn resize(&mut self, len: usize) -> &mut [u8] {
        let room = len + SLACK;
        let too_small = self.bytes.len() < room;
        let too_large = self.bytes.len() > KEPT_BYTES && self.bytes.len() / 4 > room;
        if too_small || too_large {
            // A fresh zeroed allocation is cheaper than growing, which copies and then clears.
            self.bytes = Vec::new();
            self.bytes = vec![0; if room < KEPT_BYTES { room.next_power_of_two() } else { room }];
        }
        self.len = len;
        &mut self.bytes[..room]
    }

    /// Bytes of content.
    pub(super) fn len(&self) -> u64 {
        self.len as u64
    }

    /// Removes the first `count` bytes.
    pub(super) fn drop_front(&mut self, count: usize) {
        self.bytes.copy_within(count..self.len, 0);
        self.len -= count;
    }

    /// Bytes of memory held.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }
}

/// Inflates one stream after another.
pub(super) struct Inflater {
    whole: Decompressor,
    /// For streams that begin with deflate's fixed codes: it keeps their tables as long as it meets no others.
    fixed: Option<Decompressor>,
    start: Option<Decompress>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { whole: Decompressor::new(), fixed: None, start: None }
    }

    /// Inflates the zlib stream at the front of `input`, which must yield exactly `size` bytes, at most `limit`. What
    /// follows the stream does not matter, save that it goes faster with `SLACK` more.
    pub(super) fn inflate(&mut self, input: &[u8], size: u64, limit: u64, out: &mut Buffer) -> Result<(), Problem> {
        if size > limit {
            return Err(Problem::new(SkipReason::TooLarge { size, limit }));
        }
        if size > MAX_RATIO * input.len() as u64 {
            return Err(Problem::corrupt("the compressed data is too short for its size"));
        }
        let size = usize::try_from(size).map_err(|_| Problem::new(SkipReason::TooLarge { size, limit }))?;
        let fixed = &mut self.fixed;
        let engine = if begins_fixed(input) { fixed.get_or_insert_with(Decompressor::new) } else { &mut self.whole };
        match engine.zlib_decompress(input, out.resize(size)) {
            Ok(made) if made == size => Ok(()),
            Ok(made) if made < size => Err(Problem::corrupt("the compressed data is shorter than its header says")),
            Ok(_) | Err(DecompressionError::InsufficientSpace) => {
                Err(Problem::corrupt("the compressed data is longer than its header says"))
            }
            Err(DecompressionError::BadData) => Err(Problem::corrupt("the compressed data is damaged")),
        }
    }

    /// Inflates as much of the start of the stream as fits into `out`; how many bytes that is.
    pub(super) fn inflate_start(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Problem> {
        let start = self.start.get_or_insert_with(|| Decompress::new(true));
        start.reset(true);
        start
            .decompress(input, out, FlushDecompress::None)
            .map_err(|_| Problem::corrupt("the compressed data is damaged"))?;
        Ok(usize::try_from(start.total_out()).unwrap_or(0))
    }
}

/// Whether the first block of a zlib stream is in deflate's fixed codes (RFC 1951, 3.2.3): small ones mostly are.
fn begins_fixed(stream: &[u8]) -> bool {
    stream.get(2).is_some_and(|bits| bits >> 1 & 3 == 1)
}
