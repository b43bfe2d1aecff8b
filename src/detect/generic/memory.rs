//! What was judged before: most versions of a file differ somewhere else, and much is copied from file to file.
//!
//! What the model says is a pure function of the bytes that [`context::seen`] names and of the path; whether it asks what
//! stands round at all, of the pair alone. A hash stands for either. All threads share the tables and none waits: a slot
//! holds the verdict, and the hash mixed with it, so that halves of two writes do not pass for one. The hash is keyed anew
//! in each process: nobody can tell which two inputs it takes for one.

use std::{
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use foldhash::{SharedSeed, quality::SeedableRandomState};

use super::{Proposal, context, features::Numbers, has_chance, lowered, near, weigh_there};
use crate::model::Confidence;

/// Blocks of slots, made when they are first written to: 4 MiB of verdicts and 2 MiB of pairs if all are.
const BLOCKS: usize = 128;
const SLOTS: usize = 2048;

/// Slots found by a hash.
struct Table<T>([OnceLock<Box<[T]>>; BLOCKS]);

impl<T: Default> Table<T> {
    const fn new() -> Self {
        Self([const { OnceLock::new() }; BLOCKS])
    }

    fn slot(&self, key: u64) -> &T {
        let (block, slot) = (key as usize % BLOCKS, key as usize / BLOCKS % SLOTS);
        &self.0[block].get_or_init(|| std::iter::repeat_with(T::default).take(SLOTS).collect())[slot]
    }
}

/// Verdicts of the judge for one operating point.
pub struct Memory {
    point: Confidence,
    keys: SeedableRandomState,
    /// Hashes of pairs, the lowest bit of which says whether the pair has a chance.
    pairs: Table<AtomicU64>,
    /// The hash of what was judged, mixed with the verdict, and the verdict.
    verdicts: Table<(AtomicU64, AtomicU64)>,
}

impl Memory {
    /// Nothing judged so far.
    #[must_use]
    pub fn new(point: Confidence) -> Self {
        let key = RandomState::new().hash_one(point as u8);
        let keys = SeedableRandomState::with_seed(key, SharedSeed::global_random());
        Self { point, keys, pairs: Table::new(), verdicts: Table::new() }
    }

    /// How likely `proposal` is a real credential; 0 where it does not come near the operating point.
    pub fn judge(&self, hay: &[u8], proposal: &Proposal, path: &[u8]) -> f32 {
        let likely = near(hay, proposal, || self.weigh(hay, proposal, path));
        lowered(hay, proposal, path, likely)
    }

    /// The same for a file whose path is not known yet; what will be shown at *low* only may seem likelier here.
    pub fn near(&self, hay: &[u8], proposal: &Proposal) -> f32 {
        near(hay, proposal, || self.weigh(hay, proposal, b""))
    }

    fn weigh(&self, hay: &[u8], proposal: &Proposal, path: &[u8]) -> f32 {
        let (pair, mut numbers) = (self.pair(hay, proposal) | 1, None);
        let known = self.pairs.slot(pair >> 1);
        let hopeless = match known.load(Relaxed) {
            same if same | 1 == pair => same & 1 == 0,
            _ => {
                let hopeless = !has_chance(numbers.insert(Numbers::of(hay, proposal)), self.point);
                known.store(pair ^ u64::from(hopeless), Relaxed);
                hopeless
            }
        };
        if hopeless {
            return 0.0;
        }
        let key = self.key(hay, proposal, path);
        let (mixed, verdict) = self.verdicts.slot(key);
        let known = verdict.load(Relaxed);
        if known != 0 && mixed.load(Relaxed) ^ known == key {
            return f32::from_bits(known as u32);
        }
        let numbers = numbers.unwrap_or_else(|| Numbers::of_pair(hay, proposal));
        let probability = weigh_there(numbers, hay, proposal, path, self.point);
        // No verdict is 0, so that an empty slot is none either.
        let new = u64::from(probability.to_bits()) | 1 << 32;
        mixed.store(key ^ new, Relaxed);
        verdict.store(new, Relaxed);
        probability
    }

    /// The hash of all that the numbers of a pair are made of, whatever stands round it.
    fn pair(&self, hay: &[u8], p: &Proposal) -> u64 {
        let mut hasher = self.keys.build_hasher();
        for span in [p.key, p.value, p.wrapper] {
            hasher.write(span.of(hay));
            hasher.write_usize(span.len());
        }
        // Where in the name the word stands that led to it; it may stand elsewhere.
        hasher.write(p.anchor.of(hay));
        hasher.write_u64((p.anchor.start.wrapping_sub(p.key.start) as u64) << 32 | p.anchor.len() as u64);
        hasher.write_u32(sorts(p));
        hasher.finish()
    }

    fn key(&self, hay: &[u8], p: &Proposal, path: &[u8]) -> u64 {
        let (seen, window) = context::seen(hay, p);
        let mut hasher = self.keys.build_hasher();
        hasher.write(seen.of(hay));
        for span in [window, p.anchor, p.key, p.value, p.wrapper] {
            // Where nothing stands does not matter.
            let start = if span.is_empty() { 0 } else { span.start.wrapping_sub(seen.start) };
            hasher.write_u64((start as u64) << 32 | span.len() as u64);
        }
        hasher.write_u32(sorts(p));
        path.hash(&mut hasher);
        hasher.finish()
    }
}

/// Kind, operator and quote.
fn sorts(p: &Proposal) -> u32 {
    u32::from(p.kind as u8) << 16 | u32::from(p.operator as u8) << 8 | u32::from(p.quote as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::generic::{judge_for, propose};
    use crate::model::Span;

    /// Every proposal that the words of a text lead to.
    fn proposals(text: &[u8]) -> Vec<Proposal> {
        let mut found = Vec::new();
        for word in ["password", "token", "secret"] {
            for at in memchr::memmem::find_iter(text, word) {
                propose(text, Span::new(at, at + word.len()), &mut found);
            }
        }
        found
    }

    #[test]
    fn a_verdict_is_the_same_from_memory() {
        let memory = Memory::new(Confidence::Low);
        let value = ["Zk3", "vQ9x", "Lp7Rt2"].concat();
        // What differs stands in the value, the name, near, just in reach, in the wrapper, and at the text's ends.
        let texts: Vec<String> = (0..40)
            .flat_map(|n| {
                let space = " ".repeat(5 * n);
                [
                    format!("password = '{value}{n}'\nuser = 'admin'\n"),
                    format!("{space}token{n} = get(\"{value}\")\n{space}# example"),
                    format!("user = 'x'\n{space}\n{space}password: {value}\n{space}sample {n}"),
                    format!("secret = Some{n}(\"{value}\");{space}\nexample = \"secret\" => '{value}'"),
                ]
            })
            .collect();
        let mut judged = 0;
        for round in 0..2 {
            for text in &texts {
                for proposal in proposals(text.as_bytes()) {
                    for path in ["", "a.py", "test/a.py"] {
                        let fresh = judge_for(text.as_bytes(), &proposal, path.as_bytes(), Confidence::Low);
                        let known = memory.judge(text.as_bytes(), &proposal, path.as_bytes());
                        assert_eq!(known.to_bits(), fresh.probability.to_bits(), "{round} {text} {path}");
                        judged += usize::from(known > 0.0);
                    }
                }
            }
        }
        assert!(judged > 500, "{judged}");
    }

    #[test]
    fn what_lies_out_of_reach_is_not_asked_about() {
        let memory = Memory::new(Confidence::Low);
        let value = ["Zk3v", "Q9xLp7"].concat();
        let text = |ahead: usize| format!("{}\npassword = '{value}'\n{}", "#".repeat(ahead), "-".repeat(900));
        let (near, far) = (text(400), text(900));
        let key = |text: &str| memory.key(text.as_bytes(), &proposals(text.as_bytes())[0], b"");
        assert_eq!(key(&near), key(&far));
        assert_ne!(key(&near), key(&text(40)));
    }
}
