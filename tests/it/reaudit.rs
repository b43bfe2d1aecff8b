//! Networks of repositories: what is new in one is all that is read of it, and what is damaged is told of its owner.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    audit::{bytes, commit, config, git, organisation, read},
    runner::{Place, Ran, github_token},
};

/// How many objects were read.
fn objects(ran: &Ran) -> u64 {
    let last = ran.err.lines().rfind(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{ran:?}"));
    serde_json::from_str::<Value>(last).unwrap()["objects"].as_u64().unwrap()
}

fn audit(place: &Place, out: &str, more: &[&str]) -> Ran {
    place.stanch(&[&["audit", "all", "--progress", "json", "-f", &format!("json={out}")], more].concat())
}

/// Another clone of the original with a leak and a file of its own.
fn push_to(place: &Place, name: &str) {
    git(place, ".", "2023-01-01T00:00:00Z", &["clone", "-q", &format!("all/{name}"), "late"]);
    commit(place, "late", "2023-01-01T00:00:00Z", &[("late.ini", &config("four")), ("late", "nothing\n")]);
    git(place, "late", "2023-01-01T00:00:00Z", &["push", "-q", "origin", "HEAD:main"]);
    fs::remove_dir_all(place.path().join("late")).unwrap();
}

#[test]
fn of_a_network_that_changed_only_what_is_new_is_read() {
    let place = organisation();
    let first = objects(&audit(&place, "a.json", &["--store", "s.db"]));
    for change in [
        &(|| push_to(&place, "fork1.git")) as &dyn Fn(),
        &|| git(&place, ".", "2023-01-01T00:00:00Z", &["clone", "-q", "--bare", "all/fork1.git", "all/fork3.git"]),
        &|| fs::remove_dir_all(place.path().join("all/fork2.git")).unwrap(),
        // All in one pack of another name.
        &|| git(&place, "all/fork1.git", "2023-01-01T00:00:00Z", &["gc", "-q"]),
    ] {
        change();
        let (fresh, again) = (audit(&place, "b.json", &[]), audit(&place, "c.json", &["--store", "s.db"]));
        assert_eq!((fresh.code, again.code), (1, 1), "{again:?}");
        assert_eq!(bytes(&place, "b.json"), bytes(&place, "c.json"));
        // Commits, trees, and the few files that hold something; the forty others are known.
        assert!(objects(&fresh) > first - 10 && objects(&again) + 40 <= objects(&fresh), "{fresh:?} {again:?}");
    }
    // Under other settings nothing is known.
    let other = audit(&place, "d.json", &["--store", "s.db", "--confidence", "low"]);
    assert!(objects(&other) > first - 10, "{other:?}");
}

#[test]
fn a_repository_that_shares_objects_with_one_that_is_known_costs_what_is_its_own() {
    let place = organisation();
    let place_of = |name: &str| format!("all/{name}");
    let one = |name: &str, more: &[&str]| {
        let path = place_of(name);
        let ran = place.stanch(&[&["audit", &path, "--progress", "json", "-f", "json=x.json"], more].concat());
        (objects(&ran), bytes(&place, "x.json"))
    };
    one("original", &["--store", "s.db"]);
    let (plain, fresh) = one("fork2.git", &[]);
    let (known, again) = one("fork2.git", &["--store", "s.db"]);
    assert_eq!(fresh, again);
    assert!(known + 40 <= plain, "{known} of {plain}");
}

/// The loose objects of a repository, by id.
fn loose(repository: &Path) -> Vec<PathBuf> {
    let fans = fs::read_dir(repository.join("objects")).unwrap().map(|fan| fan.unwrap().path());
    let fans = fans.filter(|fan| fan.file_name().unwrap().len() == 2);
    fans.flat_map(|fan| fs::read_dir(fan).unwrap().map(|object| object.unwrap().path())).collect()
}

fn file_of(place: &Place, repository: &str, revision: &str) -> (String, PathBuf) {
    let id = place.git(&["-C", repository, "rev-parse", revision]);
    let file = place.path().join(repository).join("objects").join(&id[..2]).join(&id[2..]);
    assert!(file.is_file(), "{file:?}");
    (id, file)
}

#[test]
fn what_is_damaged_is_told_of_its_owners_and_nothing_is_read_twice() {
    let place = organisation();
    let all = ["all/original", "all/fork1.git", "all/fork2.git"];
    assert!(all.iter().all(|name| !loose(&place.path().join(name)).is_empty()));
    push_to(&place, "fork1.git");
    let whole = audit(&place, "whole.json", &[]);
    // A file that all of them had, one that only a fork has, and another fork's commit, which is there but unreadable.
    let gone = all.map(|name| file_of(&place, name, "main:f7"));
    gone.iter().for_each(|(_, file)| fs::remove_file(file).unwrap());
    let own = file_of(&place, "all/fork2.git", "main:own.ini");
    fs::remove_file(&own.1).unwrap();
    let broken = file_of(&place, "all/fork1.git", "main");
    fs::remove_file(&broken.1).unwrap();
    fs::write(&broken.1, "damaged").unwrap();

    let ran = audit(&place, "a.json", &["--store", "s.db"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let report = read(&place, "a.json");
    let missed: Vec<String> = report["report"]["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}: {}", one["what"].as_str().unwrap(), one["detail"].as_str().unwrap()))
        .collect();
    let told = |start: &str, id: &str| missed.iter().any(|line| line.starts_with(start) && line.contains(id));
    assert!(missed.iter().any(|line| line.contains(" and 2 forks: ") && line.contains(&gone[0].0)), "{missed:?}");
    assert!(told("fork2: ", &own.0) && told("fork1: ", &broken.0), "{missed:?}");
    let damaged = [&gone[0].0, &own.0, &broken.0];
    assert!(missed.iter().all(|line| damaged.iter().any(|id| line.contains(*id))), "{missed:?}");
    let status = |name: &str| {
        let all = report["repositories"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["name"] == name).unwrap()
    };
    for name in ["original", "fork1", "fork2"] {
        assert_eq!(status(name)["status"], "partial", "{name}");
    }
    assert_eq!(status("unrelated")["status"], "ok");
    assert!(status("original")["reason"].as_str().unwrap().contains(&gone[0].0));
    // What is left is found as before, and read as often.
    assert!(objects(&ran) <= objects(&whole) + 4, "{} {}", objects(&ran), objects(&whole));
    let leaks = |name: &str| read(&place, name)["report"]["summary"]["leaks"].as_u64().unwrap();
    assert!(leaks("a.json") >= leaks("whole.json") - 2, "only what stood in own.ini is lost");
    // The answer is kept: damage stays.
    let again = audit(&place, "b.json", &["--store", "s.db"]);
    assert!(again.err.contains("\"reused\":true") && !again.err.contains("\"reused\":false"), "{again:?}");
    assert_eq!(bytes(&place, "a.json"), bytes(&place, "b.json"));
}

/// The command of the Kubernetes manifest, with its directories moved to the place.
fn manifest(place: &Place) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/audit/kubernetes.yaml");
    let text = fs::read_to_string(file).unwrap();
    let (_, rest) = text.split_once("          args:\n").unwrap();
    let arguments = rest.lines().map_while(|line| line.strip_prefix("            - "));
    let here = |path: &str| place.path().join(path).to_str().unwrap().to_owned();
    let moved = |argument: &str| {
        argument
            .replace("=/audit/", &format!("={}/", here("volume")))
            .replace("=/token/", &format!("={}/", here("token")))
            .replace("=/scratch", &format!("={}", here("scratch")))
    };
    arguments.map(moved).collect()
}

#[test]
fn the_pods_of_the_kubernetes_manifest_make_the_report_of_the_single_run() {
    let place = organisation();
    place.stanch(&["audit", "all", "-f", "json=single.json"]);
    place.write("volume/x", "");
    place.write("scratch/x", "");
    let token = place.write("token/token", "none\n");
    #[cfg(unix)]
    fs::set_permissions(token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(place.stanch(&["audit", "plan", "all", "-o", "volume/plan.jsonl"]).code, 0);
    let arguments = manifest(&place);
    assert!(arguments.iter().any(|argument| argument == "--shards=64"), "{arguments:?}");
    for index in 0..64 {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = place.stanch_with(&arguments, |command| {
            command.env("JOB_COMPLETION_INDEX", index.to_string());
        });
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let ran = place.stanch(&["audit", "merge", "volume/shards", "--plan", "volume/plan.jsonl", "-f", "json=m.json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(bytes(&place, "single.json"), bytes(&place, "m.json"));
}

/// A ref that forks have alike is read once, and is all of theirs.
#[test]
fn the_name_of_a_shared_ref_is_told_of_all_that_have_it() {
    let place = organisation();
    let branch = format!("refs/heads/{}", github_token(3));
    for name in ["all/original", "all/fork1.git"] {
        place.git(&["-C", name, "update-ref", &branch, "main"]);
    }
    // The same name at another commit.
    place.git(&["-C", "all/fork2.git", "update-ref", &branch, "main~1"]);
    audit(&place, "a.json", &[]);
    let report = read(&place, "a.json");
    let findings = report["report"]["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["rule"] == "github-pat").unwrap();
    let spread = &report["spread"][finding["fingerprint"].as_str().unwrap()];
    assert_eq!(spread["repositories"], serde_json::json!(["fork1", "fork2", "original"]));
    let paths: Vec<&str> =
        finding["occurrences"].as_array().unwrap().iter().map(|at| at["place"]["path"].as_str().unwrap()).collect();
    assert!(paths.iter().all(|path| !path.contains("refs/m")), "{paths:?}");
}
