//! Which objects name others: what a repository that lacks an object holds in its place.

use std::collections::{BTreeMap, BTreeSet};

use super::super::parts::{commit_links, tree_entries};
use super::likely::Likely;
use super::object::{KindSet, ObjectKind};
use super::store::ObjectStore;
use super::walk::{Entry, WalkOptions};
use crate::model::BlobId;

/// The trees and commits that name one of these objects, by what they name. `options.kinds` is not looked at.
pub(crate) fn namers(
    store: &ObjectStore,
    wanted: &BTreeSet<BlobId>,
    options: &WalkOptions<'_>,
) -> BTreeMap<BlobId, BTreeSet<BlobId>> {
    let likely = Likely::of(wanted.iter().copied());
    let options = WalkOptions { kinds: KindSet::TREES | KindSet::COMMITS, ..*options };
    let hash_len = store.hash().id_len();
    let visit = |found: &mut BTreeSet<(BlobId, BlobId)>, entry: &Entry<'_>, _: Option<&()>| {
        let mut note = |named: BlobId| {
            if wanted.contains(&named) {
                found.insert((named, store.id(entry.ix)));
            }
        };
        if entry.kind == ObjectKind::Tree {
            let listed = tree_entries(entry.data, hash_len).filter(|listed| likely.may_hold(listed.id));
            listed.for_each(|listed| note(listed.blob_id()));
        } else {
            let links = commit_links(entry.data);
            links.parents.into_iter().chain(links.tree).for_each(note);
        }
    };
    // What cannot be read was told by the scan.
    let (found, _) = store.walk(&options, BTreeSet::new, visit);
    let mut namers: BTreeMap<BlobId, BTreeSet<BlobId>> = BTreeMap::new();
    for (named, namer) in found.into_iter().flatten() {
        namers.entry(named).or_default().insert(namer);
    }
    namers
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::namers;
    use crate::source::git::{
        objects::{store::ObjectStore, walk::WalkOptions},
        testing::TestRepo,
    };

    #[test]
    fn trees_and_commits_that_name_an_object() {
        let repo = TestRepo::new();
        repo.stage("dir/file", "one");
        repo.commit("first");
        repo.stage("other", "two");
        repo.commit("second");
        let id = |name: &str| repo.id(name);
        let (store, _) = ObjectStore::open(&[repo.path.join(".git/objects")], super::super::object::HashKind::Sha1);
        let wanted: BTreeSet<_> = ["HEAD:dir/file", "HEAD:dir", "HEAD~1", "HEAD~1^{tree}"].map(id).into();
        let found = namers(&store, &wanted, &WalkOptions { threads: 2, ..WalkOptions::default() });
        let of = |name: &str| found[&id(name)].iter().copied().collect::<Vec<_>>();
        assert_eq!(of("HEAD:dir/file"), [id("HEAD:dir")]);
        let mut roots = [id("HEAD^{tree}"), id("HEAD~1^{tree}")];
        roots.sort();
        assert_eq!(of("HEAD:dir"), roots);
        assert_eq!(of("HEAD~1"), [id("HEAD")]);
        assert_eq!(of("HEAD~1^{tree}"), [id("HEAD~1")]);
        assert_eq!(found.len(), 4);
    }
}
