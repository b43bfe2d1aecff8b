//! Which members of a network lack what could not be read.

use std::collections::{BTreeMap, BTreeSet};

use super::{head::Holdings, joined::Joined, network::Opened};
use crate::{
    model::{BlobId, SkipReason, Skipped},
    source::git::objects::{namers::namers, object::HashKind, store::ObjectStore, walk::WalkOptions},
};

/// Members, by their number among those that could be opened.
pub(crate) type Members = Vec<usize>;

/// Whether bytes were lost.
fn is_damage(reason: &SkipReason) -> bool {
    use SkipReason::{Changed, Corrupt, Promised, Shallow, Unreadable, Vanished};
    matches!(reason, Unreadable(_) | Vanished | Changed | Corrupt(_) | Promised | Shallow(_))
}

/// For each thing that was not scanned, the members that have it; all, where it is in no one's objects. `None` if it cannot
/// be told who lacks what is damaged.
pub(crate) fn owners(
    skipped: &[Skipped],
    joined: &Joined,
    opened: &[Opened],
    holdings: &[Option<Holdings<'_>>],
    options: &WalkOptions<'_>,
) -> Option<Vec<Members>> {
    let ids: Vec<Option<BlobId>> = skipped.iter().map(|skipped| id_in(&skipped.what)).collect();
    let holds = |at: usize, id: &BlobId| holdings[at].as_ref().is_some_and(|holdings| holdings.holds(id));
    let everyone = 0..opened.len();
    let nobody: BTreeSet<BlobId> =
        ids.iter().flatten().filter(|id| !everyone.clone().any(|at| holds(at, id))).copied().collect();
    let mut namers = BTreeMap::new();
    if !nobody.is_empty() {
        let (store, _) = ObjectStore::open(&[joined.path().join("objects")], HashKind::Sha1);
        namers = self::namers(&store, &nobody, options);
    }
    let none = BTreeSet::new();
    let lacks = |at: usize, id: &BlobId| {
        let named = namers.get(id).unwrap_or(&none).iter().any(|namer| holds(at, namer));
        named || opened[at].tips.tips.iter().any(|tip| tip.id == *id)
    };
    let owners = |(skipped, id): (&Skipped, &Option<BlobId>)| {
        let of_file = |at: &usize| opened[*at].stores(&skipped.what);
        let members: Members = match id {
            Some(id) => everyone.clone().filter(|&at| holds(at, id) || lacks(at, id) || of_file(&at)).collect(),
            None => everyone.clone().filter(of_file).collect(),
        };
        let is_told = !members.is_empty() && !joined.is_named(&skipped.what);
        (is_told || !is_damage(&skipped.reason)).then_some(members)
    };
    skipped.iter().zip(&ids).map(owners).collect()
}

/// The object that is named at the beginning of a message.
fn id_in(what: &[u8]) -> Option<BlobId> {
    let mut words = what.split(|byte| *byte == b' ');
    let kinds: [&[u8]; 5] = [b"object", b"tree", b"blob", b"commit", b"tag"];
    kinds.contains(&words.next()?).then(|| BlobId::from_hex(words.next()?)).flatten()
}

#[cfg(test)]
mod tests {
    use super::id_in;

    #[test]
    fn messages_begin_with_the_object_they_are_about() {
        let id = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        for text in
            [format!("tree {id}"), format!("object {id} in /a/pack-1.pack at byte 12"), format!("object {id} x/y")]
        {
            assert_eq!(id_in(text.as_bytes()).unwrap().to_string(), id);
        }
        for text in ["a/blob/file", "tree house", "refs", ""] {
            assert_eq!(id_in(text.as_bytes()), None, "{text}");
        }
    }
}
