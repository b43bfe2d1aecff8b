//! Which refs hold what, each history gone through once for 256 sets of commits.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::BString;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use super::super::refs::{Tip, TipKind};
use super::ancestry::{Ancestry, CommitNumber};
use super::introduce::{End, MAX_REFS};
use super::trace::Search;

/// The refs that hold a thing, the best kind only.
#[derive(Clone, Default)]
pub(super) struct Held {
    /// Sorted, at most [`MAX_REFS`].
    pub(super) refs: Arc<[BString]>,
    pub(super) more: usize,
    pub(super) kind: Option<TipKind>,
}

/// What makes two things be held by the same refs: where they came in, and which ends name them.
type Group<'t> = (Vec<u32>, &'t [usize]);

/// Words of the sets of groups that are looked at together.
const WORDS: usize = 4;

/// A set of groups.
type Groups = [u64; WORDS];

fn or(a: Groups, b: Groups) -> Groups {
    std::array::from_fn(|word| a[word] | b[word])
}

/// An end by its number, its name, and the commit that it leads to.
type NamedEnd<'e> = (usize, &'e Tip, Option<CommitNumber>);

impl Search<'_> {
    /// The histories that hold each of some things: bits flow from where it came in to all that builds on that.
    pub(super) fn refs(&self, ends: &[End<'_>], things: impl ExactSizeIterator<Item = usize>) -> Vec<Held> {
        let mut groups: HashMap<Group<'_>, usize> = HashMap::new();
        let mut group_of = Vec::with_capacity(things.len());
        for trace in things.map(|number| &self.traces[number]) {
            let places = trace.introduced.iter().map(|&(at, _)| at).collect();
            let next = groups.len();
            group_of.push(*groups.entry((places, &trace.direct)).or_insert(next));
        }
        let mut listed: Vec<(Group<'_>, usize)> = groups.into_iter().collect();
        listed.sort_unstable_by_key(|&(_, number)| number);
        let groups: Vec<Group<'_>> = listed.into_iter().map(|(group, _)| group).collect();
        let target = |end: &End<'_>| end.commit().and_then(|id| self.ancestry.get(&id));
        let mut sorted: Vec<NamedEnd<'_>> =
            ends.iter().enumerate().map(|(at, end)| (at, end.tip, target(end))).collect();
        sorted.sort_by(|a, b| (a.1.kind, &a.1.name).cmp(&(b.1.kind, &b.1.name)));
        let ancestry = self.ancestry;
        let bits = || vec![[0; WORDS]; ancestry.len()];
        let sets = groups.par_chunks(64 * WORDS);
        let held = sets.map_init(bits, |bits, groups| holders(ancestry, groups, &sorted, bits));
        let held: Vec<Held> = held.flatten_iter().collect();
        group_of.into_iter().map(|group| held[group].clone()).collect()
    }
}

/// For as many groups as a set may have.
fn holders(ancestry: &Ancestry, groups: &[Group<'_>], ends: &[NamedEnd<'_>], bits: &mut [Groups]) -> Vec<Held> {
    bits.fill([0; WORDS]);
    let mut direct: HashMap<usize, Groups> = HashMap::new();
    for (group, (places, named)) in groups.iter().enumerate() {
        let (word, bit) = (group / 64, 1 << (group % 64));
        places.iter().for_each(|&at| bits[ancestry.order[at as usize] as usize][word] |= bit);
        named.iter().for_each(|&end| direct.entry(end).or_default()[word] |= bit);
    }
    let first = groups.iter().flat_map(|(places, _)| places).min().map_or(ancestry.len(), |&at| at as usize);
    for &number in &ancestry.order[first..] {
        let parents = ancestry.parents(number).iter();
        bits[number as usize] = parents.fold(bits[number as usize], |sum, &parent| or(sum, bits[parent as usize]));
    }
    let mut tally = Tally::new(groups.len());
    // A name may stand for several things, but holds them once.
    for same in ends.chunk_by(|a, b| (a.1.kind, &a.1.name) == (b.1.kind, &b.1.name)) {
        let of = |(at, _, target): &NamedEnd<'_>| {
            let built_on = target.map_or([0; WORDS], |number| bits[number as usize]);
            if direct.is_empty() { built_on } else { or(built_on, direct.get(at).copied().unwrap_or_default()) }
        };
        tally.add(same[0].1, same.iter().map(of).fold([0; WORDS], or));
    }
    tally.finish(groups)
}

