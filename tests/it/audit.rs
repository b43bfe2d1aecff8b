//! `stanch audit`: forks, resuming, shards, forges and clones, with real repositories.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::runner::{Place, Ran};

/// An AWS key pair made from a seed; nowhere literal.
pub(crate) fn pair(seed: &str) -> (String, String) {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(seed);
    let id: String = digest.iter().take(16).map(|byte| alphabet[usize::from(byte % 32)] as char).collect();
    let hex: String = Sha256::digest(digest).iter().map(|byte| format!("{byte:02x}")).collect();
    (["AK", "IA", &id].concat(), hex[..40].to_owned())
}

pub(crate) fn config(seed: &str) -> String {
    let (id, secret) = pair(seed);
    format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

/// Runs git in a directory of the place.
pub(crate) fn git(place: &Place, dir: &str, date: &str, arguments: &[&str]) {
    let mut command = place.command("git");
    command.args(["-c", "init.defaultBranch=main", "-C", dir]).args(arguments);
    command.env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn commit(place: &Place, dir: &str, date: &str, files: &[(&str, &str)]) {
    for (name, text) in files {
        place.write(&format!("{dir}/{name}"), text);
    }
    git(place, dir, date, &["add", "-A"]);
    git(place, dir, date, &["commit", "-qm", "work"]);
}

/// `all/`: an original, two forks of it of which one has commits of its own, one with the same key and another history, and
/// an empty one.
pub(crate) fn organisation() -> Place {
    let place = Place::new();
    place.write("o/README", "x");
    git(&place, "o", "2020-01-01T00:00:00Z", &["init", "-q"]);
    let mut files: Vec<(String, String)> = (0..40).map(|n| (format!("f{n}"), format!("file {n}\n"))).collect();
    files.push(("deploy/prod/aws.ini".into(), config("one")));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    commit(&place, "o", "2020-01-01T00:00:00Z", &files);
    commit(&place, "o", "2021-01-01T00:00:00Z", &[("services/pay/staging/aws.ini", &config("two"))]);
    git(&place, "o", "2021-06-01T00:00:00Z", &["rm", "-q", "services/pay/staging/aws.ini"]);
    git(&place, "o", "2021-06-01T00:00:00Z", &["commit", "-qm", "remove"]);
    place.write("all/keep", "");
    for name in ["original", "fork1.git", "fork2.git"] {
        git(&place, ".", "2021-07-01T00:00:00Z", &["clone", "-q", "--bare", "o", &format!("all/{name}")]);
    }
    git(&place, ".", "2021-07-01T00:00:00Z", &["clone", "-q", "all/fork2.git", "w"]);
    git(&place, "w", "2022-01-01T00:00:00Z", &["rm", "-q", "deploy/prod/aws.ini"]);
    commit(&place, "w", "2022-01-01T00:00:00Z", &[("own.ini", &config("three"))]);
    git(&place, "w", "2022-01-01T00:00:00Z", &["push", "-q", "origin", "HEAD:main"]);
    place.write("u/dev.ini", config("one"));
    git(&place, "u", "2019-01-01T00:00:00Z", &["init", "-q"]);
    commit(&place, "u", "2019-01-01T00:00:00Z", &[]);
    git(&place, ".", "2021-07-01T00:00:00Z", &["clone", "-q", "--bare", "u", "all/unrelated.git"]);
    git(&place, ".", "2021-07-01T00:00:00Z", &["init", "-q", "--bare", "all/empty.git"]);
    place
}

pub(crate) fn read(place: &Place, name: &str) -> Value {
    let bytes = std::fs::read(place.path().join(name)).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

pub(crate) fn bytes(place: &Place, name: &str) -> Vec<u8> {
    std::fs::read(place.path().join(name)).unwrap()
}

/// Key ids with their spread, by the first commit's date.
fn spreads(report: &Value) -> BTreeMap<String, Value> {
    let keys = report["report"]["findings"].as_array().unwrap().iter().filter(|f| f["rule"] == "aws-access-key-id");
    keys.map(|finding| {
        let spread = report["spread"][finding["fingerprint"].as_str().unwrap()].clone();
        (spread["first_leak"]["date"].as_str().unwrap()[..4].to_owned(), spread)
    })
    .collect()
}

#[track_caller]
fn assert_no_secret(what: &str, bytes: &[u8]) {
    for seed in ["one", "two", "three", "four"] {
        let (id, secret) = pair(seed);
        for text in [id, secret] {
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{what} holds a secret");
        }
    }
}

#[test]
fn each_secret_once_with_its_spread() {
    let place = organisation();
    let ran =
        place.stanch(&["audit", "all", "--store", "s.db", "-f", "json=a.json", "-f", "html=a.html", "-f", "text"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = read(&place, "a.json");
    assert_eq!(report["complete"], true);
    let spreads = spreads(&report);
    assert_eq!(spreads.len(), 3, "three keys, whatever the number of copies");
    let (shared, removed, own) = (&spreads["2019"], &spreads["2021"], &spreads["2022"]);
    assert_eq!(shared["repositories"], serde_json::json!(["fork1", "fork2", "original", "unrelated"]));
    assert_eq!(shared["at_head"], serde_json::json!(["fork1", "original", "unrelated"]), "fork2 removed it");
    assert_eq!(shared["environments"], serde_json::json!(["dev", "prod"]));
    assert_eq!(shared["first_leak"]["repository"], "unrelated");
    assert_eq!(removed["repositories"], serde_json::json!(["fork1", "fork2", "original"]));
    assert_eq!(removed["at_head"], serde_json::json!([]));
    assert_eq!(removed["services"], serde_json::json!(["fork1/pay", "fork2/pay", "original/pay"]));
    assert_eq!(own["repositories"], serde_json::json!(["fork2"]));
    assert_eq!(report["repositories"].as_array().unwrap().len(), 5);
    for name in ["a.json", "a.html", "s.db"] {
        assert_no_secret(name, &bytes(&place, name));
    }
    assert_no_secret("text", ran.out.as_bytes());
    assert!(ran.out.contains("5 complete, 0 partial, 0 failed"), "{}", ran.out);
}

#[test]
fn an_audit_equals_the_scans_of_its_repositories() {
    let place = organisation();
    place.stanch(&["audit", "all", "-f", "json=a.json"]);
    let report = read(&place, "a.json");
    for repository in report["repositories"].as_array().unwrap() {
        let (name, path) = (&repository["name"], repository["url"].as_str().unwrap());
        let ran = place.stanch(&["scan", "--history", path, "-f", "json"]);
        let scan: Value = serde_json::from_str(&ran.out).unwrap();
        let findings = scan["findings"].as_array().unwrap().iter();
        let expect: Vec<&Value> = findings.map(|finding| &finding["fingerprint"]).collect();
        let spread = report["spread"].as_object().unwrap().iter();
        let holds = |spread: &Value, list: &str| spread[list].as_array().unwrap().contains(name);
        let found: Vec<&String> = spread.filter(|(_, spread)| holds(spread, "repositories")).map(|(f, _)| f).collect();
        assert_eq!(found.len(), expect.len(), "{name}");
        for finding in scan["findings"].as_array().unwrap() {
            let fingerprint = finding["fingerprint"].as_str().unwrap();
            let at_head =
                finding["occurrences"].as_array().unwrap().iter().any(|at| at["place"]["commit"]["at_head"] == true);
            assert!(found.iter().any(|found| *found == fingerprint), "{name} {fingerprint}");
            assert_eq!(holds(&report["spread"][fingerprint], "at_head"), at_head, "{name} {fingerprint}");
        }
    }
}

#[test]
fn an_unchanged_repository_is_not_read_again_and_a_changed_one_is() {
    let place = organisation();
    let audit = |out: &str| {
        place.stanch(&["audit", "all", "--store", "s.db", "-f", &format!("json={out}"), "--progress", "json"])
    };
    let reused = |ran: &Ran| ran.err.lines().filter(|line| line.contains("\"reused\":true")).count();
    let first = audit("a.json");
    assert_eq!(reused(&first), 0);
    let second = audit("b.json");
    assert_eq!(reused(&second), second.err.lines().count());
    assert_eq!(bytes(&place, "a.json"), bytes(&place, "b.json"));
    commit(&place, "u", "2023-01-01T00:00:00Z", &[("late.ini", &config("four"))]);
    git(&place, "u", "2023-01-01T00:00:00Z", &["push", "-q", "../all/unrelated.git", "HEAD:main"]);
    let third = place.stanch(&[
        "audit",
        "all",
        "--store",
        "s.db",
        "-f",
        "json=c.json",
        "--trend",
        "a.json",
        "--progress",
        "json",
    ]);
    assert_eq!(reused(&third), 2, "the forks and the empty one: {}", third.err);
    let report = read(&place, "c.json");
    assert!(!report["trend"]["new"].as_array().unwrap().is_empty());
    assert_eq!(report["trend"]["fixed"], serde_json::json!([]));
    // Other settings: nothing of the store may be used.
    let other = place.stanch(&[
        "audit",
        "all",
        "--store",
        "s.db",
        "--disable-rule",
        "generic",
        "--progress",
        "json",
        "-f",
        "json=d.json",
    ]);
    assert_eq!(reused(&other), 0);
}

#[test]
fn shards_merge_to_the_single_run_whatever_their_number_and_order() {
    let place = organisation();
    place.stanch(&["audit", "all", "-f", "json=single.json", "-f", "html=single.html"]);
    assert_eq!(place.stanch(&["audit", "plan", "all", "-o", "plan.jsonl"]).code, 0);
    for of in [1, 2, 7] {
        let dir = format!("shards{of}");
        for shard in (0..of).rev() {
            let ran =
                place.stanch(&["audit", "--plan", "plan.jsonl", "--out", &dir, "--shard", &format!("{shard}/{of}")]);
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        for n in 0..2 {
            let ran = place.stanch(&[
                "audit",
                "merge",
                &dir,
                &dir,
                "--plan",
                "plan.jsonl",
                "-f",
                "json=m.json",
                "-f",
                "html=m.html",
            ]);
            assert_eq!(ran.code, 1, "{ran:?}");
            assert_eq!(bytes(&place, "single.json"), bytes(&place, "m.json"), "{of} shards, time {n}");
            assert_eq!(bytes(&place, "single.html"), bytes(&place, "m.html"));
        }
    }
    let ran = place.stanch(&["audit", "merge", "shards7", "shards2", "shards1", "-f", "json=m.json"]);
    assert_eq!((ran.code, bytes(&place, "m.json")), (1, bytes(&place, "single.json")), "shares of different divisions");
    // By the scheduler's variables, counted from 1.
    let ran = place.stanch_with(&["audit", "--plan", "plan.jsonl", "--out", "ci"], |command| {
        command.env("CI_NODE_INDEX", "1").env("CI_NODE_TOTAL", "1");
    });
    assert_eq!(ran.code, 0, "{ran:?}");
    // What is missing is named.
    let markers = std::fs::read_dir(place.path().join("shards7")).unwrap().map(|entry| entry.unwrap().path());
    let marker = markers.filter(|path| path.to_string_lossy().ends_with(".done.json"));
    let full = marker.filter(|path| std::fs::read_to_string(path).unwrap().contains("fork1")).last().unwrap();
    std::fs::remove_file(full).unwrap();
    let ran = place.stanch(&["audit", "merge", "shards7", "--plan", "plan.jsonl", "-f", "json=m.json"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("failed: fork1"), "{}", ran.err);
    // Another rule set does not mix.
    place.stanch(&["audit", "--plan", "plan.jsonl", "--out", "other", "--shard", "0/1", "--disable-rule", "generic"]);
    let ran = place.stanch(&["audit", "merge", "shards1", "other"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("differ"), "{}", ran.err);
    // A damaged shard is no shard.
    let file = place.path().join("shards1/shard-00000.jsonl");
    let mut text = std::fs::read(&file).unwrap();
    text.truncate(text.len() / 2);
    std::fs::write(&file, text).unwrap();
    assert_eq!(place.stanch(&["audit", "merge", "shards1"]).code, 2);
}

#[test]
fn an_audit_that_was_killed_goes_on() {
    let place = organisation();
    place.stanch(&["audit", "all", "-f", "json=whole.json"]);
    // Killed before, between and after its networks.
    for wait in [5, 40, 120, 250, 400] {
        let mut command = place.command(env!("CARGO_BIN_EXE_stanch"));
        command.args(["audit", "all", "--store", "s.db", "-q"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
    }
    let ran = place.stanch(&["audit", "all", "--store", "s.db", "-f", "json=resumed.json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(bytes(&place, "whole.json"), bytes(&place, "resumed.json"));
    // The same from a store that holds only the first part.
    place.stanch(&["audit", "all/fork1.git", "--store", "t.db", "-q"]);
    place.stanch(&["audit", "all", "--store", "t.db", "-f", "json=resumed.json"]);
    assert_eq!(bytes(&place, "whole.json"), bytes(&place, "resumed.json"));
}

#[test]
fn a_repository_that_cannot_be_read_is_named_and_the_audit_is_incomplete() {
    let place = organisation();
    let pack = std::fs::read_dir(place.path().join("all/unrelated.git/objects/pack"));
    let loose = std::fs::read_dir(place.path().join("all/unrelated.git/objects")).unwrap();
    let mut files: Vec<_> = pack.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    for dir in loose.map(|entry| entry.unwrap().path()).filter(|path| path.file_name().unwrap().len() == 2) {
        files.extend(std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()));
    }
    for file in files {
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, "damaged").unwrap();
    }
    place.write("all/nothing/.git/HEAD", "ref: refs/heads/main\n");
    std::fs::create_dir_all(place.path().join("all/nothing/.git/objects")).unwrap();
    let ran = place.stanch(&["audit", "all", "--store", "s.db", "-f", "json=a.json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("failed: nothing: "), "{}", ran.err);
    assert!(ran.err.contains("partial: unrelated: "), "{}", ran.err);
    let report = read(&place, "a.json");
    assert_eq!(report["complete"], false);
    assert!(!spreads(&report).is_empty(), "the others were read");
}

#[test]
fn a_damaged_fork_does_not_hide_what_its_network_holds() {
    let place = organisation();
    let objects = place.path().join("all/fork2.git/objects");
    let mut damaged = 0;
    for dir in std::fs::read_dir(&objects).unwrap().map(|entry| entry.unwrap().path()) {
        for file in std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()) {
            if dir.file_name().unwrap().len() == 2 {
                std::fs::remove_file(&file).unwrap();
                std::fs::write(&file, "damaged").unwrap();
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0);
    let ran = place.stanch(&["audit", "all", "-f", "json=a.json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("partial: fork2: ") && !ran.err.contains("partial: fork1"), "{}", ran.err);
    let shared = &spreads(&read(&place, "a.json"))["2019"];
    assert_eq!(shared["at_head"], serde_json::json!(["fork1", "original", "unrelated"]));
}

#[test]
fn a_copy_without_the_history_has_what_it_holds() {
    let place = organisation();
    git(&place, ".", "2021-07-01T00:00:00Z", &["clone", "-q", "all/original", "c"]);
    std::fs::remove_dir_all(place.path().join("c/.git")).unwrap();
    git(&place, "c", "2023-01-01T00:00:00Z", &["init", "-q"]);
    commit(&place, "c", "2023-01-01T00:00:00Z", &[]);
    git(&place, ".", "2021-07-01T00:00:00Z", &["clone", "-q", "--bare", "c", "all/copy.git"]);
    for (reused, name) in ["a.json", "b.json"].into_iter().enumerate() {
        let ran =
            place.stanch(&["audit", "all", "--store", "s.db", "--progress", "json", "-f", &format!("json={name}")]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(ran.err.contains("\"reused\":false"), reused == 0, "{ran:?}");
        let shared = &spreads(&read(&place, name))["2019"];
        let holders = ["copy", "fork1", "fork2", "original", "unrelated"];
        assert_eq!(shared["repositories"], serde_json::json!(holders));
        let repositories = read(&place, name)["repositories"].clone();
        let copy = repositories.as_array().unwrap().iter().find(|one| one["name"] == "copy").unwrap().clone();
        assert_ne!(copy["leaks"], 0, "{copy}");
    }
    assert_eq!(bytes(&place, "a.json"), bytes(&place, "b.json"));
}

/// A forge: REST by a function, clones by `git http-backend`.
struct Forge {
    address: String,
    log: Arc<Mutex<Vec<(String, String)>>>,
}

type Api = dyn Fn(&str, usize) -> Option<(u16, String, String)> + Send + Sync;

fn forge(root: &Path, api: Box<Api>) -> Forge {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let log = Arc::new(Mutex::new(Vec::new()));
    let (root, seen, api) = (root.to_owned(), Arc::clone(&log), Arc::new(api));
    std::thread::spawn(move || {
        let count = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming().flatten() {
            let (root, seen, api, count) = (root.clone(), Arc::clone(&seen), Arc::clone(&api), Arc::clone(&count));
            std::thread::spawn(move || serve(stream, &root, &seen, &**api, &count));
        }
    });
    Forge { address, log }
}

fn serve(mut stream: TcpStream, root: &Path, log: &Mutex<Vec<(String, String)>>, api: &Api, count: &AtomicUsize) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut first = head.split_whitespace();
    let (method, target) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let header = |name: &str| {
        head.lines().find_map(|line| {
            line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned())
        })
    };
    log.lock().unwrap().push((target.clone(), header("authorization").unwrap_or_default()));
    let mut body = vec![0; header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    if let Some((status, headers, text)) = api(&target, count.fetch_add(1, Ordering::SeqCst)) {
        let length = text.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{text}"
        );
        return;
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut backend = Command::new("git");
    backend.arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    backend.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", &method);
    backend
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("REMOTE_USER", "x")
        .env("REMOTE_ADDR", "127.0.0.1");
    backend.env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default());
    backend.env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default());
    backend.env("CONTENT_LENGTH", body.len().to_string());
    let mut child = backend.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&body).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(0) + 4;
    let headers = String::from_utf8_lossy(&output[..end]);
    let status = headers.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let _ =
        write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}", output.len() - end);
    let _ = stream.write_all(&output[end..]);
}

/// The token of the tests.
fn token() -> String {
    ["gitea", "-", "tests", "-", "token", "-", "0123456789"].concat()
}

fn item(address: &str, name: &str) -> String {
    format!("{{\"name\": \"{name}\", \"clone_url\": \"{address}/{name}.git\", \"size\": 1, \"private\": true}}")
}

fn audit_forge(place: &Place, forge: &Forge, out: &str) -> Ran {
    let report = format!("json={out}");
    let arguments = [
        "audit",
        "gitea:org",
        "--base-url",
        &forge.address,
        "--store",
        "f.db",
        "--scratch",
        "scratch",
        "-f",
        &report,
        "--progress",
        "json",
    ];
    std::fs::create_dir_all(place.path().join("scratch")).unwrap();
    place.stanch_with(&arguments, |command| {
        command.env("GITEA_TOKEN", token());
    })
}

fn rename_for_clones(place: &Place) {
    git(place, ".", "2021-07-01T00:00:00Z", &["clone", "-q", "--bare", "all/original", "all/original.git"]);
}

/// What anybody on the machine can see at this moment: command lines, and the configuration of the clones under way.
fn in_plain_sight(scratch: &Path) -> Vec<String> {
    let files = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let lines = files(Path::new("/proc")).map(|process| process.join("cmdline"));
    let configs = files(scratch).map(|clone| clone.join("repository.git/config"));
    let texts = lines.chain(configs).filter_map(|path| std::fs::read(path).ok());
    texts.map(|text| String::from_utf8_lossy(&text).replace('\0', " ")).collect()
}

#[test]
fn a_forge_is_listed_and_cloned_without_showing_the_token() {
    use base64::Engine as _;
    let place = organisation();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let (watch, scratch) = (Arc::clone(&seen), place.path().join("scratch"));
    rename_for_clones(&place);
    let address: Arc<Mutex<String>> = Arc::default();
    let told = Arc::clone(&address);
    let api = move |target: &str, count: usize| {
        let address = told.lock().unwrap().clone();
        let total = "X-Total-Count: 4\r\n";
        let next = format!("{total}Link: <{address}/api/v1/orgs/org/repos?page=2>; rel=\"next\"\r\n");
        let list = |names: &[&str]| {
            format!("[{}]", names.iter().map(|name| item(&address, name)).collect::<Vec<_>>().join(","))
        };
        watch.lock().unwrap().extend(in_plain_sight(&scratch));
        match (target.starts_with("/api/"), target.contains("page=2"), count) {
            (false, ..) => None,
            (_, _, 0) => Some((429, "Retry-After: 1\r\n".into(), String::new())),
            (_, _, 1) => Some((500, String::new(), String::new())),
            (_, false, _) => Some((200, next, list(&["original", "fork2"]))),
            (_, true, _) => Some((200, total.to_owned(), list(&["unrelated", "empty"]))),
        }
    };
    let forge = forge(&place.path().join("all"), Box::new(api));
    address.lock().unwrap().clone_from(&forge.address);
    let ran = audit_forge(&place, &forge, "a.json");
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = read(&place, "a.json");
    assert_eq!(report["repositories"].as_array().unwrap().len(), 4);
    assert_eq!(spreads(&report).len(), 3);
    let log = forge.log.lock().unwrap().clone();
    assert!(
        log.iter().all(|(target, authorization)| !target.contains(&token()) && !authorization.is_empty()),
        "{log:?}"
    );
    assert_eq!(std::fs::read_dir(place.path().join("scratch")).unwrap().count(), 0, "clones are removed");
    for name in ["f.db", "a.json"] {
        let bytes = bytes(&place, name);
        assert_no_secret(name, &bytes);
        assert!(!String::from_utf8_lossy(&bytes).contains(&token()));
    }
    assert!(!ran.err.contains(&token()));
    let seen = seen.lock().unwrap().clone();
    let decoded = |word: &str| base64::engine::general_purpose::STANDARD.decode(word).unwrap_or_default();
    let encoded = |word: &str| String::from_utf8_lossy(&decoded(word)).contains(&token());
    let shows = |text: &String| text.contains(&token()) || text.split_whitespace().any(encoded);
    if cfg!(target_os = "linux") {
        assert!(seen.iter().any(|text| text.contains("git clone") || text.contains("git-remote-http")), "{seen:?}");
        assert!(seen.iter().any(|text| text.contains("[core]")), "no clone's configuration was seen");
    }
    assert!(!seen.iter().any(shows), "somebody else can see the token");
    // Unchanged: the refs are asked for, nothing is cloned.
    let before = forge.log.lock().unwrap().len();
    let again = audit_forge(&place, &forge, "b.json");
    assert_eq!(bytes(&place, "a.json"), bytes(&place, "b.json"), "{again:?}");
    let log = forge.log.lock().unwrap()[before..].to_vec();
    let packs = again.err.lines().filter(|line| line.contains("\"reused\":true")).count();
    assert_eq!(packs, 4, "{log:?}");
}

#[test]
fn a_list_cut_short_or_a_clone_that_fails_is_no_clean_audit() {
    let place = organisation();
    let cut = forge(
        &place.path().join("all"),
        Box::new(|target: &str, _| {
            target.starts_with("/api/").then(|| (200, "X-Total-Count: 9\r\n".into(), "[]".into()))
        }),
    );
    let ran = audit_forge(&place, &cut, "a.json");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("incomplete") && !ran.err.contains(&token()), "{ran:?}");
    let address: Arc<Mutex<String>> = Arc::default();
    let told = Arc::clone(&address);
    let gone = forge(
        &place.path().join("all"),
        Box::new(move |target: &str, _| {
            let address = told.lock().unwrap().clone();
            target
                .starts_with("/api/")
                .then(|| (200, String::new(), format!("[{}, {}]", item(&address, "gone"), item(&address, "empty"))))
        }),
    );
    address.lock().unwrap().clone_from(&gone.address);
    let ran = audit_forge(&place, &gone, "a.json");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("gone") && ran.err.contains("failed") && !ran.err.contains(&token()), "{ran:?}");
}
