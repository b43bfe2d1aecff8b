//! Which objects and names hold which secrets: numbers and pairs of numbers, since one secret may stand in thousands of versions.

use std::collections::{BTreeSet, HashMap};

use bstr::BString;

use crate::{
    detect::{Known, Raw},
    model::Span,
    scan::worker::Remembered,
    source::{asset::Inner, git::objects::object::ObjectIx},
};

/// A secret: the rule that found it, and its bytes.
pub(super) type Key = (u32, Box<[u8]>);

/// Where a secret was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Holder {
    /// A file's content.
    Blob(ObjectIx),
    /// A commit's or a tag's own text.
    Text(ObjectIx),
    /// The name of a file, by its number.
    Name(u32),
}

/// So many bytes are kept by each thread of what was found, lest what holds it be searched again for the report.
const MOST_KEPT: usize = 32 << 20;

/// What one thread found.
#[derive(Default)]
pub(super) struct Hits {
    /// By bytes: rule and number.
    secrets: HashMap<Box<[u8]>, Vec<(u32, u32)>, foldhash::quality::RandomState>,
    count: u32,
    names: Vec<BString>,
    held: Vec<(u32, Holder)>,
    remembered: HashMap<ObjectIx, Remembered>,
    /// Bytes of it.
    kept: usize,
}

/// What all threads found.
#[derive(Default)]
pub(super) struct Held {
    /// Sorted.
    pub(super) secrets: Vec<Key>,
    /// Sorted.
    pub(super) names: Vec<BString>,
    /// Secret, by number, and holder: sorted, each once.
    pub(super) pairs: Vec<(u32, Holder)>,
    /// All that was found in a blob, where it was kept.
    pub(super) remembered: HashMap<ObjectIx, Remembered>,
}

impl Hits {
    pub(super) fn hold(&mut self, rule: u32, secret: &[u8], holder: Holder) {
        let number = self.number(rule, secret);
        // Often the same secret stands in a file several times in a row.
        if self.held.last() != Some(&(number, holder)) {
            self.held.push((number, holder));
        }
    }

    /// Keeps all that was found in a blob's own text, while there is room: the matches, and where more stands encoded, in
    /// runs and in clusters.
    pub(super) fn keep(&mut self, blob: ObjectIx, found: [&[Raw]; 2], encoded: [Box<[Span]>; 2]) {
        if self.has_room((found[0].len() + found[1].len()) * size_of::<Raw>()) {
            let [runs, clusters] = encoded;
            let known = Known { matches: found.concat().into(), runs, clusters };
            self.remembered.insert(blob, Remembered::Text(known));
        }
    }

    /// Keeps the texts inside a blob that hold something, while there is room.
    pub(super) fn keep_inner(&mut self, blob: ObjectIx, texts: Vec<Inner>) {
        if self.has_room(texts.iter().map(Inner::size).sum()) {
            self.remembered.insert(blob, Remembered::Inside(texts));
        }
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let has_room = self.kept + bytes <= MOST_KEPT;
        self.kept += if has_room { bytes } else { 0 };
        has_room
    }

    fn number(&mut self, rule: u32, secret: &[u8]) -> u32 {
        let next = self.count;
        let rules = match self.secrets.get_mut(secret) {
            Some(rules) => rules,
            None => self.secrets.entry(secret.into()).or_default(),
        };
        if let Some((_, number)) = rules.iter().find(|(other, _)| *other == rule) {
            return *number;
        }
        rules.push((rule, next));
        self.count += 1;
        next
    }

    /// A holder for a name.
    pub(super) fn name(&mut self, name: &[u8]) -> Holder {
        self.names.push(name.into());
        Holder::Name((self.names.len() - 1) as u32)
    }

    /// How many pairs of a secret and a holder there are.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The blobs among the holders.
    pub(super) fn blobs(&self) -> impl Iterator<Item = ObjectIx> + '_ {
        self.held.iter().filter_map(|(_, holder)| if let Holder::Blob(ix) = holder { Some(*ix) } else { None })
    }
}