/// Names of what holds each group, the best kind only. A busy repository has more refs than can be listed for each of
/// thousands of groups one by one, so from [`MAX_REFS`] on they are counted, 64 groups at a time.
struct Tally<'a> {
    names: Vec<Names<'a>>,
    /// Groups that have names of a better kind, of this one, and as many of this one as are listed.
    better: Groups,
    named: Groups,
    full: Groups,
    kind: Option<TipKind>,
    more: [Counts; WORDS],
}

impl<'a> Tally<'a> {
    fn new(groups: usize) -> Self {
        let names = std::iter::repeat_with(Names::default).take(groups).collect();
        let none = [0; WORDS];
        Self { names, better: none, named: none, full: none, kind: None, more: Default::default() }
    }

    /// Takes the next name; they come by kind, the best first, then by name, each once.
    fn add(&mut self, tip: &'a Tip, holds: Groups) {
        if self.kind.replace(tip.kind) != Some(tip.kind) {
            self.better = or(self.better, self.named);
        }
        for (word, holds) in holds.into_iter().enumerate() {
            let holds = holds & !self.better[word];
            self.named[word] |= holds;
            self.more[word].add(holds & self.full[word]);
            let mut listed = holds & !self.full[word];
            while listed != 0 {
                let names = &mut self.names[64 * word + listed.trailing_zeros() as usize];
                names.add(tip);
                if names.refs.len() == MAX_REFS {
                    self.full[word] |= listed & listed.wrapping_neg();
                }
                listed &= listed - 1;
            }
        }
    }

    fn finish(self, groups: &[Group<'_>]) -> Vec<Held> {
        let more = |group: usize| self.more[group / 64].of(group % 64);
        let names = self.names.into_iter().zip(groups).enumerate();
        names.map(|(group, (names, (places, _)))| names.finish(more(group), !places.is_empty())).collect()
    }
}

/// Numbers of 64 groups side by side: a word for each of their digits.
#[derive(Default)]
struct Counts(Vec<u64>);

impl Counts {
    /// One more for each of some groups.
    fn add(&mut self, mut carry: u64) {
        for digit in &mut self.0 {
            if carry == 0 {
                return;
            }
            (*digit, carry) = (*digit ^ carry, *digit & carry);
        }
        if carry != 0 {
            self.0.push(carry);
        }
    }

    fn of(&self, group: usize) -> usize {
        self.0.iter().rev().fold(0, |number, digit| number << 1 | (digit >> group & 1) as usize)
    }
}

/// Names of what holds one group.
#[derive(Default)]
struct Names<'a> {
    refs: Vec<&'a Tip>,
    lines: HashMap<&'a [u8], &'a Tip>,
    kind: Option<TipKind>,
}

impl<'a> Names<'a> {
    fn add(&mut self, tip: &'a Tip) {
        self.kind = Some(tip.kind);
        match tip.kind {
            TipKind::Ref => self.refs.push(tip),
            TipKind::Reflog | TipKind::Pseudo | TipKind::Dangling => {
                let log = tip.name.split(|&byte| byte == b'@').next().unwrap_or_default();
                let newest = self.lines.entry(log).or_insert(tip);
                if (tip.name.len(), &tip.name) < (newest.name.len(), &newest.name) {
                    *newest = tip;
                }
            }
        }
    }

    fn finish(self, more: usize, has_commit: bool) -> Held {
        let kind = self.kind.or(has_commit.then_some(TipKind::Dangling));
        if !self.refs.is_empty() {
            return Held { refs: self.refs.iter().map(|tip| tip.name.clone()).collect(), more, kind };
        }
        let mut names: Vec<&BString> = self.lines.into_values().map(|tip| &tip.name).collect();
        names.sort();
        names.dedup();
        Held {
            more: names.len().saturating_sub(MAX_REFS),
            refs: names.into_iter().take(MAX_REFS).cloned().collect(),
            kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn numbers_side_by_side_are_those_counted_one_by_one() {
        let (mut counts, mut plain) = (Counts::default(), [0; 64]);
        let mut set = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..1000 {
            set = set.rotate_left(7).wrapping_mul(0x2545_f491_4f6c_dd1d);
            counts.add(set);
            plain.iter_mut().enumerate().for_each(|(group, count)| *count += (set >> group & 1) as usize);
        }
        assert!((0..64).all(|group| counts.of(group) == plain[group]));
    }
}
