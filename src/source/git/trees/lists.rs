//! Lists of small things, each kept once, under a number.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use super::super::id_hash::FoldHash;

/// Equal lists have equal numbers; the empty list has number 0.
pub(super) struct Lists<T> {
    /// Of all lists, one behind the other.
    items: Vec<T>,
    /// Where each list ends.
    ends: Vec<usize>,
    /// By hash, or by the next free number where another list has that.
    numbers: HashMap<u64, u32, FoldHash>,
    hash: FoldHash,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { items: Vec::new(), ends: vec![0], numbers: HashMap::default(), hash: FoldHash::default() }
    }
}

impl<T: Copy + Eq + Hash> Lists<T> {
    /// The list of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> &[T] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.items[start..self.ends[number]]
    }

    /// The number of a list: the least free one if it is new.
    pub(super) fn number(&mut self, list: &[T]) -> u32 {
        if list.is_empty() {
            return 0;
        }
        let mut hash = self.hash.hash_one(list);
        while let Some(&number) = self.numbers.get(&hash) {
            if self.get(number) == list {
                return number;
            }
            hash = hash.wrapping_add(1);
        }
        let number = self.ends.len() as u32;
        self.items.extend_from_slice(list);
        self.ends.push(self.items.len());
        self.numbers.insert(hash, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::Lists;

    #[test]
    fn equal_lists_have_equal_numbers() {
        let mut lists = Lists::default();
        assert_eq!((lists.number(&[]), lists.get(0)), (0, &[][..]));
        let made: Vec<Vec<u32>> = (0..1000u32).map(|n| (0..n % 7).map(|at| n / 7 * at).collect()).collect();
        let numbers: Vec<u32> = made.iter().map(|list| lists.number(list)).collect();
        for (list, &number) in made.iter().zip(&numbers) {
            assert_eq!(lists.get(number), list);
            assert_eq!(lists.number(list), number);
        }
        let distinct: std::collections::BTreeSet<_> = made.iter().collect();
        assert_eq!(*numbers.iter().max().unwrap() as usize, distinct.len() - 1);
    }
}
