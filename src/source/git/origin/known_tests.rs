//! Attribution from what is known of all trees must say exactly what attribution by reading trees one by one says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use proptest::prelude::*;

use super::super::objects::object::{HashKind, KindSet, ObjectKind};
use super::super::objects::object_set::ObjectSet;
use super::super::objects::store::ObjectStore;
use super::super::objects::walk::WalkOptions;
use super::super::repo::Repo;
use super::super::testing::TestRepo;
use super::super::trees::tree_index::TreeIndex;
use super::commit_rows::{CommitReader, CommitRows};
use super::introduce::{Introduced, Known, Origin, Scope, Wanted, introduce, introduce_known};
use crate::model::BlobId;

/// Small numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % sides
    }
}

/// Files and directories whose names sort differently as the one and as the other, and repeat at several levels.
const PATHS: [&str; 14] =
    ["a", "b", "d/a", "d/e/b", "d/e/a", "d-x/f", "d.y", "n/d/a", "n/d/e/b", "n/name", "name/n", "x", "z/d-x/f", "d0"];

fn write_changes(dice: &mut Dice, stream: &mut String) {
    for _ in 0..1 + dice.roll(4) {
        let path = PATHS[dice.roll(PATHS.len())];
        match dice.roll(8) {
            0 => writeln!(stream, "D {path}"),
            1 => writeln!(stream, "D {}", path.split('/').next().unwrap()),
            2 => {
                // Many entries at once, so that trees are worth a delta.
                for n in 0..40 {
                    let name = format!("{}/many/{n:02}", ["d", "n", "w"][dice.roll(3)]);
                    writeln!(stream, "M 100644 inline {name}\ndata 2\n{:02}", dice.roll(30)).unwrap();
                }
                Ok(())
            }
            _ => writeln!(stream, "M 100644 inline {path}\ndata 2\n{:02}", dice.roll(30)),
        }
        .unwrap();
    }
}