impl Held {
    /// Puts together what the threads found, in an order that does not depend on which found what.
    pub(super) fn join(parts: Vec<Hits>) -> Self {
        let names: BTreeSet<&BString> = parts.iter().flat_map(|part| &part.names).collect();
        let names: Vec<BString> = names.into_iter().cloned().collect();
        let keys = |part: &Hits| {
            let listed = part.secrets.iter();
            listed
                .flat_map(|(secret, rules)| rules.iter().map(|&(rule, number)| ((rule, secret.clone()), number)))
                .collect::<Vec<_>>()
        };
        let listed: Vec<Vec<(Key, u32)>> = parts.iter().map(keys).collect();
        let secrets: BTreeSet<&Key> = listed.iter().flatten().map(|(key, _)| key).collect();
        let secrets: Vec<Key> = secrets.into_iter().cloned().collect();
        let mut pairs = Vec::with_capacity(parts.iter().map(|part| part.held.len()).sum());
        let mut remembered = HashMap::new();
        for (part, listed) in parts.into_iter().zip(listed) {
            if remembered.is_empty() {
                remembered = part.remembered;
            } else {
                remembered.extend(part.remembered);
            }
            let mut numbers = vec![0; part.count as usize];
            for (key, number) in listed {
                numbers[number as usize] = secrets.partition_point(|other| *other < key) as u32;
            }
            let named: Vec<u32> =
                part.names.iter().map(|name| names.partition_point(|other| other < name) as u32).collect();
            pairs.extend(part.held.into_iter().map(|(number, holder)| {
                let holder = if let Holder::Name(name) = holder { Holder::Name(named[name as usize]) } else { holder };
                (numbers[number as usize], holder)
            }));
        }
        pairs.sort_unstable();
        pairs.dedup();
        Self { secrets, names, pairs, remembered }
    }

    /// Each secret with all that holds it.
    pub(super) fn by_secret(&self) -> impl Iterator<Item = (&Key, impl Iterator<Item = Holder> + '_)> {
        let runs = self.pairs.chunk_by(|a, b| a.0 == b.0);
        runs.map(|run| (&self.secrets[run[0].0 as usize], run.iter().map(|&(_, holder)| holder)))
    }

    /// All that holds something, sorted.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let mut holders: Vec<Holder> = self.pairs.iter().map(|&(_, holder)| holder).collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_whatever_thread_found_it() {
        let found = [(1, "b", 7), (0, "b", 7), (1, "a", 3), (1, "b", 3), (1, "b", 7)];
        let mut want = None;
        for split in 0..=found.len() {
            let mut parts = [Hits::default(), Hits::default()];
            for (at, &(rule, secret, ix)) in found.iter().enumerate() {
                parts[usize::from(at < split)].hold(rule, secret.as_bytes(), Holder::Blob(ObjectIx(ix)));
            }
            for (part, name) in parts.iter_mut().zip(["z", "y"]) {
                let holder = part.name(name.as_bytes());
                part.hold(1, b"a", holder);
            }
            let held = Held::join(parts.into());
            let told: Vec<_> =
                held.by_secret().map(|(key, holders)| (key.clone(), holders.collect::<Vec<_>>())).collect();
            assert_eq!(held.names, ["y", "z"]);
            assert_eq!(told, *want.get_or_insert(told.clone()));
        }
        let blob = |ix| Holder::Blob(ObjectIx(ix));
        let want = want.unwrap();
        assert_eq!(want[0], ((0, b"b".as_slice().into()), vec![blob(7)]));
        assert_eq!(want[1], ((1, b"a".as_slice().into()), vec![blob(3), Holder::Name(0), Holder::Name(1)]));
        assert_eq!(want[2], ((1, b"b".as_slice().into()), vec![blob(3), blob(7)]));
    }
}
