//! A set of objects of one store: a bit each.

use super::object::ObjectIx;

/// Some objects of an [`ObjectStore`](super::store::ObjectStore).
#[derive(Clone, Debug, Default)]
pub struct ObjectSet {
    bits: Vec<u64>,
}

impl ObjectSet {
    /// Whether `ix` is in the set.
    #[inline]
    pub fn contains(&self, ix: ObjectIx) -> bool {
        self.bits.get(ix.index() >> 6).is_some_and(|word| word >> (ix.0 & 63) & 1 != 0)
    }

    /// Adds an object.
    pub fn insert(&mut self, ix: ObjectIx) {
        let word = ix.index() >> 6;
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (ix.0 & 63);
    }
}

impl FromIterator<ObjectIx> for ObjectSet {
    fn from_iter<I: IntoIterator<Item = ObjectIx>>(objects: I) -> Self {
        let mut set = Self::default();
        objects.into_iter().for_each(|ix| set.insert(ix));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let set: ObjectSet = [0, 63, 64, 1000].map(ObjectIx).into_iter().collect();
        let held: Vec<u32> = (0..2000).filter(|&ix| set.contains(ObjectIx(ix))).collect();
        assert_eq!(held, [0, 63, 64, 1000]);
    }
}
