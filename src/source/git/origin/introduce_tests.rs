//! Attribution on made repositories.

use bstr::BString;

use super::super::refs::TipKind;
use super::super::repo::Repo;
use super::super::testing::TestRepo;
use super::introduce::*;
use crate::model::BlobId;

fn run(repo: &TestRepo, dangling: &[BlobId], wanted: &[Wanted]) -> Vec<Origin> {
    let opened = repo.open();
    let scope = opened.scope(dangling.to_vec()).unwrap();
    let found = introduce(opened.objects().unwrap(), &scope, wanted);
    assert_eq!(found.problems, []);
    found.origins
}

fn blob(repo: &TestRepo, id: BlobId) -> Origin {
    run(repo, &[], &[Wanted::Blob(id)]).remove(0)
}

fn names(names: &[BString]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// `summary path`, whether it is at HEAD, and the summary of the commit that removed it.
fn story(repo: &TestRepo, origin: &Origin) -> (String, Option<bool>, Option<String>) {
    let info = origin.commit.as_ref().unwrap();
    let removed = info.removed_by.map(|id| repo.git(&["log", "-1", "--format=%s", &id.to_string()]));
    (format!("{} {}", info.summary, origin.path), info.at_head, removed)
}

#[test]
fn an_edit_in_a_rename_a_copy_and_a_return() {
    let repo = TestRepo::new();
    let original = repo.stage("a", "1\n2\n3\n4\n");
    let first = repo.commit("first");
    repo.git(&["mv", "a", "b"]);
    let edited = repo.stage("b", "1\n2\n3\n4\n5\n");
    repo.commit("rename with edit");
    repo.stage("copies/of b", "1\n2\n3\n4\n5\n");
    repo.commit("copy");
    repo.git(&["rm", "-q", "b"]);
    repo.commit("remove");
    repo.stage("a", "1\n2\n3\n4\n");
    repo.commit("return");
    let origin = blob(&repo, original);
    assert_eq!(story(&repo, &origin), ("first a".into(), Some(true), None));
    assert_eq!(origin.introduced_by, [first, repo.id("HEAD")]);
    let info = origin.commit.unwrap();
    assert_eq!((info.author, info.email), ("A U Thor".into(), "author@example.com".into()));
    assert_eq!(info.date.offset_minutes, 120);
    assert_eq!(info.date.seconds.to_string(), repo.git(&["log", "-1", "--format=%at", &first.to_string()]));
    assert_eq!(names(&info.refs), ["refs/heads/main"]);
    let origin = blob(&repo, edited);
    assert_eq!(story(&repo, &origin), ("rename with edit b".into(), Some(true), Some("remove".into())));
    assert_eq!(names(&origin.paths), ["b", "copies/of b"]);
    repo.git(&["rm", "-q", "a"]);
    repo.commit("remove again");
    let origin = blob(&repo, original);
    assert_eq!(story(&repo, &origin), ("first a".into(), Some(false), Some("rename with edit".into())));
}

#[test]
fn a_merge_brings_only_what_no_side_has() {
    let repo = TestRepo::new();
    repo.stage("base", "base");
    repo.commit("base");
    repo.git(&["checkout", "-q", "-b", "side"]);
    let side = repo.stage("side", "side");
    repo.commit("side");
    repo.git(&["checkout", "-q", "main"]);
    let main = repo.stage("main", "main");
    repo.commit("main");
    repo.git(&["branch", "before"]);
    repo.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    let evil = repo.stage("evil", "evil");
    repo.git(&["rm", "-q", "main"]);
    repo.commit("merge");
    let found = run(&repo, &[], &[side, main, evil].map(Wanted::Blob));
    let stories: Vec<_> = found.iter().map(|origin| story(&repo, origin)).collect();
    assert_eq!(stories[0], ("side side".into(), Some(true), None));
    assert_eq!(stories[1], ("main main".into(), Some(false), Some("merge".into())));
    assert_eq!(stories[2], ("merge evil".into(), Some(true), None));
    assert_eq!(names(&found[0].refs), ["refs/heads/main", "refs/heads/side"]);
    assert_eq!(names(&found[1].refs), ["refs/heads/before", "refs/heads/main"]);
    assert_eq!(names(&found[2].refs), ["refs/heads/main"]);
    // Two branches bring the same bytes: the earlier counts, and both are told.
    repo.git(&["checkout", "-q", "before"]);
    let again = repo.stage("elsewhere/evil", "evil");
    let late = repo.commit("the same again");
    assert_eq!(again, evil);
    let origin = blob(&repo, evil);
    assert_eq!(story(&repo, &origin).0, "merge evil");
    assert_eq!(origin.introduced_by, [repo.id("main"), late]);
    assert_eq!(names(&origin.paths), ["elsewhere/evil", "evil"]);
}

#[test]
fn what_is_held_by_other_things_than_branches() {
    let repo = TestRepo::new();
    repo.stage("a", "a");
    let first = repo.commit("first");
    repo.git(&["notes", "add", "-m", "text of the note"]);
    let note = BlobId::of(b"text of the note\n");
    let index = repo.stage("a", "stashed in the index");
    repo.write("a", "stashed in the tree");
    repo.write("new", "stashed untracked");
    repo.git(&["stash", "-q", "--include-untracked"]);
    let (tree, untracked) = (BlobId::of(b"stashed in the tree"), BlobId::of(b"stashed untracked"));
    repo.write("a", "stashed later");
    repo.git(&["stash", "-q"]);
    let amended = repo.stage("b", "amended away");
    repo.commit("to be amended");
    repo.stage("b", "amended");
    repo.git(&["commit", "-q", "--amend", "-m", "amended"]);
    let tagged = repo.git(&["hash-object", "-w", "a"]);
    repo.write("c", "only a tag names it");
    let only = BlobId::from_hex(repo.git(&["hash-object", "-w", "c"]).as_bytes()).unwrap();
    repo.git(&["tag", "-a", "-m", "of a blob", "blob", &only.to_string()]);
    repo.git(&["tag", "-a", "-m", "of a tree", "tree", &format!("{first}^{{tree}}")]);
    assert_eq!(tagged, repo.id("HEAD:a").to_string());
    let lost = repo.stage("lost", "lost");
    let lost_commit = repo.git(&["commit-tree", "-m", "lost", &repo.git(&["write-tree"])]);
    repo.git(&["reset", "-q", "--hard"]);
    let nowhere = BlobId::of(b"nowhere");
    let wanted = [note, index, tree, untracked, amended, only, lost, nowhere].map(Wanted::Blob);
    let found = run(&repo, &[], &wanted);
    let [note, index, tree, untracked, amended, only, lost, nowhere] = &found[..] else { panic!() };
    assert_eq!((names(&note.refs), note.held), (vec!["refs/notes/commits".into()], Some(TipKind::Ref)));
    assert_eq!(note.path, first.to_string());
    for (origin, summary) in [(index, "index on main"), (tree, "WIP on main"), (untracked, "untracked files on main")] {
        assert!(origin.commit.as_ref().unwrap().summary.starts_with(summary.as_bytes()), "{origin:?}");
        assert_eq!((names(&origin.refs), origin.held), (vec!["refs/stash@{1}".into()], Some(TipKind::Reflog)));
    }
    assert_eq!(names(&amended.refs), ["HEAD@{2}", "refs/heads/main@{1}"]);
    assert_eq!((amended.held, amended.path.to_string()), (Some(TipKind::Reflog), "b".to_owned()));
    assert_eq!((names(&only.refs), &only.commit), (vec!["refs/tags/blob".into()], &None));
    for origin in [lost, nowhere] {
        assert_eq!(origin, &Origin { rank: u64::MAX, ..Origin::default() });
    }
    let lost_commit = BlobId::from_hex(lost_commit.as_bytes()).unwrap();
    let origin = &run(&repo, &[lost_commit, first], &wanted[6..7])[0];
    assert_eq!(origin.commit.as_ref().unwrap().id, lost_commit);
    assert_eq!((origin.refs.len(), origin.held), (0, Some(TipKind::Dangling)));
    let tags = [Wanted::Tag(repo.id("blob")), Wanted::Blob(repo.id("tree^{}")), Wanted::Commit(first)];
    let found = run(&repo, &[], &tags);
    assert_eq!(names(&found[0].refs), ["refs/tags/blob"]);
    assert!(names(&found[1].refs).contains(&"refs/tags/tree".into()));
    assert_eq!(names(&found[2].refs), ["refs/heads/main", "refs/stash"]);
    assert_eq!(found[2].commit.as_ref().unwrap().summary, "first");
}

#[test]
fn a_name_has_an_origin_too() {
    let repo = TestRepo::new();
    repo.stage("plain", "1");
    repo.commit("first");
    repo.stage("dir/odd name/x", "2");
    repo.commit("second");
    repo.git(&["mv", "dir/odd name/x", "odd name"]);
    repo.commit("third");
    let found = run(&repo, &[], &[Wanted::Name("odd name".into()), Wanted::Name("x".into())]);
    assert_eq!(story(&repo, &found[0]), ("second dir/odd name".into(), Some(true), Some("third".into())));
    assert_eq!(names(&found[0].paths), ["dir/odd name", "odd name"]);
    assert_eq!(story(&repo, &found[1]), ("second dir/odd name/x".into(), Some(false), Some("third".into())));
}

#[test]
fn trees_that_stand_for_more_paths_than_there_are_atoms() {
    let repo = TestRepo::new();
    let leaf = repo.stage("leaf", "leaf");
    let mut tree = repo.git(&["write-tree"]);
    for _ in 0..12 {
        let listing: String = (0..10).map(|at| format!("040000 tree {tree}\t{at}\n")).collect();
        repo.write("listing", listing);
        let script = "git mktree < listing";
        let output = repo.command(&repo.path).args(["-c", &format!("alias.x=!{script}"), "x"]).output().unwrap();
        tree = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    }
    let bomb = repo.git(&["commit-tree", "-m", "bomb", &tree]);
    repo.git(&["update-ref", "refs/heads/bomb", &bomb]);
    let origin = blob(&repo, leaf);
    assert_eq!(origin.commit.unwrap().id.to_string(), bomb);
    assert_eq!(origin.path, format!("{}leaf", "0/".repeat(12)));
}

#[test]
fn missing_objects_are_told_and_shallow_ends_are_not() {
    let repo = TestRepo::new();
    repo.stage("d/a", "1");
    repo.commit("first");
    let tree = repo.id("HEAD:d").to_string();
    let later = repo.stage("b", "2");
    repo.commit("second");
    let clone = repo.beside("clone");
    repo.git(&["clone", "-q", "--depth=1", &format!("file://{}", repo.path.display()), clone.to_str().unwrap()]);
    let shallow = Repo::at(&clone).unwrap();
    let scope = shallow.scope(Vec::new()).unwrap();
    let found = introduce(shallow.objects().unwrap(), &scope, &[Wanted::Blob(later)]);
    assert_eq!((found.problems, found.commits), (vec![], 1));
    assert_eq!(found.origins[0].path, "b");
    std::fs::remove_file(repo.path.join(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
    let opened = repo.open();
    let found = introduce(opened.objects().unwrap(), &opened.scope(vec![]).unwrap(), &[Wanted::Blob(later)]);
    assert_eq!(found.problems.iter().map(|p| p.what.to_string()).collect::<Vec<_>>(), [format!("tree {tree}")]);
    assert_eq!(found.origins[0].path, "b");
}
