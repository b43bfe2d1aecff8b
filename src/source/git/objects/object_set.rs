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

    /// Whether there is nothing in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| *word == 0)
    }

    /// The objects of the set, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = ObjectIx> + '_ {
        let bits = |word: u64| (0..u64::BITS).filter(move |bit| word >> bit & 1 != 0);
        self.bits.iter().zip(0..).flat_map(move |(&word, at)| bits(word).map(move |bit| ObjectIx(at << 6 | bit)))
    }

    /// Adds all objects of another set.
    pub fn append(&mut self, other: &Self) {
        if self.bits.len() < other.bits.len() {
            self.bits.resize(other.bits.len(), 0);
        }
        self.bits.iter_mut().zip(&other.bits).for_each(|(word, more)| *word |= more);
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
        assert_eq!(set.iter().map(|ix| ix.0).collect::<Vec<_>>(), held);
        let mut both: ObjectSet = [ObjectIx(3)].into_iter().collect();
        assert!(!both.is_empty() && ObjectSet::default().is_empty());
        both.append(&set);
        assert_eq!(both.iter().map(|ix| ix.0).collect::<Vec<_>>(), [0, 3, 63, 64, 1000]);
    }
}