/// A history of merges (evil ones too), deletions, returns, several roots and heads; dates run backwards at times.
fn history(seed: u64) -> TestRepo {
    let repo = TestRepo::new();
    let mut dice = Dice(seed | 1);
    let mut stream = String::new();
    let commits = 10 + dice.roll(50);
    for mark in 1..=commits {
        let date = 1_700_000_000 + 100 * mark - dice.roll(300);
        writeln!(stream, "commit refs/heads/c{mark}\nmark :{mark}\ncommitter C <c@x> {date} +0000\ndata 1\nm").unwrap();
        let near = |dice: &mut Dice| mark - 1 - dice.roll((mark - 1).min(6));
        if mark > 1 && dice.roll(15) > 0 {
            writeln!(stream, "from :{}", near(&mut dice)).unwrap();
            for _ in 0..[0, 0, 0, 1, 2][dice.roll(5)] {
                writeln!(stream, "merge :{}", near(&mut dice)).unwrap();
            }
        }
        write_changes(&mut dice, &mut stream);
    }
    writeln!(stream, "tag t\nfrom :{}\ntagger T <t@x> 1 +0000\ndata 1\nt", 1 + dice.roll(commits)).unwrap();
    let mut command = repo.command(&repo.path);
    command.args([
        "-c",
        &format!("fastimport.unpackLimit={}", 1 + dice.roll(2) * 10_000),
        "fast-import",
        "--quiet",
        "--force",
    ]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    repo.git(&["update-ref", "refs/heads/main", &format!("refs/heads/c{}", 1 + dice.roll(commits))]);
    repo.git(&["update-ref", "refs/trees/one", &format!("refs/heads/c{}^{{tree}}", 1 + dice.roll(commits))]);
    for mark in 1..=commits {
        if dice.roll(3) > 0 {
            repo.git(&["update-ref", "-d", &format!("refs/heads/c{mark}")]);
        }
    }
    if dice.roll(4) > 0 {
        repo.git(&["repack", "-adfkq", "--depth=50", "--window=50"]);
    }
    repo
}

/// What both ways say of everything in a repository.
fn both(repo: &Repo, wanted_names: &[&str], threads: usize) -> (Introduced, Introduced) {
    let (store, problems) = ObjectStore::open(&repo.layout().objects, HashKind::Sha1);
    assert_eq!(problems, []);
    let options = WalkOptions { threads, ..WalkOptions::default() };
    let no_trees = WalkOptions { kinds: KindSet::COMMITS | KindSet::BLOBS | KindSet::TAGS, ..options };
    let (parts, problems) = store.walk(
        &no_trees,
        || CommitReader::new(&store),
        |reader, entry, _: Option<&()>| {
            if entry.kind == ObjectKind::Commit {
                reader.add(entry.ix, entry.data);
            }
        },
    );
    assert_eq!(problems, []);
    let mut commits = CommitRows::default();
    parts.into_iter().for_each(|part| commits.append(part.finish()));
    let all = || (0..store.len() as u32).map(super::super::objects::object::ObjectIx);
    // Not every blob: trees that lead to nothing are to be met too.
    let blobs: Vec<_> = all().filter(|&ix| ix.0 % 3 == 0 && store.kind(ix) == Some(ObjectKind::Blob)).collect();
    let wanted_objects: ObjectSet = blobs.iter().copied().collect();
    let is_wanted = |_: &mut (), name: &[u8]| wanted_names.iter().any(|wanted| wanted.as_bytes() == name);
    let scan = TreeIndex::read(&store, &options, &wanted_objects, || (), is_wanted);
    assert_eq!((scan.missing.len(), scan.problems.len()), (0, 0));
    let mut wanted: Vec<Wanted> = blobs.iter().map(|&ix| Wanted::Blob(store.id(ix))).collect();
    wanted.extend(wanted_names.iter().map(|&name| Wanted::Name(name.into())));
    wanted.extend(all().filter_map(|ix| match store.kind(ix)? {
        ObjectKind::Commit => Some(Wanted::Commit(store.id(ix))),
        ObjectKind::Tag => Some(Wanted::Tag(store.id(ix))),
        _ => None,
    }));
    let dangling: Vec<BlobId> =
        all().filter(|&ix| store.kind(ix) == Some(ObjectKind::Commit)).map(|ix| store.id(ix)).collect();
    let scope: Scope = repo.scope(dangling).unwrap();
    let known = Known { store: &store, trees: &scan.index, commits: &commits };
    let all = |origins: &[Origin]| (0..origins.len()).collect();
    let mut new = introduce_known(known, repo.objects().unwrap(), &scope, &wanted, all);
    let half = |origins: &[Origin]| (0..origins.len()).step_by(2).collect();
    let some = introduce_known(known, repo.objects().unwrap(), &scope, &wanted, half);
    assert_every_other_told(&new.origins, &some.origins);
    new.origins.iter_mut().for_each(|origin| origin.name_refs());
    (introduce(repo.objects().unwrap(), &scope, &wanted), new)
}

/// What is said of one thing does not depend on which others are told of.
fn assert_every_other_told(all: &[Origin], half: &[Origin]) {
    let came = |origin: &Origin| (origin.rank, origin.path.clone(), origin.introduced_by.clone());
    let fate = |origin: &Origin| origin.commit.as_ref().map(|commit| (commit.id, commit.at_head, commit.removed_by));
    for (at, (all, half)) in all.iter().zip(half).enumerate() {
        if at % 2 == 0 {
            assert_eq!(all, half);
        } else {
            assert_eq!((came(all), fate(all)), (came(half), fate(half)));
            assert!(half.refs.is_empty() && half.commit.as_ref().is_none_or(|commit| commit.summary.is_empty()));
        }
    }
}

fn assert_same((old, new): (Introduced, Introduced)) {
    for (old, new) in old.origins.iter().zip(&new.origins) {
        assert_eq!(old, new);
    }
    assert_eq!((old.problems, old.commits), (new.problems, new.commits));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_said_that_reading_tree_by_tree_would_not_say(seed in any::<u64>(), threads in 1usize..4) {
        let repo = history(seed);
        assert_same(both(&repo.open(), &["name", "d", "absent"], threads));
    }

    #[test]
    fn nor_in_a_shallow_clone(seed in any::<u64>()) {
        let repo = history(seed);
        let clone = repo.beside("clone");
        let url = format!("file://{}", repo.path.display());
        repo.git(&["clone", "-q", "--no-single-branch", "--depth=3", &url, clone.to_str().unwrap()]);
        assert_same(both(&Repo::at(&clone).unwrap(), &["n", "many"], 1));
    }
}

#[test]
fn what_trees_name_and_nobody_has_is_told_once() {
    let repo = TestRepo::new();
    let gone = repo.stage("d/gone", "gone");
    repo.stage("d/kept", "kept");
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},module", "1".repeat(40))]);
    repo.commit("first");
    repo.stage("other", "2");
    let tree = repo.id("HEAD:d").to_string();
    repo.commit("second");
    repo.stage("d/more", "3");
    repo.commit("third");
    for id in [gone.to_string(), tree.clone()] {
        std::fs::remove_file(repo.path.join(".git/objects").join(&id[..2]).join(&id[2..])).unwrap();
    }
    let opened = repo.open();
    let (store, _) = ObjectStore::open(&opened.layout().objects, HashKind::Sha1);
    let mut names = Vec::new();
    for threads in [1, 2] {
        let options = WalkOptions { threads, ..WalkOptions::default() };
        let scan = TreeIndex::read(&store, &options, &ObjectSet::default(), Vec::new, |names: &mut Vec<_>, name| {
            names.push(name.to_vec());
            false
        });
        let mut told: Vec<String> = scan.missing.iter().map(ToString::to_string).collect();
        told.sort();
        assert_eq!(told, [format!("blob {gone} is missing"), format!("tree {tree} is missing")]);
        assert_eq!(scan.problems, []);
        let met: BTreeSet<Vec<u8>> = scan.workers.concat().into_iter().collect();
        names.push(met);
    }
    let want: BTreeSet<Vec<u8>> = ["d", "gone", "kept", "more", "module", "other"].map(|name| name.into()).into();
    assert_eq!(names, [want.clone(), want]);
}
