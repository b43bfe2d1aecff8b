//! History, ranges and the index of real repositories.

use crate::runner::{Place, github_token};

fn repository() -> Place {
    let place = Place::new();
    place.git(&["init", "-q", "-b", "main"]);
    place.write("base.txt", "nothing\n");
    place.git(&["add", "."]);
    place.git(&["commit", "-qm", "base"]);
    place
}

fn commit(place: &Place, name: &str, text: &str, message: &str) -> String {
    place.write(name, text);
    place.git(&["add", "-A"]);
    place.git(&["commit", "-qm", message]);
    place.git(&["rev-parse", "HEAD"])
}

fn paths(found: Vec<(String, String, u64)>) -> Vec<String> {
    found.into_iter().map(|(_, path, _)| path).collect()
}

#[test]
fn history_finds_every_hiding_place() {
    let place = repository();
    commit(&place, "deleted.txt", &github_token(1), "add");
    place.git(&["rm", "-q", "deleted.txt"]);
    place.git(&["commit", "-qm", "remove"]);
    commit(&place, "edited.txt", &format!("k={}\n", github_token(2)), "add");
    commit(&place, "edited.txt", "k=\n", "clean");
    place.git(&["commit", "-q", "--allow-empty", "-m", &format!("message {}", github_token(3))]);
    place.git(&["tag", "-a", "v1", "-m", &format!("tag {}", github_token(4))]);
    place.git(&["notes", "add", "-m", &github_token(5)]);
    place.git(&["checkout", "-q", "-b", "other"]);
    commit(&place, "other.txt", &github_token(6), "on another branch");
    place.git(&["checkout", "-q", "main"]);
    place.write("base.txt", github_token(7));
    place.git(&["stash", "-q"]);
    commit(&place, &format!("dir/{}.txt", github_token(8)), "x", "a telling name");
    commit(&place, "lost.txt", &github_token(9), "to be lost");
    place.git(&["reset", "-q", "--hard", "HEAD~1"]);
    place.git(&["branch", &format!("b-{}", github_token(10))]);
    std::os::unix::fs::symlink(github_token(11), place.path().join("link")).unwrap();
    place.git(&["add", "-A"]);
    place.git(&["commit", "-qm", "link"]);
    let mut by_name = place.command("git");
    by_name.env("GIT_AUTHOR_NAME", github_token(12)).args(["commit", "-q", "--allow-empty", "-m", "by a telling name"]);
    assert!(by_name.status().unwrap().success());
    place.write("dangling", github_token(13));
    place.git(&["hash-object", "-w", "dangling"]);
    std::fs::remove_file(place.path().join("dangling")).unwrap();
    let wide: Vec<u8> = format!("\u{feff}{}\n", github_token(14)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    place.write("wide.txt", wide);
    place.write("binary", [&[0, 1][..], github_token(15).as_bytes()].concat());
    place.git(&["add", "-A"]);
    place.git(&["commit", "-qm", "odd files"]);
    for packed in [false, true] {
        if packed {
            place.git(&["gc", "-q", "--prune=never"]);
        }
        let ran = place.stanch(&["scan", "--history", ".", "-f", "json"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let distinct =
            report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "github-pat").count();
        assert_eq!(distinct, 15, "{}", place.stanch(&["scan", "--history", "."]).out);
        assert_eq!(
            place.stanch(&["scan", "--history", "--no-inherit", ".", "-f", "sarif"]).out,
            place.stanch(&["scan", "--history", ".", "-f", "sarif"]).out
        );
    }
}

#[test]
fn a_finding_names_the_commit_that_brought_it_in() {
    let place = repository();
    let first = commit(&place, "a.txt", &format!("one\nk={}\n", github_token(1)), "brings it in");
    commit(&place, "a.txt", &format!("zero\none\nk={}\nmore\n", github_token(1)), "moves it");
    let ran = place.stanch(&["scan", "--history", ".", "-f", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let occurrences = report["findings"][0]["occurrences"].as_array().unwrap();
    assert_eq!(occurrences.len(), 1, "{occurrences:?}");
    let commit = &occurrences[0]["place"]["commit"];
    assert_eq!((&commit["id"], &commit["at_head"]), (&first.as_str().into(), &true.into()));
}

#[test]
fn a_range_reports_what_it_brings_and_only_that() {
    let place = repository();
    commit(&place, "old.txt", &github_token(1), "before");
    let base = place.git(&["rev-parse", "HEAD"]);
    commit(&place, "new.txt", &github_token(2), "in");
    commit(&place, "gone.txt", &github_token(3), "in and out");
    place.git(&["rm", "-q", "gone.txt"]);
    place.git(&["commit", "-qm", "out"]);
    commit(&place, "old.txt", &format!("{}\nmore\n", github_token(1)), "touch the old file");
    let range = format!("{base}..HEAD");
    assert_eq!(paths(place.findings(&["scan", "--range", &range])), ["gone.txt", "new.txt"]);
    assert_eq!(place.stanch(&["scan", "--range", "HEAD..HEAD"]).code, 0);
    let unknown = place.stanch(&["scan", "--range", "nowhere..HEAD"]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
    let clone = Place::new();
    let url = format!("file://{}", place.path().display());
    clone.git(&["clone", "-q", "--depth=2", &url, "."]);
    let shallow = clone.stanch(&["scan", "--range", "HEAD~1..HEAD", "-f", "text"]);
    assert_eq!(shallow.code, 0, "{shallow:?}");
    let beyond = clone.stanch(&["scan", "--branch", "main"]);
    assert_eq!(beyond.code, 3, "{beyond:?}");
}

#[test]
fn staged_reads_the_index_and_writes_nothing() {
    let place = repository();
    commit(&place, "known.txt", &format!("{}\n", github_token(1)), "known");
    place.write("known.txt", format!("{}\nmore\n", github_token(1)));
    place.write("new.txt", github_token(2));
    place.write(".gitattributes", "*.txt -diff\n");
    place.git(&["add", "-A"]);
    place.write("new.txt", "cleaned in the work tree only");
    let before = place.git(&["count-objects", "-v"]);
    assert_eq!(paths(place.findings(&["scan", "--staged"])), ["new.txt"]);
    assert_eq!(paths(place.findings(&["scan", "--staged", "--whole-file"])), ["known.txt", "new.txt"]);
    assert_eq!(place.git(&["count-objects", "-v"]), before);
}

#[test]
fn a_damaged_repository_is_incomplete_and_says_why() {
    let place = repository();
    commit(&place, "a.txt", &github_token(1), "a");
    place.git(&["gc", "-q"]);
    let packs = place.path().join(".git/objects/pack");
    let pack = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "pack")).unwrap();
    let bytes = std::fs::read(&pack).unwrap();
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, &bytes[..bytes.len() - 40]).unwrap();
    let ran = place.stanch(&["scan", "--history", "."]);
    assert!([1, 3].contains(&ran.code) && ran.out.to_lowercase().contains("incomplete"), "{ran:?}");
    assert_eq!(place.stanch(&["scan", "--history", "/nowhere"]).code, 3);
}
