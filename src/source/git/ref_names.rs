//! Which refs hold what, each history gone through once for 64 sets of commits.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::BString;

use super::ancestry::CommitNumber;
use super::introduce::{End, MAX_REFS};
use super::refs::{Tip, TipKind};
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

impl Search<'_> {
    /// The histories that hold each thing: bits flow from where it came in to all that builds on that.
    pub(super) fn refs(&mut self, ends: &[End<'_>]) {
        let mut groups: HashMap<Group<'_>, usize> = HashMap::new();
        let mut group_of = Vec::with_capacity(self.traces.len());
        for trace in &self.traces {
            let places = trace.introduced.iter().map(|&(at, _)| at).collect();
            let next = groups.len();
            group_of.push(*groups.entry((places, &trace.direct)).or_insert(next));
        }
        let mut listed: Vec<(Group<'_>, usize)> = groups.into_iter().collect();
        listed.sort_unstable_by_key(|&(_, number)| number);
        let groups: Vec<Group<'_>> = listed.into_iter().map(|(group, _)| group).collect();
        let target = |end: &End<'_>| end.commit().and_then(|id| self.ancestry.get(&id));
        let mut sorted: Vec<(usize, &Tip, Option<CommitNumber>)> =
            ends.iter().enumerate().map(|(at, end)| (at, end.tip, target(end))).collect();
        sorted.sort_by(|a, b| (a.1.kind, &a.1.name).cmp(&(b.1.kind, &b.1.name)));
        let mut bits = vec![0u64; self.ancestry.len()];
        let held: Vec<Held> = groups.chunks(64).flat_map(|groups| self.holders(groups, &sorted, &mut bits)).collect();
        for (trace, group) in self.traces.iter_mut().zip(group_of) {
            trace.held = held[group].clone();
        }
    }

    /// For up to 64 groups.
    fn holders(
        &self,
        groups: &[Group<'_>],
        ends: &[(usize, &Tip, Option<CommitNumber>)],
        bits: &mut [u64],
    ) -> Vec<Held> {
        bits.fill(0);
        let mut direct: HashMap<usize, u64> = HashMap::new();
        for (bit, (places, named)) in groups.iter().enumerate() {
            places.iter().for_each(|&at| bits[self.ancestry.order[at as usize] as usize] |= 1 << bit);
            named.iter().for_each(|&end| *direct.entry(end).or_default() |= 1 << bit);
        }
        let first = groups.iter().flat_map(|(places, _)| places).min().map_or(self.ancestry.len(), |&at| at as usize);
        for &number in &self.ancestry.order[first..] {
            let parents = self.ancestry.parents(number).iter();
            bits[number as usize] |= parents.fold(0, |sum, &parent| sum | bits[parent as usize]);
        }
        let mut names: Vec<Names<'_>> = std::iter::repeat_with(Names::default).take(groups.len()).collect();
        for (at, tip, target) in ends {
            let mut holds = target.map_or(0, |number| bits[number as usize]);
            if !direct.is_empty() {
                holds |= direct.get(at).copied().unwrap_or(0);
            }
            while holds != 0 {
                names[holds.trailing_zeros() as usize].add(tip);
                holds &= holds - 1;
            }
        }
        names.into_iter().zip(groups).map(|(names, (places, _))| names.finish(!places.is_empty())).collect()
    }
}

/// Names of what holds a thing, the best kind only; tips come by kind, then by name.
#[derive(Default)]
struct Names<'a> {
    refs: Vec<&'a Tip>,
    more: usize,
    last: Option<&'a Tip>,
    lines: HashMap<&'a [u8], &'a Tip>,
    kind: Option<TipKind>,
}

impl<'a> Names<'a> {
    fn add(&mut self, tip: &'a Tip) {
        if *self.kind.get_or_insert(tip.kind) != tip.kind {
            return;
        }
        match tip.kind {
            TipKind::Ref => {
                let is_known = self.last.replace(tip).is_some_and(|last| last.name == tip.name);
                match self.refs.len() {
                    _ if is_known => {}
                    ..MAX_REFS => self.refs.push(tip),
                    _ => self.more += 1,
                }
            }
            TipKind::Reflog | TipKind::Pseudo | TipKind::Dangling => {
                let log = tip.name.split(|&byte| byte == b'@').next().unwrap_or_default();
                let newest = self.lines.entry(log).or_insert(tip);
                if (tip.name.len(), &tip.name) < (newest.name.len(), &newest.name) {
                    *newest = tip;
                }
            }
        }
    }

    fn finish(self, has_commit: bool) -> Held {
        let kind = self.kind.or(has_commit.then_some(TipKind::Dangling));
        if !self.refs.is_empty() {
            return Held { refs: self.refs.iter().map(|tip| tip.name.clone()).collect(), more: self.more, kind };
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
