//! Text of a history that is not in files: messages, people, tags, names.

use std::collections::HashSet;

use super::parts::{commit_parts, tag_parts};
use super::tree_splice::{Starts, splice};
use crate::model::{BlobId, ObjectPart};

/// A piece of text of a git object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text<'a> {
    /// Which part.
    pub part: ObjectPart,
    /// The commit, the tag, or the tree that holds a name; `None` for the name of a ref.
    pub id: Option<BlobId>,
    /// The text, as stored.
    pub bytes: &'a [u8],
}

/// The text of a commit.
pub fn commit_texts(id: BlobId, data: &[u8]) -> impl Iterator<Item = Text<'_>> {
    commit_parts(data).map(move |(part, bytes)| Text { part, id: Some(id), bytes })
}

/// The text of an annotated tag.
pub fn tag_texts(id: BlobId, data: &[u8]) -> impl Iterator<Item = Text<'_>> {
    tag_parts(data).map(move |(part, bytes)| Text { part, id: Some(id), bytes })
}

/// Names of files and directories met so far. Gives each once.
///
/// A tree mostly differs from the one before it (its base in the pack) in one entry, so only what lies between their
/// common start and their common end is looked at; the rest was met with the tree before.
#[derive(Debug, Default)]
pub struct FileNames {
    met: HashSet<Box<[u8]>>,
    last: Vec<u8>,
    /// Where the entries of `last` start, and where the last one ends.
    starts: Starts,
}

impl FileNames {
    /// Calls `give` with each name of a tree that was not met before. Fastest if trees come as the pack has them, a
    /// base before what is built on it.
    pub fn meet<'a>(&mut self, id: BlobId, tree: &'a [u8], mut give: impl FnMut(Text<'a>)) {
        let met = &mut self.met;
        let starts = splice(&self.last, &self.starts, tree, id.as_bytes().len(), |_, entry| {
            let name: &'a [u8] = entry.name;
            if !met.contains(name) {
                met.insert(name.into());
                give(Text { part: ObjectPart::FileName, id: Some(id), bytes: name });
            }
        });
        self.starts = starts;
        self.last.clear();
        self.last.extend_from_slice(tree);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::parts::tree_entries;
    use super::*;

    fn tree(entries: &[(u8, u8)]) -> Vec<u8> {
        let mut data = Vec::new();
        for (name, id) in entries {
            data.extend(format!("100644 n{name}\0").as_bytes());
            // Ids made of bytes that look like entries, which is what a hostile tree would hold.
            data.extend(std::iter::repeat_n(b"100644 x\0n".iter().copied().cycle().nth(*id as usize).unwrap(), 20));
        }
        data
    }

    proptest! {
        #[test]
        fn every_name_is_given_once_whatever_the_order_of_trees(
            trees in proptest::collection::vec(proptest::collection::vec((0u8..12, 0u8..9), 0..8), 1..12),
            cut in 0usize..40,
        ) {
            let mut names = FileNames::default();
            let mut given = Vec::new();
            let mut want = BTreeSet::new();
            for (at, entries) in trees.iter().enumerate() {
                let mut data = tree(entries);
                if at % 3 == 2 {
                    data.truncate(data.len().saturating_sub(cut));
                }
                want.extend(tree_entries(&data, 20).map(|entry| entry.name.to_vec()));
                names.meet(BlobId::of(b"x"), &data, |text| given.push(text.bytes.to_vec()));
            }
            let distinct: BTreeSet<Vec<u8>> = given.iter().cloned().collect();
            prop_assert_eq!(distinct.len(), given.len());
            prop_assert_eq!(distinct, want);
        }
    }
}
