//! Objects by the beginnings of their ids: turns nearly all others away in one look.

use super::pack_index::lead;
use crate::model::BlobId;

/// A few more objects than those that were put in.
pub(crate) struct Likely {
    bits: Vec<u64>,
}

impl Likely {
    /// Bits per object: of the others one in so many is taken for one of these.
    const SPREAD: usize = 32;

    pub(crate) fn of(ids: impl ExactSizeIterator<Item = BlobId>) -> Self {
        let words = (ids.len() * Self::SPREAD).div_ceil(64).next_power_of_two();
        let mut likely = Self { bits: vec![0; words] };
        for id in ids {
            let (word, bit) = likely.place(id.as_bytes());
            likely.bits[word] |= bit;
        }
        likely
    }

    /// Whether the object of this id may be one of them.
    #[inline]
    pub(crate) fn may_hold(&self, id: &[u8]) -> bool {
        let (word, bit) = self.place(id);
        self.bits[word] & bit != 0
    }

    #[inline]
    fn place(&self, id: &[u8]) -> (usize, u64) {
        let lead = lead(id);
        (lead as usize >> 6 & (self.bits.len() - 1), 1 << (lead & 63))
    }
}
